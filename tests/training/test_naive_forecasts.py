"""Each naive rule on a book that one can check by eye."""

from datetime import UTC, date, datetime
from io import StringIO

import numpy as np
import pandas as pd
import pytest

from crm.fiscal import Period, fiscal_quarter
from training.naive_forecasts import (
    committed,
    last_ended,
    naive_forecasts,
    run_rate,
    stage_weighted,
    won_of_past,
)

QUARTER = fiscal_quarter(date(2026, 4, 1), 1)
AS_OF = datetime(2026, 5, 11, tzinfo=UTC)
BOOK = """
created_at | closed_at  | is_open | won   | cents | close      | team  | chance | is_commit
2025-02-01 | 2025-05-01 | False   | True  | 700   |            | North | 1.0    | False
2025-02-01 | 2026-02-01 | False   | True  | 910   |            | South | 1.0    | False
2026-01-01 | 2026-04-20 | False   | True  | 1000  |            | North | 1.0    | False
2026-01-01 | 2026-04-30 | False   | False | 5000  |            | North | 0.0    | False
2026-01-01 |            | True    | False | 400   | 2026-06-30 | North | 0.5    | True
2026-01-01 |            | True    | False | 600   | 2026-07-01 | North | 0.5    | True
2026-01-01 |            | True    | False | 200   | 2026-04-02 | South | 0.1    | False
2026-01-01 |            | True    | False |       | 2026-05-30 | South | 0.1    | True
"""


@pytest.fixture
def book() -> pd.DataFrame:
    """Three won deals, a lost one, and four that are open: one closes later, one is overdue, one has no amount."""
    rows = pd.read_csv(StringIO(BOOK.replace(" ", "")), sep="|")
    for name in ("created_at", "closed_at"):
        rows[name] = pd.to_datetime(rows[name], utc=True)
    close = pd.to_datetime(rows.pop("close"))
    return rows.assign(close_day=(close - pd.Timestamp(1970, 1, 1)).dt.days.astype(float))


NO_RATE = pd.Series(dtype=float)


def test_stage_weighted_is_won_so_far_and_chance_times_amount_of_close_dates_in_the_period(book):
    assert stage_weighted(book, QUARTER, NO_RATE) == {
        ("whole", ""): 1000 + 200 + 20,
        ("team", "North"): 1200.0,
        ("team", "South"): 20.0,
    }


def test_a_stage_without_a_default_probability_takes_its_past_rate(book):
    book.loc[4, "chance"] = np.nan
    assert stage_weighted(book, QUARTER, pd.Series({4: 0.25}))["team", "North"] == 1100


def test_a_deal_without_a_close_date_counts_as_closing(book):
    book.loc[5, "close_day"] = np.nan
    assert stage_weighted(book, QUARTER, NO_RATE)["team", "North"] == 1500


def test_commit_is_won_so_far_and_the_whole_amount_of_what_reps_promise(book):
    assert committed(book, QUARTER)["whole", ""] == 1400


def test_the_same_period_last_year_and_the_last_period(book):
    year, quarter = fiscal_quarter(date(2025, 4, 1), 1), fiscal_quarter(date(2026, 1, 1), 1)
    assert won_of_past(book, year, AS_OF) == {("whole", ""): 700.0, ("team", "North"): 700.0}
    assert won_of_past(book, quarter, AS_OF) == {("whole", ""): 910.0, ("team", "South"): 910.0}


def test_a_period_from_before_the_first_deal_or_not_yet_ended_is_no_forecast(book):
    assert won_of_past(book, fiscal_quarter(date(2025, 1, 1), 1), AS_OF) is None
    assert won_of_past(book, QUARTER, AS_OF) is None


def test_before_the_period_starts_the_last_one_is_the_last_that_has_ended():
    assert last_ended(QUARTER.next(), AS_OF).name == "FY2026 Q1"
    assert last_ended(QUARTER, AS_OF).name == "FY2026 Q1"


def test_the_run_rate_carries_the_latest_pace_to_the_end(book):
    # The 91 days before 11 May held one win of 1,000; 51 days are still to come.
    assert run_rate(book, QUARTER, AS_OF)["whole", ""] == pytest.approx(1000 + 1000 * 51 / 91)


def test_young_history_has_its_pace_over_the_days_there_are(book):
    young = book[book["created_at"] >= pd.Timestamp("2026-01-01", tz="UTC")].assign(
        created_at=pd.Timestamp("2026-04-11", tz="UTC")
    )
    assert run_rate(young, QUARTER, AS_OF)["whole", ""] == pytest.approx(1000 + 1000 * 51 / 30)


def test_before_the_period_the_pace_is_taken_for_the_whole_of_it(book):
    later = Period("later", date(2026, 6, 1), date(2026, 6, 29))
    # 28 days, as long as the pace is looked at: the win of 20 April lies in the 28 days before 11 May.
    assert run_rate(book, later, AS_OF)["whole", ""] == pytest.approx(1000)


def test_rules_that_cannot_be_used_are_missing_and_empty_groups_get_nothing(book):
    table = naive_forecasts(book, QUARTER, AS_OF, NO_RATE, has_commits=False).set_index("id")
    assert table["commit"].isna().all()
    assert table.loc["South", "last_year"] == 0
    assert table.loc["", "run_rate"] == pytest.approx(table.loc["North", "run_rate"] + table.loc["South", "run_rate"])
