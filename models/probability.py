"""The probability of one event (won, stalled) for a snapshot: boosted trees, or the stage's past rate."""

from dataclasses import dataclass, field
from functools import cached_property

import lightgbm as lgb
import numpy as np
import pandas as pd

from features.declared import NOTHING, Declared
from features.facts import FloatColumn
from models.calibration import Calibration, log_odds, probability
from models.rungs import StageRate
from models.tree_reasons import explain
from models.tree_tables import TreeTables, tables


@dataclass(frozen=True)
class ProbabilityModel:
    """P(event) with additive parts.

    Attributes
    ----------
    stage_rate : the rung below, used where there is no booster
    stage_signal : the signal that stands for the stage in the reasons of the stage rate
    booster, calibration : None and ignored where there was too little to learn from
    typical : median of each signal by stage, among past snapshots of deals that were won
    declared : what the company declared of its own, from which some of the signals are made
    """

    signals: tuple[str, ...]
    stage_rate: StageRate
    stage_signal: str
    booster: lgb.Booster | None = None
    calibration: Calibration = field(default_factory=Calibration)
    typical: dict[str, dict[str, float]] = field(default_factory=dict)
    declared: Declared = NOTHING

    @property
    def rung(self) -> str:
        """Which rung of the ladder answers."""
        return "lightgbm" if self.booster else "stage rate"

    @property
    def knows(self) -> bool:
        """Whether anything was learned: without a single past case a probability would be made up."""
        return bool(self.booster) or bool(self.stage_rate.rate_)

    def predict(self, snapshots: pd.DataFrame) -> FloatColumn:
        """Probabilities in [0, 1], one per row of a table of ``features/pipeline.py``; NaN where nothing is known."""
        if not self.knows:
            return np.full(len(snapshots), np.nan)
        if not self.booster:
            return self.stage_rate.predict(snapshots["stage"])
        raw = self.booster.predict(self._matrix(snapshots), raw_score=True) if len(snapshots) else np.empty(0)
        return probability(self.calibration.log_odds(np.asarray(raw, dtype=np.float64)))

    def contributions(self, snapshots: pd.DataFrame) -> tuple[float, FloatColumn]:
        """Base log-odds, and what each signal adds to it (exact TreeSHAP; Lundberg et al., 2020).

        Returns
        -------
        base : log-odds before any signal is known
        added : array of shape (n_snapshots, n_signals); base + row sum = log-odds of the probability
        """
        if not self.booster:
            base = float(log_odds(np.array([self.stage_rate.base_]))[0])
            added = np.zeros((len(snapshots), len(self.signals)))
            own = log_odds(self.stage_rate.predict(snapshots["stage"]))
            added[:, self.signals.index(self.stage_signal)] = own - base
            return base, added
        if not len(snapshots):
            return self.calibration.intercept, np.empty((0, len(self.signals)))
        shap = explain(self.booster, self._tables, self._matrix(snapshots))
        return float(self.calibration.log_odds(shap[:1, -1])[0]), self.calibration.slope * shap[:, :-1]

    @cached_property
    def _tables(self) -> TreeTables | None:
        return tables(self.booster) if self.booster else None

    def _matrix(self, snapshots: pd.DataFrame) -> FloatColumn:
        return snapshots[list(self.signals)].to_numpy(np.float32)
