"""The walk through time: each block is predicted by trees that learned only from what was known before it.

The first blocks choose the number of trees and calibrate; the last is the holdout, on which nothing is chosen.
"""

from dataclasses import dataclass
from functools import cached_property

import lightgbm as lgb
import numpy as np

from features.facts import DAY, BoolColumn, FloatColumn
from models.boosting import Examples, fit_booster, fit_booster_and_rounds
from models.calibration import Calibration, fit_calibration, probability
from models.rungs import BaseRate, StageRate
from training.dataset import Dataset
from training.metrics import measure
from training.plan import Plan
from training.targets import Event, Target, target


@dataclass(frozen=True)
class Holdout:
    """What each model said of the last block without having seen it, and what came; one entry per snapshot."""

    rows: BoolColumn
    target: Target
    probabilities: dict[str, FloatColumn]


@dataclass(frozen=True)
class Walk:
    """What the walk found.

    Attributes
    ----------
    n_rounds : the number of trees
    calibration : fitted on all blocks
    log_loss : of the trees and of the stage rate, by name, on the blocks before the holdout
    holdout : what each says of the last block
    """

    n_rounds: int
    calibration: Calibration
    log_loss: dict[str, float]
    holdout: Holdout

    @property
    def trees_are_better(self) -> bool:
        """Whether trees are worth more than the rung below them, judged before the holdout."""
        return self.log_loss["lightgbm"] < self.log_loss["stage rate"]


def examples(dataset: Dataset, learned: Target) -> Examples:
    """The rows of a dataset with what is to be learned from them."""
    matrix = dataset.table[dataset.signals].to_numpy(np.float32)
    return Examples(matrix, learned.happened, learned.weight, dataset.signals)


def walk(dataset: Dataset, plan: Plan, event: Event) -> Walk | None:
    """Walk through time; None where some block saw only one outcome, so that nothing can be chosen or judged."""
    blocks = _Blocks(dataset, plan, event)
    if not all(learned.has_both for learned in blocks.needed):
        return None
    raw, rung = np.zeros(len(dataset.at)), np.full(len(dataset.at), 0.5)
    rounds = []
    for start, rows in zip(blocks.starts[:-1], blocks.rows[:-1], strict=True):
        later = examples(dataset, blocks.seen_before_holdout(rows))
        booster = fit_booster_and_rounds(blocks.learned_before(start), later, plan.booster)
        rounds.append(max(booster.best_iteration, 1))
        raw[rows] = _raw(booster, dataset, rows)
        rung[rows] = blocks.stage_rate(start)[rows]
    n_rounds = int(np.median(rounds))
    known = blocks.seen_before_holdout(np.logical_or.reduce(blocks.rows[:-1]))
    calibration = fit_calibration(raw, known.happened, known.weight)
    # Neither is calibrated here: a line fitted on these very rows would favour the trees.
    judged = measure(known.happened, known.weight, {"lightgbm": probability(raw), "stage rate": rung})
    last = fit_booster(blocks.learned_before(blocks.starts[-1]), plan.booster, n_rounds)
    raw[blocks.rows[-1]] = _raw(last, dataset, blocks.rows[-1])
    holdout = blocks.holdout(probability(calibration.log_odds(raw)))
    everything = target(dataset, event, dataset.until, np.logical_or.reduce(blocks.rows))
    final = fit_calibration(raw, everything.happened, everything.weight)
    return Walk(n_rounds, final, {name: found["log_loss"] for name, found in judged.items()}, holdout)


@dataclass(frozen=True)
class _Blocks:
    """Where the blocks begin and which snapshots lie in them; an embargo keeps the first days of each out."""

    dataset: Dataset
    plan: Plan
    event: Event

    @cached_property
    def starts(self) -> list[int]:
        first = int(self.dataset.at.min(initial=self.dataset.until))
        return [first + int(share * (self.dataset.until - first)) for share in self.plan.fold_starts]

    @cached_property
    def rows(self) -> list[BoolColumn]:
        ends = [*self.starts[1:], self.dataset.until]
        embargo, at = self.plan.embargo_days * DAY, self.dataset.at
        return [(at >= start + embargo) & (at < end) for start, end in zip(self.starts, ends, strict=True)]

    @cached_property
    def needed(self) -> list[Target]:
        past = [self._past(start) for start in self.starts]
        return [*past, *(self.seen_before_holdout(rows) for rows in self.rows[:-1])]

    def _past(self, start: int) -> Target:
        return target(self.dataset, self.event, start, self.dataset.at < start)

    def learned_before(self, start: int) -> Examples:
        return examples(self.dataset, self._past(start))

    def seen_before_holdout(self, rows: BoolColumn) -> Target:
        return target(self.dataset, self.event, self.starts[-1], rows)

    def stage_rate(self, start: int) -> FloatColumn:
        past, stage = self._past(start), self.dataset.table["stage"]
        return StageRate().fit(stage, past.happened, past.weight).predict(stage)

    def holdout(self, trees: FloatColumn) -> Holdout:
        past, stage = self._past(self.starts[-1]), self.dataset.table["stage"]
        predictions = {
            "base rate": BaseRate().fit(past.happened, past.weight).predict(stage),
            "stage rate": self.stage_rate(self.starts[-1]),
            "lightgbm": trees,
        }
        return Holdout(self.rows[-1], target(self.dataset, self.event, self.dataset.until, self.rows[-1]), predictions)


def _raw(booster: lgb.Booster, dataset: Dataset, rows: BoolColumn) -> FloatColumn:
    matrix = dataset.table.loc[rows, dataset.signals].to_numpy(np.float32)
    return np.asarray(booster.predict(matrix, raw_score=True)) if len(matrix) else np.empty(0)
