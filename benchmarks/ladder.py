"""The product's ladder on any table of signals: base rate, line, trees, all stacked, by the product's own functions.

Training walks over a CRM's history; published data sets are single tables. Here the same rungs climb on folds that are
given: each fold is predicted by models that learned from its other rows, the rung (and of several shapes of trees the
shape) is chosen by the log loss of those predictions, and they calibrate.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from features.facts import BoolColumn, FloatColumn, IntColumn
from models.arithmetic import probability
from models.boosting import BoosterPlan, Examples
from models.calibration import Calibration, fit_calibration
from models.members import BEYOND, LINE, TREES, Members, fit_blocks, fit_members, raw_of_blocks
from models.rungs import BaseRate
from training.later_scores import mixed, next_snapshots, scores_apart
from training.metrics import measure

BASE, BOTH = "base rate", f"{LINE} + {TREES}"
MEMBERS: dict[str, tuple[str, ...]] = {BASE: (), LINE: (LINE,), TREES: (TREES,), BOTH: (TREES, BEYOND)}
Fold = tuple[BoolColumn, BoolColumn]
"""Which rows are learned from, and which are judged."""


@dataclass(frozen=True)
class Ladder:
    """What was learned.

    Attributes
    ----------
    log_loss : of every rung, out of fold
    plan, n_rounds : the shape of the trees, and the number of rounds of each member of trees
    """

    rung: str
    log_loss: Mapping[str, float]
    plan: BoosterPlan
    n_rounds: Mapping[str, int]
    base_rate: float
    calibration: Calibration = field(default_factory=Calibration)
    members: Members = field(default_factory=Members)

    def predict(self, signals: FloatColumn) -> FloatColumn:
        """Probabilities in [0, 1], one per row."""
        if not MEMBERS[self.rung]:
            return np.full(len(signals), self.base_rate)
        return probability(self.calibration.log_odds(self.raw(signals)))

    def bounds(self, signals: FloatColumn) -> tuple[FloatColumn, FloatColumn]:
        """Between which probabilities the true one lies with 80 % chance."""
        return self.calibration.bounds(self.raw(signals))

    def raw(self, signals: FloatColumn) -> dict[str, FloatColumn]:
        """Raw log-odds of each member."""
        return self.members.raw(signals)


def climb(
    examples: Examples,
    folds: Sequence[Fold],
    plans: Sequence[BoosterPlan] = (BoosterPlan(),),
    at: IntColumn | None = None,
) -> Ladder:
    """Choose the rung on ``folds``, calibrate on what they gave, and learn anew from all rows.

    Parameters
    ----------
    plans : shapes of trees to choose among
    at : when each row was, where several are of one deal: then later scores teach as well
    """
    taught = [_taught(only(examples, learn), at) for learn, _ in folds]
    judged = np.logical_or.reduce([judge for _, judge in folds]) & (examples.weight > 0)
    weight = np.where(judged, examples.weight, 0)

    def loss_of_trees(found: _Found) -> float:
        said = {name: probability(found[2][name]) for name in (TREES, BEYOND)}
        return min(one["log_loss"] for one in measure(examples.happened, weight, said).values())

    tried = (out_of_fold(examples, taught, folds, plan) for plan in plans)
    plan, n_rounds, raw = min(tried, key=loss_of_trees)
    rungs = _judged_apart(raw, examples, folds)
    loss = {name: found["log_loss"] for name, found in measure(examples.happened, weight, rungs).items()}
    rung = min(loss, key=loss.__getitem__)
    calibration = _calibrated(raw, MEMBERS[rung], examples, folds)
    names = calibration.slopes
    return Ladder(
        rung if names else BASE,
        loss,
        plan,
        n_rounds,
        BaseRate().fit(examples.happened, examples.weight).rate_,
        calibration,
        fit_members(names, _taught(examples, at), plan, n_rounds) if names else Members(),
    )


def only(examples: Examples, rows: BoolColumn) -> Examples:
    """The same, where rows other than these weigh nothing."""
    return replace(examples, weight=np.where(rows, examples.weight, 0.0))


def _taught(examples: Examples, at: IntColumn | None) -> Examples:
    """The same with labels of later scores and outcomes, as training learns them."""
    if at is None:
        return examples
    rows = examples.weight > 0
    scores = scores_apart(examples, rows, BoosterPlan())
    if scores is None:
        return examples
    later = next_snapshots(examples.deal, at, rows)
    return replace(examples, happened=mixed(np.where(rows, examples.happened, np.nan), scores, later))


_Found = tuple[BoosterPlan, dict[str, int], dict[str, FloatColumn]]


def out_of_fold(examples: Examples, taught: Sequence[Examples], folds: Sequence[Fold], plan: BoosterPlan) -> _Found:
    """The numbers of rounds that did best on the folds, and what members that learned from elsewhere say of each."""
    judges = [only(examples, judge) for _, judge in folds]
    members, n_rounds = fit_blocks([(past, later, plan) for past, later in zip(taught, judges, strict=True)])
    return plan, n_rounds, raw_of_blocks(members, [examples.signals] * len(folds), [judge for _, judge in folds])


def _judged_apart(raw: dict[str, FloatColumn], examples: Examples, folds: Sequence[Fold]) -> dict[str, FloatColumn]:
    """What each rung says of each fold, calibrated on the other folds."""
    said = {name: np.full(len(examples.happened), 0.5) for name in MEMBERS}
    for learn, judge in folds:
        others = [(learned, judged) for learned, judged in folds if judged is not judge]
        said[BASE][judge] = BaseRate().fit(examples.happened, np.where(learn, examples.weight, 0)).rate_
        for name, members in MEMBERS.items():
            if members:
                calibration = _calibrated(raw, members, examples, others)
                says = probability(calibration.log_odds(raw)) if calibration.slopes else said[BASE]
                said[name][judge] = says[judge]
    return said


def _calibrated(
    raw: dict[str, FloatColumn], members: tuple[str, ...], examples: Examples, folds: Sequence[Fold]
) -> Calibration:
    """Calibrated on what was judged; each fold is a period of its own."""
    period = np.full(len(examples.happened), -1)
    for number, (_, judge) in enumerate(folds):
        period[judge] = number
    weight = np.where(period >= 0, examples.weight, 0)
    return fit_calibration({name: raw[name] for name in members}, examples.happened, weight, examples.deal, period)


def folds_in_order(order: FloatColumn, shares: Sequence[float] = (0.4, 0.6, 0.8)) -> list[Fold]:
    """Blocks of an order, each judged by what came before it; ``shares`` of the rows lie before each block's start."""
    starts = np.quantile(order, shares)
    ends = np.append(starts[1:], np.inf)
    return [(order < start, (order >= start) & (order < end)) for start, end in zip(starts, ends, strict=True)]


def folds_of_groups(group: IntColumn, n_folds: int, seed: int = 0) -> list[Fold]:
    """Every group whole in one fold, at random."""
    return [(~judge, judge) for judge in _parts(group, n_folds, seed)]


def _parts(group: IntColumn, n_folds: int, seed: int) -> Iterator[BoolColumn]:
    number = np.unique(group, return_inverse=True)[1]
    fold = np.random.default_rng(seed).permutation(number.max() + 1) % n_folds
    return (fold[number] == place for place in range(n_folds))
