"""How far forecasts of money were off, as shares of what came: so small and large groups can be compared."""

import numpy as np
from numpy.typing import NDArray


def wape(forecast: NDArray, actual: NDArray) -> float:
    """Sum of absolute errors over the sum of what came; NaN where nothing came.

    >>> wape(np.array([8.0, 11.0]), np.array([10.0, 10.0]))
    0.15
    """
    return share_of_what_came(np.abs(forecast - actual), actual)


def bias(forecast: NDArray, actual: NDArray) -> float:
    """Sum of forecast minus actual, over what came: above 0 the forecasts were too high.

    >>> bias(np.array([8.0, 11.0]), np.array([10.0, 10.0]))
    -0.05
    """
    return share_of_what_came(forecast - actual, actual)


def share_of_what_came(part: NDArray, actual: NDArray) -> float:
    """Sum of ``part`` over the sum of what came, whatever its sign; NaN where nothing came."""
    came = float(np.abs(actual).sum())
    return round(float(part.sum()) / came, 12) if came else float("nan")
