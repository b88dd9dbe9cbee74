from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.fiscal import fiscal_quarter, fiscal_year_start_month, this_and_next_quarter

DAYS = st.dates(date(1990, 1, 1), date(2100, 1, 1))
MONTHS = st.integers(1, 12)


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
    assert fiscal_year_start_month(calendar) == 4
    assert fiscal_year_start_month(calendar.head(1)) == 1


def test_the_two_forecast_quarters_are_this_and_the_next():
    calendar = pd.DataFrame({"setting": [], "value": []})
    periods = this_and_next_quarter(pd.Timestamp("2026-12-31T23:59", tz="UTC"), calendar)
    assert [period.name for period in periods] == ["FY2026 Q4", "FY2027 Q1"]
