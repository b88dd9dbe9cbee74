"""The range of a forecast and the chance to reach a quota, made wider by what a backtest measured."""

import numpy as np

from reports.forecast_learned import Width
from reports.money_quantiles import MoneySum, chance_to_reach, quantiles, steps

QUANTILES = {"p10": 0.1, "p50": 0.5, "p90": 0.9}
_LEVELS = np.array(list(QUANTILES.values()))
NOTHING = steps(np.zeros(1), np.ones(1))
"""The distribution of what can bring nothing any more."""


def span(money: MoneySum, closed: float, width: Width | None = None) -> list[float]:
    """Return ``QUANTILES`` of what is won already and what is to come, in cents.

    With a ``width`` the outer two lie so many times as far from the middle, though no lower than can be.

    >>> coin = steps(np.array([0.0, 100.0]), np.array([0.5, 0.5]))
    >>> span(coin, 1000.0)
    [1000.0, 1000.0, 1100.0]
    >>> span(coin, 1000.0, Width(factor=1.5, coverage=0.8, n_outcomes=40))
    [1000.0, 1000.0, 1150.0]
    """
    low, middle, high = (float(place) + closed for place in quantiles(money, _LEVELS))
    if width is None:
        return [low, middle, high]
    least = min(low, closed)
    return [max(least, middle - width.factor * (middle - low)), middle, middle + width.factor * (high - middle)]


def reach_probability(money: MoneySum, closed: float, quota: float, width: Width | None = None) -> float:
    """Return P(what is won already and what is to come reach ``quota``), in cents; NaN without a quota.

    >>> reach_probability(steps(np.array([0.0, 100.0]), np.array([0.7, 0.3])), 50.0, 150.0)
    0.3
    """
    if np.isnan(quota):
        return np.nan
    missing = quota - closed
    if width is not None and missing > 0:
        middle = float(quantiles(money, [0.5])[0])
        missing = middle + (missing - middle) / width.factor
    return chance_to_reach(money, missing)
