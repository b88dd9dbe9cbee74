"""The contract, column by column: good rows pass, and every broken rule names itself."""

import numpy as np
import pandas as pd
import pytest

from crm.checks import checked, unique_keys
from crm.errors import SchemaError
from crm.origins import ORIGIN
from crm.simulate import simulate
from crm.tables import LEDGERS, TABLES

DEAL = {"deal_id": "D1", "pipeline_id": "sales", "currency": "EUR", "created_at": "2026-01-05T09:00:00Z"}
CALL = {
    "interaction_id": "I1",
    "deal_id": "D1",
    "kind": "call",
    "occurred_at": "2026-01-05T09:00:00Z",
    "known_at": "2026-01-05T09:00:00Z",
}


def rows(*given: dict) -> pd.DataFrame:
    return pd.DataFrame(given, dtype="str").assign(**{ORIGIN: np.arange(2, len(given) + 2)})


def rules(table: str, *given: dict) -> list[str]:
    return checked(table, rows(*given), "file.csv").rejects["rule"].tolist()


@pytest.mark.parametrize(
    ("table", "row", "rule"),
    [
        ("deals", {**DEAL, "deal_id": None}, "deal_id is missing; every row of deals needs one"),
        ("deals", {**DEAL, "created_at": "5.1.2026"}, 'created_at "5.1.2026" is not an instant with a time zone'),
        ("deals", {**DEAL, "created_at": "2026-01-05 09:00"}, "is not an instant with a time zone; write 2026-03-31T"),
        ("deals", {**DEAL, "created_at": "0206-01-05T09:00:00Z"}, "in a year from 1900 to 2199"),
        ("deals", {**DEAL, "currency": "EURO"}, 'currency "EURO" is not a currency of ISO 4217; write EUR, USD'),
        ("deals", {**DEAL, "attributes": "{size: 3}"}, "is not a JSON object of text, numbers and flags"),
        ("deals", {**DEAL, "attributes": "[3]"}, "is not a JSON object of text, numbers and flags"),
        ("deals", {**DEAL, "name": "a\x00b"}, "holds a NUL character; remove it"),
        (
            "interactions",
            {**CALL, "kind": "emial"},
            'kind "emial" is not one of email, call, meeting, note, task (did you',
        ),
        ("interactions", {**CALL, "duration_s": "-5"}, 'duration_s "-5" is below 0; it must be 0 or more'),
        ("interactions", {**CALL, "duration_s": "5 min"}, 'duration_s "5 min" is not a number; write 12500'),
        ("users", {"user_id": "U1", "active": "maybe"}, 'active "maybe" is neither true nor false'),
        (
            "line_items",
            {"deal_id": "D1", "product_id": "P1", "quantity": "1", "unit_price": "12,5k"},
            'unit_price "12,5k" is not a number; write 12500',
        ),
        (
            "stages",
            {"pipeline_id": "p", "stage": "s", "position": "1.5", "category": "open"},
            'position "1.5" is not a whole number; write 12',
        ),
        (
            "quotas",
            {
                "owner_id": "U1",
                "period_start": "2026-02-30",
                "period_end": "2026-04-01",
                "amount": "1",
                "currency": "EUR",
            },
            'period_start "2026-02-30" is not a date; write 2026-03-31',
        ),
        (
            "stages",
            {"pipeline_id": "p", "stage": "s", "position": "1", "category": "open", "default_probability": "40"},
            'default_probability "40" is above 1; it must be 1 or less',
        ),
    ],
)
def test_a_broken_rule_names_the_value_and_the_remedy(table, row, rule):
    found = rules(table, row)
    assert len(found) == 1
    assert rule in found[0]


def test_good_rows_pass_beside_refused_ones():
    found = checked("deals", rows(DEAL, {**DEAL, "deal_id": "D2", "currency": "?"}), "deals.csv")
    assert found.rows["deal_id"].tolist() == ["D1"]
    assert found.rejects[ORIGIN].tolist() == [3]


def test_every_rule_that_a_row_breaks_is_told():
    assert len(rules("deals", {**DEAL, "currency": "?", "created_at": "?"})) == 2


def test_values_come_out_in_the_dtypes_of_the_contract():
    good = checked("users", rows({"user_id": "U1", "active": "Yes"}), "users.csv").rows
    assert good["active"].dtype == bool
    deal = checked("deals", rows({**DEAL, "created_at": "2026-01-05T10:00:00+01:00"}), "deals.csv").rows
    assert deal["created_at"].dtype == pd.DatetimeTZDtype("us", "UTC")
    assert deal["created_at"][0] == pd.Timestamp("2026-01-05T09:00:00Z")


def test_a_missing_column_names_itself_the_file_and_the_nearest_name():
    lacking = rows(DEAL).rename(columns={"created_at": "create_at"})
    with pytest.raises(SchemaError, match=r'deals\.csv lacks "created_at" \(did you mean "create_at"\?\)'):
        checked("deals", lacking, "deals.csv")


def test_a_repeated_row_is_folded_and_a_contradiction_is_refused():
    good = checked("accounts", rows({"account_id": "A", "name": "x"}, {"account_id": "A", "name": "x"}), "f").rows
    folded = unique_keys("accounts", good)
    assert (len(folded.rows), folded.n_repeated, len(folded.rejects)) == (1, 1, 0)
    good = checked("accounts", rows({"account_id": "A", "name": "x"}, {"account_id": "A", "name": "y"}), "f").rows
    first = unique_keys("accounts", good)
    assert first.rows["name"].tolist() == ["x"]
    assert first.rejects["rule"].tolist() == [
        'account_id "A" was given before with other values; the first row is kept, give each its own'
    ]


@pytest.mark.parametrize("table", sorted(set(TABLES) - LEDGERS))
def test_the_simulated_crm_keeps_the_contract(table, simulated):
    if table in simulated:
        given = simulated[table]
        found = checked(table, given.assign(**{ORIGIN: np.arange(len(given))}), table)
        assert found.rejects.empty
        pd.testing.assert_frame_equal(found.rows.drop(columns=ORIGIN), given, check_dtype=False)


@pytest.fixture(scope="module")
def simulated() -> dict[str, pd.DataFrame]:
    return simulate(60, seed=3).tables
