"""The first rungs of the ladder: what every model must beat."""

from collections.abc import Mapping
from typing import Self

import numpy as np
import pandas as pd

from features.facts import FloatColumn


class BaseRate:
    """The same probability for every deal: the share of past ones."""

    def fit(self, happened: FloatColumn, weight: FloatColumn) -> Self:
        """Learn from labels of 0 or 1 with their weights."""
        self.rate_ = float(np.average(happened, weights=weight)) if weight.sum() > 0 else 0.5
        return self

    def predict(self, stage: pd.Series) -> FloatColumn:
        """Probabilities in [0, 1], one per entry of ``stage``."""
        return np.full(len(stage), self.rate_)


class StageRate:
    """The past share of a deal's stage, mixed with the base rate.

    Parameters
    ----------
    prior : float, default=20
        How many snapshots' worth of the base rate to mix into each stage, so that
        a stage seen three times does not come out as 0 or 1.
    """

    def __init__(self, prior: float = 20) -> None:
        self.prior = prior

    def fit(
        self, stage: pd.Series, happened: FloatColumn, weight: FloatColumn, stated: Mapping[str, float] | None = None
    ) -> Self:
        """Learn from labels of 0 or 1, aligned with ``stage`` and ``weight``.

        Parameters
        ----------
        stated : probability by stage, optional
            What the CRM itself says of a stage; takes the place of the base rate in its mix, so that a stage that
            no past deal tells about keeps its stated probability.
        """
        self.base_ = BaseRate().fit(happened, weight).rate_
        sums = pd.DataFrame({"happened": happened * weight, "weight": weight}).groupby(stage.to_numpy()).sum()
        prior = pd.Series(stated or {}, dtype=np.float64)
        sums = sums[sums["weight"] > 0]
        sums = sums.reindex(sums.index.union(prior.index), fill_value=0.0)
        mixed = prior.reindex(sums.index).fillna(self.base_)
        rates = (sums["happened"] + self.prior * mixed) / (sums["weight"] + self.prior)
        self.rate_ = {str(name): float(rate) for name, rate in rates.items()}
        return self

    def predict(self, stage: pd.Series) -> FloatColumn:
        """Probabilities in [0, 1]; the base rate for a stage never seen."""
        return stage.map(self.rate_).fillna(self.base_).to_numpy(np.float64)
