"""What may be luck: bounds that keep a few deals from accusing an honest column.

Every bound is one-sided with 99 % confidence, so that a check of some twenty columns is rarely wrong.
"""

import math

import numpy as np

from reports.rates import rate_bounds

Z = 2.326
"""The 99th percentile of the normal distribution."""
BOTH_SIDES = 0.98
"""How sure two bounds are, each of which is 99 % sure."""


def share_bounds(n: int, of: int) -> tuple[float, float]:
    """Lowest and highest true share, in [0, 1], of which ``n`` out of ``of`` may well have come.

    It holds for few cases, and for shares of 0 and 1 (``reports/rates.py``).

    >>> [round(bound, 2) for bound in share_bounds(0, 10)]
    [0.0, 0.28]
    >>> [round(bound, 2) for bound in share_bounds(600, 1_000)]
    [0.56, 0.64]
    """
    low, high = rate_bounds(np.array([n]), np.array([of]), BOTH_SIDES)
    return float(low[0]), float(high[0])


def auc_by_luck(auc: float, n_won: int, n_lost: int) -> float:
    """The highest AUC that a column whose true AUC is ``auc`` may well show on so many deals; above 1 for very few.

    The standard error is that of Hanley and McNeil (1982), taken at ``auc``:
    ``var = (A (1 - A) + (n_won - 1) (A / (2 - A) - A²) + (n_lost - 1) (2 A² / (1 + A) - A²)) / (n_won n_lost)``.

    >>> [round(auc_by_luck(0.8, n, n), 3) for n in (5, 30, 200, 50_000)]
    [1.145, 0.934, 0.852, 0.803]
    """
    if not (n_won and n_lost):
        return math.inf
    won, lost = auc / (2 - auc) - auc**2, 2 * auc**2 / (1 + auc) - auc**2
    variance = (auc * (1 - auc) + (n_won - 1) * won + (n_lost - 1) * lost) / (n_won * n_lost)
    return auc + Z * math.sqrt(variance)
