"""On which days deals are won: by weekday, and by how far the fiscal quarter's end is, as the company's past tells."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.fiscal import USUAL, quarter_starts
from crm.fiscal_years import FiscalCalendar
from models.arithmetic import N_QUARTER_BINS, day_cells
from models.closing_calendar import day_factors

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class BusyDays:
    """How many deals are won on a day of each kind, against the usual; for the bins see ``day_cells``."""

    fiscal: FiscalCalendar = USUAL
    weekday: tuple[float, ...] = (1.0,) * 7
    to_quarter_end: tuple[float, ...] = (1.0,) * N_QUARTER_BINS

    def factors(self, first: datetime, n_days: int) -> NDArray[np.float64]:
        """The factor of each of ``n_days`` days from that of ``first`` on (UTC); 1 for a usual one."""
        weekday, quarter = day_cells(*_days(first, n_days, self.fiscal))
        return np.asarray(self.weekday)[weekday] * np.asarray(self.to_quarter_end)[quarter]


def learn_busy_days(deals: pd.DataFrame, as_of: datetime, fiscal: FiscalCalendar) -> BusyDays:
    """Learn from how many deals were open on each day before that of ``as_of``, and how many of them were won on it.

    Parameters
    ----------
    deals
        One row per deal: ``created_at``, ``closed_at`` (NaT while open) and ``won``.
    """
    if deals.empty:
        return BusyDays(fiscal)
    first = deals["created_at"].min().floor("D")
    n_days = (as_of.date() - first.date()).days

    def counted(instants: pd.Series) -> NDArray[np.float64]:
        days = (instants.dropna().dt.floor("D") - first).dt.days.to_numpy()
        return np.bincount(days[(days >= 0) & (days < n_days)], minlength=n_days).astype(np.float64)

    n_won = counted(deals.loc[deals["won"].astype(bool), "closed_at"])
    open_then = np.cumsum(counted(deals["created_at"]) - counted(deals["closed_at"])) + n_won
    weekday, quarter = day_cells(*_days(first, n_days, fiscal))
    shape, cell = (1, 7, N_QUARTER_BINS), weekday * N_QUARTER_BINS + quarter
    closed, watched = (
        np.bincount(cell, of_day, 7 * N_QUARTER_BINS).reshape(shape).astype(np.float64) for of_day in (n_won, open_then)
    )
    by_weekday, by_quarter = day_factors(closed, watched, n_days)
    return BusyDays(fiscal, tuple(by_weekday), tuple(by_quarter))


def _days(first: datetime, n_days: int, fiscal: FiscalCalendar) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Days since 1970, and the quarter ends around them."""
    start = first.date()
    days = (start - _EPOCH).days + np.arange(n_days)
    ends = quarter_starts(start, start + timedelta(days=n_days), fiscal)
    return days, np.array([(end - _EPOCH).days for end in ends])
