"""The course of each deal of the demo CRM from creation to close: one loop over days, all open deals at once."""

from dataclasses import dataclass, field

import numpy as np

from crm import simulation_laws as laws
from crm.simulated_openings import Openings, drawn, employed_rep
from crm.simulated_people import Accounts, Reps
from crm.simulation_calendar import DAY_US, Calendar
from crm.tables import AMOUNT, CATEGORY, CLOSE_DATE, OWNER, STAGE

FIELDS = (STAGE, AMOUNT, CLOSE_DATE, OWNER, CATEGORY)
WON_STAGE, LOST_STAGE = laws.N_OPEN_STAGES, laws.N_OPEN_STAGES + 1
OWNER_CHANGE_CHANCE = 0.0012
"""Per deal and working day, whatever the deal's type: it says nothing of it."""

_MINUTE_US = 60_000_000
_MORNING, _WORKDAY, _EVENING, _CLEANUP = (
    (450 * _MINUTE_US, 470 * _MINUTE_US),
    (480 * _MINUTE_US, 1020 * _MINUTE_US),
    (1025 * _MINUTE_US, 1140 * _MINUTE_US),
    (1170 * _MINUTE_US, 1170 * _MINUTE_US + 1),
)


@dataclass
class Course:
    """What happened to a run of deals: one element per change of a field, and one per interaction, as columns in parts.

    ``changes`` holds (field, deal, instant in microseconds, user row, new value as a number); ``talks`` holds (deal,
    day, channel, rep). Deals are positions in their openings; fields positions in ``FIELDS``.
    """

    changes: list[tuple[np.ndarray, ...]] = field(default_factory=list)
    talks: list[tuple[np.ndarray, ...]] = field(default_factory=lambda: [(np.zeros(0, int),) * 4])

    def change(self, name: str, deal: np.ndarray, at_us: np.ndarray, user: np.ndarray, new: np.ndarray) -> None:
        """Note that the field ``name`` of ``deal`` became ``new``."""
        if len(deal):
            fields = np.full(len(deal), FIELDS.index(name))
            # A copy: the present values given here are overwritten as days pass.
            self.changes.append((fields, deal, at_us, user, np.array(new, dtype=float)))


@dataclass(frozen=True)
class _Today:
    """One working day and what is known of it."""

    day: int
    pace: float
    cleanup: bool
    moves: np.ndarray


@dataclass(frozen=True)
class _Run:
    """The present of every deal, one element per deal, overwritten as days pass; and what drives it."""

    type: np.ndarray
    region: np.ndarray
    momentum: np.ndarray
    stage: np.ndarray
    rep: np.ndarray
    amount: np.ndarray
    close_day: np.ndarray
    category: np.ndarray
    reps: Reps
    rng: np.random.Generator
    course: Course


def run_courses(
    openings: Openings, accounts: Accounts, reps: Reps, calendar: Calendar, stop: int, rng: np.random.Generator
) -> Course:
    """Let every deal live from its creation until it closes or the day ``stop`` (excluded) comes."""
    run, moves = _begin(openings, accounts, reps, rng), laws.move_chances(calendar)
    deals, n_begun = np.zeros(0, int), 0
    for day in range(int(openings.day[0]), stop):
        i = day - calendar.first
        if calendar.working[i] and len(deals):
            deals = _live(run, _Today(day, calendar.pace[i], calendar.cleanup[i], moves[i]), deals)
        n_next = int(np.searchsorted(openings.day, day, side="right"))
        deals, n_begun = np.concatenate([deals, np.arange(n_begun, n_next)]), n_next
        if n_begun == len(openings.day) and not len(deals):
            break
    return run.course


def _begin(openings: Openings, accounts: Accounts, reps: Reps, rng: np.random.Generator) -> _Run:
    """Write the first value of every field."""
    n = len(openings.day)
    run = _Run(
        type=openings.type,
        region=accounts.region[openings.account],
        momentum=openings.momentum.copy(),
        stage=np.zeros(n, int),
        rep=openings.rep.copy(),
        amount=openings.amount.copy(),
        close_day=openings.close_day.copy(),
        category=np.zeros(n, int),
        reps=reps,
        rng=rng,
        course=Course(),
    )
    user = reps.user[run.rep]
    first = {STAGE: run.stage, AMOUNT: run.amount, CLOSE_DATE: run.close_day, OWNER: user, CATEGORY: run.category}
    for name, value in first.items():
        run.course.change(name, np.arange(n), openings.created_us, user, value)
    return run


def _live(run: _Run, today: _Today, deals: np.ndarray) -> np.ndarray:
    """Let the open ``deals`` live through a working day; returns those still open in the night."""
    _reassign(run, today, deals)
    booked = _talk(run, today, deals)
    _push(run, today, deals)
    return _move(run, today, deals, booked)


def _reassign(run: _Run, today: _Today, deals: np.ndarray) -> None:
    """Hand over the deals of reps who left, and now and then another one."""
    reps = run.reps
    handed = (reps.left[run.rep[deals]] <= today.day) | (run.rng.random(len(deals)) < OWNER_CHANGE_CHANCE)
    deals = deals[handed]
    rep = employed_rep(reps, run.rng.integers(len(reps.team), size=len(deals)), run.region[deals], today.day)
    deals, rep = deals[rep != run.rep[deals]], rep[rep != run.rep[deals]]
    run.rep[deals] = rep
    run.course.change(OWNER, deals, _instants(run, today, _MORNING, len(deals)), reps.manager[rep], reps.user[rep])


def _talk(run: _Run, today: _Today, deals: np.ndarray) -> np.ndarray:
    """Draw the day's interactions; returns which deals had a senior meeting booked."""
    rep = run.rep[deals]
    rates = today.pace * laws.RATES[:, run.type[deals], run.momentum[deals], run.stage[deals]].T
    rates[:, laws.IS_OVER_REPORTED] *= run.reps.over_reporting[rep][:, None]
    counts = run.rng.poisson(rates)
    row, channel = np.nonzero(counts)
    row, channel = (np.repeat(part, counts[row, channel]) for part in (row, channel))
    run.course.talks.append((deals[row], np.full(len(row), today.day), channel, rep[row]))
    return counts[:, laws.SENIOR_MEETING] > 0


def _push(run: _Run, today: _Today, deals: np.ndarray) -> None:
    """Where the close date has come, the owner may notice and push it."""
    due = deals[run.close_day[deals] <= today.day]
    due = due[run.rng.random(len(due)) < laws.PUSH_CHANCE[run.momentum[due]]]
    run.close_day[due] = today.day + laws.PUSH_DAYS[drawn(laws.PUSH_DAYS_CHANCES[run.type[due]], run.rng)]
    at_us = _instants(run, today, _WORKDAY, len(due))
    run.course.change(CLOSE_DATE, due, at_us, run.reps.user[run.rep[due]], run.close_day[due])


def _move(run: _Run, today: _Today, deals: np.ndarray, booked: np.ndarray) -> np.ndarray:
    """Make the evening's move of each deal; returns the deals that stay open."""
    kind, momentum, stage, lift = run.type[deals], run.momentum[deals], run.stage[deals], booked.astype(int)
    chances = today.moves[lift, :, kind, momentum, stage]
    move = drawn(chances, run.rng)
    won, lost = move == laws.WON, move == laws.LOST
    run.momentum[deals] = drawn(laws.MOMENTUM_AFTER[lift, move, kind, momentum], run.rng)
    run.stage[deals] = np.select([won, lost], [WON_STAGE, LOST_STAGE], stage + laws.STAGES_MOVED[move])
    at_us, user = _instants(run, today, _EVENING, len(deals)), run.reps.user[run.rep[deals]]
    if today.cleanup:
        swept = lost & (run.rng.random(len(deals)) < laws.CLEANUP_CHANCE[momentum] / chances[:, laws.LOST])
        at_us = np.where(swept, _instants(run, today, _CLEANUP, len(deals)), at_us)
        user = np.where(swept, run.reps.manager[run.rep[deals]], user)
    moved, advanced = move != laws.STAY, (move == laws.ADVANCE) | (move == laws.SKIP)
    run.course.change(STAGE, deals[moved], at_us[moved], user[moved], run.stage[deals[moved]])
    _revise(run, today, deals[advanced], at_us[advanced])
    return deals[~won & ~lost]


def _revise(run: _Run, today: _Today, deals: np.ndarray, at_us: np.ndarray) -> None:
    """At an advance the owner may set amount, close date and category anew; what does not change is not written."""
    rng, kind, stage, user = run.rng, run.type[deals], run.stage[deals], run.reps.user[run.rep[deals]]
    amount = np.rint(run.amount[deals] * laws.AMOUNT_FACTORS[drawn(laws.AMOUNT_FACTOR_CHANCES[kind], rng)])
    weeks = drawn(laws.CLOSE_WEEK_CHANCES[kind, stage], rng)
    reset_day = today.day + 7 * weeks + rng.integers(7, size=len(deals))
    close_day = np.where(rng.random(len(deals)) < laws.CLOSE_RESET_CHANCE, reset_day, run.close_day[deals])
    category = drawn(laws.CATEGORY_CHANCES[kind, stage], rng)
    revised = ((AMOUNT, run.amount, amount), (CLOSE_DATE, run.close_day, close_day), (CATEGORY, run.category, category))
    for name, present, new in revised:
        differs = new != present[deals]
        present[deals] = new
        run.course.change(name, deals[differs], at_us[differs], user[differs], new[differs])


def _instants(run: _Run, today: _Today, window: tuple[int, int], n: int) -> np.ndarray:
    return today.day * DAY_US + run.rng.integers(*window, size=n)
