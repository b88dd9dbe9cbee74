"""Rates of few deals, honestly: their bounds, and each pulled towards what is usual as far as chance explains it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import beta, betabinom

CONFIDENCE = 0.95
"""How often the true rate lies within the bounds: nineteen times in twenty, as single people are named by them."""
_STRENGTHS = np.geomspace(1, 1_000, 31)
"""How many deals' worth of the usual rate a group may be mixed with; at 1,000 all groups are as good as alike."""


def rate_bounds(
    hits: NDArray[np.float64], n: NDArray[np.float64], confidence: float = CONFIDENCE
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the bounds of rates by Jeffreys' interval (Brown, Cai and DasGupta, 2001), 0 to 1 where ``n`` is 0.

    ``n`` need not be whole: weighted cases tell as much as fewer equal ones.

    >>> low, high = rate_bounds(np.array([0.0, 5.0, 0.0]), np.array([10.0, 10.0, 0.0]))
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.0, 0.224, 0.0], [0.217, 0.776, 1.0])
    """
    hits, n, tail = np.asarray(hits, np.float64), np.asarray(n, np.float64), (1 - confidence) / 2
    low = beta.ppf(tail, hits + 0.5, n - hits + 0.5)
    high = beta.ppf(1 - tail, hits + 0.5, n - hits + 0.5)
    return np.where(hits == 0, 0.0, low), np.where(hits == n, 1.0, high)


def as_many_alike(weight: NDArray) -> float:
    """Return how many cases of equal weight would tell as much as those of these weights (Kish, 1965).

    >>> as_many_alike(np.array([1.0, 1.0, 2.0])).__round__(2)
    2.67
    """
    weight = np.asarray(weight, np.float64)
    return float(weight.sum() ** 2 / (weight @ weight))


def shrunken(hits: NDArray[np.float64], n: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each group's rate mixed with the rate of all groups, NaN where no group has any.

    The rates of groups are taken to come from one beta distribution around that of all; the strength of the mixing is
    the one that makes what was seen likeliest (empirical Bayes; Casella, 1985). Groups that differ no more
    than by chance all get the usual rate, or nearly so.

    >>> shrunken(np.array([1.0, 50.0]), np.array([1.0, 500.0])).round(2).tolist()
    [0.1, 0.1]
    """
    hits, n = np.asarray(hits, np.float64), np.asarray(n, np.float64)
    if n.sum() == 0:
        return np.full(len(n), np.nan)
    usual = hits.sum() / n.sum()
    if usual in (0.0, 1.0):
        return np.full(len(n), usual)
    seen = n > 0
    alpha, rest = usual * _STRENGTHS[:, None], (1 - usual) * _STRENGTHS[:, None]
    likelihood = betabinom.logpmf(hits[seen], n[seen], alpha, rest).sum(axis=1)
    strength = _STRENGTHS[int(np.argmax(likelihood))]
    return (hits + strength * usual) / (n + strength)


def with_rate(rows: pd.DataFrame, name: str, hits: str, n: str, within: Sequence[str]) -> pd.DataFrame:
    """Return the rows with a rate as ``{name}_rate``, its bounds ``_low`` and ``_high``, and ``_pooled``.

    Each is NaN where there is nothing to tell it from. ``within`` names the columns that make the groups in
    which rows are pooled with each other, such as the level.
    """
    some = rows[n] > 0
    low, high = rate_bounds(rows[hits].to_numpy(), rows[n].to_numpy())
    pooled = pd.Series(np.nan, rows.index)
    for place in rows.groupby(list(within), sort=False).indices.values():
        pooled.iloc[place] = shrunken(rows[hits].to_numpy()[place], rows[n].to_numpy()[place])
    found = {"rate": rows[hits] / rows[n].where(some), "low": low, "high": high, "pooled": pooled}
    return rows.assign(**{f"{name}_{what}": pd.Series(one, rows.index).where(some) for what, one in found.items()})
