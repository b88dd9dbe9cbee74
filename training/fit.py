"""From a dataset to a scorer: pure, no files, no clock.

The scorer that is kept learns from everything known; how good it is, is told by the holdout of ``training/blocks.py``.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from crm.errors import NotEnoughDataError
from models.boosting import fit_booster
from models.closing_time import ClosingTime
from models.probability import ProbabilityModel
from models.rungs import StageRate
from models.scorer import Scorer
from training.blocks import Holdout, examples, walk
from training.dataset import Dataset
from training.plan import Plan
from training.targets import EVENTS, Event, target

_STAGE_SIGNAL = {"win": "stage_win_rate", "stall": "stage_position"}

_STAGE_RATE_IS_BETTER = (
    "not enough data for more than stage rates: judged on later deals, they did better than trees; "
    "a score is its stage's past win rate"
)


@dataclass(frozen=True)
class Fit:
    """What training gives back: the scorer, and the holdout of each event where there was enough to hold out."""

    scorer: Scorer
    holdouts: dict[Event, Holdout]


def fit(dataset: Dataset, plan: Plan) -> Fit:
    """Fit the scorer on what was known before ``dataset.until``.

    Raises
    ------
    NotEnoughDataError
        Where not even a stage rate can be given.
    """
    missing, typical = _missing(dataset, plan), _typical(dataset)
    with ThreadPoolExecutor() as pool:  # LightGBM lets go of Python's lock: one event per core
        fitted = pool.map(lambda event: _fit_event(dataset, plan, event, typical, trees=not missing), EVENTS)
        (win, win_holdout), (stall, stall_holdout) = fitted
    if not win.knows:
        raise NotEnoughDataError(
            "no deal in the store was seen open and then closed, and its stages have no default_probability: "
            "import the history of closed deals, or give the open stages a default_probability"
        )
    holdouts: dict[Event, Holdout | None] = {"win": win_holdout, "stall": stall_holdout}
    patience = plan.patience
    scorer = Scorer(
        win=win,
        stall=stall,
        closing=_closing_time(dataset),
        patience=(patience.minimum_days, patience.maximum_days, patience.default_days),
        trained_until=plan.train_until.isoformat(),
        note=missing or ("" if win.booster else _STAGE_RATE_IS_BETTER),
    )
    return Fit(scorer, {event: holdout for event, holdout in holdouts.items() if holdout})


def _missing(dataset: Dataset, plan: Plan) -> str:
    """Why trees cannot be grown yet, in words; empty where they can."""
    won = dataset.labels(dataset.until).won
    n_won, n_lost = (len(np.unique(dataset.snapshots.deal[won == outcome])) for outcome in (1, 0))
    if min(n_won, n_lost) >= plan.minimum_of_each:
        return ""
    return (
        f"not enough data: {n_won} won and {n_lost} lost deals, {plan.minimum_of_each} of each are needed; "
        "until then a score is its stage's past win rate, or the default probability that the CRM gives the stage"
    )


def _fit_event(
    dataset: Dataset, plan: Plan, event: Event, typical: dict[str, dict[str, float]], *, trees: bool
) -> tuple[ProbabilityModel, Holdout | None]:
    known = target(dataset, event, dataset.until, np.ones(len(dataset.at), bool))
    stated = dataset.snapshots.norms.vocabulary.stages.stated_probabilities() if event == "win" else None
    stage_rate = StageRate().fit(dataset.table["stage"], known.happened, known.weight, stated)
    walked = walk(dataset, plan, event) if trees else None
    rung = ProbabilityModel(tuple(dataset.signals), stage_rate, _STAGE_SIGNAL[event], declared=dataset.declared)
    if not walked or not walked.trees_are_better:
        return rung, walked.holdout if walked else None
    booster = fit_booster(examples(dataset, known), plan.booster, walked.n_rounds)
    return replace(rung, booster=booster, calibration=walked.calibration, typical=typical), walked.holdout


def _typical(dataset: Dataset) -> dict[str, dict[str, float]]:
    """Median of each signal by stage, among the snapshots of deals that were won: so the sentences say."""
    table = dataset.table[dataset.labels(dataset.until).won == 1]
    medians = table.groupby("stage")[dataset.signals].median()
    return {str(stage): {str(k): float(v) for k, v in row.dropna().items()} for stage, row in medians.iterrows()}


def _closing_time(dataset: Dataset) -> ClosingTime:
    everything = np.ones(len(dataset.at), bool)
    known = target(dataset, "win", dataset.until, everything)
    won = (known.happened == 1) & (known.weight > 0)
    stage: pd.Series = dataset.table["stage"][won]
    return ClosingTime().fit(stage, dataset.labels(dataset.until).days_to_close[won], known.weight[won])
