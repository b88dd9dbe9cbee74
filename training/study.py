"""The study that looks for better trees: Optuna over the trees of a plan.

A trial trains whole scorers, as ``plumbline train`` does, each on what was known before a block of time, and is judged
by the log loss of what it says of that block; the holdout is never looked at. Trials that are worse than the median
after a block are not followed further. What it costs to explain a score (``training/explanation_cost.py``) is held
within a budget: a trial beyond it may teach the sampler, but is never the best.

A study is kept in the build folder and goes on where it was interrupted.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from crm.errors import NotEnoughDataError
from models.boosting import BoosterPlan
from training.bounds import losses
from training.contest import COLUMN, holdout_start
from training.dataset import Dataset
from training.explanation_cost import explanation_cost
from training.fit import fit
from training.plan import Plan
from training.targets import EVENTS, target

N_BLOCKS = 3
"""Blocks of time before the holdout; after each a trial may be given up."""
_N_UNPRUNED = 5
COST = "explanation_cost"
SPACE = {
    "max_rounds": (50, 800, True),
    "learning_rate": (0.02, 0.2, True),
    "num_leaves": (3, 63, True),
    "min_data_in_leaf": (10, 300, True),
    "feature_fraction": (0.2, 1.0, False),
    "bagging_fraction": (0.4, 1.0, False),
    "lambda_l2": (0.1, 100.0, True),
}
"""The lowest and highest value of each parameter, and whether steps are factors; the plan's own is always within."""


@dataclass(frozen=True)
class Block:
    """What a trial learns from, and the snapshots (of ``known``) that it is judged by."""

    past: Dataset
    known: Dataset
    rows: np.ndarray


def blocks_of(dataset: Dataset, plan: Plan) -> list[Block]:
    """The blocks of time before the holdout; labels are those known when the holdout begins."""
    end = holdout_start(dataset, plan)
    known = dataset.before(end)
    first = int(known.at.min(initial=end))
    share = plan.fold_starts[0] / plan.fold_starts[-1]
    edges = np.linspace(first + share * (end - first), end, N_BLOCKS + 1).astype(np.int64)
    return [
        Block(known.before(int(start)), known, (known.at >= start) & (known.at < stop))
        for start, stop in pairwise(edges)
    ]


def block_losses(blocks: list[Block], plan: Plan) -> Iterator[tuple[float, int]]:
    """Of each block in turn, the log loss (mean of win and stall) of the scorer trained before it, and its cost."""
    for block in blocks:
        scorer = fit(block.past, plan).scorer
        said = scorer.predictions(block.known.table[block.rows].reset_index(drop=True))
        found = []
        for event in EVENTS:
            known = target(block.known, event, block.known.until, block.rows)
            weight, p = known.weight[block.rows], said[COLUMN[event]].to_numpy(np.float64)
            if weight.sum() > 0 and not np.isnan(p).any():
                found.append(float(np.average(losses(known.happened[block.rows], p), weights=weight)))
        if found:
            yield float(np.mean(found)), explanation_cost(scorer)


def suggested(trial: optuna.Trial, given: BoosterPlan) -> BoosterPlan:
    """The trees that a trial is to try."""
    own, found = asdict(given), dict[str, Any]()
    for name, (low, high, log) in SPACE.items():
        suggest = trial.suggest_int if isinstance(own[name], int) else trial.suggest_float
        found[name] = suggest(name, min(low, own[name]), max(high, own[name]), log=log)
    return replace(given, **found)


def tried(trial: optuna.Trial, blocks: list[Block], plan: Plan, budget: float, found: list[float]) -> float:
    """The log loss of one trial; ``found`` takes that of each block. Raises ``optuna.TrialPruned`` to give it up."""
    for step, (loss, cost) in enumerate(block_losses(blocks, plan)):
        found.append(loss)
        trial.set_user_attr(COST, max(cost, trial.user_attrs.get(COST, 0)))
        if step == 0 and np.isfinite(budget):
            trial.set_constraint(COST, trial.user_attrs[COST] - budget)
        trial.report(float(np.mean(found)), step)
        if step + 1 < len(blocks) and trial.should_prune():
            raise optuna.TrialPruned
    if not found:
        raise NotEnoughDataError(
            "no deal was won or lost in the blocks of time before the holdout, so no trees can be preferred to others; "
            "tune when more deals have closed"
        )
    return float(np.mean(found))


def open_study(build_dir: Path, name: str, plan: Plan) -> optuna.Study:
    """The study called ``name``, made where it is not there yet, with the plan's own trees as the first trial."""
    build_dir.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        storage=f"sqlite:///{build_dir.resolve()}/tune.db",
        study_name=name,
        load_if_exists=True,
        direction="minimize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_N_UNPRUNED),
    )
    study.sampler = optuna.samplers.TPESampler(seed=plan.booster.seed + len(study.trials))  # to go on, not begin anew
    if not study.trials:
        own = asdict(plan.booster)
        study.enqueue_trial({name: own[name] for name in SPACE})
    return study


def budget_of(study: optuna.Study, given: int) -> float:
    """The most that a score may cost to explain: what is given, or what the first trial cost, the default plan."""
    return float(given or study.trials[0].user_attrs.get(COST, 0) or np.inf)


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Trials that came to an end: by themselves, or because they were given up."""
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def best_within(study: optuna.Study, budget: float) -> FrozenTrial | None:
    """The trial with the lowest log loss among those within the budget; None where there is none."""
    whole = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    within = [trial for trial in whole if trial.user_attrs[COST] <= budget]
    return min(within, key=lambda trial: trial.value or 0.0, default=None)
