"""The probability of one event (won, stalled) for a snapshot, by the rung of the ladder that the data carry."""

from dataclasses import dataclass, field
from functools import cached_property

import lightgbm as lgb
import numpy as np
import pandas as pd

from features.declared import NOTHING, Declared
from features.facts import FloatColumn
from models.arithmetic import probability
from models.calibration import Calibration, log_odds
from models.line import Line
from models.rungs import StageRate
from models.tree_reasons import explain
from models.tree_tables import TreeTables, tables

TREES, LINE = "lightgbm", "logistic"


@dataclass(frozen=True)
class ProbabilityModel:
    """P(event) with additive parts.

    Attributes
    ----------
    stage_rate : the rung below, used where there is neither booster nor line
    stage_signal : the signal that stands for the stage in the reasons of the stage rate
    booster, line : the members, None where the data do not carry them; calibration says how much each counts
    typical : median of each signal by stage, among past snapshots of deals that were won
    declared : what the company declared of its own, from which some of the signals are made
    """

    signals: tuple[str, ...]
    stage_rate: StageRate
    stage_signal: str
    booster: lgb.Booster | None = None
    line: Line | None = None
    calibration: Calibration = field(default_factory=Calibration)
    typical: dict[str, dict[str, float]] = field(default_factory=dict)
    declared: Declared = NOTHING

    @property
    def rung(self) -> str:
        """Which rung of the ladder answers."""
        return " + ".join(self._members) or self.stage_rate.rung

    @property
    def knows(self) -> bool:
        """Whether anything was learned: without a single past case a probability would be made up."""
        return bool(self._members) or bool(self.stage_rate.rate_)

    @property
    def _members(self) -> list[str]:
        return [name for name, member in ((LINE, self.line), (TREES, self.booster)) if member]

    def predict(self, snapshots: pd.DataFrame) -> FloatColumn:
        """Probabilities in [0, 1], one per row of a table of ``features/pipeline.py``; NaN where nothing is known."""
        if not self.knows:
            return np.full(len(snapshots), np.nan)
        if not self._members:
            return self.stage_rate.predict(snapshots["stage"])
        return probability(self.calibration.log_odds(self.raw(snapshots)))

    def bounds(self, snapshots: pd.DataFrame) -> tuple[FloatColumn, FloatColumn]:
        """Between which probabilities the true one of deals like this lies with 80 % chance; NaN where not known."""
        if not self.knows:
            return np.full(len(snapshots), np.nan), np.full(len(snapshots), np.nan)
        if not self._members:
            return self.stage_rate.bounds(snapshots["stage"])
        return self.calibration.bounds(self.raw(snapshots))

    def raw(self, snapshots: pd.DataFrame) -> dict[str, FloatColumn]:
        """Raw log-odds of each member."""
        matrix = self._matrix(snapshots)
        found = {}
        if self.line:
            found[LINE] = self.line.predict(matrix)
        if self.booster:
            said = self.booster.predict(matrix, raw_score=True) if len(matrix) else np.empty(0)
            found[TREES] = np.asarray(said, dtype=np.float64)
        return found

    def contributions(self, snapshots: pd.DataFrame) -> tuple[float, FloatColumn]:
        """Base log-odds, and what each signal adds to it (exact Shapley values; Lundberg et al., 2020).

        Returns
        -------
        base : log-odds before any signal is known
        added : array of shape (n_snapshots, n_signals); base + row sum = log-odds of the probability
        """
        if not self._members:
            base = float(log_odds(np.array([self.stage_rate.base_]))[0])
            added = np.zeros((len(snapshots), len(self.signals)))
            own = log_odds(self.stage_rate.predict(snapshots["stage"]))
            added[:, self.signals.index(self.stage_signal)] = own - base
            return base, added
        matrix, slopes = self._matrix(snapshots), self.calibration.slopes
        base, added = self.calibration.intercept, np.zeros(matrix.shape)
        if self.line:
            start, parts = self.line.contributions(matrix)
            base, added = base + slopes[LINE] * start, added + slopes[LINE] * parts
        if self.booster:
            shap = explain(self.booster, self._tables, matrix)
            start = float(shap[0, -1]) if len(shap) else 0.0
            base, added = base + slopes[TREES] * start, added + slopes[TREES] * shap[:, :-1]
        return base, added

    @cached_property
    def _tables(self) -> TreeTables | None:
        return tables(self.booster) if self.booster else None

    def _matrix(self, snapshots: pd.DataFrame) -> FloatColumn:
        return snapshots[list(self.signals)].to_numpy(np.float32)
