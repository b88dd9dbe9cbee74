"""The walk through time: each block is predicted by models that learned only from what was known before it.

The first blocks choose the rung of the ladder and the number of trees, and calibrate; the last is the holdout, on which
nothing is chosen.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from features.facts import DAY, BoolColumn, FloatColumn
from models.arithmetic import probability
from models.boosting import Beside, Block, BoosterPlan, Examples
from models.calibration import Calibration, fit_calibration
from models.course import READINGS
from models.members import BEYOND, LINE, TREES, fit_blocks, raw_of_blocks
from models.rungs import ALIKE, StageRate
from training.dataset import Dataset
from training.later_scores import better, scores_apart, shape, with_later_scores
from training.metrics import measure
from training.plan import Plan
from training.targets import Event, Target, target

BASE, STAGE, BOTH = "base rate", "stage rate", f"{LINE} + {TREES}"
MEMBERS: dict[str, tuple[str, ...]] = {BASE: (), STAGE: (), LINE: (LINE,), TREES: (TREES,), BOTH: (TREES, BEYOND)}
"""The ladder: what each rung is made of besides rates, the simplest first."""
_LEARNED = {name: members for name, members in MEMBERS.items() if members}
SCORER = "scorer"
"""What the rung that was chosen is called among the others."""


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
    rung : which did best on the blocks before the holdout; of the rates the better one where no member counts
    n_rounds : the number of rounds of each member of trees
    calibration : of the rung's members, fitted on all blocks
    log_loss : of every rung, on the blocks before the holdout
    judged, said : those blocks' labels, and what the rung said of them with slopes fitted elsewhere
    reads : whether courses are read: where the deals before the first block told what they mean
    holdout : what each says of the last block
    """

    rung: str
    n_rounds: dict[str, int]
    calibration: Calibration
    log_loss: dict[str, float]
    judged: Target
    said: FloatColumn
    reads: bool
    holdout: Holdout


def examples(dataset: Dataset, learned: Target, readings: FloatColumn | None = None) -> Examples:
    """The rows of a dataset with what is to be learned from them; readings of courses stand beside the signals."""
    names = dataset.signals if readings is None else [*dataset.signals, *READINGS]
    signals = dataset.matrix if readings is None else Beside(dataset.matrix, readings)
    return Examples(signals, learned.happened, learned.weight, dataset.snapshots.deal, names)


def taught(dataset: Dataset, plan: Plan, event: Event, cutoff: int, *, reads: bool) -> Examples:
    """What is learned from before ``cutoff``: of stalls what came, of wins later scores as well.

    ``reads`` says whether courses are read; if so, by what they meant before ``cutoff``.
    """
    rows = dataset.at < cutoff
    readings = dataset.courses.readings(cutoff, plan.booster.seed) if reads else None
    outcomes = examples(dataset, target(dataset, event, cutoff, rows), readings)
    if event == "stall":
        return outcomes
    scores = scores_apart(outcomes, rows, plan.booster)
    if scores is not None and readings is not None:
        read = readings[:, list(READINGS).index("course_win_rate")].astype(np.float64)
        scores = better(outcomes, scores, read)
    return with_later_scores(outcomes, dataset.at, dataset.labels(cutoff), rows, scores)


def trees(plan: Plan, event: Event, learned: Examples) -> BoosterPlan:
    """The shape of the trees that learn what ``taught`` gave."""
    return shape(learned, plan.booster) if event == "win" else plan.booster


def reads_courses(dataset: Dataset, plan: Plan) -> bool:
    """Whether the deals before the first block tell what courses mean."""
    first = _Blocks(dataset, plan, "win").starts[0]
    return dataset.courses.learned(first, plan.booster.seed) is not None


def walk(dataset: Dataset, plan: Plan, event: Event, *, reads: bool | None = None) -> Walk | None:
    """Walk through time; None where the blocks saw only one outcome, so that nothing can be chosen or judged.

    ``reads`` says whether courses are read, for a part of the deals that is to be read as the whole is.
    """
    blocks = _Blocks(dataset, plan, event, reads_courses(dataset, plan) if reads is None else reads)
    chosen_on, everything = np.logical_or.reduce(blocks.rows[:-1]), np.logical_or.reduce(blocks.rows)
    known = blocks.seen(chosen_on, blocks.starts[-1])
    if not (known.has_both and blocks.seen(blocks.rows[-1], dataset.until).has_both):
        return None
    n = len(dataset.at)
    rates = {BASE: np.full(n, 0.5), STAGE: np.full(n, 0.5)}
    for start, rows in zip(blocks.starts, blocks.rows, strict=True):
        for name, prior in ((BASE, ALIKE), (STAGE, plan.stage_prior)):
            rates[name][rows] = blocks.rate(start, prior)[rows]
    raw, n_rounds = blocks.members_said()
    # Each block is judged with slopes fitted on the others: its own would favour the upper rungs.
    apart = {name: column.copy() for name, column in rates.items()} | {name: np.full(n, 0.5) for name in _LEARNED}
    said, counting = dict(rates), set(rates)
    for name, members in _LEARNED.items():
        for rows in blocks.rows[:-1]:
            others = blocks.calibrated(raw, members, blocks.seen(chosen_on & ~rows, blocks.starts[-1]))
            apart[name][rows] = _said(others, raw, rates)[rows]
        calibration = blocks.calibrated(raw, members, known)
        said[name] = _said(calibration, raw, rates)
        counting |= {name} if calibration.slopes else set()
    loss = {name: found["log_loss"] for name, found in measure(known.happened, known.weight, apart).items()}
    # Where on all blocks together no member counts, what it gained on some was their level, not what it tells of deals.
    rung = min((name for name in loss if name in counting), key=loss.__getitem__)
    holdout_target = target(dataset, event, dataset.until, blocks.rows[-1])
    holdout = Holdout(blocks.rows[-1], holdout_target, {**said, SCORER: said[rung]})
    final = blocks.calibrated(raw, MEMBERS[rung], blocks.seen(everything, dataset.until))
    # With the holdout known too, it can be that no member counts any more.
    kept = rung if final.slopes else min(rates, key=loss.__getitem__)
    return Walk(kept, n_rounds, final, loss, known, apart[rung], blocks.reads, holdout)


def _said(calibration: Calibration, raw: dict[str, FloatColumn], rates: dict[str, FloatColumn]) -> FloatColumn:
    """What members say; what the stage rate says, where none of them counts."""
    return probability(calibration.log_odds(raw)) if calibration.slopes else rates[STAGE]


@dataclass(frozen=True)
class _Blocks:
    """Where the blocks begin and which snapshots lie in them; an embargo keeps the first days of each out."""

    dataset: Dataset
    plan: Plan
    event: Event
    reads: bool = False

    @cached_property
    def starts(self) -> list[int]:
        dataset, plan = self.dataset, self.plan
        closed = ~np.isnan(dataset.labels(dataset.until).won)
        are_few = len(np.unique(dataset.snapshots.deal[closed])) < plan.few_closed
        first = int(dataset.at.min(initial=dataset.until))
        shares = plan.fold_starts_of_few if are_few else plan.fold_starts
        return [first + int(share * (dataset.until - first)) for share in shares]

    @cached_property
    def rows(self) -> list[BoolColumn]:
        ends = [*self.starts[1:], self.dataset.until]
        embargo, at = self.plan.embargo_days * DAY, self.dataset.at
        # A block before which only one outcome was known can judge nobody: it is left empty.
        return [
            (at >= start + embargo) & (at < end) & self.seen(at < start, start).has_both
            for start, end in zip(self.starts, ends, strict=True)
        ]

    def seen(self, rows: BoolColumn, cutoff: int) -> Target:
        return target(self.dataset, self.event, cutoff, rows)

    def members_said(self) -> tuple[dict[str, FloatColumn], dict[str, int]]:
        """What the members say of each block, having learned from before it; and the numbers of rounds."""
        learned = [(start, rows) for start, rows in zip(self.starts, self.rows, strict=True) if rows.any()]
        found = [self._block(start, rows) for start, rows in learned]
        members, n_rounds = fit_blocks(found)
        return raw_of_blocks(members, [past.signals for past, _, _ in found], [rows for _, rows in learned]), n_rounds

    def _block(self, start: int, rows: BoolColumn) -> Block:
        past = taught(self.dataset, self.plan, self.event, start, reads=self.reads)
        is_holdout, seen = start == self.starts[-1], self.seen(rows, self.starts[-1])
        later = None if is_holdout else replace(past, happened=seen.happened, weight=seen.weight)
        return past, later, trees(self.plan, self.event, past)

    def calibrated(self, raw: dict[str, FloatColumn], members: tuple[str, ...], seen: Target) -> Calibration:
        block = np.searchsorted(self.starts, self.dataset.at, side="right")
        some = {name: raw[name] for name in members}
        return fit_calibration(some, seen.happened, seen.weight, self.dataset.snapshots.deal, block)

    def rate(self, start: int, prior: float) -> FloatColumn:
        past, stage = self.seen(self.dataset.at < start, start), self.dataset.table["stage"]
        return StageRate(prior).fit(stage, past.happened, past.weight, self.dataset.snapshots.deal).predict(stage)
