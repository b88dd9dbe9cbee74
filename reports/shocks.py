"""The common shock: a good or a bad quarter moves the chances of all deals together.

Given a latent number ``x`` with mean 0, each deal is won with log-odds ``log-odds(p) + c + scale * x``, independently
of the others; ``c`` is chosen deal by deal so that, over all ``x``, the deal is still won with its own chance ``p``.
So the shock widens what groups of deals bring, and leaves every mean where it was.

``x`` is normal where the scale is known, and Student-t with few degrees of freedom where few past periods tell it.
Integrals over it are sums over evenly spaced normal nodes: the trapezoidal rule, whose error falls exponentially in
1 / spacing (Trefethen and Weideman 2014). A spacing of 0.9 (11 nodes) is about as exact as 15 Gauss-Hermite nodes, of
which the outer four carry less than a millionth each, and finer spacings can be had where they are needed.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import exp, inf, log

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from reports.compiled import compiled

REACH = 4.5
"""Nodes lie within +/- 4.5 standard deviations; what lies beyond has a chance of 7 in a million."""

FARTHEST = 8.0
"""Log-odds are moved by no more than this, which is all or nothing: from 50 % to 0.03 or 99.97 %."""

NEVER, NEARLY = 1e-15, 1e-12
"""No deal with a chance below ``NEVER`` is ever won, and one that is nearly certain is not moved."""

COARSE = 0.9
"""Usual spacing of the nodes, in standard deviations."""


@dataclass(frozen=True)
class Shock:
    """How far all deals' log-odds move together in a period.

    Attributes
    ----------
    scale : standard deviation of the move, in log-odds; 0 for independent deals
    degrees_of_freedom : of the Student-t that the move follows, in units of ``scale``; infinite for a normal one
    """

    scale: float = 0.0
    degrees_of_freedom: float = inf

    def __post_init__(self) -> None:
        if not 0 <= self.scale < inf:
            raise ValueError(f"The scale of a shock must be 0 or more and finite; it was {self.scale}.")
        if not self.degrees_of_freedom > 2:
            raise ValueError(
                f"A shock needs more than 2 degrees of freedom to have a spread; it had {self.degrees_of_freedom}."
            )


@lru_cache(maxsize=32)
def shifts(shock: Shock, spacing: float = COARSE) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the nodes of the shock, as shifts of log-odds, and their weights, which sum to 1.

    >>> moved, weight = shifts(Shock(0.5))
    >>> len(moved), round(float(weight @ moved), 9), round(float(weight @ moved**2), 4)
    (11, 0.0, 0.25)
    >>> shifts(Shock())
    (array([0.]), array([1.]))
    """
    if shock.scale == 0:
        return np.zeros(1), np.ones(1)
    steps = int(REACH / spacing)
    z = np.arange(-steps, steps + 1) * spacing
    weight = np.exp(-0.5 * z**2)
    x = z
    if shock.degrees_of_freedom < inf:
        lower = stats.t.ppf(special.ndtr(-np.abs(z)), shock.degrees_of_freedom)
        x = -np.sign(z) * lower
    moved, weight = np.clip(shock.scale * x, -FARTHEST, FARTHEST), weight / weight.sum()
    moved.flags.writeable = weight.flags.writeable = False  # they are kept for the next call
    return moved, weight


def chances_given_shock(
    chance: NDArray[np.float64],
    shifted: NDArray[np.float64],
    weight: NDArray[np.float64],
    unmoved: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Return each deal's chance at each node of the shock; the weighted mean over the nodes is ``chance``.

    Parameters
    ----------
    chance : array of shape (n_deals,)
        In [0, 1]; 0 and 1 stay what they are.
    unmoved
        What each chance is where the shock is 0, if that is known from other nodes already; saves time only.

    Returns
    -------
    array of shape (n_deals, n_nodes)

    Examples
    --------
    >>> moved, weight = shifts(Shock(1.0))
    >>> given = chances_given_shock(np.array([0.2, 1.0]), moved, weight)
    >>> (given @ weight).round(12).tolist(), given[0, [0, 5, 10]].round(3).tolist()
    ([0.2, 1.0], [0.002, 0.161, 0.945])
    """
    chance = np.ascontiguousarray(chance, np.float64)
    start = chance if unmoved is None else np.ascontiguousarray(unmoved, np.float64)
    # By a rounding error a chance next to 1 would come out above it.
    return np.clip(_recentred(chance, start, np.exp(-shifted), np.asarray(weight)), 0, 1)


@compiled
def _recentred(chance: NDArray, start: NDArray, factor: NDArray, weight: NDArray) -> NDArray:
    """Solve for ``c``, held as ``odds = exp(-log-odds(p) - c)``, by Newton's method on the log-odds of the mean."""
    n_nodes = len(factor)
    found = np.empty((len(chance), n_nodes))
    for i in range(len(chance)):
        p = chance[i]
        if p < NEVER or p > 1 - NEARLY or n_nodes == 1:
            found[i] = p
            continue
        wanted = log(1 - p) - log(p)
        odds = (1 - start[i]) / start[i]
        for _ in range(100):
            mean = slope = 0.0
            for k in range(n_nodes):
                q = 1 / (1 + odds * factor[k])
                found[i, k] = q
                mean += weight[k] * q
                slope += weight[k] * q * (1 - q)
            if abs(mean - p) <= 1e-9 * p:
                break
            step = (wanted - log(1 - mean) + log(mean)) * mean * (1 - mean) / slope
            odds *= exp(max(-2.0, min(2.0, step)))
        # The last digits: one more step along the tangent, which keeps every chance between 0 and 1.
        for k in range(n_nodes):
            q = found[i, k]
            found[i, k] = q + q * (1 - q) * (p - mean) / slope
    return found
