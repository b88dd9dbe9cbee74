"""The periods that people plan by: weeks, months, and fiscal quarters from the month in which the year starts."""

import itertools
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pandas as pd


@dataclass(frozen=True)
class Period:
    """A span of whole days (UTC) with a name: ``start`` belongs to it, ``end`` is the first day after it."""

    name: str
    start: date
    end: date
    year_start_month: int = 1

    def next(self) -> "Period":
        """The fiscal quarter that starts where this period ends."""
        return fiscal_quarter(self.end, self.year_start_month)


def fiscal_quarter(day: date, start_month: int) -> Period:
    """Return the fiscal quarter that holds ``day``, for a year that starts on the first of ``start_month`` (1 to 12).

    A fiscal year is named after the calendar year in which it ends, as most companies do.

    >>> period = fiscal_quarter(date(2026, 11, 16), start_month=4)
    >>> period.name, period.start.isoformat(), period.end.isoformat()
    ('FY2027 Q3', '2026-10-01', '2027-01-01')
    >>> period.next().next().name
    'FY2028 Q1'
    """
    months_in = (day.month - start_month) % 12
    year_start = _months_later(day.replace(day=1), -months_in)
    start = _months_later(year_start, months_in // 3 * 3)
    name = f"FY{_months_later(year_start, 11).year} Q{months_in // 3 + 1}"
    return Period(name, start, _months_later(start, 3), start_month)


def fiscal_year_start_month(calendar: pd.DataFrame) -> int:
    """Return the month (1 to 12) in which the fiscal year starts, from table ``calendar``; 1 where it does not say."""
    months = calendar.loc[calendar["setting"] == "fiscal_year_start_month", "value"]
    return int(months.iloc[-1]) if len(months) else 1


def this_and_next_quarter(as_of: datetime, calendar: pd.DataFrame) -> list[Period]:
    """Return the fiscal quarter that holds ``as_of`` (its day in UTC) and the one after it."""
    period = fiscal_quarter(as_of.date(), fiscal_year_start_month(calendar))
    return [period, period.next()]


def quarters(as_of: datetime, calendar: pd.DataFrame, n: int) -> list[Period]:
    """Return the fiscal quarter that holds ``as_of`` (its day in UTC) and those after it, ``n`` in all."""
    found = [fiscal_quarter(as_of.date(), fiscal_year_start_month(calendar))]
    while len(found) < n:
        found.append(found[-1].next())
    return found


def months(as_of: datetime, n: int) -> list[Period]:
    """Return the calendar month that holds ``as_of`` (its day in UTC) and those after it, ``n`` in all.

    >>> [period.name for period in months(datetime(2026, 12, 31), 2)]
    ['Dec 2026', 'Jan 2027']
    """
    first = as_of.date().replace(day=1)
    starts = [_months_later(first, ahead) for ahead in range(n + 1)]
    return [Period(f"{start:%b %Y}", start, end) for start, end in itertools.pairwise(starts)]


def weeks(as_of: datetime, calendar: pd.DataFrame, n: int) -> list[Period]:
    """Return the week that holds ``as_of`` (its day in UTC) and those after it, ``n`` in all.

    They start on the day that ``week_start`` of table ``calendar`` says, on Mondays where it does not.

    >>> sundays = pd.DataFrame({"setting": ["week_start"], "value": ["sunday"]})
    >>> [(period.name, period.start.isoformat()) for period in weeks(datetime(2026, 11, 18), sundays, 2)]
    [('15 to 21 Nov', '2026-11-15'), ('22 to 28 Nov', '2026-11-22')]
    """
    said = calendar.loc[calendar["setting"] == "week_start", "value"]
    first_weekday = 6 if len(said) and said.iloc[-1] == "sunday" else 0
    start = as_of.date() - timedelta(days=(as_of.weekday() - first_weekday) % 7)
    starts = [start + timedelta(weeks=ahead) for ahead in range(n + 1)]
    return [Period(_week_name(start, end), start, end) for start, end in itertools.pairwise(starts)]


def _week_name(start: date, end: date) -> str:
    last = end - timedelta(days=1)
    month = "" if start.month == last.month else f" {start:%b}"
    return f"{start.day}{month} to {last.day} {last:%b}"


def _months_later(first_of_month: date, months: int) -> date:
    year, month = divmod(first_of_month.year * 12 + first_of_month.month - 1 + months, 12)
    return date(year, month + 1, 1)
