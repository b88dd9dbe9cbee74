"""What a simulated CRM shows of its deals, day by day: the evidence the oracle weighs.

One row is one deal on one working day, from the day after its creation to the last Monday on which it is known to be
open; rows lie by deal, then by day. Nothing hidden is read here but the owners' habits, which the oracle is told.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm import simulation_laws as laws
from crm.errors import PlumblineError
from crm.oracle_rows import Changes, DealDays, instants_us, read_changes
from crm.simulated_world import World
from crm.simulation_calendar import DAY_US
from crm.tables import AMOUNT, CATEGORY, CLOSE_DATE, OWNER, SENIORITIES, STAGE

_NO_FACTOR = int(np.flatnonzero(laws.AMOUNT_FACTORS == 1.0)[0])
NOT_SET = -1


@dataclass(frozen=True)
class Deals:
    """One element per deal: its creation, and where its rows lie.

    Attributes
    ----------
    ids : deal_id
    prior : P(type, momentum | what was known at creation), shape (deals, types, momenta)
    day : day of creation
    last : last Monday on which the deal is known to be open; before ``day`` if there is none
    offset : row of its first working day, less the number of working days before that day
    """

    ids: np.ndarray
    prior: np.ndarray
    day: np.ndarray
    last: np.ndarray
    offset: np.ndarray


@dataclass(frozen=True)
class Days:
    """One element per deal and working day; days are numbers, stages and the like positions in the laws' tuples.

    Attributes
    ----------
    day : day number
    stage : stage in the morning
    move : the evening's move
    category : category in the night
    over_reporting : the owner's factor on outbound work
    counts : interactions by channel, calls by the day they took place
    counts_by_monday : the same, without the calls logged on the next Monday or later
    close_day, pushed_to, reset_to : close date in the morning; its new values by day and in the evening, or ``NOT_SET``
    amount_factor : position in ``AMOUNT_FACTORS``
    """

    day: np.ndarray
    stage: np.ndarray
    move: np.ndarray
    category: np.ndarray
    over_reporting: np.ndarray
    counts: np.ndarray
    counts_by_monday: np.ndarray
    close_day: np.ndarray
    pushed_to: np.ndarray
    reset_to: np.ndarray
    amount_factor: np.ndarray


def gather_evidence(tables: dict[str, pd.DataFrame], world: World) -> tuple[Deals, Days]:
    """Lay out the facts of simulated deals as the oracle weighs them."""
    deals = tables["deals"]
    created = instants_us(deals["created_at"]) // DAY_US
    stage, owner, close, amount, category = (
        read_changes(tables, name) for name in (STAGE, OWNER, CLOSE_DATE, AMOUNT, CATEGORY)
    )
    last = _last_monday(stage, world)
    rows = DealDays(world, created, last)
    reps = world.people.reps
    counts, counts_by_monday = _counts(tables, rows)
    prior = _prior(tables, owner.first - reps.user[0], close.first - created, world)
    return Deals(deals["deal_id"].to_numpy(object), prior, created, last, rows.offset), Days(
        day=rows.day,
        stage=rows.held(stage, morning=True),
        move=_moves(rows, stage),
        category=rows.held(category, morning=False),
        over_reporting=reps.over_reporting[rows.held(owner, morning=False) - reps.user[0]],
        counts=counts,
        counts_by_monday=counts_by_monday,
        close_day=rows.held(close, morning=True),
        pushed_to=rows.spread(close, ~close.evening, NOT_SET),
        reset_to=rows.spread(close, close.evening, NOT_SET),
        amount_factor=_amount_factors(rows, amount),
    )


def _last_monday(stage: Changes, world: World) -> np.ndarray:
    """Last Monday up to the end on which each deal is open, told from its changes of stage."""
    closing = stage.value >= laws.N_OPEN_STAGES
    closed_day = np.full(len(stage.first), world.stop)
    np.minimum.at(closed_day, stage.deal[closing], stage.day[closing])
    return closed_day - (closed_day + 3) % 7


def _prior(tables: dict[str, pd.DataFrame], rep: np.ndarray, close_days: np.ndarray, world: World) -> np.ndarray:
    """P(type, momentum) given what was known at creation, the first close date included."""
    deals, accounts = tables["deals"], world.people.accounts
    account = pd.Index(world.people.tables["accounts"]["account_id"].to_pandas()).get_indexer(deals["account_id"])
    types = laws.type_chances(
        pd.Index(laws.SOURCES).get_indexer(deals["source"]),
        accounts.industry[account],
        accounts.size[account],
        pd.Index(laws.DEAL_TYPES).get_indexer(deals["deal_type"]),
        pd.Index(laws.COMPETITORS).get_indexer(deals["attributes"].str.extract(r'"competitor": "(\w+)"')[0]),
        deals["attributes"].str.contains('"budget_confirmed": true', regex=False).to_numpy(bool),
        world.people.reps.skill[rep],
    )
    types *= laws.CLOSE_WEEK_CHANCES[:, 0, close_days // 7].T
    return (types / types.sum(axis=1, keepdims=True))[..., None] * laws.FIRST_MOMENTUM


def _moves(rows: DealDays, stage: Changes) -> np.ndarray:
    """The move of each evening; a change of stage that no move makes is an error."""
    shift = rows.spread(stage, np.ones(len(stage.deal), bool), NOT_SET) - rows.held(stage, morning=True)
    moved = rows.spread(stage, np.ones(len(stage.deal), bool), NOT_SET) != NOT_SET
    if (strange := moved & ~np.isin(shift, laws.STAGES_MOVED[laws.ADVANCE : laws.WON])).any():
        raise PlumblineError(
            f"{strange.sum()} changes of stage skip more than one stage or return by more than one: the oracle knows "
            "only deals of the simulator; give it the tables that crm/simulate.py wrote, unaltered."
        )
    return np.select(
        [moved & (shift == laws.STAGES_MOVED[move]) for move in range(laws.WON)], range(laws.WON), laws.STAY
    )


def _amount_factors(rows: DealDays, amount: Changes) -> np.ndarray:
    """Which factor each change of amount applied; amounts are whole, so the nearest one is meant."""
    before = rows.held(amount, morning=True)
    after = rows.spread(amount, np.ones(len(amount.deal), bool), np.nan)
    ratio = np.where(np.isnan(after), 1.0, after / before)
    nearest = np.abs(np.log(ratio[:, None] / laws.AMOUNT_FACTORS)).argmin(axis=1)
    return np.where(np.isnan(after), _NO_FACTOR, nearest)


def _counts(tables: dict[str, pd.DataFrame], rows: DealDays) -> tuple[np.ndarray, np.ndarray]:
    """Interactions per row and channel: all, and those known by the next Monday."""
    interactions = tables["interactions"]
    deal = pd.Index(tables["deals"]["deal_id"]).get_indexer(interactions["deal_id"])
    channel = _channels(interactions, tables["contacts"])
    known_day = instants_us(interactions["known_at"]) // DAY_US
    day = np.where(laws.IS_CALL[channel], instants_us(interactions["occurred_at"]) // DAY_US, known_day)
    row = rows.of(deal, day)
    lawful = (row >= 0) & (known_day - day < len(laws.LAG_CHANCES))
    by_monday = lawful & (known_day < next_monday(day))
    shape = (rows.n_rows, len(laws.CHANNELS))
    all_counts, by_monday_counts = (
        np.bincount(row[known] * shape[1] + channel[known], minlength=shape[0] * shape[1])
        .reshape(shape)
        .astype(np.uint8)
        for known in (lawful, by_monday)
    )
    return all_counts, by_monday_counts


def next_monday(day: np.ndarray) -> np.ndarray:
    """First Monday after each day.

    >>> next_monday(np.array([3, 4]))  # 1970-01-04 was a Sunday
    array([ 4, 11])
    """
    return day + 7 - (day + 3) % 7


def _channels(interactions: pd.DataFrame, contacts: pd.DataFrame) -> np.ndarray:
    """Position in ``CHANNELS`` of each interaction."""
    seniority = contacts["seniority"].isin(SENIORITIES[2:]).to_numpy()
    contact = pd.Index(contacts["contact_id"]).get_indexer(interactions["contact_id"])
    company = np.where(seniority[contact], "senior", "junior")
    detail = np.where(interactions["kind"] == "meeting", company, interactions["outcome"].to_numpy(object))
    channel = np.zeros(len(interactions), int)
    for i, (kind, direction, wanted) in enumerate(laws.CHANNELS):
        found = (interactions["kind"] == kind).to_numpy()
        if direction:
            found = found & (interactions["direction"] == direction).to_numpy()
        if wanted:
            found = found & (detail == wanted)
        channel[found] = i
    return channel
