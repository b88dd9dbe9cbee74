"""Where fiscal years, quarters and months start: on the first of months, or after whole weeks (4-4-5 and its kin).

A year of weeks has 52 of them, in quarters of 13; the pattern says how a quarter's weeks are shared among its months.
As 364 days are not a year, every fifth or sixth year has a 53rd week, which goes to its last month.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, timedelta

MONTHS = "months"
PATTERNS = {MONTHS: (), "4-4-5": (4, 4, 5), "4-5-4": (4, 5, 4), "5-4-4": (5, 4, 4)}
"""How a year is shared out, by name: by months of the calendar, or by weeks."""

NEAREST, LAST = "nearest", "last"
YEAR_RULES = (NEAREST, LAST)
"""A year of weeks starts on the start of a week: the nearest to the first of its month, or the last not after it."""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class FiscalCalendar:
    """How a company counts its years.

    Attributes
    ----------
    start_month : 1 to 12, in or near whose first day the year starts
    pattern : one of ``PATTERNS``
    week_start : one of ``WEEKDAYS``
    year_rule : one of ``YEAR_RULES``; does not matter for years of months
    """

    start_month: int = 1
    pattern: str = MONTHS
    week_start: str = "monday"
    year_rule: str = NEAREST


def year_start(calendar: FiscalCalendar, year: int) -> date:
    """Return the first day of a fiscal year, which is named after the calendar year in which its twelfth month ends.

    >>> year_start(FiscalCalendar(2, "4-5-4", "sunday"), 2027).isoformat()
    '2026-02-01'
    >>> year_start(FiscalCalendar(1, "4-4-5", "monday"), 2026).isoformat()
    '2025-12-29'
    """
    first = date(year - (calendar.start_month > 1), calendar.start_month, 1)
    if calendar.pattern == MONTHS:
        return first
    into_week = (first.weekday() - WEEKDAYS.index(calendar.week_start)) % 7
    ahead = calendar.year_rule == NEAREST and into_week > 3
    return first + timedelta(days=7 * ahead - into_week)


def month_starts(calendar: FiscalCalendar, year: int) -> list[date]:
    """Return the first days of the twelve months of a fiscal year, and of the next year.

    >>> weeks = month_starts(FiscalCalendar(1, "4-4-5"), 2026)
    >>> [(late - early).days // 7 for early, late in zip(weeks, weeks[1:])]
    [4, 4, 5, 4, 4, 5, 4, 4, 5, 4, 4, 6]
    """
    start, end = year_start(calendar, year), year_start(calendar, year + 1)
    if calendar.pattern == MONTHS:
        return [months_later(start, months) for months in range(13)]
    starts = [start]
    for weeks in PATTERNS[calendar.pattern] * 4:
        starts.append(starts[-1] + timedelta(weeks=weeks))
    return [*starts[:12], end]


def year_of(calendar: FiscalCalendar, day: date) -> int:
    """Return the fiscal year that holds a day.

    >>> year_of(FiscalCalendar(1, "4-4-5"), date(2025, 12, 29))
    2026
    """
    years = range(day.year - 1, day.year + 3)
    return years[bisect_right([year_start(calendar, year) for year in years], day) - 1]


def week_start(calendar: FiscalCalendar, day: date) -> date:
    """Return the first day of the week that holds a day.

    >>> week_start(FiscalCalendar(week_start="sunday"), date(2026, 11, 21)).isoformat()
    '2026-11-15'
    """
    return day - timedelta(days=(day.weekday() - WEEKDAYS.index(calendar.week_start)) % 7)


def months_later(first_of_month: date, months: int) -> date:
    """Return the first of the month so many months later."""
    year, month = divmod(first_of_month.year * 12 + first_of_month.month - 1 + months, 12)
    return date(year, month + 1, 1)
