"""The oracle: the chance that a simulated deal is won, given just what the CRM knew at an instant.

It knows the laws of ``crm/simulation_laws.py`` and the sales force's hidden habits, but not a deal's hidden type or
momentum. Those it infers by the forward filter of a hidden Markov model (Rabiner 1989): with x = (type, momentum),

    belief(x on d + 1) = sum over x' of belief(x' on d) P(facts of d | x') P(x on d + 1 | x', move of d),

scaled to sum 1; and the answer is the belief times each state's chances (``crm/oracle_chances.py``). No model can do
better on average, so a model's distance from the oracle is its regret.

A call may be logged up to seven days late. On a Monday, of the calls of each day of the week before only those logged
by then are known: Poisson counts, thinned by the chance of being logged so soon. So each week is filtered twice: once
as known at its end, for the snapshot, and once with every call, from which the next week starts.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from crm.oracle_chances import HORIZON_DAYS, mondays, win_chances
from crm.oracle_evidence import Deals, gather_evidence
from crm.oracle_stalls import STALL_DAYS, stall_chances
from crm.oracle_weights import Weights, weigh
from crm.simulated_world import World
from crm.simulation_calendar import DAY_US, Calendar

UNMOVED = tuple(f"unmoved_for_{days}d" for days in STALL_DAYS)
WITHIN = tuple(f"won_within_{days}d" for days in HORIZON_DAYS)


def oracle(tables: dict[str, pd.DataFrame], world: World) -> pd.DataFrame:
    """Judge every open deal on every Monday at 00:00 UTC.

    Parameters
    ----------
    tables : ``deals``, ``deal_changes``, ``interactions``, ``contacts`` of one or more chunks of a simulation
    world : the world they were simulated in

    Returns
    -------
    one row per deal and Monday on which it was known to be open, in order of Monday, then deal
        ``deal_id``, ``as_of``, ``win_probability``, and ``won_within_7d`` .. ``won_within_364d``: the chance of being
        won within that many days of ``as_of``, non-decreasing and at most ``win_probability``; and ``unmoved_for_7d``
        .. ``unmoved_for_91d``: the chance of being open after that many days without a move forward, non-increasing.
    """
    deals, days = gather_evidence(tables, world)
    weights = weigh(days, world.calendar)
    starts = mondays(world.first, world.stop)
    chances = np.concatenate([part(world.first, world.stop) for part in (win_chances, stall_chances)], axis=2)
    deal, monday = [np.zeros(0, int)], [np.zeros(0, int)]
    names = (*WITHIN, "win_probability", *UNMOVED)
    answer = [np.zeros((0, len(names)))]
    for i, (live, stage, belief) in enumerate(_beliefs(deals, weights, world.calendar, starts)):
        deal.append(live)
        monday.append(np.full(len(live), starts[i]))
        answer.append(np.einsum("nqm,nhqm->nh", belief, chances[i][stage]))
    as_of = (np.concatenate(monday) * DAY_US).astype("datetime64[us]")
    columns = dict(zip(names, np.concatenate(answer).T, strict=True))
    return pd.DataFrame({
        "deal_id": pd.Series(deals.ids[np.concatenate(deal)], dtype="str"),
        "as_of": pd.Series(as_of).dt.tz_localize("UTC"),
        "win_probability": columns.pop("win_probability"),
        **columns,
    })  # fmt: skip


def _beliefs(
    deals: Deals, weights: Weights, calendar: Calendar, starts: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For each Monday: the deals then open, their stages, and P(type, momentum | what was known by then)."""
    worked_before = np.append(0, np.cumsum(calendar.working))
    belief, stage = deals.prior.copy(), np.zeros(len(deals.day), int)
    for monday in starts:
        live = np.flatnonzero((deals.day < monday) & (monday <= deals.last))
        known, full = belief[live], belief[live]
        for day in range(max(monday - 7, calendar.first), monday):
            if calendar.working[day - calendar.first]:
                begun = deals.day[live] < day
                rows = deals.offset[live[begun]] + worked_before[day - calendar.first]
                known[begun] = _next_belief(known[begun], weights.by_monday[rows], weights, rows)
                full[begun] = _next_belief(full[begun], weights.in_full[rows], weights, rows)
                stage[live[begun]] = weights.stage[rows]
        belief[live] = full
        yield live, stage[live], known


def _next_belief(belief: np.ndarray, weight: np.ndarray, weights: Weights, rows: np.ndarray) -> np.ndarray:
    """One step of the filter, of the formula above."""
    moved = ((belief * weight)[..., None] * weights.switches[weights.switch[rows]]).sum(axis=2)
    return moved / moved.sum(axis=(1, 2), keepdims=True)
