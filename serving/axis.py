"""Round numbers along the axes of charts."""

import math

_TICKS = 5


def axis_ticks(largest: float) -> list[float]:
    """Return round numbers from 0 to at least ``largest``, about five of them.

    Examples
    --------
    >>> axis_ticks(870_000.0)
    [0.0, 200000.0, 400000.0, 600000.0, 800000.0, 1000000.0]
    >>> axis_ticks(0.0)
    [0.0, 1.0]
    """
    if largest <= 0:
        return [0.0, 1.0]
    rough = largest / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [step * number for number in range(math.ceil(largest / step - 1e-9) + 1)]
