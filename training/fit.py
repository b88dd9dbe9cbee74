"""From a dataset to a scorer: pure, no files, no clock.

The scorer that is kept learns from everything known; how good it is, is told by the holdout of ``training/blocks.py``.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from crm.errors import NotEnoughDataError
from crm.fiscal import quarter_starts
from models.boosting import Examples
from models.closing_time import ClosingTime
from models.course import READINGS, Course
from models.members import fit_members
from models.probability import ProbabilityModel
from models.rungs import ALIKE, StageRate
from models.scorer import Scorer
from training.blocks import BASE, Holdout, Walk, taught, trees, walk
from training.dataset import Dataset
from training.pipelines import is_better, pipelines, with_own
from training.plan import Plan
from training.targets import EVENTS, Event, target

_STAGE_SIGNAL = {"win": "stage_win_rate", "stall": "stage_position"}

YEARS_AHEAD = timedelta(days=3_650)
"""So far ahead a scorer knows the ends of fiscal quarters; the last knot is two years after the day it scores."""

_RATE_IS_BETTER = (
    "not enough data for more than rates: judged on later deals, the {rung} did better than what looks at each deal"
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
    missing = _missing(dataset, plan)
    # LightGBM lets go of Python's lock: one event per core. Threads of BLAS would only get in their way.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor() as pool:
        fitted = pool.map(lambda event: _fit_event(dataset, plan, event, rates_only=bool(missing)), EVENTS)
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
        closing=_closing_time(dataset, plan.booster.seed),
        course=_course(dataset, plan, win, stall),
        patience=(patience.minimum_days, patience.maximum_days, patience.default_days),
        trained_until=plan.train_until.isoformat(),
        note=missing or (_RATE_IS_BETTER.format(rung=win.rung) if win.is_rate else ""),
    )
    return Fit(scorer, {event: holdout for event, holdout in holdouts.items() if holdout})


def _missing(dataset: Dataset, plan: Plan) -> str:
    """Why no more than rates can be given yet, in words; empty where more can."""
    won = dataset.labels(dataset.until).won
    n_won, n_lost = (len(np.unique(dataset.snapshots.deal[won == outcome])) for outcome in (1, 0))
    if n_won + n_lost >= plan.minimum_closed and min(n_won, n_lost) >= plan.minimum_of_each:
        return ""
    return (
        f"not enough data: {n_won} won and {n_lost} lost deals, {plan.minimum_closed} in all and "
        f"{plan.minimum_of_each} of each are needed; until then a score is its stage's past win rate, "
        "or the default probability that the CRM gives the stage"
    )


def _fit_event(
    dataset: Dataset, plan: Plan, event: Event, *, rates_only: bool
) -> tuple[ProbabilityModel, Holdout | None]:
    walked = None if rates_only else walk(dataset, plan, event)
    pooled = _model(dataset, plan, event, walked)
    if not walked:
        return pooled, None
    own, holdout = {}, walked.holdout
    for pipeline, rows in pipelines(dataset, plan).items():
        part = dataset.of(rows)
        found = walk(part, plan, event, reads=walked.reads)
        if found and is_better(found, walked, rows):
            own[pipeline] = _model(part, plan, event, found)
            holdout = with_own(holdout, found, rows)
    return replace(pooled, own=own), holdout


def _model(dataset: Dataset, plan: Plan, event: Event, walked: Walk | None) -> ProbabilityModel:
    """The rung that the walk chose, fitted on everything known; the stage rate where there was none."""
    known = target(dataset, event, dataset.until, np.ones(len(dataset.at), bool))
    stated = dataset.snapshots.norms.vocabulary.stages.stated_probabilities() if event == "win" else None
    prior = ALIKE if walked and walked.rung == BASE else plan.stage_prior
    rate = StageRate(prior).fit(dataset.table["stage"], known.happened, known.weight, dataset.snapshots.deal, stated)
    rung = ProbabilityModel(tuple(dataset.signals), rate, _STAGE_SIGNAL[event], declared=dataset.declared)
    if not walked:
        return rung
    names = walked.calibration.slopes
    learned = taught(dataset, plan, event, dataset.until, reads=walked.reads)
    return replace(
        rung,
        signals=tuple(learned.names),
        members=fit_members(names, learned, trees(plan, event, learned), walked.n_rounds),
        calibration=walked.calibration,
        typical=_typical(dataset, learned),
    )


def _typical(dataset: Dataset, learned: Examples) -> dict[str, dict[str, float]]:
    """Median of each signal by stage, among the snapshots of deals that were won: so the sentences say."""
    won = dataset.labels(dataset.until).won == 1
    values = pd.DataFrame(learned.signals[won].astype(np.float64), columns=learned.names)
    values[dataset.signals] = dataset.table.loc[won, dataset.signals].to_numpy()  # all of their digits
    medians = values.groupby(dataset.table["stage"].to_numpy()[won]).median()
    return {str(stage): {str(k): float(v) for k, v in row.dropna().items()} for stage, row in medians.iterrows()}


def _course(dataset: Dataset, plan: Plan, *models: ProbabilityModel) -> Course | None:
    """How courses are read, where one of the models reads them."""
    every = [one for model in models for one in (model, *model.own.values())]
    reads = any(name in READINGS for model in every for name in model.signals)
    return dataset.courses.learned(dataset.until, plan.booster.seed) if reads else None


def _closing_time(dataset: Dataset, seed: int) -> ClosingTime:
    seen, (first, last) = dataset.labels(dataset.until), (dataset.at.min(initial=dataset.until), dataset.until)
    ends = quarter_starts(_day(first), _day(last) + YEARS_AHEAD, dataset.snapshots.norms.vocabulary.fiscal)
    return ClosingTime(seed).fit(dataset.table, seen.won, seen.days_to_close, seen.days_seen, ends)


def _day(instant: int) -> date:
    return datetime.fromtimestamp(instant // 1_000_000, UTC).date()
