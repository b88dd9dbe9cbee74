"""How far forecasts of money were off: one table of measures, beside every naive rule.

All measures of money are shares of what came, so that small and large groups, and any currency, can be compared.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.interval_calibration import held
from reports.money_errors import bias, share_of_what_came, wape

OURS = "plumbline"


def pinball(quantile: NDArray, level: float, actual: NDArray) -> float:
    """Pinball loss of one quantile (Koenker and Bassett 1978) over what came; least for the true quantile.

    >>> pinball(np.array([8.0, 11.0]), 0.9, np.array([10.0, 10.0]))
    0.095
    """
    missed = actual - quantile
    return share_of_what_came(np.maximum(level * missed, (level - 1) * missed), actual)


def crps(quantiles: NDArray, levels: Sequence[float], actual: NDArray) -> float:
    """Continuous ranked probability score over what came: twice the pinball loss, on average over the levels.

    With levels in the middle of equal parts this nears the integral (Laio and Tamea 2007). For a single number, all
    of whose quantiles are that number, it is the absolute error.

    >>> crps(np.array([[8.0, 8.0]]), [0.25, 0.75], np.array([10.0]))
    0.2
    """
    return float(2 * np.mean([pinball(quantiles[:, k], level, actual) for k, level in enumerate(levels)]))


def errors(
    forecasts: pd.DataFrame, naive: Sequence[str], midpoints: Mapping[str, float], by: Sequence[str]
) -> pd.DataFrame:
    """Every measure of our forecasts and of every naive rule.

    Parameters
    ----------
    forecasts
        One row per forecast: ``actual``, ``mean``, ``p10``, ``p50``, ``p90`` as issued, ``raw_p10`` and ``raw_p90`` as
        the model gave them, the columns of ``midpoints`` (levels by name) and of ``naive`` (NaN where a rule cannot be
        used), and those of ``by``.

    Returns
    -------
    DataFrame, one row per group of ``by`` and method
        ``n`` forecasts, ``wape``, ``bias``, ``pinball`` (mean of P10, P50, P90; a rule's number stands for all
        three), ``crps``, ``coverage`` of P10 to P90 and ``raw_coverage`` before calibration. A rule that cannot be used
        on all forecasts of a group is NaN, for it would be compared on others than ours.
    """
    rows = []
    for key, own in forecasts.groupby(list(by), sort=True):
        place = dict(zip(by, key, strict=True))
        actual = own["actual"].to_numpy(np.float64)
        rows.append({**place, "method": OURS, "n": len(own), **_ours(own, actual, midpoints)})
        for rule in naive:
            said = own[rule].to_numpy(np.float64)
            point = {"wape": wape(said, actual), "bias": bias(said, actual)}
            point |= {"pinball": _pinballs(np.column_stack([said] * 3), actual), "crps": wape(said, actual)}
            rows.append({**place, "method": rule, "n": int(np.isfinite(said).sum()), **point})
    return pd.DataFrame(rows)


def _ours(own: pd.DataFrame, actual: NDArray, midpoints: Mapping[str, float]) -> dict[str, float]:
    mean = own["mean"].to_numpy(np.float64)
    raw = own.assign(p10=own["raw_p10"], p90=own["raw_p90"])
    return {
        "wape": wape(mean, actual),
        "bias": bias(mean, actual),
        "pinball": _pinballs(own[["p10", "p50", "p90"]].to_numpy(np.float64), actual),
        "crps": crps(own[list(midpoints)].to_numpy(np.float64), list(midpoints.values()), actual),
        "coverage": float(held(own).mean()),
        "raw_coverage": float(held(raw).mean()),
    }


def _pinballs(quantiles: NDArray, actual: NDArray) -> float:
    return float(np.mean([pinball(quantiles[:, k], level, actual) for k, level in enumerate((0.1, 0.5, 0.9))]))
