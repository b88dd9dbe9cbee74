"""How good probabilities are: one table of metrics, one loop."""

from collections.abc import Callable, Mapping

import numpy as np
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from features.facts import FloatColumn

N_BINS = 10


def calibration_error(happened: FloatColumn, probability: FloatColumn, weight: FloatColumn) -> float:
    """Expected calibration error over ``N_BINS`` bins of equal count (Naeini et al., 2015), in [0, 1]."""
    bins = reliability(happened, probability, weight)
    return float(np.average(np.abs(bins[:, 0] - bins[:, 1]), weights=bins[:, 2]))


def reliability(happened: FloatColumn, probability: FloatColumn, weight: FloatColumn) -> FloatColumn:
    """Mean probability, share that happened, and weight of each bin; shape (n_bins, 3)."""
    order = np.argsort(probability, kind="stable")
    rows = []
    for places in np.array_split(order, N_BINS):
        if len(places) and weight[places].sum() > 0:
            said, came = (np.average(values[places], weights=weight[places]) for values in (probability, happened))
            rows.append((said, came, weight[places].sum()))
    return np.array(rows).reshape(-1, 3)


def _log_loss(happened: FloatColumn, probability: FloatColumn, weight: FloatColumn) -> float:
    return float(log_loss(happened, np.clip(probability, 1e-9, 1 - 1e-9), sample_weight=weight, labels=[0, 1]))


def _brier(happened: FloatColumn, probability: FloatColumn, weight: FloatColumn) -> float:
    return float(brier_score_loss(happened, probability, sample_weight=weight, pos_label=1))


def _auc(happened: FloatColumn, probability: FloatColumn, weight: FloatColumn) -> float:
    return float(roc_auc_score(happened, probability, sample_weight=weight))


METRICS: dict[str, Callable[[FloatColumn, FloatColumn, FloatColumn], float]] = {
    "log_loss": _log_loss,
    "brier": _brier,
    "ece": calibration_error,
    "auc": _auc,
}


def measure(
    happened: FloatColumn, weight: FloatColumn, probabilities: Mapping[str, FloatColumn]
) -> dict[str, dict[str, float]]:
    """Every metric of every model on the rows with a weight above 0.

    Returns
    -------
    model name -> metric name -> value
        Empty where fewer than two outcomes were seen, for then nothing can be told.
    """
    seen = weight > 0
    if len(np.unique(happened[seen])) < 2:
        return {}
    return {
        model: {name: metric(happened[seen], probability[seen], weight[seen]) for name, metric in METRICS.items()}
        for model, probability in probabilities.items()
    }
