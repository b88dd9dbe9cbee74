"""Calibration: how much each member's raw log-odds count, fitted on later deals than the members.

One member gives the line of Platt (1999); two are stacked (Wolpert, 1992). A sum keeps additive reasons additive.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from features.facts import FloatColumn, IntColumn

Z80 = 1.2816
"""A normal variable stays within so many standard deviations with 80 % chance."""


@dataclass(frozen=True)
class Calibration:
    """``log-odds = sum of slope * raw over the members + intercept``.

    Attributes
    ----------
    slopes : by the member's name, all positive; empty where no member tells anything, so that rates must answer
    covariance : of the slopes, in order, and the intercept; how much later deals could have moved them
    """

    slopes: Mapping[str, float] = field(default_factory=dict)
    intercept: float = 0.0
    covariance: tuple[tuple[float, ...], ...] = ()

    def log_odds(self, raw: Mapping[str, FloatColumn]) -> FloatColumn:
        """Calibrated log-odds of the members' raw ones."""
        parts = [slope * raw[name] for name, slope in self.slopes.items()]
        return np.add.reduce(parts) + self.intercept

    def bounds(self, raw: Mapping[str, FloatColumn]) -> tuple[FloatColumn, FloatColumn]:
        """Probabilities between which the calibrated one lies with 80 % chance; they close in as deals come in."""
        middle = self.log_odds(raw)
        terms = [*(raw[name] for name in self.slopes), np.ones(len(middle))]
        # Summed one by one: a matrix product would give a deal alone other bits than in a batch.
        variance = np.zeros(len(middle))
        for one, row in zip(terms, self.covariance, strict=True):
            for other, entry in zip(terms, row, strict=True):
                variance += one * other * entry
        spread = np.sqrt(np.maximum(variance, 0))
        return expit(middle - Z80 * spread), expit(middle + Z80 * spread)


def fit_calibration(
    raw: Mapping[str, FloatColumn], happened: FloatColumn, weight: FloatColumn, deal: IntColumn
) -> Calibration:
    """Fit by maximum likelihood; a member that would count negatively is left out.

    Where every one would, or only one outcome was seen, nothing is left: a calibration without slopes.

    Parameters
    ----------
    deal : which deal each row is of; its snapshots share one outcome, so they are one piece of evidence
    """
    used = weight > 0
    names, rest = list(raw), (happened[used], weight[used], deal[used])
    while names and len(np.unique(rest[0])) == 2:
        rows = np.column_stack([raw[name][used] for name in names])
        fitted = LogisticRegression(C=np.inf, max_iter=1_000).fit(rows, rest[0], sample_weight=rest[1])
        slopes = fitted.coef_[0]
        if slopes.min() > 0:
            coefficients = np.append(slopes, fitted.intercept_)
            spread = _covariance(rows, *rest, coefficients)
            return Calibration(dict(zip(names, slopes.tolist(), strict=True)), float(coefficients[-1]), spread)
        names.pop(int(slopes.argmin()))
    return Calibration()


def _covariance(
    rows: FloatColumn, happened: FloatColumn, weight: FloatColumn, deal: IntColumn, coefficients: FloatColumn
) -> tuple[tuple[float, ...], ...]:
    """Covariance of the coefficients, robust to snapshots of one deal being alike (sandwich; Liang and Zeger, 1986)."""
    terms = np.column_stack([rows, np.ones(len(rows))])
    said = expit(terms @ coefficients)
    bread = np.linalg.pinv((terms * (weight * said * (1 - said))[:, None]).T @ terms)
    of_deal = np.unique(deal, return_inverse=True)[1]
    scores = np.zeros((of_deal.max() + 1, terms.shape[1]))
    np.add.at(scores, of_deal, terms * (weight * (happened - said))[:, None])
    return tuple(map(tuple, (bread @ (scores.T @ scores) @ bread).tolist()))


def log_odds(probability_: FloatColumn) -> FloatColumn:
    """Log-odds of probabilities strictly between 0 and 1; the ends are moved in by 1e-9."""
    inside = np.clip(probability_, 1e-9, 1 - 1e-9)
    return np.log(inside / (1 - inside))
