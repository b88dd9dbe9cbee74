"""The first rungs of the ladder: what every model must beat."""

from collections.abc import Mapping
from typing import Self

import numpy as np
import pandas as pd
from scipy.stats import beta

from features.facts import FloatColumn, IntColumn


class BaseRate:
    """The same probability for every deal: the share of past ones."""

    def fit(self, happened: FloatColumn, weight: FloatColumn) -> Self:
        """Learn from labels of 0 or 1 with their weights."""
        self.rate_ = float(np.average(happened, weights=weight)) if weight.sum() > 0 else 0.5
        return self

    def predict(self, stage: pd.Series) -> FloatColumn:
        """Probabilities in [0, 1], one per entry of ``stage``."""
        return np.full(len(stage), self.rate_)


ALIKE = 1e9
"""A prior so large that every stage has the base rate."""


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
        self,
        stage: pd.Series,
        happened: FloatColumn,
        weight: FloatColumn,
        deal: IntColumn,
        stated: Mapping[str, float] | None = None,
    ) -> Self:
        """Learn from labels of 0 or 1, aligned with ``stage``, ``weight`` and ``deal``.

        Parameters
        ----------
        stated : probability by stage, optional
            What the CRM itself says of a stage; takes the place of the base rate in its mix, so that a stage that
            no past deal tells about keeps its stated probability.
        """
        self.base_ = BaseRate().fit(happened, weight).rate_
        seen = pd.DataFrame({"happened": happened * weight, "weight": weight, "deal": deal, "stage": stage.to_numpy()})
        by_stage = seen[seen["weight"] > 0].groupby("stage")
        sums = by_stage[["happened", "weight"]].sum().assign(n_deals=by_stage["deal"].nunique())
        prior = pd.Series(stated or {}, dtype=np.float64)
        sums = sums.reindex(sums.index.union(prior.index), fill_value=0.0)
        mixed = prior.reindex(sums.index).fillna(self.base_)
        rates = (sums["happened"] + self.prior * mixed) / (sums["weight"] + self.prior)
        self.rate_ = {str(name): float(rate) for name, rate in rates.items()}
        self.n_deals_ = {str(name): int(n) for name, n in sums["n_deals"].items()}
        return self

    @property
    def rung(self) -> str:
        """What it is called: where all stages are alike it is the base rate."""
        return "base rate" if self.prior >= ALIKE else "stage rate"

    def predict(self, stage: pd.Series) -> FloatColumn:
        """Probabilities in [0, 1]; the base rate for a stage never seen."""
        return stage.map(self.rate_).fillna(self.base_).to_numpy(np.float64)

    def bounds(self, stage: pd.Series) -> tuple[FloatColumn, FloatColumn]:
        """Between which rates the true one lies with 80 % chance, by the deals seen in the stage (beta posterior).

        The prior counts as two deals: what is known of a stage in which no deal was seen is little.
        """
        rate, n = self.predict(stage), stage.map(self.n_deals_).fillna(0).to_numpy(np.float64) + 2
        inside = np.clip(rate, 1e-6, 1 - 1e-6)
        low, high = (beta.ppf(q, inside * n, (1 - inside) * n) for q in (0.1, 0.9))
        # Of very few deals the posterior leans to one end; the rate itself is never outside.
        return np.minimum(low, rate), np.maximum(high, rate)
