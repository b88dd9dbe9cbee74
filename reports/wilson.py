"""How far a share of few cases may be off."""

import math


def wilson(share: float, n: float, z: float = 1.96) -> tuple[float, float]:
    """Return the lowest and highest true share, in [0, 1], of which ``share`` of ``n`` cases may well have come.

    The score interval of Wilson (1927): it holds for few cases, and for shares of 0 and 1. With the usual ``z`` it
    holds the truth 95 times in 100.

    >>> [round(bound, 2) for bound in wilson(0.0, 10)], [round(bound, 2) for bound in wilson(0.6, 1_000)]
    ([0.0, 0.28], [0.57, 0.63])
    """
    if n <= 0:
        return 0.0, 1.0
    spread = z**2 / n
    middle = share + spread / 2
    reach = z * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    return max((middle - reach) / (1 + spread), 0.0), min((middle + reach) / (1 + spread), 1.0)
