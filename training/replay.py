"""History replayed: what we would have forecast, each week of each past period, with what was known in that week.

At the start of each period a scorer is trained and final amounts are learned; the shock is fitted on how earlier
periods came out. Each week then takes its own snapshots and learns creation anew.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from crm.errors import NotEnoughDataError
from crm.fiscal import Period
from features.histories import instant
from reports.shock_fit import fit_shock
from reports.shocks import Shock
from training.book import Past, by_group, of_groups, won_in
from training.fit import fit
from training.moments import midnight
from training.periods import mondays
from training.plan import Plan
from training.week_forecast import Learned, final_amounts, forecast_at, open_deals_at

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Replayed:
    """History replayed.

    Attributes
    ----------
    forecasts : see ``replay``
    shock : the common shock as all of the periods tell it, for the forecasts to come
    """

    forecasts: pd.DataFrame
    shock: Shock


@dataclass(frozen=True)
class Outcome:
    """How a period came out for the deals open at its first Monday: what ``fit_shock`` learns from, in cents."""

    expected: float
    variance: float
    response: float
    came: float


def replay(
    past: Past,
    plan: Plan,
    periods: Sequence[Period],
    *,
    weeks_before: int = 0,
    progress: Progress = lambda _: None,
) -> Replayed:
    """Forecast every period from every Monday in it, and from so many before it.

    Parameters
    ----------
    plan : how each scorer is trained; its ``train_until`` is the start of each period in turn
    periods : one after the other
    weeks_before : Mondays before the period's start; those before the first training are left out

    Returns
    -------
    The shock, and forecasts: one row per period, Monday and group, what ``forecast_at`` gives, and
        ``settled``, what came as it was known at the period's end (others may learn from it), and ``actual``, what
        came as it is known at the end of all.

    Raises
    ------
    NotEnoughDataError
        There is no period, or too little was known at the start of each.
    """
    learned: list[Learned] = []
    outcomes: list[Outcome] = []
    weeks: list[pd.DataFrame] = []
    for period in periods:
        try:
            learned.append(learn(past, plan, period, outcomes))
        except NotEnoughDataError as error:
            progress(f"{period.name}: left out; {error}")
            continue
        progress(f"{period.name}: scorer {learned[-1].scorer.win.rung}, shock {learned[-1].shock.scale:.2f}")
        settled = past.book(midnight(period.end))
        came = by_group(won_in(settled, period), "cents")
        for as_of in mondays(period, weeks_before):
            known = [one for one in learned if one.since <= as_of]
            if known:
                found = forecast_at(past, known[-1], as_of, period)
                weeks.append(found.assign(settled=of_groups(came, found)))
        outcomes.append(_outcome(past, learned[-1], period, settled))
    if not weeks:
        raise NotEnoughDataError(
            "no past period can be replayed: each needs deals that closed before it started, and must have ended; "
            "import more history, or take shorter periods with --weeks"
        )
    return Replayed(_with_actual(pd.concat(weeks, ignore_index=True), past, periods), _shock(outcomes))


def learn(past: Past, plan: Plan, period: Period, outcomes: Sequence[Outcome]) -> Learned:
    """Learn all that a period's forecasts use, from what was known before its start."""
    since = midnight(period.start)
    data = past.dataset.before(instant(since))
    if not len(data.at):
        raise NotEnoughDataError("no deal was known before its start")
    scorer = fit(data, replace(plan, train_until=period.start)).scorer
    return Learned(since, scorer, final_amounts(past, since), _shock(outcomes))


def _shock(outcomes: Sequence[Outcome]) -> Shock:
    """The shock as earlier periods tell it; the prior's where there are none."""
    expected, variance, came, response = (
        np.array([getattr(one, name) for one in outcomes]) for name in ("expected", "variance", "came", "response")
    )
    return fit_shock(expected, variance, came, response).shock


def _outcome(past: Past, learned: Learned, period: Period, settled: pd.DataFrame) -> Outcome:
    first = mondays(period)[0]
    deals = open_deals_at(past, learned, past.book(first), first, period)
    won = won_in(settled, period)
    came = won["cents"].reindex(deals.table["deal_id"]).fillna(0.0).to_numpy(np.float64)
    expected, variance, response = deals.luck
    return Outcome(expected, variance, response, float(came.sum()))


def _with_actual(forecasts: pd.DataFrame, past: Past, periods: Sequence[Period]) -> pd.DataFrame:
    """What came, as known at the last instant that the data set covers."""
    final = past.book(pd.Timestamp(past.dataset.until, unit="us", tz="UTC").to_pydatetime())
    came = {period.name: by_group(won_in(final, period), "cents") for period in periods}
    parts = [
        own.assign(actual=of_groups(came[str(name)], own)) for name, own in forecasts.groupby("period", sort=False)
    ]
    return pd.concat(parts, ignore_index=True)
