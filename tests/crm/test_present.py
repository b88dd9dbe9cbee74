"""The present of a deal is what was known before an instant, and nothing else."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.present import COLUMNS, present
from crm.simulate import simulate
from crm.tables import TABLES

AS_OF = pd.Timestamp("2026-03-01", tz="UTC").as_unit("us")


def frame(name: str, *rows: dict) -> pd.DataFrame:
    """Rows of one table in contract dtypes; what a row leaves out is missing."""
    dtypes = {"instant": "datetime64[us, UTC]", "number": "float64", "integer": "int64", "flag": "bool"}
    made = pd.DataFrame(list(rows), columns=list(TABLES[name].names))
    return made.astype({column.name: dtypes.get(column.kind, "str") for column in TABLES[name].columns})


def at(day: str) -> pd.Timestamp:
    return pd.Timestamp(day, tz="UTC")


def change(field: str, value: str | None, changed: str, known: str | None = None, seq: int = 0) -> dict:
    known_at = at(known or changed)
    return {
        "deal_id": "D1",
        "field": field,
        "new_value": value,
        "changed_at": at(changed),
        "known_at": known_at,
        "seq": seq,
    }


def call(number: int, occurred: str, known: str) -> dict:
    return {
        "interaction_id": f"I{number}",
        "deal_id": "D1",
        "kind": "call",
        "occurred_at": at(occurred),
        "known_at": at(known),
    }


def tables(*changes: dict, interactions: tuple[dict, ...] = ()) -> dict[str, pd.DataFrame]:
    deal = {
        "deal_id": "D1",
        "account_id": "A1",
        "pipeline_id": "new",
        "currency": "EUR",
        "created_at": at("2026-01-01"),
    }
    stages = [("Demo", 1, "open"), ("Offer", 2, "open"), ("Won", 3, "won")]
    return {
        "deals": frame("deals", deal),
        "deal_changes": frame("deal_changes", *changes),
        "interactions": frame("interactions", *interactions),
        "accounts": frame("accounts", {"account_id": "A1", "name": "Acme", "region": "EU", "size": "small"}),
        "users": frame("users", {"user_id": "U1", "name": "Ann", "team": "North", "active": True}),
        "stages": frame(
            "stages",
            *({"pipeline_id": "new", "stage": s, "position": p, "category": c} for s, p, c in stages),
        ),
    }


def only(rows: pd.DataFrame) -> pd.Series:
    assert len(rows) == 1
    return rows.iloc[0]


def test_the_last_change_of_each_field_is_the_present():
    deal = only(
        present(
            tables(
                change("stage", "Demo", "2026-01-01"),
                change("stage", "Offer", "2026-02-01"),
                change("amount", "100.50", "2026-01-01"),
                change("amount", "250.00", "2026-01-09"),
                change("close_date", "2026-04-30", "2026-01-01"),
                change("owner_id", "U1", "2026-01-01"),
            ),
            AS_OF,
        )
    )
    assert (deal["stage"], deal["stage_category"], deal["amount"]) == ("Offer", "open", 250.0)
    assert (deal["owner_name"], deal["team"], deal["account_name"]) == ("Ann", "North", "Acme")
    assert (deal["region"], deal["segment"]) == ("EU", "small")
    assert deal["stage_since"] == at("2026-02-01")
    assert deal["close_date"] == "2026-04-30"
    assert pd.isna(deal["closed_at"])


def test_a_change_known_exactly_at_the_instant_does_not_count():
    history = tables(
        change("stage", "Demo", "2026-01-01"),
        change("stage", "Offer", "2026-02-28", known="2026-03-01"),
        change("stage", "Won", "2026-02-27", known="2026-02-28T23:59:59.999999"),
    )
    assert only(present(history, AS_OF))["stage"] == "Won"
    assert only(present(history, AS_OF + pd.Timedelta(microseconds=1)))["stage"] == "Offer"


def test_a_change_entered_late_does_not_replace_a_newer_one():
    history = tables(
        change("stage", "Offer", "2026-02-10"),
        change("stage", "Demo", "2026-02-01", known="2026-02-20"),
    )
    assert only(present(history, AS_OF))["stage"] == "Offer"


def test_changes_at_one_instant_are_ordered_by_seq():
    history = tables(change("stage", "Offer", "2026-02-10", seq=1), change("stage", "Demo", "2026-02-10", seq=0))
    assert only(present(history, AS_OF))["stage"] == "Offer"


def test_a_closed_deal_says_when_and_a_reopened_one_is_open():
    won = [change("stage", "Demo", "2026-01-01"), change("stage", "Won", "2026-02-01")]
    closed = only(present(tables(*won), AS_OF))
    assert (closed["stage_category"], closed["closed_at"]) == ("won", at("2026-02-01"))
    reopened = only(present(tables(*won, change("stage", "Offer", "2026-02-05")), AS_OF))
    assert reopened["stage_category"] == "open"
    assert pd.isna(reopened["closed_at"])


def test_an_amount_that_was_taken_back_is_missing():
    history = tables(
        change("stage", "Demo", "2026-01-01"),
        change("amount", "100", "2026-01-01"),
        change("amount", None, "2026-01-05"),
    )
    assert pd.isna(only(present(history, AS_OF))["amount"])


def test_a_planned_interaction_and_one_not_logged_yet_are_not_the_last():
    calls = (
        call(1, "2026-02-01", "2026-02-01"),
        call(2, "2026-03-09", "2026-02-10"),
        call(3, "2026-02-27", "2026-03-01"),
    )
    history = tables(change("stage", "Demo", "2026-01-01"), interactions=calls)
    assert only(present(history, AS_OF))["last_interaction_at"] == at("2026-02-01")


def test_a_deal_without_a_known_stage_or_not_yet_created_is_left_out():
    late = tables(change("stage", "Demo", "2026-01-01", known="2026-03-01"))
    assert present(late, AS_OF).empty
    early = tables(change("stage", "Demo", "2025-12-01"))
    assert present(early, at("2026-01-01")).empty


def test_a_stage_that_the_pipeline_lacks_has_no_category():
    assert pd.isna(only(present(tables(change("stage", "Legal", "2026-01-01")), AS_OF))["stage_category"])


def test_empty_tables_give_no_rows_and_every_column():
    rows = present({name: frame(name) for name in TABLES}, AS_OF)
    assert rows.empty
    assert tuple(rows.columns) == COLUMNS


SIMULATED = simulate(60, seed=3).tables
INSTANTS = st.sampled_from(sorted(SIMULATED["deal_changes"]["known_at"])[200:-50])


@pytest.mark.slow
@settings(max_examples=20)
@given(INSTANTS, st.integers(0, 999))
def test_the_future_cannot_be_seen(as_of, seed):
    """Deleting and altering what became known at or after the instant changes nothing.

    The instants are those of facts, so that facts always fall exactly on them.
    """
    rng = np.random.default_rng(seed)
    poisoned = dict(SIMULATED)
    for name in ("deal_changes", "interactions"):
        rows = SIMULATED[name]
        later = rows["known_at"] >= as_of
        kept = later & (rng.random(len(rows)) < 0.5)
        altered = rows[kept].assign(**({"new_value": "666"} if name == "deal_changes" else {"occurred_at": as_of}))
        poisoned[name] = pd.concat([rows[~later], altered])
    pd.testing.assert_frame_equal(present(poisoned, as_of), present(SIMULATED, as_of))


def test_the_poison_is_seen_by_a_present_that_leaks():
    """The test above would fail on a comparison with ``<=``: facts fall exactly on the instants."""
    as_of = sorted(SIMULATED["deal_changes"]["known_at"])[400]
    leaky = present(SIMULATED, as_of + pd.Timedelta(microseconds=1))
    assert not leaky.equals(present(SIMULATED, as_of))


@pytest.mark.parametrize("name", ["amount", "close_date", "owner_id"])
def test_what_was_never_said_is_missing(name):
    assert pd.isna(only(present(tables(change("stage", "Demo", "2026-01-01")), AS_OF))[name])
