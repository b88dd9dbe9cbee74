"""Calibration: a straight line in log-odds, fitted on later deals than the model (Platt, 1999)."""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from features.facts import BoolColumn, FloatColumn


@dataclass(frozen=True)
class Calibration:
    """``log-odds = slope * raw + intercept``; a line keeps additive reasons additive."""

    slope: float = 1.0
    intercept: float = 0.0

    def log_odds(self, raw: FloatColumn) -> FloatColumn:
        """Calibrated log-odds of raw ones."""
        return self.slope * raw + self.intercept


def fit_calibration(raw: FloatColumn, happened: FloatColumn, weight: FloatColumn) -> Calibration:
    """Fit the line by maximum likelihood; leaves ``raw`` as it is where only one outcome was seen."""
    useful: BoolColumn = weight > 0
    if len(np.unique(happened[useful])) < 2:
        return Calibration()
    line = LogisticRegression(C=np.inf).fit(raw[useful, None], happened[useful], sample_weight=weight[useful])
    slope = float(line.coef_[0, 0])
    return Calibration(slope, float(line.intercept_[0])) if slope > 0 else Calibration()


def probability(log_odds: FloatColumn) -> FloatColumn:
    """Probability in [0, 1] of log-odds."""
    return 1 / (1 + np.exp(-log_odds))


def log_odds(probability_: FloatColumn) -> FloatColumn:
    """Log-odds of probabilities strictly between 0 and 1; the ends are moved in by 1e-9."""
    inside = np.clip(probability_, 1e-9, 1 - 1e-9)
    return np.log(inside / (1 - inside))
