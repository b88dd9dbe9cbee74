"""What was said, what rules said, and what came: small ledgers, worked out by hand."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from crm.present import present
from crm.store_rows import frame_of
from crm.tables import TABLES
from reports.accuracy import JUDGED, accuracy
from reports.accuracy_tables import METHODS, tables_by_level
from reports.forecast_accuracy import forecast_accuracy
from reports.said_and_came import said_and_came

NOW = datetime(2026, 11, 16, tzinfo=UTC)
# Won: 50 in FY2025 Q3, 80 in Q2, and in Q3 10 in July, 40 on 20 August and 30 in USD in September.
DEALS = """
deal_id | name | created_at | currency
D1      | one  | 2025-01-01 | EUR
D2      | two  | 2026-01-01 | EUR
D3      | thr  | 2026-01-01 | EUR
D4      | fou  | 2026-01-01 | EUR
D5      | fiv  | 2026-01-01 | USD
D6      | six  | 2026-01-01 | EUR
"""
CHANGES = """
deal_id | field    | changed_at | new_value
D1      | stage    | 2025-08-01 | Won
D1      | amount   | 2025-01-01 | 50
D2      | stage    | 2026-05-01 | Won
D2      | amount   | 2026-01-01 | 80
D3      | stage    | 2026-07-10 | Won
D3      | amount   | 2026-01-01 | 10
D3      | owner_id | 2026-01-01 | U1
D4      | stage    | 2026-08-20 | Won
D4      | amount   | 2026-01-01 | 40
D4      | owner_id | 2026-01-01 | U2
D5      | stage    | 2026-09-01 | Won
D5      | amount   | 2026-01-01 | 30
D6      | stage    | 2026-08-01 | Lost
D6      | amount   | 2026-01-01 | 99
"""
RATES = """
currency | quote_currency | day        | rate
USD      | EUR            | 2026-08-30 | 0.5
USD      | EUR            | 2026-10-15 | 0.9
"""
USERS = "user_id | name | team\nU1 | Ann | North\nU2 | Bo | South"
Q3 = {"period": "FY2026 Q3", "period_start": "2026-07-01", "period_end": "2026-10-01"}
Q4 = {"period": "FY2026 Q4", "period_start": "2026-10-01", "period_end": "2027-01-01"}


def said(as_of: str, period: dict = Q3, expected: str = "70.00", level: str = "whole", group: str = "", **more) -> dict:
    money = {"closed": "10.00", "open_expected": "0.00", "new_expected": "0.00", "expected": expected}
    money |= {"p10": "60.00", "p50": "70.00", "p90": "90.00", "stage_weighted": "91.00", "committed": "26.00"}
    about = {"as_of": pd.Timestamp(as_of, tz="UTC"), "model_version": "m", "reporting_currency": "EUR", "name": "x"}
    return about | period | {"level": level, "id": group, "n_open": 1, "reasons": "{}"} | money | more


def ledger(*rows: dict) -> pd.DataFrame:
    names = TABLES["forecasts"].names
    return frame_of("forecasts", [[tuple(row.get(name) for name in names) for row in rows]] if rows else [])


@pytest.fixture(scope="module")
def company(written) -> dict[str, pd.DataFrame]:
    return written(deals=DEALS, deal_changes=CHANGES, fx_rates=RATES, users=USERS)


@pytest.fixture
def judged(company):
    """Judge a ledger by what is known on a day."""

    def judge(*rows: dict, now: datetime = NOW) -> pd.DataFrame:
        return said_and_came(ledger(*rows), present(company, now), company, "EUR", now)

    return judge


def test_one_forecast_beside_every_rule_and_what_came(judged):
    row = judged(said("2026-08-17")).iloc[0]
    assert row[["period", "weeks_to_go", "level", "expected"]].tolist() == ["FY2026 Q3", 7, "whole", 70.0]
    # 10 + 40, and 30 dollars at the rate of the day on which it was won, not at today's.
    assert row["came"] == 65.0
    assert row[["stage_weighted", "committed"]].tolist() == [91.0, 26.0]
    assert row[["last_period", "last_year"]].tolist() == [80.0, 50.0]
    # Won so far as issued, 10, and for 45 days to come the pace of the 92 before: 10 won since 17 May.
    assert row["run_rate"] == round(10 + 10 * 45 / 92, 2)


def test_what_came_is_told_for_every_group_also_where_nothing_came(judged):
    rows = judged(
        said("2026-08-17", level="owner", group="U1"),
        said("2026-08-17", level="owner", group="U2"),
        said("2026-08-17", level="owner", group="U9"),
        said("2026-08-17", level="team", group="South"),
    )
    assert rows["came"].tolist() == [10.0, 40.0, 0.0, 40.0]
    assert rows["last_period"].tolist() == [0.0, 0.0, 0.0, 0.0]


def test_what_came_counts_for_the_managers_whom_the_forecast_counted_it_for(written):
    """Bo moves from Mia to Max on 18 August, a day after the first forecast and two days before he wins 40."""
    users = "user_id | manager_id\nU1 | MIA\nU2 | MAX\nMIA |\nMAX |"
    moves = "user_id | field | changed_at | old_value | new_value\nU2 | manager_id | 2026-08-18 | MIA | MAX"
    tables = written(deals=DEALS, deal_changes=CHANGES, fx_rates=RATES, users=users, user_changes=moves)
    asked = [(day, who) for day in ("2026-08-17", "2026-09-21") for who in ("MIA", "MAX")]
    rows = ledger(*(said(day, level="manager", group=who) for day, who in asked))
    found = said_and_came(rows, present(tables, NOW), tables, "EUR", NOW)
    assert found["came"].tolist() == [50.0, 0.0, 10.0, 40.0]


def test_a_period_that_has_not_ended_is_not_judged(judged):
    assert judged(said("2026-11-09", Q4)).empty
    assert judged(said("2026-08-17"), now=datetime(2026, 9, 30, 23, tzinfo=UTC)).empty
    assert len(judged(said("2026-08-17"), now=datetime(2026, 10, 1, tzinfo=UTC))) == 1


def test_of_each_week_to_go_the_last_forecast_counts(judged):
    rows = judged(said("2026-08-17"), said("2026-08-18", expected="71.00"), said("2026-08-20", expected="72.00"))
    # 20 August is 42 days before the end: that is 6 weeks, no day of a seventh.
    assert rows[["weeks_to_go", "expected"]].to_numpy().tolist() == [[7, 71.0], [6, 72.0]]


def test_a_quarter_is_forecast_from_the_one_before(judged):
    row = judged(said("2026-06-15", closed="0.00")).iloc[0]
    assert row["weeks_to_go"] == 16
    # The second quarter has not ended, and the one before it brought nothing.
    assert row["last_period"] == 0.0
    # The whole quarter is to come: 92 days at the pace of the 92 before, in which 80 were won.
    assert row["run_rate"] == pytest.approx(80.0)


def test_a_rule_that_looks_back_beyond_the_first_deal_says_nothing(company):
    young = {name: rows[rows["deal_id"] != "D1"] if name in ("deals", "deal_changes") else rows
             for name, rows in company.items()}  # fmt: skip
    row = said_and_came(ledger(said("2026-08-17")), present(young, NOW), young, "EUR", NOW).iloc[0]
    assert np.isnan(row["last_year"])
    assert row["last_period"] == 80.0


def test_errors_by_level_and_weeks_to_go_worked_out_by_hand(judged):
    rows = judged(said("2026-08-17"), said("2026-08-24", expected="61.00", p90="64.00"), said("2026-09-28"))
    found = forecast_accuracy(rows).set_index(["weeks_from", "method"])
    ours = found.loc[5, "expected"]
    assert ours[["weeks_to", "n", "n_periods", "n_held", "coverage"]].tolist() == [8, 2, 1, 1, 0.5]
    assert ours["wape"] == pytest.approx((5 + 4) / 130)
    assert ours["bias"] == pytest.approx((5 - 4) / 130)
    assert found.loc[(5, "committed"), "wape"] == pytest.approx(2 * 39 / 130)
    assert found.loc[(1, "expected"), "n"] == 1
    assert np.isnan(found.loc[(5, "committed"), "coverage"])


def test_a_rule_is_not_compared_on_other_forecasts_than_ours(judged):
    rows = judged(said("2026-08-17", committed=None), said("2026-08-24"))
    found = forecast_accuracy(rows).set_index("method")
    assert np.isnan(found.loc["committed", "wape"])
    assert found.loc["stage_weighted", "wape"] == pytest.approx(2 * 26 / 130)


def test_the_table_marks_the_best_method_and_shows_levels_in_their_order(judged):
    teams = [said("2026-08-17", level="team", group=name) for name in ("North", "South")]
    only_one = said("2026-08-17", level="pipeline", group="new")
    rows = judged(*teams, only_one, said("2026-08-17", stage_weighted="65.10"))
    (_, title, lines), (level, *_) = tables_by_level(forecast_accuracy(rows))
    assert (title, level) == ("Whole company", "team")
    assert lines[0]["weeks"] == "5 to 8"
    assert lines[0]["best"] == "stage_weighted"
    assert set(lines[0]["wape"]) == set(METHODS)


NO_SCORES = frame_of("scores", [])[list(JUDGED)]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "no forecast has been issued; `plumbline score` issues one each time it runs"),
        ([said("2026-11-09", Q4)], "The first is FY2026 Q4, first on 2027-01-01."),
    ],
)
def test_with_nothing_to_judge_it_says_so_and_when(company, rows, says):
    found = accuracy(ledger(*rows), NO_SCORES, present(company, NOW), company, "EUR", NOW)
    assert found.forecasts_note.startswith("Nothing to judge yet")
    assert says in found.forecasts_note
    assert found.forecasts.empty


def test_once_something_is_judged_the_next_is_named(company):
    found = accuracy(
        ledger(said("2026-08-17"), said("2026-11-09", Q4)), NO_SCORES, present(company, NOW), company, "EUR", NOW
    )
    assert found.forecasts_note == ""
    assert (found.next_period, str(found.next_end)) == ("FY2026 Q4", "2027-01-01")
