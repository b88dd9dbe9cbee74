"""How well each type and momentum explains a day of a deal: the weights of the oracle's filter."""

from dataclasses import dataclass

import numpy as np

from crm import simulation_laws as laws
from crm.oracle_evidence import NOT_SET, Days, next_monday
from crm.simulation_calendar import Calendar

_N_STATES = len(laws.TYPES) * len(laws.MOMENTA)


@dataclass(frozen=True)
class Weights:
    """One element per deal and working day.

    Attributes
    ----------
    in_full : P(facts of the day | type, momentum) up to a factor, with every call; shape (rows, types, momenta)
    by_monday : the same, of what was known by the next Monday
    switch : position in ``switches`` of the day's table P(momentum tomorrow | type, momentum)
    stage : stage in the night
    """

    in_full: np.ndarray
    by_monday: np.ndarray
    switch: np.ndarray
    stage: np.ndarray
    switches: np.ndarray


def weigh(days: Days, calendar: Calendar) -> Weights:
    """Multiply the chances of everything a day showed, given each type and momentum."""
    advanced = np.flatnonzero((days.move == laws.ADVANCE) | (days.move == laws.SKIP))
    due = np.flatnonzero(days.close_day <= days.day)
    booked = (days.counts[:, laws.SENIOR_MEETING] > 0).astype(int)
    i = days.day - calendar.first
    shared = laws.move_chances(calendar)[i, booked, days.move, :, :, days.stage]
    shared[due] *= _push_weights(days, due)
    shared[advanced] *= _revision_weights(days, advanced)[..., None]
    timely = np.cumsum(laws.LAG_CHANCES)[next_monday(days.day) - 1 - days.day]
    pace = calendar.pace[i]
    return Weights(
        in_full=shared * _talk_weights(days, days.counts, pace, np.ones(len(pace))),
        by_monday=shared * _talk_weights(days, days.counts_by_monday, pace, timely),
        switch=len(laws.MOVES) * booked + days.move,
        stage=days.stage + laws.STAGES_MOVED[days.move],
        switches=laws.MOMENTUM_AFTER.reshape(-1, *laws.MOMENTUM_AFTER.shape[2:]),
    )


def _talk_weights(days: Days, counts: np.ndarray, pace: np.ndarray, logged: np.ndarray) -> np.ndarray:
    """Poisson chances of the counts, scaled so that the best state has 1; ``logged`` is the share of calls known.

    What is the same for all states (pace, over-reporting, factorials) is left out of the rate's logarithm.
    """
    exposure = pace[:, None] * np.where(laws.IS_OVER_REPORTED, days.over_reporting[:, None], 1.0)
    exposure *= np.where(laws.IS_CALL, logged[:, None], 1.0)
    score = np.empty((len(pace), _N_STATES))
    for stage in range(laws.N_OPEN_STAGES):
        at, rates = days.stage == stage, laws.RATES[..., stage].reshape(-1, _N_STATES)
        score[at] = counts[at] @ np.log(rates) - exposure[at] @ rates
    return np.exp(score - score.max(axis=1, keepdims=True)).reshape(-1, len(laws.TYPES), len(laws.MOMENTA))


def _push_weights(days: Days, due: np.ndarray) -> np.ndarray:
    """The close date had come: it was pushed by so many days, or not."""
    pushed_days = days.pushed_to[due] - days.day[due]
    pushed = days.pushed_to[due] != NOT_SET
    size = laws.PUSH_DAYS_CHANCES.T[np.searchsorted(laws.PUSH_DAYS, np.where(pushed, pushed_days, laws.PUSH_DAYS[0]))]
    return np.where(pushed[:, None, None], size[..., None] * laws.PUSH_CHANCE, 1 - laws.PUSH_CHANCE)


def _revision_weights(days: Days, advanced: np.ndarray) -> np.ndarray:
    """The deal advanced: amount, category and close date were set anew, or not; per type."""
    day, pushed_to = days.day[advanced], days.pushed_to[advanced]
    reached = days.stage[advanced] + laws.STAGES_MOVED[days.move[advanced]]
    close_day = np.where(pushed_to == NOT_SET, days.close_day[advanced], pushed_to)
    reset = days.reset_to[advanced] != NOT_SET
    week = (np.where(reset, days.reset_to[advanced], close_day) - day) // 7
    week = np.where((week >= 0) & (week <= laws.MAX_WEEKS), week, 0)  # week 0 has no chance, as have the others
    set_here = laws.CLOSE_RESET_CHANCE * laws.CLOSE_WEEK_CHANCES[:, reached, week].T / 7
    # A date that did not change was left alone, or set to the same day again.
    close = np.where(reset[:, None], set_here, 1 - laws.CLOSE_RESET_CHANCE + set_here)
    category = laws.CATEGORY_CHANCES[:, reached, days.category[advanced]].T
    return laws.AMOUNT_FACTOR_CHANCES.T[days.amount_factor[advanced]] * category * close
