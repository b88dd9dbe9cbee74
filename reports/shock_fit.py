"""How large the common shock is, learned from past periods: what was expected, how much luck it had, what came.

Deals won by luck alone miss the expected sum by their own variance. What periods miss beyond it is the shock's: moving
all log-odds by ``m`` moves the sum by about ``m * sum of p (1 - p) a``, so that to second order

    actual - expected ~ Normal(0, luck variance + (scale * response * expected)^2),

with ``response = sum of p (1 - p) a / sum of p a``. Few periods say little, so the likelihood is weighed with a
half-normal prior (Gelman 2006 on priors for group-level deviations), and what stays uncertain goes into the forecast:
the move is then a mixture over the posterior of the scale, held as the Student-t of the same variance and kurtosis.
"""

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reports.shocks import Shock

PRIOR_SCALE = 0.3
"""Of the half-normal prior, in log-odds: a quarter that moves a 20 % chance to 25 % is usual, to 40 % unheard of."""

SCALES = np.linspace(0, 2, 2001)
"""Scales that are weighed against each other."""

NEARLY_NORMAL = 200.0
"""From so many degrees of freedom on a Student-t is taken as normal."""


@dataclass(frozen=True)
class ShockFit:
    """What past periods say of the shock.

    Attributes
    ----------
    shock : to forecast with; wider than ``scale`` alone where the periods are few
    scale : the posterior's median
    low, high : between which it lies with 80 %
    n_periods : how many periods it was learned from; with none it is the prior
    """

    shock: Shock
    scale: float
    low: float
    high: float
    n_periods: int


def fit_shock(
    expected: ArrayLike, variance: ArrayLike, actual: ArrayLike, response: ArrayLike = 1.0, prior: float = PRIOR_SCALE
) -> ShockFit:
    """Learn the scale of the shock from past periods; one element per period, all in the same unit of money.

    Parameters
    ----------
    expected
        What was expected, when it was forecast, of the deals then open.
    variance
        Of it by luck, without any shock: the sum of ``p (1 - p) a^2``.
    actual
        What these deals brought in the period.
    response
        ``sum of p (1 - p) a / sum of p a``: by which share the sum moves per unit of log-odds.
    prior
        Scale of the half-normal prior.

    Raises
    ------
    ValueError
        A figure is missing, or a variance is negative; the text says of which period.

    Examples
    --------
    >>> fit = fit_shock([100, 120, 90, 110], [9, 9, 9, 9], [120, 90, 95, 140], response=0.8)
    >>> round(fit.scale, 2), fit.n_periods
    (0.28, 4)
    """
    columns = np.broadcast_arrays(*(np.asarray(one, np.float64) for one in (expected, variance, actual, response)))
    mean, luck, came, moved = (np.atleast_1d(one) for one in columns)
    wrong = np.flatnonzero(~np.isfinite(mean + luck + came + moved) | (luck < 0))
    if len(wrong):
        raise ValueError(f"Period {wrong[0]} (counted from 0) lacks a figure, or its variance is negative.")
    # A period of which nothing could be expected, or without luck and without a miss, says nothing.
    told = (luck > 0) & (moved * mean != 0)
    posterior = _posterior(mean[told], luck[told], came[told], moved[told], prior)
    upto = np.cumsum(posterior)
    low, middle, high = (float(SCALES[np.searchsorted(upto, level)]) for level in (0.1, 0.5, 0.9))
    return ShockFit(_predictive(posterior), middle, low, high, int(told.sum()))


def _posterior(mean: NDArray, luck: NDArray, came: NDArray, moved: NDArray, prior: float) -> NDArray[np.float64]:
    """Probability of each of ``SCALES``."""
    total = luck + np.square(SCALES[:, None] * moved * mean)
    log_likelihood = -0.5 * (np.log(total) + np.square(came - mean) / total).sum(axis=1)
    log_posterior = log_likelihood - 0.5 * np.square(SCALES / prior)
    weight = np.exp(log_posterior - log_posterior.max())
    return weight / weight.sum()


def _predictive(posterior: NDArray[np.float64]) -> Shock:
    """The Student-t with the variance and the kurtosis of ``scale * z`` over the posterior of the scale."""
    square, fourth = float(posterior @ SCALES**2), float(posterior @ SCALES**4)
    ratio = fourth / square**2
    degrees = (4 * ratio - 2) / (ratio - 1)
    if degrees > NEARLY_NORMAL:
        return Shock(float(np.sqrt(square)), inf)
    return Shock(float(np.sqrt(square * (degrees - 2) / degrees)), degrees)
