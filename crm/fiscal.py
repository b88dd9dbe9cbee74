"""Fiscal periods: the years, quarters, months and weeks that are forecast, on the company's own calendar."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

import pandas as pd

from crm.errors import SettingsError
from crm.fiscal_years import MONTHS, PATTERNS, WEEKDAYS, YEAR_RULES, FiscalCalendar, month_starts, week_start, year_of

Unit = Literal["year", "quarter", "month", "week"]

USUAL = FiscalCalendar()
"""Years of months from January: what holds where a company says nothing."""


@dataclass(frozen=True)
class Period:
    """A span of whole days (UTC) with a name: ``start`` belongs to it, ``end`` is the first day after it."""

    name: str
    start: date
    end: date
    unit: Unit = "quarter"
    calendar: FiscalCalendar = USUAL

    def next(self) -> "Period":
        """The period of the same unit that starts where this one ends."""
        return fiscal_period(self.end, self.unit, self.calendar)

    def before(self) -> "Period":
        """The period of the same unit that ends where this one starts."""
        return fiscal_period(self.start - timedelta(days=1), self.unit, self.calendar)

    def earlier(self, n: int) -> list["Period"]:
        """The ``n`` periods of the same unit before this one, the latest first.

        >>> [period.name for period in fiscal_quarter(date(2026, 5, 1), start_month=1).earlier(2)]
        ['FY2026 Q1', 'FY2025 Q4']
        """
        found = [self]
        for _ in range(n):
            found.append(found[-1].before())
        return found[1:]


def fiscal_period(day: date, unit: Unit, calendar: FiscalCalendar) -> Period:
    """Return the fiscal year, quarter, month or week that holds ``day``.

    A fiscal year is named after the calendar year in which its twelfth month ends, as most companies do. Weeks
    are numbered in years of weeks, where they share no month or year; in years of months they are named by their day.

    >>> retail = FiscalCalendar(start_month=2, pattern="4-5-4", week_start="sunday")
    >>> for unit in ("year", "quarter", "month", "week"):
    ...     period = fiscal_period(date(2026, 11, 16), unit, retail)
    ...     print(period.name, period.start, period.end)
    FY2027 2026-02-01 2027-01-31
    FY2027 Q4 2026-11-01 2027-01-31
    FY2027 M10 2026-11-01 2026-11-29
    FY2027 W42 2026-11-15 2026-11-22
    """
    year = year_of(calendar, day)
    starts = month_starts(calendar, year)
    if unit == "week":
        return _week(day, year, starts[0], calendar)
    step = {"year": 12, "quarter": 3, "month": 1}[unit]
    number = (bisect_right(starts, day) - 1) // step
    name = {"year": "", "quarter": f" Q{number + 1}", "month": f" M{number + 1:02}"}[unit]
    return Period(f"FY{year}{name}", starts[number * step], starts[(number + 1) * step], unit, calendar)


def _week(day: date, year: int, first: date, calendar: FiscalCalendar) -> Period:
    start = week_start(calendar, day)
    named = f"Week of {start}" if calendar.pattern == MONTHS else f"FY{year} W{(start - first).days // 7 + 1:02}"
    return Period(named, start, start + timedelta(weeks=1), "week", calendar)


def fiscal_quarter(day: date, start_month: int) -> Period:
    """Return the fiscal quarter that holds ``day``, for a year that starts on the first of ``start_month`` (1 to 12).

    >>> period = fiscal_quarter(date(2026, 11, 16), start_month=4)
    >>> period.name, period.start.isoformat(), period.end.isoformat()
    ('FY2027 Q3', '2026-10-01', '2027-01-01')
    >>> period.next().next().name
    'FY2028 Q1'
    """
    return fiscal_period(day, "quarter", FiscalCalendar(start_month))


def fiscal_calendar(calendar: pd.DataFrame) -> FiscalCalendar:
    """Return how the company counts its years, from table ``calendar``; months from January where it does not say.

    Raises
    ------
    SettingsError
        A setting has a value that it cannot have.

    Examples
    --------
    >>> rows = [("fiscal_year_start_month", "2"), ("fiscal_pattern", "4-5-4"), ("week_start", "sunday")]
    >>> fiscal_calendar(pd.DataFrame(rows, columns=["setting", "value"]))
    FiscalCalendar(start_month=2, pattern='4-5-4', week_start='sunday', year_rule='nearest')
    """
    months = [str(month) for month in range(1, 13)]
    return FiscalCalendar(
        int(_setting(calendar, "fiscal_year_start_month", months, str(USUAL.start_month))),
        _setting(calendar, "fiscal_pattern", list(PATTERNS), USUAL.pattern),
        _setting(calendar, "week_start", WEEKDAYS, USUAL.week_start),
        _setting(calendar, "fiscal_year_rule", YEAR_RULES, USUAL.year_rule),
    )


def _setting(calendar: pd.DataFrame, name: str, choices: Sequence[str], usual: str) -> str:
    """The last value given for a setting, or the usual one."""
    values = calendar.loc[calendar["setting"] == name, "value"]
    value = str(values.iloc[-1]).strip().lower() if len(values) else usual
    if value not in choices:
        raise SettingsError(f'{name} in table calendar is "{value}"; it may be {", ".join(choices)}.')
    return value


def quarter_starts(first: date, last: date, calendar: FiscalCalendar) -> list[date]:
    """Return the first day of every quarter from the one that holds ``first`` to the one after that of ``last``.

    So the quarter of each day from ``first`` to ``last`` ends at the next of these after it.

    >>> [str(day) for day in quarter_starts(date(2026, 5, 1), date(2026, 7, 1), FiscalCalendar())]
    ['2026-04-01', '2026-07-01', '2026-10-01']
    """
    period = fiscal_period(first, "quarter", calendar)
    starts = [period.start]
    while starts[-1] <= last:
        starts.append(period.end)
        period = period.next()
    return starts


def this_and_next_quarter(as_of: datetime, calendar: pd.DataFrame) -> list[Period]:
    """Return the fiscal quarter that holds ``as_of`` (its day in UTC) and the one after it."""
    period = fiscal_period(as_of.date(), "quarter", fiscal_calendar(calendar))
    return [period, period.next()]
