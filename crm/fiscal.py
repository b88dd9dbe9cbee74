"""Fiscal quarters: the periods that are forecast, from the month in which the company's year starts."""

from dataclasses import dataclass
from datetime import date, datetime

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


def _months_later(first_of_month: date, months: int) -> date:
    year, month = divmod(first_of_month.year * 12 + first_of_month.month - 1 + months, 12)
    return date(year, month + 1, 1)
