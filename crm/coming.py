"""The periods to come that people plan by: those of the fiscal calendar, and calendar weeks and months."""

from datetime import date, datetime, timedelta
from itertools import pairwise

import pandas as pd

from crm.fiscal import Period, Unit, fiscal_calendar, fiscal_period
from crm.fiscal_years import week_start


def fiscal_periods(as_of: datetime, calendar: pd.DataFrame, unit: Unit, n: int) -> list[Period]:
    """Return the fiscal period that holds ``as_of`` (its day in UTC) and those after it, ``n`` in all.

    >>> weeks = pd.DataFrame({"setting": ["fiscal_pattern"], "value": ["4-4-5"]})
    >>> [(period.name, str(period.start)) for period in fiscal_periods(datetime(2026, 11, 18), weeks, "month", 2)]
    [('FY2026 M11', '2026-10-26'), ('FY2026 M12', '2026-11-23')]
    """
    found = [fiscal_period(as_of.date(), unit, fiscal_calendar(calendar))]
    while len(found) < n:
        found.append(found[-1].next())
    return found


def quarters(as_of: datetime, calendar: pd.DataFrame, n: int) -> list[Period]:
    """Return the fiscal quarter that holds ``as_of`` (its day in UTC) and those after it, ``n`` in all.

    >>> april = pd.DataFrame({"setting": ["fiscal_year_start_month"], "value": ["4"]})
    >>> [period.name for period in quarters(datetime(2026, 11, 18), april, 3)]
    ['FY2027 Q3', 'FY2027 Q4', 'FY2028 Q1']
    """
    return fiscal_periods(as_of, calendar, "quarter", n)


def months(as_of: datetime, n: int) -> list[Period]:
    """Return the calendar month that holds ``as_of`` (its day in UTC) and those after it, ``n`` in all.

    >>> [period.name for period in months(datetime(2026, 12, 31), 2)]
    ['Dec 2026', 'Jan 2027']
    """
    first = as_of.year * 12 + as_of.month - 1
    starts = [date(month // 12, month % 12 + 1, 1) for month in range(first, first + n + 1)]
    return [Period(f"{start:%b %Y}", start, end) for start, end in pairwise(starts)]


def weeks(as_of: datetime, calendar: pd.DataFrame, n: int) -> list[Period]:
    """Return the week that holds ``as_of`` (its day in UTC) and those after it, ``n`` in all.

    They start on the day that ``week_start`` of table ``calendar`` says, on Mondays where it does not.

    >>> sundays = pd.DataFrame({"setting": ["week_start"], "value": ["sunday"]})
    >>> [(period.name, period.start.isoformat()) for period in weeks(datetime(2026, 11, 18), sundays, 2)]
    [('15 to 21 Nov', '2026-11-15'), ('22 to 28 Nov', '2026-11-22')]
    """
    start = week_start(fiscal_calendar(calendar), as_of.date())
    starts = [start + timedelta(weeks=ahead) for ahead in range(n + 1)]
    return [Period(_week_name(start, end), start, end) for start, end in pairwise(starts)]


def _week_name(start: date, end: date) -> str:
    last = end - timedelta(days=1)
    month = "" if start.month == last.month else f" {start:%b}"
    return f"{start.day}{month} to {last.day} {last:%b}"
