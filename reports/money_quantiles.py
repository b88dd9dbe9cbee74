"""The distribution of a sum of money, and what is read off it: quantiles, and the chance to reach a quota."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from reports.compiled import compiled


@dataclass(frozen=True)
class MoneySum:
    """The distribution of a sum of money in cents: steps, and a smooth part between them.

    Attributes
    ----------
    at, share : where the steps are, ascending, and the probability of each
    start, step : the smooth part is given at ``start + k * step``
    cumulative : probability, of the smooth part alone, up to each of these places; straight lines between them
    """

    at: NDArray[np.float64]
    share: NDArray[np.float64]
    start: float
    step: float
    cumulative: NDArray[np.float64]


def steps(at: NDArray[np.float64], share: NDArray[np.float64]) -> MoneySum:
    """Return a distribution that has only steps, from places in any order; equal places become one.

    >>> steps(np.array([5.0, 0.0, 5.0]), np.array([0.2, 0.5, 0.3])).share.tolist()
    [0.5, 0.5]
    """
    places, group = np.unique(at, return_inverse=True)
    return MoneySum(places, np.bincount(group, np.maximum(share, 0)).astype(np.float64), 0.0, 1.0, np.zeros(1))


def shifted(money: MoneySum, cents: float) -> MoneySum:
    """Return the distribution with a certain sum added to it, such as what is won already.

    >>> shifted(steps(np.array([0.0, 100.0]), np.array([0.6, 0.4])), 50).at.tolist()
    [50.0, 150.0]
    """
    return replace(money, at=money.at + cents, start=money.start + cents) if cents else money


def quantiles(money: MoneySum, levels: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return, for each level, the least sum that is not exceeded with at least this probability, in cents.

    >>> quantiles(steps(np.array([0.0, 100.0]), np.array([0.6, 0.4])), [0.5, 0.6, 0.61]).tolist()
    [0.0, 0.0, 100.0]
    """
    wanted = np.asarray(levels, np.float64)
    if ((wanted <= 0) | (wanted >= 1)).any():
        raise ValueError(f"A quantile's level lies between 0 and 1; there was {wanted.tolist()}.")
    return _quantiles(money.at, money.share, money.start, money.step, money.cumulative, wanted)


def chance_to_reach(money: MoneySum, quota: float) -> float:
    """Return P(sum >= quota), a quota in cents.

    >>> chance_to_reach(steps(np.array([0.0, 100.0]), np.array([0.6, 0.4])), 100)
    0.4
    """
    above = money.share[np.searchsorted(money.at, quota) :].sum()
    return float(min(1.0, max(0.0, above + money.cumulative[-1] - _smooth(money, np.array([quota]))[0])))


def cumulative(money: MoneySum, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return P(sum <= x) at each x, in cents."""
    stepped = np.append(0, np.cumsum(money.share))[np.searchsorted(money.at, at, side="right")]
    return np.clip(stepped + _smooth(money, at), 0, 1)


def _smooth(money: MoneySum, at: NDArray[np.float64]) -> NDArray[np.float64]:
    place = (np.asarray(at, np.float64) - money.start) / money.step
    return np.interp(place, np.arange(len(money.cumulative)), money.cumulative)


@compiled
def _quantiles(at: NDArray, share: NDArray, start: float, step: float, cumulative: NDArray, levels: NDArray) -> NDArray:
    """Walk up the cells of the smooth part and the steps in them, level by level."""
    found = np.empty(len(levels))
    n_cells, n_steps = len(cumulative) - 1, len(at)
    below = np.empty(n_steps + 1)
    below[0] = 0
    for i in range(n_steps):
        below[i + 1] = below[i] + share[i]
    # Rounding must not keep the highest level from being reached.
    slack = 1e-12
    for n in range(len(levels)):
        level = levels[n] - slack
        low, high = 0, n_steps
        while low < high:  # the first step at which the level is reached
            middle = (low + high) // 2
            place = min(max((at[middle] - start) / step, 0.0), float(n_cells))
            cell = min(int(place), n_cells - 1)
            smooth = 0.0
            if n_cells:
                smooth = cumulative[cell] + (place - cell) * (cumulative[cell + 1] - cumulative[cell])
            if below[middle + 1] + smooth >= level:
                high = middle
            else:
                low = middle + 1
        stepped = below[low]
        left, right = 0, n_cells
        while left < right:  # the first cell's end at which it is reached by the steps so far and the smooth part
            middle = (left + right) // 2
            if stepped + cumulative[middle] >= level:
                right = middle
            else:
                left = middle + 1
        answer = np.inf
        if n_cells and stepped + cumulative[left] >= level:
            answer = start + left * step
            rise = cumulative[left] - cumulative[left - 1] if left else 0.0
            if rise > 0:
                answer -= step * (stepped + cumulative[left] - level) / rise
        if low < n_steps:
            answer = min(answer, at[low])
        elif answer == np.inf:
            answer = max(at[-1] if n_steps else -np.inf, start + n_cells * step if n_cells else -np.inf)
        found[n] = answer
    return found
