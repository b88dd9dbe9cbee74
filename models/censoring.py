"""Deals that are still open: how those that have closed stand for them, and when enough have to be judged by."""

import numpy as np

from features.facts import FloatColumn

MAXIMUM_WEIGHT = 10.0
"""A slow deal stands for at most this many like it that were cut off; more would be noise."""


def weights_of_closed(days_to_close: FloatColumn, days_seen: FloatColumn) -> FloatColumn:
    """Return weights that let closed deals stand for those like them that were still open at the cut-off.

    A deal that took ``t`` days is seen closed only from instants at least ``t`` days before the cut-off; its weight
    is one over the share of the instants for which that holds. Each instant's time to the cut-off is known, so
    that share needs no estimate. (Inverse probability of censoring weighting; Robins, 1993.)

    Parameters
    ----------
    days_to_close
        From each instant to its deal's closing; NaN where it was still open at the cut-off.
    days_seen
        From each instant to the cut-off.

    Returns
    -------
    array, aligned with both
        0 for a deal that is still open, otherwise from 1 to ``MAXIMUM_WEIGHT``.

    Examples
    --------
    Fifteen days can be seen from two instants of three, five days from each:

    >>> weights_of_closed(np.array([15.0, np.nan, 5.0]), np.array([30.0, 20.0, 10.0])).round(9).tolist()
    [1.5, 0.0, 1.0]
    """
    closed = ~np.isnan(days_to_close)
    weights = np.zeros(len(days_to_close))
    if closed.any():
        share = 1 - np.searchsorted(np.sort(days_seen), days_to_close[closed], side="left") / len(days_seen)
        weights[closed] = np.minimum(1 / np.maximum(share, 1e-9), MAXIMUM_WEIGHT)
    return weights


def days_until_closed(days_to_close: FloatColumn, days_seen: FloatColumn, share: float) -> float:
    """Return the days by which such a share of deals has closed; NaN where nobody was watched for long enough to tell.

    Deals that are still open count for as long as they were seen (Kaplan and Meier, 1958).

    Examples
    --------
    Of four deals one closed after 10 days; one was seen for 20 only; of the two left one closed after 30:

    >>> to_close, seen = np.array([10.0, np.nan, 30.0, np.nan]), np.array([60.0, 20.0, 60.0, 60.0])
    >>> days_until_closed(to_close, seen, 0.25), days_until_closed(to_close, seen, 0.6)
    (10.0, 30.0)
    >>> days_until_closed(to_close, seen, 0.8)
    nan
    """
    ended = np.where(np.isnan(days_to_close), days_seen, days_to_close)
    days, place = np.unique(ended, return_inverse=True)
    n_closed = np.bincount(place, ~np.isnan(days_to_close), len(days))
    n_watched = len(ended) - np.append(0, np.cumsum(np.bincount(place, minlength=len(days))))[:-1]
    closed = 1 - np.cumprod(1 - n_closed / np.maximum(n_watched, 1))
    reached = np.flatnonzero(closed >= share - 1e-12)
    return float(days[reached[0]]) if len(reached) else float("nan")
