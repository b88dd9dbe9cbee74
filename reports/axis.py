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


def axis_ticks(largest: float) -> list[float]:
    """Return round numbers from 0 to at least ``largest``, about five of them.

    >>> axis_ticks(870_000.0), axis_ticks(0.0)
    ([0.0, 200000.0, 400000.0, 600000.0, 800000.0, 1000000.0], [0.0, 1.0])
    """
    if largest <= 0:
        return [0.0, 1.0]
    step = round_step(largest)
    return [step * number for number in range(math.ceil(largest / step - 1e-9) + 1)]
