"""What open deals bring in, month by month, if they are won: on days yet unknown, in parts that fall due one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.payment_terms import Due, due_days
from crm.working_days import Days
from reports.forecast_deals import chances_within
from reports.payment_schedules import Schedules

_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class OpenReceipts:
    """Of each open deal, as shares of what it is worth; every array has a row per deal.

    Attributes
    ----------
    before : expected to come before each bound of the months, shape (n_deals, n_months + 1)
    chance : P(some of it comes in the month), shape (n_deals, n_months)
    share : how much then comes on average
    spread : standard deviation of that relative to ``share``; 0 where it comes all at once
    """

    before: NDArray[np.float64]
    chance: NDArray[np.float64]
    share: NDArray[np.float64]
    spread: NDArray[np.float64]


def first_closings(dues: Sequence[Due], bounds: Days, off: Days) -> Days:
    """Return, for each way in which money is due, the first closing day on or after ``bounds[0]`` that is due by each.

    So what is won from one of these days to before the next is due in the span between the two bounds.

    Returns
    -------
    array of shape (n_dues, n_bounds)

    Examples
    --------
    >>> bounds = np.array(["2026-11-16", "2026-12-01", "2027-01-01"], "M8[D]")
    >>> first_closings([Due(30)], bounds, np.empty(0, "M8[D]")).astype(str).tolist()
    [['2026-11-16', '2026-11-16', '2026-12-02']]
    """
    closed = np.arange(bounds[0], bounds[-1] + _DAY)
    places = [np.searchsorted(due_days(due, closed, off), bounds) for due in dues]
    return closed[np.array(places, np.int64).reshape(len(dues), len(bounds))]


def open_receipts(win_within: pd.Series, paid: Schedules, closings: Days, as_of: datetime) -> OpenReceipts:
    """Return what comes of open deals in the months between bounds.

    Parameters
    ----------
    win_within
        As in table ``scores``; missing for a deal that was not scored, of which nothing is expected.
    closings
        ``first_closings(paid.dues, bounds, ...)`` of the months' bounds, the first of which is the day of ``as_of``.
    """
    cuts, place = np.unique(closings, return_inverse=True)
    place = place.reshape(closings.shape)
    won_by = chances_within(win_within, np.maximum((cuts - _naive(as_of)) / _DAY, 0.0).tolist())
    before = np.zeros((len(win_within), closings.shape[1]))
    for due in range(len(paid.dues)):
        before += paid.share[:, [due]] * won_by[:, place[due]]
    within = np.diff(won_by, axis=1)
    months = [_of_month(within, paid.share, place[:, month], place[:, month + 1]) for month in range(len(before.T) - 1)]
    chance, share, spread = (np.column_stack(one) for one in zip(*months, strict=True))
    return OpenReceipts(before, chance, share, spread)


def _of_month(
    within: NDArray[np.float64], share: NDArray[np.float64], first: NDArray[np.int64], end: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Chance, mean share and its spread in one month: a deal is won between two cuts, and so much of it then comes."""
    cut = np.arange(within.shape[1])[:, None]
    falls_due = (first <= cut) & (cut < end)
    some = falls_due.any(axis=1)
    comes, p = share @ falls_due[some].T, within[:, some]
    # Beside next to no chance of anything, that of nothing would be endlessly large.
    p = np.where(comes > 0, p, 0.0)
    chance = p.sum(axis=1)
    of_what_comes = p / np.where(chance > 0, chance, 1.0)[:, None]
    mean, square = (of_what_comes * comes).sum(axis=1), (of_what_comes * comes**2).sum(axis=1)
    variance = square / np.where(mean > 0, mean, 1.0) ** 2 - 1
    # A rounding error is no spread: what comes at once is to keep its step.
    return np.clip(chance, 0, 1), mean, np.sqrt(np.where(variance > 1e-9, variance, 0.0))


def _naive(instant: datetime) -> np.datetime64:
    return np.datetime64(instant.replace(tzinfo=None))
