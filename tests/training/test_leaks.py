"""Leaks: what the outcome wrote is refused and says why; what was known before is kept, however few the deals."""

import json
from datetime import UTC, datetime, time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import plumbline
from crm.errors import LeakError, SchemaError
from crm.present import present
from crm.simulate import DEMO_END, Simulation
from training.column_power import column_power, numbers
from training.late_values import late_first_values
from training.leak_table import read_columns, verdicts
from training.leaking_names import telling_name
from training.leaks import find_leaks, refuse

DATA = Path(__file__).parents[3] / "shared" / "data"
WON = pd.Series(np.repeat([1.0, 0.0, np.nan], 40))
"""40 deals won, 40 lost, 40 still open, in this order."""


def found(values: object, won: pd.Series = WON, name: str = "column") -> list[str]:
    return [leak.rule for leak in find_leaks(pd.DataFrame({name: values}), won)]


def sample(file: str) -> Path:
    path = DATA / file
    if not path.exists():
        pytest.skip(f"the public sample {path.parent.name} is not in shared/data beside the project")
    return path


# Power


def test_a_flag_that_is_the_outcome_is_refused() -> None:
    assert found(np.repeat([True, False, False], 40)) == ["filled once closed", "power"]


@pytest.mark.parametrize("n", [60, 200, 5_000])
def test_a_number_that_is_the_outcome_plus_noise_is_refused(n: int) -> None:
    won = np.arange(n) % 2.0
    assert found(won + np.random.default_rng(0).normal(size=n) * 0.2, pd.Series(won)) == ["power"]


def test_a_number_that_tells_by_being_neither_high_nor_low_is_refused() -> None:
    won = np.arange(400) % 2.0
    far = np.where(np.arange(400) % 4 < 2, 5, -5) * (1 - won)
    assert found(far + np.random.default_rng(0).normal(size=400), pd.Series(won)) == ["power"]


def test_a_free_text_that_only_lost_deals_have_is_refused() -> None:
    reasons = [None] * 40 + [f"too dear, they said: {number}" for number in range(40)]
    assert found(reasons, WON.dropna()) == ["power"]


@pytest.mark.parametrize("seeds", [range(3), pytest.param(range(3, 25), marks=pytest.mark.slow)], ids=["few", "many"])
@pytest.mark.parametrize("n", [6, 20, 60, 300])
def test_honest_columns_are_never_refused_however_few_the_deals(n: int, seeds: range) -> None:
    for seed in seeds:
        rng = np.random.default_rng(seed)
        won = rng.permutation(np.arange(n + n // 2) % 3.0)
        won[won == 2] = np.nan
        often = np.where(np.isnan(won), rng.integers(2, size=len(won)), won)
        columns = pd.DataFrame(
            {
                "seats": rng.lognormal(size=len(won)),
                "discount": np.where(rng.random(len(won)) < 0.8, 0, rng.random(len(won))),
                "branch": rng.choice(list("abcdef"), len(won)),
                "partner": np.where(rng.random(len(won)) < 0.5, "yes", None),
                "strategic": rng.random(len(won)) < 0.1,
                "number": [f"O-{row}" for row in range(len(won))],
                # As telling as the best honest column that we know: an AUC of 0.74.
                "existing_customer": often * 0.9 + rng.normal(size=len(won)),
            }
        )
        assert find_leaks(columns, pd.Series(won)) == []


def test_the_power_of_a_good_column_comes_back() -> None:
    rng = np.random.default_rng(0)
    won = rng.integers(2, size=20_000).astype(float)
    # Two normal distributions one standard deviation apart have an AUC of Phi(1 / sqrt 2) = 0.760.
    assert column_power(pd.Series(won + rng.normal(size=20_000)), won) == pytest.approx(0.760, abs=0.01)


def test_the_same_columns_get_the_same_verdict_each_time() -> None:
    rng = np.random.default_rng(0)
    column, won = pd.Series(rng.normal(size=100)), rng.integers(2, size=100).astype(float)
    assert column_power(column, won) == column_power(column, won)


@pytest.mark.parametrize("won", [[1.0] * 8, [0.0] * 8, [np.nan] * 8, []])
def test_without_both_outcomes_nothing_can_be_told(won: list[float]) -> None:
    assert found(won, pd.Series(won, dtype=float)) == []


# Values that come with the closing


def test_a_category_filled_only_on_closed_deals_is_refused_though_it_tells_nothing_of_the_outcome() -> None:
    [leak] = find_leaks(pd.DataFrame({"approver": ["Ann", "Bob"] * 40 + [""] * 40}), WON)
    assert leak.rule == "filled once closed"
    assert leak.why == ("is filled on 80 of 80 closed deals but on 0 of 40 open ones: its values come with the closing")


def test_a_number_that_is_zero_while_a_deal_is_open_is_refused() -> None:
    assert found([3, 5] * 40 + [0] * 40) == ["filled once closed"]


def test_a_value_that_open_deals_share_is_no_leak_when_it_is_not_zero() -> None:
    assert found([2024, 2025] * 40 + [2026] * 40) == []
    assert found(["old list", "older list"] * 40 + ["new list"] * 40) == []


def test_a_column_introduced_lately_and_filled_on_open_deals_only_is_kept() -> None:
    assert found([None] * 80 + ["a", "b"] * 20) == []


def test_three_open_deals_are_too_few_to_accuse_a_column() -> None:
    assert found(["a", "b"] * 40 + [None] * 3, WON[:83]) == []


def changes(*rows: tuple[str, str, str | None, int]) -> dict[str, pd.DataFrame]:
    """A store of deals d0 to d39, all lost on day 10 of 2026; rows are deal, field, new value, day known."""
    closings = [(f"d{deal}", "stage", "Lost", 10) for deal in range(40)]
    table = pd.DataFrame([*closings, *rows], columns=["deal_id", "field", "new_value", "day"])
    day = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(table.pop("day"), unit="D")
    stages = [("p", "New", "open"), ("p", "Lost", "lost")]
    return {
        "deals": pd.DataFrame({"deal_id": [f"d{deal}" for deal in range(40)], "pipeline_id": "p"}),
        "stages": pd.DataFrame(stages, columns=["pipeline_id", "stage", "category"]),
        "deal_changes": table.assign(changed_at=day, known_at=day, seq=0),
    }


def test_a_first_value_known_at_the_very_closing_is_late() -> None:
    early, at, after = (("d1", "need", "a", 9), ("d2", "need", "a", 10), ("d3", "need", "a", 11))
    counts = late_first_values(changes(early, at, after))
    assert counts.loc["need"].to_dict() == {"n_values": 3, "n_late": 2}


def test_only_the_first_value_of_a_closed_deal_counts() -> None:
    counts = late_first_values(
        changes(
            ("d1", "need", None, 2),
            ("d1", "need", "a", 3),
            ("d1", "need", "b", 12),
            ("d2", "need", "a", 12),
            ("d2", "stage", "New", 11),
        )
    )
    assert counts.loc["need"].to_dict() == {"n_values": 1, "n_late": 0}


def test_a_field_known_only_from_exports_made_after_the_closing_is_refused() -> None:
    late = [(f"d{deal}", "need", "a", 20) for deal in range(40)]
    early = [(f"d{deal}", "seats", "3", 1) for deal in range(40)]
    history = late_first_values(changes(*late, *early))
    columns = pd.DataFrame({"need": ["a", "b"] * 60, "seats": [3, 4, 5] * 40})
    assert [(leak.column, leak.rule) for leak in find_leaks(columns, WON, history=history)] == [("need", "no history")]


def test_nothing_of_the_simulated_company_is_refused(company: Simulation) -> None:
    now = present(company.tables, datetime.combine(DEMO_END, time(), UTC)).merge(
        company.tables["deals"][["deal_id", "deal_type", "attributes"]]
    )
    attributes = pd.DataFrame(now["attributes"].map(json.loads).tolist())
    columns = attributes.assign(**{name: now[name] for name in ("source", "deal_type", "created_at")})
    won = now["stage_category"].map({"won": 1.0, "lost": 0.0})
    assert won.value_counts(dropna=False).min() > 50
    assert find_leaks(columns, won, history=late_first_values(company.tables)) == []
    assert late_first_values(company.tables)["n_late"].sum() == 0


# Names


@pytest.mark.parametrize(
    "name",
    [
        "closed_at",
        "closed_lost_reason",
        "IsClosed",
        "hs_is_closed_won",
        "date_closed",
        "hs_closed_amount",
        "amount_at_close",
        "days_to_close",
        "CloseDate",
        "closedate",
        "actualclosedate",
        "Closing Date",
        "close_value",
        "won",
        "IsWon",
        "won_time",
        "lost_time",
        "lost_reason_id",
        "Loss_Reason__c",
        "Reason for loss",
        "rejection_reason",
        "deal_outcome",
        "Opportunity Result",
        "elapsed_days",
        "Total Days Through Proposal",
        "total_time",
        "days_in_stage",
        "Time in current stage",
        "time_to_win",
        "sales_cycle_days",
        "Sales_Cycle_Duration",
        "AgeInDays",
        "deal_age",
        "ratio_days_demo",
        "Ratio of Days in Demo to Total",
        "stage_count",
        "n_stages",
        "LastStageChangeDate",
        "date_last_stage_update",
        "number_of_stage_changes",
        "PushCount",
        "num_activities",
        "LastActivityDate",
        "last_modified",
        "updated_at",
        "write_date",
    ],
)
def test_a_name_that_speaks_of_the_closing_is_refused(name: str) -> None:
    assert telling_name(name)
    assert found([1, 2, 3] * 40, name=name) == ["name"]


@pytest.mark.parametrize(
    "name",
    [
        "days_payment_terms",
        "payment_terms_days",
        "total_seats",
        "total_amount",
        "total_contract_months",
        "contract_duration_months",
        "trial_days",
        "timezone",
        "lead_time_days",
        "delivery_time",
        "days_per_sale",
        "time_to_deliver",
        "working_hours_in_week",
        "funding_stage",
        "stage_of_company",
        "customer_age",
        "account_age_days",
        "company_age",
        "loss_ratio",
        "lost_time_incidents",
        "win_rate_of_owner",
        "won_deals_last_year",
        "closed_deals_last_year",
        "previous_deal_outcome",
        "expected_close_date",
        "initial_close_date",
        "disclosed_budget",
        "closest_branch",
        "enclosure_value",
        "debt_ratio",
        "price_ratio",
        "last_purchase_date",
        "last_name",
        "number_of_employees",
        "discount_count",
        "user_count",
        "resulting_savings",
        "reason_for_interest",
        "competitor",
        "amount",
        "created_at",
        "update_frequency",
        "Client Size By Revenue (USD)",
        "Revenue From Client Past Two Years (USD)",
    ],
)
def test_a_name_that_shares_a_word_with_them_is_kept(name: str) -> None:
    assert telling_name(name) is None


# Overruling, refusing


def test_a_declared_column_is_overruled_and_the_others_are_still_refused() -> None:
    columns = pd.DataFrame({"total_days": [1, 2, 3] * 40, "days_to_close": [1, 2, 3] * 40})
    assert [leak.column for leak in find_leaks(columns, WON, overruled={"total_days"})] == ["days_to_close"]
    assert find_leaks(columns, WON, overruled=set(columns)) == []


def test_the_error_names_every_column_why_and_what_to_do() -> None:
    columns = pd.DataFrame({"seats": [1, 2, 3] * 40, "total_days": [1, 2, 3] * 40, "price": [3, 5] * 40 + [0] * 40})
    with pytest.raises(LeakError) as refused:
        refuse(find_leaks(columns, WON))
    assert str(refused.value).splitlines() == [
        "2 columns tell how deals ended, not what was known of them before; of each: if it was known when the deal "
        "was created, declare `known_at_creation: true` for it in the signals file; otherwise leave it out.",
        '  "total_days" has "total days" in its name: how long the deal took, which its closing decides.',
        '  "price" is other than 0 on 80 of 80 closed deals but on 0 of 40 open ones: it is counted up to the closing.',
    ]


def test_a_sentence_says_what_was_found_and_what_to_do() -> None:
    [leak] = find_leaks(pd.DataFrame({"verdict": ["good", "bad"] * 40}), pd.Series([1, 0] * 40))
    assert leak.sentence.startswith('"verdict" tells won from lost by itself with an AUC of 1.00 on 80 closed deals')
    assert "known_at_creation: true" in leak.sentence


def test_no_leaks_are_not_refused() -> None:
    refuse([])


@pytest.mark.parametrize(
    ("values", "read"),
    [
        ([1, None, "a"], None),
        (pd.array([1, None, 3], "Int64"), [1, np.nan, 3]),
        ([True, None, False], [1, np.nan, 0]),
        (pd.to_datetime(["1970-01-02", None, "1970-01-01"]), [1, np.nan, 0]),
        (pd.to_datetime(["1970-01-02", None, "1970-01-01"], utc=True), [1, np.nan, 0]),
        (pd.Categorical([1, None, 3]), None),
    ],
)
def test_any_kind_of_column_is_a_number_or_a_text(values: object, read: list[float] | None) -> None:
    column = pd.Series(values)
    assert (read is None) == (numbers(column) is None)
    if read is not None:
        np.testing.assert_array_equal(numbers(column), read)
    assert find_leaks(pd.DataFrame({"x": column}), pd.Series([1, 0, None])) == []


# Real data


@pytest.mark.slow
def test_on_ibm_what_is_measured_at_close_is_refused_and_what_is_known_at_entry_kept() -> None:
    found = verdicts(
        *read_columns(sample("ibm_win_loss/sales_win_loss.csv.gz"), outcome="Opportunity Result", won="Won")
    )
    kept = found["verdict"] == ""
    assert found["column"][kept].tolist() == [
        "Opportunity Number",
        "Supplies Subgroup",
        "Supplies Group",
        "Region",
        "Route To Market",
        "Opportunity Amount USD",
        "Client Size By Revenue (USD)",
        "Client Size By Employee Count",
        "Revenue From Client Past Two Years (USD)",
        "Competitor Type",
        "Deal Size Category (USD)",
    ]
    assert found["column"][~kept].tolist() == [
        "Elapsed Days In Sales Stage",
        "Sales Stage Change Count",
        "Total Days Identified Through Closing",
        "Total Days Identified Through Qualified",
        "Ratio Days Identified To Total Days",
        "Ratio Days Validated To Total Days",
        "Ratio Days Qualified To Total Days",
    ]


def test_on_salvirt_every_honest_attribute_is_kept() -> None:
    found = verdicts(
        *read_columns(sample("salvirt_b2b/Salvirt_B2B_ML_dataset.csv"), outcome="Status", won="Won", delimiter=";")
    )
    assert len(found) == 22
    assert set(found["verdict"]) == {""}


def test_on_maven_what_the_closing_brings_is_refused() -> None:
    found = verdicts(
        *read_columns(
            sample("maven_crm/sales_pipeline.csv"),
            outcome="deal_stage",
            won="Won",
            still_open=("Engaging", "Prospecting"),
        )
    ).set_index("column")["verdict"]
    # The account of two of three open deals is missing, that of no closed one.
    assert found.index[found != ""].tolist() == ["account", "close_date", "close_value"]
    assert "with an AUC of 1.00" in found["close_value"]


# The command


@pytest.fixture
def export(tmp_path: Path) -> Path:
    lines = [f"{'Won' if row % 3 else 'Lost'};{row % 7};{row % 3};None" for row in range(90)]
    path = tmp_path / "deals.csv"
    path.write_text("\n".join(["Phase;Seats;Days to close;Partner", *lines, "New;3;;None", ";4;;None"]) + "\n")
    return path


def leaks_command(export: Path, *more: str) -> tuple[int, str]:
    options = ["--outcome", "Phase", "--won", "Won", "--open", "New", "--delimiter", ";", *more]
    done = CliRunner().invoke(plumbline.app, ["leaks", str(export), *options])
    return done.exit_code, done.output or str(done.exception)


def test_the_command_gives_a_verdict_on_each_column_and_ends_with_1_if_any_leaks(export: Path) -> None:
    code, said = leaks_command(export)
    assert code == 1
    assert "90 closed deals, 2 open" in said
    verdict = {line[:15].strip(): line for line in said.splitlines()}
    assert "nothing against it" in verdict["Seats"]
    assert "refused: it tells won from lost by itself with an AUC of 1.00" in verdict["Days to close"]


def test_the_command_ends_with_0_where_nothing_leaks(export: Path) -> None:
    lines = [line.split(";") for line in export.read_text().splitlines()]
    export.write_text("\n".join(";".join([phase, seats, partner]) for phase, seats, _, partner in lines))
    assert leaks_command(export)[0] == 0


def test_words_such_as_none_are_values_and_only_an_empty_cell_is_missing(export: Path) -> None:
    columns, won = read_columns(export, outcome="Phase", won="Won", still_open=["New"], delimiter=";")
    assert set(columns["Partner"]) == {"None"}
    assert won.isna().sum() == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"outcome": "Fase"}, r'lacks the column "Fase" \(did you mean "Phase"\?\); name the one .* with --outcome'),
        ({"delimiter": ","}, r'lacks the column "Phase".* if not \',\', with --delimiter'),
        ({"won": "won"}, r'"Phase" holds "Won", "Lost", "New", "won" was given with --won, and with --open: New'),
        ({"still_open": ["Nev"]}, r'no deal of which "Phase" says "Nev" \(did you mean "New"\?\); correct it'),
    ],
)
def test_what_is_not_in_the_file_is_named_with_the_remedy(export: Path, given: dict[str, str], said: str) -> None:
    options = {"outcome": "Phase", "won": "Won", "still_open": ["New"], "delimiter": ";"} | given
    with pytest.raises(SchemaError, match=said):
        read_columns(export, **options)


def test_a_file_that_is_no_csv_says_so(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_bytes(b"")
    with pytest.raises(SchemaError, match=r"deals\.csv cannot be read as CSV in UTF-8"):
        read_columns(tmp_path / "deals.csv", outcome="Phase", won="Won")
