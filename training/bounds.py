"""Bounds of figures over snapshots: whole deals are drawn again, for the snapshots of one deal end alike."""

import numpy as np
import pandas as pd
from scipy.stats import bootstrap

from features.facts import FloatColumn, IntColumn
from training.metrics import METRICS

CONFIDENCE = 0.95
N_DRAWS, N_DRAWS_OF_METRICS = 2_000, 100
"""A mean costs little; an AUC is sorted anew with every draw."""
_BATCH_CELLS = 4_000_000


def losses(happened: FloatColumn, probability: FloatColumn) -> FloatColumn:
    """Log loss of every snapshot.

    >>> losses(np.array([1.0, 0.0]), np.array([0.5, 0.5])).round(3).tolist()
    [0.693, 0.693]
    """
    p = np.clip(probability, 1e-9, 1 - 1e-9)
    return -(happened * np.log(p) + (1 - happened) * np.log(1 - p))


def squares(happened: FloatColumn, probability: FloatColumn) -> FloatColumn:
    """Squared error of every snapshot; their mean is the Brier score."""
    return (happened - probability) ** 2


def mean_with_bounds(
    values: FloatColumn, weight: FloatColumn, deal: IntColumn, seed: int
) -> tuple[float, float, float]:
    """Weighted mean with its lower and upper bound (percentile bootstrap over deals; Efron, 1979).

    Returns
    -------
    mean, low, high
        NaN where nothing weighs anything; the bounds are infinite where there is but one deal.

    >>> mean_with_bounds(np.ones(4), np.ones(4), np.arange(4), seed=0)
    (1.0, 1.0, 1.0)
    """
    seen = weight > 0
    if not seen.any():
        return np.nan, np.nan, np.nan
    _, place = np.unique(deal[seen], return_inverse=True)
    total = np.bincount(place, values[seen] * weight[seen])
    weights = np.bincount(place, weight[seen])
    mean = float(total.sum() / weights.sum())
    if len(weights) < 2:
        return mean, -np.inf, np.inf
    found = bootstrap(
        (total, weights),
        lambda total, weights, axis: total.sum(axis) / weights.sum(axis),
        paired=True,
        vectorized=True,
        n_resamples=N_DRAWS,
        batch=max(1, _BATCH_CELLS // len(weights)),
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=seed,
    ).confidence_interval
    return mean, float(found.low), float(found.high)


def metrics_with_bounds(
    happened: FloatColumn, weight: FloatColumn, deal: IntColumn, probabilities: dict[str, FloatColumn], seed: int
) -> pd.DataFrame:
    """Every metric of every model: columns model, metric, value, low, high; none where only one outcome was seen.

    All models are judged on the same draws of deals.
    """
    seen = weight > 0
    columns = ["model", "metric", "value", "low", "high"]
    if len(np.unique(happened[seen])) < 2:
        return pd.DataFrame([], columns=columns)
    _, place = np.unique(deal[seen], return_inverse=True)
    rng, n = np.random.default_rng(seed), int(place.max()) + 1
    draws = [np.bincount(rng.integers(0, n, n), minlength=n)[place] for _ in range(N_DRAWS_OF_METRICS)]
    rows: list[tuple[str, str, float, float, float]] = []
    for model, said in probabilities.items():
        for name, metric in METRICS.items():
            if name in _MEANS:
                rows.append((model, name, *mean_with_bounds(_MEANS[name](happened, said), weight, deal, seed)))
                continue
            found = [
                metric(happened[seen][drawn > 0], said[seen][drawn > 0], (weight[seen] * drawn)[drawn > 0])
                for drawn in draws
                if len(np.unique(happened[seen][drawn > 0])) == 2
            ]
            low, high = np.quantile(found, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
            rows.append((model, name, metric(happened[seen], said[seen], weight[seen]), low, high))
    return pd.DataFrame(rows, columns=columns)


_MEANS = {"log_loss": losses, "brier": squares}
"""Metrics that are means over snapshots."""
