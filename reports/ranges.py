"""The range of a forecast and the chance to reach a quota, made wider by what a backtest measured."""

import numpy as np

from reports.money_quantiles import MoneySum, chance_to_reach, quantiles, steps

QUANTILES = {"p10": 0.1, "p50": 0.5, "p90": 0.9}
_LEVELS = np.array(list(QUANTILES.values()))
NOTHING = steps(np.zeros(1), np.ones(1))
"""The distribution of what can bring nothing any more."""


def span(money: MoneySum, closed: float, factor: float = 1.0) -> list[float]:
    """Return ``QUANTILES`` of what is won already and what is to come, in cents.

    With a ``factor`` the outer two lie so many times as far from the middle, though none falls below both what it was
    and what is won already.

    >>> coin = steps(np.array([0.0, 100.0]), np.array([0.5, 0.5]))
    >>> span(coin, 1000.0)
    [1000.0, 1000.0, 1100.0]
    >>> span(coin, 1000.0, 1.5)
    [1000.0, 1000.0, 1150.0]
    """
    places = [float(place) + closed for place in quantiles(money, _LEVELS)]
    middle = places[1]
    return [max(min(place, closed), middle + factor * (place - middle)) for place in places]


def reach_probability(money: MoneySum, closed: float, quota: float, factor: float = 1.0) -> float:
    """Return P(what is won already and what is to come reach ``quota``), in cents; NaN without a quota.

    It is that of the distribution whose quantiles ``span`` gives: with a ``factor`` every outcome lies so many times
    as far from the middle, though no outcome falls below both what it was and what is won already.

    >>> coin = steps(np.array([0.0, 100.0]), np.array([0.7, 0.3]))
    >>> reach_probability(coin, 50.0, 150.0)
    0.3
    >>> reach_probability(coin, 50.0, 190.0, 1.5)
    0.3
    """
    if np.isnan(quota):
        return np.nan
    missing = quota - closed
    if factor == 1:  # to the cent: a step may lie just there
        return chance_to_reach(money, missing)
    middle = float(quantiles(money, [0.5])[0])
    scaled = middle + (missing - middle) / factor
    return chance_to_reach(money, scaled if missing > 0 else min(missing, scaled))
