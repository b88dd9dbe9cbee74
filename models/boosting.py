"""Boosted trees (LightGBM), shaped to be explained: shallow enough that exact reasons stay cheap."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import lightgbm as lgb
import numpy as np

from features.facts import BoolColumn, FloatColumn, IntColumn

PATIENCE_ROUNDS = 50
"""Rounds without a better validation loss before the search for the number of rounds stops."""
ROWS_TOGETHER = 65_536
"""Rows that are worked on together, where that takes more memory than the signals do."""
FEW_ROUNDS = 50
"""Trees where nothing can tell how many are best."""


@dataclass(frozen=True)
class BoosterPlan:
    """What decides the trees; logged with the run. A ``max_depth`` of -1 sets no bound."""

    max_rounds: int = 400
    learning_rate: float = 0.05
    num_leaves: int = 15
    max_depth: int = -1
    min_data_in_leaf: int = 60
    feature_fraction: float = 0.6
    bagging_fraction: float = 0.7
    lambda_l2: float = 10.0
    seed: int = 0
    num_threads: int = 1

    def parameters(self) -> dict[str, object]:
        """LightGBM's own names; ``deterministic`` makes one thread and two give the same trees.

        Of labels of 0 and 1 ``cross_entropy`` makes the trees that ``binary`` makes; it takes those between as well.
        """
        return {
            "objective": "cross_entropy",
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "max_depth": self.max_depth,
            "min_data_in_leaf": self.min_data_in_leaf,
            "feature_fraction": self.feature_fraction,
            "bagging_fraction": self.bagging_fraction,
            "bagging_freq": 1,
            "lambda_l2": self.lambda_l2,
            "max_bin": 63,
            "seed": self.seed,
            "num_threads": self.num_threads,
            "deterministic": True,
            "force_col_wise": True,
            "verbosity": -1,
        }


@dataclass(frozen=True)
class Beside:
    """Two matrices side by side, put together only for the rows that are asked for."""

    left: FloatColumn
    right: FloatColumn

    def __len__(self) -> int:
        return len(self.left)

    def __getitem__(self, rows: BoolColumn | IntColumn | slice) -> FloatColumn:
        places, n_left = np.arange(len(self))[rows], self.left.shape[1]
        found = np.empty((len(places), n_left + self.right.shape[1]), self.left.dtype)
        for start in range(0, len(places), ROWS_TOGETHER):  # so that little lies in memory twice
            some = slice(start, start + ROWS_TOGETHER)
            found[some, :n_left], found[some, n_left:] = self.left[places[some]], self.right[places[some]]
        return found


@dataclass(frozen=True)
class Examples:
    """Rows to learn from: signals of shape (n, n_signals), labels in [0, 1], weights; weight 0 is not used.

    ``deal`` says which deal a row is a snapshot of; ``start`` is the log-odds to which trees add, None for a constant.
    """

    signals: FloatColumn | Beside
    happened: FloatColumn
    weight: FloatColumn
    deal: IntColumn
    names: list[str] = field(repr=False)
    start: FloatColumn | None = None

    @property
    def has_both(self) -> bool:
        """Whether more than one label is used."""
        return len(np.unique(self.happened[self.weight > 0])) > 1

    def dataset(self, num_threads: int, reference: lgb.Dataset | None = None) -> lgb.Dataset:
        """The used rows as LightGBM holds them."""
        used = self.weight > 0
        return lgb.Dataset(
            np.asarray(self.signals[used], np.float32),
            self.happened[used],
            weight=self.weight[used],
            init_score=None if self.start is None else self.start[used],
            feature_name=self.names,
            reference=reference,
            params={"max_bin": 63, "verbosity": -1, "num_threads": num_threads},
        )


Block = tuple[Examples, Examples | None, BoosterPlan]
"""What is learned from, later rows to judge it by if there are any, and the shape of the trees."""


def fit_booster(examples: Examples, plan: BoosterPlan, n_rounds: int) -> lgb.Booster:
    """Fit ``n_rounds`` trees."""
    return lgb.train(plan.parameters(), examples.dataset(plan.num_threads), num_boost_round=n_rounds)


def fit_boosters(blocks: Sequence[Block]) -> tuple[list[lgb.Booster], int]:
    """Fit a booster for each block; and the one number of rounds at which their log losses on later rows are least.

    One number for all: what is best for a block alone is as much its luck, and has seen what it is to be judged on.

    Returns
    -------
    boosters : what they say is said by so many rounds (``best_iteration``), however many were tried
    n_rounds : ``FEW_ROUNDS`` where no block can be judged
    """
    tried = {
        place: (*_fit_until_no_better(past, later, plan), float(later.weight.sum()))
        for place, (past, later, plan) in enumerate(blocks)
        if later and later.has_both
    }
    n_rounds = _best_together([(losses, weight) for _, losses, weight in tried.values()]) if tried else FEW_ROUNDS
    boosters = []
    for place, (past, _, plan) in enumerate(blocks):
        enough = place in tried and tried[place][0].current_iteration() >= n_rounds
        boosters.append(tried[place][0] if enough else fit_booster(past, plan, n_rounds))
        boosters[-1].best_iteration = n_rounds
    return boosters, n_rounds


def _best_together(curves: Sequence[tuple[FloatColumn, float]]) -> int:
    """Where the weighted mean of losses by round is least; one that ends early goes on as it ended."""
    most = max(len(losses) for losses, _ in curves)
    whole = [np.append(losses, np.full(most - len(losses), losses[-1])) for losses, _ in curves]
    return 1 + int(np.average(whole, axis=0, weights=[weight for _, weight in curves]).argmin())


def _fit_until_no_better(past: Examples, later: Examples, plan: BoosterPlan) -> tuple[lgb.Booster, FloatColumn]:
    """Trees fitted until the log loss on ``later`` has long stopped falling, and that loss after each round."""
    train, losses = past.dataset(plan.num_threads), dict[str, dict[str, list[float]]]()
    booster = lgb.train(
        plan.parameters(),
        train,
        num_boost_round=plan.max_rounds,
        valid_sets=[later.dataset(plan.num_threads, train)],
        valid_names=["later"],
        callbacks=[lgb.record_evaluation(losses), lgb.early_stopping(PATIENCE_ROUNDS, verbose=False)],
    )
    return booster, np.array(losses["later"]["cross_entropy"])


def raw_scores(booster: lgb.Booster, matrix: FloatColumn) -> FloatColumn:
    """What the trees add to the log-odds of each row; LightGBM knows no empty matrix.

    On one thread, said each time: LightGBM keeps the number for the whole process, and one call that changes it while
    another works in the next thread can end the process.
    """
    if not len(matrix):
        return np.empty(0)
    return np.asarray(booster.predict(matrix, raw_score=True, num_threads=1), dtype=np.float64)
