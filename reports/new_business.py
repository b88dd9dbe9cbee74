"""Business not yet created: a random number of deals, each of a random amount, on top of those that are open."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log1p, sqrt

import numpy as np
from numpy.typing import NDArray

NODES = np.arange(-48, 49) * 0.1
"""Nodes of the amounts' distribution, in standard deviations of their logarithm."""


@dataclass(frozen=True)
class NewBusiness:
    """Deals that are yet to be created and to be won in the period: a compound Poisson sum with lognormal amounts.

    Attributes
    ----------
    n_won : how many are expected to be won; the number is Poisson
    amount : what one brings on average, in cents
    spread : standard deviation of what one brings, relative to ``amount``
    """

    n_won: float
    amount: float
    spread: float

    def __post_init__(self) -> None:
        for name in ("n_won", "spread"):
            if not 0 <= getattr(self, name) < inf:
                raise ValueError(f"The {name} of new business must be 0 or more; it was {getattr(self, name)}.")

    @property
    def mean(self) -> float:
        """What is expected of all of them, in cents."""
        return self.n_won * self.amount

    @property
    def variance(self) -> float:
        """In square cents."""
        return self.n_won * self.amount**2 * (1 + self.spread**2)

    @property
    def third(self) -> float:
        """Third central moment, in cubic cents."""
        return self.n_won * self.amount**3 * (1 + self.spread**2) ** 3


def new_business_of(mean: float, variance: float, spread: float) -> NewBusiness | None:
    """Return the new business that has this mean and variance, with amounts of this relative spread; None for none.

    >>> new = new_business_of(mean=90_000.0, variance=1.2e9, spread=1.0)
    >>> round(new.n_won, 2), round(new.amount, 2), round(new.mean, 2), round(new.variance)
    (13.5, 6666.67, 90000.0, 1200000000)
    """
    if mean == 0 and variance == 0:
        return None
    if mean == 0 or variance <= 0:
        raise ValueError(f"New business needs a mean and a variance; they were {mean} and {variance}.")
    amount = variance / (mean * (1 + spread**2))
    return NewBusiness(mean / amount, amount, spread)


def together(parts: Sequence[NewBusiness]) -> NewBusiness | None:
    """Return the new business of several groups as one: number, mean and variance are their sums; None for none.

    >>> both = together([NewBusiness(3.0, 100.0, 0.5), NewBusiness(1.0, 300.0, 0.0)])
    >>> both.n_won, both.mean, round(both.variance)
    (4.0, 600.0, 127500)
    """
    n_won = sum(part.n_won for part in parts)
    if len(parts) < 2 or n_won == 0:
        return parts[0] if parts else None
    amount = sum(part.mean for part in parts) / n_won
    square = sum(part.variance for part in parts) / n_won / amount**2 if amount else 1.0
    return NewBusiness(n_won, amount, sqrt(max(0.0, square - 1)))


def amounts_of(new: NewBusiness) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return amounts that stand for the distribution of one deal's, and the probability of each."""
    if new.spread == 0:
        return np.array([new.amount]), np.ones(1)
    share = np.exp(-0.5 * NODES**2)
    share /= share.sum()
    factor = np.exp(sqrt(log1p(new.spread**2)) * NODES)
    return new.amount * factor / (share @ factor), share


def nothing_won(new: NewBusiness | None) -> float:
    """P(none of them is won in the period)."""
    return exp(-new.n_won) if new else 1.0
