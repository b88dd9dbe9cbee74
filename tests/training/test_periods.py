"""Past periods: quarters and spans of weeks, the weeks in them, and those before."""

import itertools
from datetime import UTC, date, datetime

import pytest

from crm.fiscal import fiscal_quarter
from crm.fiscal_years import FiscalCalendar
from reports.interval_calibration import weeks_to_go
from training.periods import mondays, moved, past_periods, year_before


def test_only_whole_periods_between_the_two_days_are_replayed():
    names = [period.name for period in past_periods(date(2025, 1, 2), date(2026, 3, 31))]
    assert names == ["FY2025 Q2", "FY2025 Q3", "FY2025 Q4"]


def test_a_period_that_ends_on_the_last_day_counts():
    assert past_periods(date(2026, 1, 1), date(2026, 4, 1))[-1].name == "FY2026 Q1"


def test_quarters_follow_the_fiscal_year():
    for calendar, starts in (
        (FiscalCalendar(start_month=2), ["2026-02-01", "2026-05-01"]),
        (FiscalCalendar(start_month=2, pattern="4-5-4", week_start="sunday"), ["2026-02-01", "2026-05-03"]),
    ):
        found = past_periods(date(2026, 1, 1), date(2026, 9, 1), calendar=calendar)
        assert [str(period.start) for period in found] == starts


def test_spans_of_weeks_end_on_the_last_monday_and_join():
    spans = past_periods(date(2026, 1, 1), date(2026, 3, 11), weeks=2)
    assert spans[-1].end == date(2026, 3, 9)
    assert all(one.end == other.start for one, other in itertools.pairwise(spans))
    assert {period.start.weekday() for period in spans} == {0}


def test_quarters_of_weeks_are_replayed_as_the_company_counts_them():
    calendar = FiscalCalendar(2, "4-5-4", "sunday")
    spans = [
        (p.name, str(p.start), str(p.end)) for p in past_periods(date(2026, 1, 1), date(2026, 6, 1), calendar=calendar)
    ]
    assert spans == [("FY2027 Q1", "2026-02-01", "2026-05-03")]


def test_spans_of_weeks_start_on_the_companys_first_weekday_and_hold_a_monday_each_week():
    spans = past_periods(date(2026, 1, 1), date(2026, 3, 11), weeks=2, calendar=FiscalCalendar(week_start="sunday"))
    assert {period.start.weekday() for period in spans} == {6}
    assert [str(as_of.date()) for as_of in mondays(spans[-1])] == ["2026-02-23", "2026-03-02"]


def test_a_year_before_is_the_same_quarter_or_the_same_weeks():
    assert year_before(fiscal_quarter(date(2026, 5, 1), 4)).start == date(2025, 4, 1)
    assert year_before(past_periods(date(2026, 3, 1), date(2026, 4, 6), weeks=4)[0]).start == date(2025, 3, 10)


@pytest.mark.parametrize("weeks", [0, 4])
def test_moving_there_and_back_changes_nothing(weeks):
    period = past_periods(date(2025, 6, 1), date(2026, 4, 6), weeks=weeks)[0]
    assert moved(moved(period, 3), -3) == period


def test_every_monday_of_a_quarter_is_forecast_from():
    weeks = mondays(fiscal_quarter(date(2026, 1, 1), 1))
    assert (weeks[0], weeks[-1], len(weeks)) == (
        datetime(2026, 1, 5, tzinfo=UTC),
        datetime(2026, 3, 30, tzinfo=UTC),
        13,
    )


def test_weeks_before_the_period_come_first():
    span = past_periods(date(2026, 3, 1), date(2026, 4, 6), weeks=4)[0]
    assert [weeks_to_go(as_of, span.end) for as_of in mondays(span, weeks_before=2)] == [6, 5, 4, 3, 2, 1]
