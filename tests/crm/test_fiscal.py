from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.coming import fiscal_periods, weeks
from crm.errors import SettingsError
from crm.fiscal import (
    fiscal_calendar,
    fiscal_period,
    fiscal_quarter,
    quarter_starts,
    this_and_next_quarter,
)
from crm.fiscal_years import LAST, PATTERNS, WEEKDAYS, YEAR_RULES, FiscalCalendar, month_starts, year_start

DAYS = st.dates(date(1990, 1, 1), date(2100, 1, 1))
MONTHS = st.integers(1, 12)
CALENDARS = st.builds(
    FiscalCalendar, MONTHS, st.sampled_from(list(PATTERNS)), st.sampled_from(WEEKDAYS), st.sampled_from(YEAR_RULES)
)
WEEKS = CALENDARS.filter(lambda calendar: calendar.pattern != "months")
RETAIL = FiscalCalendar(2, "4-5-4", "sunday")


@pytest.mark.parametrize(
    ("day", "start_month", "name", "start", "end"),
    [
        (date(2026, 11, 16), 1, "FY2026 Q4", date(2026, 10, 1), date(2027, 1, 1)),
        (date(2026, 1, 1), 1, "FY2026 Q1", date(2026, 1, 1), date(2026, 4, 1)),
        (date(2026, 1, 31), 2, "FY2026 Q4", date(2025, 11, 1), date(2026, 2, 1)),
        (date(2026, 2, 1), 2, "FY2027 Q1", date(2026, 2, 1), date(2026, 5, 1)),
        (date(2026, 6, 30), 7, "FY2026 Q4", date(2026, 4, 1), date(2026, 7, 1)),
    ],
)
def test_known_quarters(day, start_month, name, start, end):
    period = fiscal_quarter(day, start_month)
    assert (period.name, period.start, period.end) == (name, start, end)


@given(DAYS, MONTHS)
def test_every_day_lies_in_its_quarter_and_quarters_follow_without_a_gap(day, start_month):
    period = fiscal_quarter(day, start_month)
    assert period.start <= day < period.end
    assert period.next() == fiscal_quarter(period.end, start_month)
    assert fiscal_quarter(period.end - timedelta(days=1), start_month) == period


def test_the_calendar_says_when_the_year_starts_and_january_is_assumed_where_it_does_not():
    calendar = pd.DataFrame({"setting": ["week_start", "fiscal_year_start_month"], "value": ["monday", "4"]})
    assert fiscal_calendar(calendar).start_month == 4
    assert fiscal_calendar(calendar.head(1)).start_month == 1


def test_the_two_forecast_quarters_are_this_and_the_next():
    calendar = pd.DataFrame({"setting": [], "value": []})
    periods = this_and_next_quarter(pd.Timestamp("2026-12-31T23:59", tz="UTC"), calendar)
    assert [period.name for period in periods] == ["FY2026 Q4", "FY2027 Q1"]


@pytest.mark.parametrize(
    ("year", "start"), [(2018, "2017-01-29"), (2024, "2023-01-29"), (2025, "2024-02-04"), (2026, "2025-02-02")]
)
def test_the_retail_years_start_where_the_national_retail_federation_says(year, start):
    """Years are named after their end here; the federation's 2023 had 53 weeks."""
    assert str(year_start(RETAIL, year)) == start
    assert (year_start(RETAIL, 2025) - year_start(RETAIL, 2024)).days == 53 * 7


@given(DAYS)
def test_weeks_from_the_monday_nearest_to_new_year_are_those_of_iso_8601(day):
    year, week, _ = day.isocalendar()
    assert fiscal_period(day, "week", FiscalCalendar(1, "4-4-5")).name == f"FY{year} W{week:02}"


def test_a_year_that_ends_on_the_last_saturday_of_september():
    calendar = FiscalCalendar(10, "4-4-5", "sunday", LAST)
    period = fiscal_period(date(2026, 10, 1), "quarter", calendar)
    assert (period.name, str(period.start), str(period.end)) == ("FY2027 Q1", "2026-09-27", "2026-12-27")
    assert str(fiscal_period(date(2026, 9, 26), "year", calendar).end) == "2026-09-27"


@given(DAYS, CALENDARS, st.sampled_from(["year", "quarter", "month", "week"]))
def test_every_day_lies_in_its_period_and_periods_follow_without_a_gap_on_every_calendar(day, calendar, unit):
    period = fiscal_period(day, unit, calendar)
    assert period.start <= day < period.end
    assert period.next() == fiscal_period(period.end, unit, calendar)
    assert fiscal_period(period.end - timedelta(days=1), unit, calendar) == period
    assert period.name != period.next().name


@given(DAYS, CALENDARS)
def test_months_make_up_quarters_and_quarters_years(day, calendar):
    month, quarter, year = (fiscal_period(day, unit, calendar) for unit in ("month", "quarter", "year"))
    assert year.start <= quarter.start <= month.start < month.end <= quarter.end <= year.end
    assert quarter.name.startswith(year.name)


@given(st.integers(1990, 2100), WEEKS)
def test_years_of_weeks_have_52_or_53_and_start_on_a_week_near_their_month(year, calendar):
    starts = month_starts(calendar, year)
    weeks = [(late - early).days / 7 for early, late in pairwise(starts)]
    pattern = [float(n) for n in PATTERNS[calendar.pattern] * 4]
    assert weeks[:11] == pattern[:11]
    assert weeks[11] - pattern[11] in (0, 1)
    assert {WEEKDAYS[start.weekday()] for start in starts} == {calendar.week_start}
    first = date(year - (calendar.start_month > 1), calendar.start_month, 1)
    assert abs((starts[0] - first).days) <= (6 if calendar.year_rule == LAST else 3)


@given(DAYS, CALENDARS)
def test_the_next_quarter_start_is_the_quarters_end(day, calendar):
    starts = quarter_starts(day - timedelta(days=200), day, calendar)
    assert min(start for start in starts if start > day) == fiscal_period(day, "quarter", calendar).end


def test_a_calendar_of_months_is_unchanged_by_the_rules_for_weeks():
    for rule in YEAR_RULES:
        assert fiscal_period(date(2026, 2, 1), "quarter", FiscalCalendar(2, year_rule=rule)).start == date(2026, 2, 1)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("fiscal_year_start_month", "13"),
        ("fiscal_pattern", "4-4-4"),
        ("week_start", "Mo"),
        ("fiscal_year_rule", "first"),
    ],
)
def test_a_setting_that_cannot_be_names_itself_and_what_it_may_be(setting, value):
    with pytest.raises(SettingsError, match=rf'{setting} in table calendar is "{value.lower()}"; it may be'):
        fiscal_calendar(pd.DataFrame({"setting": [setting], "value": [value]}))


def test_the_forecast_quarters_follow_the_pattern():
    calendar = pd.DataFrame({"setting": ["fiscal_pattern", "week_start"], "value": ["4-4-5", "Monday"]})
    periods = this_and_next_quarter(pd.Timestamp("2026-12-31", tz="UTC"), calendar)
    assert [(period.name, str(period.start)) for period in periods] == [
        ("FY2026 Q4", "2026-09-28"),
        ("FY2027 Q1", "2027-01-04"),
    ]


@pytest.mark.parametrize("unit", ["week", "month", "quarter", "year"])
def test_the_periods_ahead_begin_with_the_one_that_holds_the_instant_and_join(unit):
    settings = {"fiscal_year_start_month": "2", "fiscal_pattern": "4-5-4", "week_start": "sunday"}
    calendar = pd.DataFrame(list(settings.items()), columns=["setting", "value"])
    ahead = fiscal_periods(datetime(2026, 11, 16, tzinfo=UTC), calendar, unit, 5)
    assert ahead[0].start <= date(2026, 11, 16) < ahead[0].end
    assert all(one.end == other.start for one, other in pairwise(ahead))
    assert {period.start.weekday() for period in ahead} == {6}


@pytest.mark.parametrize("first_weekday", WEEKDAYS)
def test_calendar_weeks_start_on_whichever_day_the_company_says(first_weekday):
    calendar = pd.DataFrame({"setting": ["week_start"], "value": [first_weekday]})
    (week,) = weeks(datetime(2026, 11, 16, tzinfo=UTC), calendar, 1)
    assert WEEKDAYS[week.start.weekday()] == first_weekday
    assert week.start <= date(2026, 11, 16) < week.end


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_when_clocks_change_a_week_keeps_its_seven_days_of_24_hours(day):
    """Periods are of whole days in UTC, where no clock changes."""
    week = fiscal_period(day, "week", FiscalCalendar(week_start="sunday"))
    start, end = (pd.Timestamp(one, tz="UTC") for one in (week.start, week.end))
    assert end - start == pd.Timedelta(hours=7 * 24)
    assert {start.hour, end.hour} == {0}
