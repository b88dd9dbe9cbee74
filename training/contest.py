"""A fair contest: scorers judged on the same newest snapshots, by what none of them has seen.

The rule, in the order it is tried:

1. The window is what came after every scorer in the contest was trained, and not before the holdout begins. They are
   judged as they are. A challenger fresh from training has seen everything, so its *rehearsal* stands in for it: its
   own plan, trained again on no more than was known when the window begins.
2. Where too few deals have closed in that window (fewer than ``Plan.minimum_of_each`` of either outcome), the window
   is the whole holdout, and rehearsals stand in for all that have seen part of it: then plans are compared, not files.

So nobody is judged by what it learned from, and nobody has the advantage of newer data.

The window ends before the data do, by the time in which ``MATURE_SHARE`` of past snapshots saw their deal close (at
most half of the window): of later snapshots it is known how they ended only where that was soon, and deals that are won
take longer. On simulated deals of known truth, 44 % of the last six weeks' were to be won, and 31 % of those that had
closed were; no weights can stand for what nobody has seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from crm.errors import NotEnoughDataError
from features.facts import DAY, BoolColumn, FloatColumn, IntColumn
from features.histories import instant
from models.rungs import BaseRate, StageRate
from models.scorer import Scorer
from training.dataset import Dataset
from training.fit import fit
from training.metrics import METRICS, measure
from training.plan import Plan
from training.plan_file import same_recipe
from training.targets import EVENTS, Event, Target, target

MATURE_SHARE = 0.8
COLUMN: dict[Event, str] = {"win": "win_probability", "stall": "stall_risk"}


@dataclass(frozen=True)
class Contestant:
    """One who is judged.

    Attributes
    ----------
    dataset : snapshots of the same grid, with the signals that this one reads
    scorer : None where only a rehearsal is to be judged
    plan : None where it is not known, so that there can be no rehearsal
    """

    name: str
    dataset: Dataset
    scorer: Scorer | None
    plan: Plan | None


@dataclass(frozen=True)
class Judged:
    """What came and what each said, one entry per snapshot of the window."""

    target: Target
    probabilities: dict[str, FloatColumn]


@dataclass(frozen=True)
class Contest:
    """The outcome.

    Attributes
    ----------
    start : first instant of the window, microseconds since 1970 UTC
    rows : which snapshots of the data set lie in the window
    deal : number of each such snapshot's deal
    judged : by event; among the probabilities are those of the base rate and of the stage rate
    how : what stood for each, in words, by name
    """

    start: int
    rows: BoolColumn
    deal: IntColumn
    judged: dict[Event, Judged]
    how: dict[str, str]

    @property
    def start_date(self) -> str:
        """The window's first day, YYYY-MM-DD."""
        return _day(self.start)


def contest(contestants: Sequence[Contestant], plan: Plan) -> Contest:
    """Judge them on the newest snapshots that none has seen.

    Parameters
    ----------
    plan : says where the holdout begins, what stalled means, and how many closed deals are enough

    Raises
    ------
    NotEnoughDataError
        There is too little before the window to learn from, or a plan is needed and not known.
    """
    dataset = contestants[0].dataset
    start, as_is = _window(contestants, plan)
    rows = judged_rows(dataset, start)
    judged = {
        event: Judged(_only(target(dataset, event, dataset.until, rows), rows), _rungs(dataset, event, start, rows))
        for event in EVENTS
    }
    how: dict[str, str] = {}
    rehearsals: list[tuple[Contestant, Scorer]] = []
    for one in contestants:
        scorer, how[one.name] = _who_stands(one, start, as_is, rehearsals)
        said = scorer.predictions(one.dataset.table[rows].reset_index(drop=True))
        for event in EVENTS:
            probabilities = said[COLUMN[event]].to_numpy(np.float64)
            same_event = event == "win" or scorer.patience == _patience(plan)  # else it speaks of another stall
            if same_event and not np.isnan(probabilities).any():
                judged[event].probabilities[one.name] = probabilities
    return Contest(start, rows, dataset.snapshots.deal[rows], judged, how)


def metrics_of(judged: Mapping[Event, Judged]) -> pd.DataFrame:
    """Metrics of all that was said; one row per event and model, none for an event of which one outcome was seen."""
    rows = [
        {"event": event, "model": model, "n_snapshots": int((found.target.weight > 0).sum()), **values}
        for event, found in judged.items()
        for model, values in measure(found.target.happened, found.target.weight, found.probabilities).items()
    ]
    return pd.DataFrame(rows, columns=["event", "model", "n_snapshots", *METRICS])


def holdout_start(dataset: Dataset, plan: Plan) -> int:
    """The midnight (UTC) at which the last of the plan's blocks begins."""
    first = int(dataset.at.min(initial=dataset.until))
    return (first + int(plan.fold_starts[-1] * (dataset.until - first))) // DAY * DAY


def rehearsal(dataset: Dataset, plan: Plan, start: int) -> Scorer:
    """The scorer that the same plan gives from what was known before ``start``, a midnight."""
    then = replace(plan, train_until=datetime.fromtimestamp(start // 1_000_000, UTC).date())
    return fit(dataset.before(start), then).scorer


def trained_until(scorer: Scorer) -> int:
    """The instant from which on nothing was known to the scorer."""
    return instant(datetime.fromisoformat(scorer.trained_until).replace(tzinfo=UTC))


def _window(contestants: Sequence[Contestant], plan: Plan) -> tuple[int, bool]:
    """Where the window begins, and whether all trained scorers are judged as they are."""
    dataset = contestants[0].dataset
    start = holdout_start(dataset, plan)
    later = max([start, *(trained_until(one.scorer) for one in contestants if one.scorer)])
    return (later, True) if n_closed(dataset, later) >= plan.minimum_of_each else (start, False)


def judged_rows(dataset: Dataset, start: int) -> BoolColumn:
    """Snapshots from ``start`` on whose deals have had time to close."""
    past = dataset.labels(start).days_to_close[dataset.at < start]
    known = past[~np.isnan(past)]
    usual = float(np.quantile(known, MATURE_SHARE)) * DAY if len(known) else 0.0
    return (dataset.at >= start) & (dataset.at < dataset.until - int(min(usual, (dataset.until - start) / 2)))


def n_closed(dataset: Dataset, start: int) -> int:
    """How many deals that would be judged from ``start`` on were won or were lost, whichever is fewer."""
    won, rows = dataset.labels(dataset.until).won, judged_rows(dataset, start)
    return min(len(np.unique(dataset.snapshots.deal[rows & (won == outcome)])) for outcome in (1, 0))


def _who_stands(
    one: Contestant, start: int, as_is: bool, rehearsals: list[tuple[Contestant, Scorer]]
) -> tuple[Scorer, str]:
    """The scorer that is judged, and what it is, in words; ``rehearsals`` holds those made, and takes a new one."""
    if one.scorer and (as_is or trained_until(one.scorer) <= start):
        return one.scorer, f"as it is, trained until {one.scorer.trained_until}"
    if one.plan is None:
        raise NotEnoughDataError(
            f"{one.name} has seen part of the holdout, too few deals have closed since, and its plan is not known, "
            "so it cannot be judged fairly"
        )
    how = f"by its rehearsal: the same plan, trained until {_day(start)}"
    for other, scorer in rehearsals:
        if other.plan and other.dataset is one.dataset and same_recipe(other.plan, one.plan):
            return scorer, f"{how} (the plan of {other.name})"
    rehearsals.append((one, rehearsal(one.dataset, one.plan, start)))
    return rehearsals[-1][1], how


def _rungs(dataset: Dataset, event: Event, start: int, rows: BoolColumn) -> dict[str, FloatColumn]:
    past, stage = target(dataset, event, start, dataset.at < start), dataset.table["stage"]
    if not (past.weight > 0).any():
        return {}
    return {
        "base rate": BaseRate().fit(past.happened, past.weight).predict(stage[rows]),
        "stage rate": StageRate().fit(stage, past.happened, past.weight, dataset.snapshots.deal).predict(stage[rows]),
    }


def _only(whole: Target, rows: BoolColumn) -> Target:
    return Target(whole.happened[rows], whole.weight[rows])


def _patience(plan: Plan) -> tuple[float, float, float]:
    return (plan.patience.minimum_days, plan.patience.maximum_days, plan.patience.default_days)


def _day(at: int) -> str:
    return datetime.fromtimestamp(at // 1_000_000, UTC).date().isoformat()
