"""Round numbers for the axes of charts."""

import math


def round_step(span: float, most: int = 5) -> float:
    """Return the smallest of 1, 2, 5, 10, 20, ... that divides ``span`` (above 0) into at most ``most`` parts.

    >>> round_step(870_000.0), round_step(0.9), round_step(1.0)
    (200000.0, 0.2, 0.2)
    """
    rough = span / most
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
