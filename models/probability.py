"""The probability of one event (won, stalled) for a snapshot, by the rung of the ladder that the data carry."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from features.declared import NOTHING, Declared
from features.facts import FloatColumn, IntColumn
from models.arithmetic import probability
from models.calibration import Calibration, log_odds
from models.members import BEYOND, LINE, TREES, Members
from models.rungs import StageRate
from models.tree_reasons import explain
from models.tree_tables import TreeTables, tables

_Ask = Callable[["ProbabilityModel", pd.DataFrame], tuple[FloatColumn, ...]]


def pipeline_of(stage: pd.Series, pipelines: Iterable[str]) -> IntColumn:
    """Which of ``pipelines`` each stage (``pipeline/stage``) is of, by place; -1 for none of them.

    >>> pipeline_of(pd.Series(["renewals/Offer", "new/Offer"]), ["new", "partners"]).tolist()
    [-1, 0]
    """
    names = list(pipelines)
    places = {
        key: max((place for place, name in enumerate(names) if key.startswith(f"{name}/")), default=-1)
        for key in stage.unique()
    }
    return stage.map(places).to_numpy(np.int64)


def rung_of(calibration: Calibration) -> str:
    """What the members that count are called together; empty where none does."""
    parts = {LINE: [LINE], TREES: [TREES], BEYOND: [LINE, TREES]}
    found = {part for name in calibration.slopes for part in parts[name]}
    return " + ".join(name for name in (LINE, TREES) if name in found)


@dataclass(frozen=True)
class ProbabilityModel:
    """P(event) with additive parts.

    Attributes
    ----------
    stage_rate : the rung below, used where no member counts
    stage_signal : the signal that stands for the stage in the reasons of the stage rate
    members, calibration : line and trees, and how much each of them counts
    typical : median of each signal by stage, among past snapshots of deals that were won
    declared : what the company declared of its own, from which some of the signals are made
    own : models of pipelines that have data enough for one of their own, by pipeline; they answer for its deals
    """

    signals: tuple[str, ...]
    stage_rate: StageRate
    stage_signal: str
    members: Members = field(default_factory=Members)
    calibration: Calibration = field(default_factory=Calibration)
    typical: dict[str, dict[str, float]] = field(default_factory=dict)
    declared: Declared = NOTHING
    own: Mapping[str, "ProbabilityModel"] = field(default_factory=dict)

    @property
    def rung(self) -> str:
        """Which rung of the ladder answers."""
        return rung_of(self.calibration) or self.stage_rate.rung

    @property
    def knows(self) -> bool:
        """Whether anything was learned: without a single past case a probability would be made up."""
        return not self.is_rate or bool(self.stage_rate.rate_)

    @property
    def is_rate(self) -> bool:
        """Whether it looks at a deal's stage only."""
        return not self.calibration.slopes

    def predict(self, snapshots: pd.DataFrame) -> FloatColumn:
        """Probabilities in [0, 1], one per row of a table of ``features/pipeline.py``; NaN where nothing is known."""
        if self.own:
            return self._by_pipeline(snapshots, lambda model, rows: (model.predict(rows),))[0]
        if not self.knows:
            return np.full(len(snapshots), np.nan)
        if self.is_rate:
            return self.stage_rate.predict(snapshots["stage"])
        return probability(self.calibration.log_odds(self.raw(snapshots)))

    def bounds(self, snapshots: pd.DataFrame) -> tuple[FloatColumn, FloatColumn]:
        """Between which probabilities the true one of deals like this lies with 80 % chance; NaN where not known."""
        if self.own:
            low, high = self._by_pipeline(snapshots, lambda model, rows: model.bounds(rows))
            return low, high
        if not self.knows:
            return np.full(len(snapshots), np.nan), np.full(len(snapshots), np.nan)
        if self.is_rate:
            return self.stage_rate.bounds(snapshots["stage"])
        return self.calibration.bounds(self.raw(snapshots))

    def raw(self, snapshots: pd.DataFrame) -> dict[str, FloatColumn]:
        """Raw log-odds of each member."""
        return self.members.raw(self._matrix(snapshots))

    def contributions(self, snapshots: pd.DataFrame) -> tuple[FloatColumn, FloatColumn]:
        """Base log-odds, and what each signal adds to it (exact Shapley values; Lundberg et al., 2020).

        Returns
        -------
        base : array of shape (n_snapshots,), log-odds before any signal is known; one value per model that answers
        added : array of shape (n_snapshots, n_signals); base + row sum = log-odds of the probability
        """
        if self.own:
            base, added = self._by_pipeline(snapshots, lambda model, rows: model.contributions(rows))
            return base, added
        if self.is_rate:
            base = np.full(len(snapshots), log_odds(np.array([self.stage_rate.base_]))[0])
            added = np.zeros((len(snapshots), len(self.signals)))
            own = log_odds(self.stage_rate.predict(snapshots["stage"]))
            added[:, self.signals.index(self.stage_signal)] = own - base
            return base, added
        matrix, slopes = self._matrix(snapshots), self.calibration.slopes
        base, added = np.full(len(matrix), self.calibration.intercept), np.zeros(matrix.shape)
        if self.members.line:
            # What trees add to the line counts beside it.
            slope, (start, parts) = slopes.get(LINE, 0) + slopes.get(BEYOND, 0), self.members.line.contributions(matrix)
            base, added = base + slope * start, added + slope * parts
        for name, booster in self.members.boosters.items():
            shap = explain(booster, self._tables[name], matrix)
            base, added = base + slopes[name] * shap[:, -1], added + slopes[name] * shap[:, :-1]
        return base, added

    def _by_pipeline(self, snapshots: pd.DataFrame, ask: _Ask) -> list[FloatColumn]:
        """What each row's own model answers, in the order of the rows."""
        whose = pipeline_of(snapshots["stage"], self.own)
        found = [np.array(column) for column in ask(self._pooled, snapshots)]
        for place, model in enumerate(self.own.values()):
            rows = whose == place
            for column, answer in zip(found, ask(model, snapshots[rows]), strict=True):
                column[rows] = answer
        return found

    @cached_property
    def _pooled(self) -> "ProbabilityModel":
        return replace(self, own={})

    @cached_property
    def _tables(self) -> dict[str, TreeTables | None]:
        return {name: tables(booster) for name, booster in self.members.boosters.items()}

    def _matrix(self, snapshots: pd.DataFrame) -> FloatColumn:
        return snapshots[list(self.signals)].to_numpy(np.float32)
