"""Naive Bayes on the stage and categories, as Odoo scores its leads: the baseline that a user gets for nothing.

Two ways to learn it: from the values deals had when they closed, as the product ships; and from the values
they had at each snapshot, which is what it is then asked about.
"""

from typing import Self

import numpy as np
import pandas as pd

from features.facts import FloatColumn

SMOOTHING = 0.1
"""Odoo adds a tenth of a deal to every count."""


class NaiveBayes:
    """P(won | categories) = P(won) x product of P(category | won), normalised over won and lost."""

    def fit(self, categories: pd.DataFrame, won: FloatColumn, weight: FloatColumn) -> Self:
        """Count each value of each column among won and lost rows."""
        self.log_odds_: dict[str, dict[str, float]] = {}
        n_won, n_lost = float((weight * won).sum()), float((weight * (1 - won)).sum())
        self.prior_ = np.log(n_won / n_lost)
        for name in categories:
            counts = pd.DataFrame({"won": weight * won, "lost": weight * (1 - won)}).groupby(categories[name]).sum()
            shares = (counts + SMOOTHING) / (counts.sum() + SMOOTHING * len(counts))
            self.log_odds_[name] = dict(np.log(shares["won"] / shares["lost"]))
        return self

    def predict(self, categories: pd.DataFrame) -> FloatColumn:
        """Probabilities in [0, 1]; a value never seen says nothing."""
        total = np.full(len(categories), self.prior_)
        for name, log_odds in self.log_odds_.items():
            total += categories[name].map(log_odds).fillna(0.0).to_numpy(np.float64)
        return 1 / (1 + np.exp(-total))
