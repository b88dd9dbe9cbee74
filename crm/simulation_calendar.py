"""The calendar of the demo CRM: which days are worked, how briskly, and when quarters push deals to a close.

Days are counted from 1970-01-01 (day 0), so that an instant in UTC microseconds divided by a day's microseconds is its
day. Everything here is known in advance to everybody, the oracle included.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

DAY_US = 86_400_000_000
EPOCH = date(1970, 1, 1)

WEEKDAY_PACE = (0.90, 1.10, 1.12, 1.05, 0.83, 0.0, 0.0)
MONTH_PACE = (0.95, 1.0, 1.05, 1.0, 1.0, 1.05, 0.85, 0.70, 1.10, 1.05, 1.05, 0.80)
# New business comes with the budget year and after the summer.
MONTH_CREATION = (1.25, 1.15, 1.05, 0.95, 1.0, 0.95, 0.75, 0.65, 1.25, 1.15, 1.05, 0.60)
QUARTER_END_RUSH, QUARTER_START_LULL = 2.2, 0.75
RUSH_DAYS, LULL_DAYS = 10, 12
HOLIDAYS = ((1, 1), (5, 1), (12, 25), (12, 26))


@dataclass(frozen=True)
class Calendar:
    """Known factors of a run of days, one element per day from ``first`` on.

    Attributes
    ----------
    first : day number of the first element
    working : whether anything can happen on the day
    pace : factor on all activity and movement; 0 on days not worked
    closing : further factor on being won or lost, high at the end of a quarter
    cleanup : whether managers close forgotten deals in bulk that evening
    creation : relative number of deals created on the day; 0 on days not worked
    """

    first: int
    working: np.ndarray
    pace: np.ndarray
    closing: np.ndarray
    cleanup: np.ndarray
    creation: np.ndarray

    @property
    def stop(self) -> int:
        """Day number after the last element."""
        return self.first + len(self.working)


def day_number(day: date) -> int:
    """Days from 1970-01-01 to ``day``.

    >>> day_number(date(1970, 2, 1))
    31
    """
    return (day - EPOCH).days


def working_calendar(first: int, stop: int) -> Calendar:
    """Compute the factors of the days ``first`` to ``stop`` (excluded).

    >>> calendar = working_calendar(day_number(date(2026, 3, 27)), day_number(date(2026, 4, 1)))
    >>> calendar.working.tolist(), calendar.cleanup.tolist()
    ([True, False, False, True, True], [False, False, False, False, True])
    """
    days = [EPOCH + timedelta(n) for n in range(first, stop)]
    weekday = np.array([day.weekday() for day in days])
    month = np.array([day.month - 1 for day in days])
    holiday = np.array([(day.month, day.day) in HOLIDAYS for day in days])
    working = (weekday < 5) & ~holiday
    to_quarter_end = np.array([(_next_quarter(day) - day).days for day in days])
    since_quarter_start = np.array([(day - _quarter(day)).days for day in days])
    rush = np.where(to_quarter_end <= RUSH_DAYS, QUARTER_END_RUSH, 1.0)
    lull = np.where(since_quarter_start < LULL_DAYS, QUARTER_START_LULL, 1.0)
    pace = np.take(WEEKDAY_PACE, weekday) * working
    return Calendar(
        first=first,
        working=working,
        pace=pace * np.take(MONTH_PACE, month),
        closing=rush * lull,
        cleanup=np.array([_is_last_working_day(day) for day in days]),
        creation=pace * np.take(MONTH_CREATION, month),
    )


def _quarter(day: date) -> date:
    """First day of the quarter of ``day``."""
    return date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)


def _next_quarter(day: date) -> date:
    return _quarter(_quarter(day) + timedelta(100))


def _is_last_working_day(day: date) -> bool:
    """Whether ``day`` is the last day from Monday to Friday of its quarter (no holiday ends a quarter)."""
    last = _next_quarter(day) - timedelta(1)
    return day == last - timedelta(max(0, last.weekday() - 4))
