"""The past periods that a backtest replays: fiscal quarters, or spans of whole weeks that end where a week starts."""

from datetime import date, datetime, timedelta

from crm.fiscal import USUAL, Period, fiscal_period
from crm.fiscal_years import FiscalCalendar, week_start
from training.moments import midnight

YEAR_DAYS = 364
"""Whole weeks, so that a span of weeks a year ago holds the same weekdays."""


def past_periods(since: date, until: date, *, weeks: int = 0, calendar: FiscalCalendar = USUAL) -> list[Period]:
    """Periods that lie between two days, the earliest first.

    Parameters
    ----------
    since, until : the first period starts on ``since`` or later, the last ends on ``until`` or before
    weeks : length of a period; 0 for fiscal quarters
    calendar : how the company counts its quarters, and on which day its weeks start

    Examples
    --------
    >>> [period.name for period in past_periods(date(2026, 1, 1), date(2026, 7, 15))]
    ['FY2026 Q1', 'FY2026 Q2']
    >>> [str(period.start) for period in past_periods(date(2026, 1, 1), date(2026, 3, 5), weeks=4)]
    ['2026-01-05', '2026-02-02']
    """
    if weeks:
        end = week_start(calendar, until)
        period = _span(end - timedelta(weeks=weeks), end)
    else:
        period = moved(fiscal_period(until, "quarter", calendar), -1)
        if moved(period, 1).end <= until:
            period = moved(period, 1)
    found: list[Period] = []
    while period.start >= since:
        found.insert(0, period)
        period = moved(period, -1)
    return found


def moved(period: Period, steps: int) -> Period:
    """The period of the same kind so many steps later, or earlier where ``steps`` is negative.

    >>> moved(fiscal_period(date(2026, 1, 1), "quarter", USUAL), -1).name
    'FY2025 Q4'
    """
    if not _is_quarter(period):
        days = (period.end - period.start) * steps
        return _span(period.start + days, period.end + days)
    while steps:
        day = period.end if steps > 0 else period.start - timedelta(days=1)
        period = fiscal_period(day, "quarter", period.calendar)
        steps += -1 if steps > 0 else 1
    return period


def year_before(period: Period) -> Period:
    """The same quarter of the year before; for a span of weeks the one 52 weeks earlier.

    >>> year_before(fiscal_period(date(2026, 1, 1), "quarter", USUAL)).name
    'FY2025 Q1'
    """
    if _is_quarter(period):
        return moved(period, -4)
    return _span(period.start - timedelta(days=YEAR_DAYS), period.end - timedelta(days=YEAR_DAYS))


def mondays(period: Period, weeks_before: int = 0) -> list[datetime]:
    """Every Monday 00:00 UTC in the period, and of so many weeks before it."""
    first = period.start + timedelta(days=-period.start.weekday() % 7)
    days = (period.end - first).days
    return [midnight(first + timedelta(weeks=week)) for week in range(-weeks_before, -(-days // 7))]


def _span(start: date, end: date) -> Period:
    return Period(str(start), start, end)


def _is_quarter(period: Period) -> bool:
    return period.name.startswith("FY")
