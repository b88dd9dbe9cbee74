"""What each hidden state is held to have shown: courses passed forward and backward (Baum et al., 1970)."""

from typing import NamedTuple

import numpy as np

from models.course_filter import BACK, STAY, Days, Laws, compiled, go_on, is_alike, weigh


class Counts(NamedTuple):
    """What was seen, shared out among the states by how likely each was.

    Attributes
    ----------
    facts : by channel; shape (channels, kinds, moods)
    exposure : days weighed by what owners log; as ``Laws.exposure``
    moves : shape (kinds, moods, stages, moves)
    switches : as ``Laws.switch``
    amounts, dates : ways to change amount and close date; as ``Laws.log_amount`` and ``Laws.log_date``
    """

    facts: np.ndarray
    exposure: np.ndarray
    moves: np.ndarray
    switches: np.ndarray
    amounts: np.ndarray
    dates: np.ndarray

    @classmethod
    def none(cls, laws: Laws) -> "Counts":
        """Nothing yet, in the shapes of some laws."""
        shapes = (laws.log_rate, laws.exposure, laws.log_move, laws.switch, laws.log_amount, laws.log_date)
        return cls(*(np.zeros(one.shape) for one in shapes))


@compiled
def count(days: Days, logs: np.ndarray, prior: np.ndarray, laws: Laws, counts: Counts, first: np.ndarray) -> float:
    """Add what each state of each day is held to have shown to ``counts``; P(state) of each first day into ``first``.

    Parameters
    ----------
    logs, prior : of each course, as ``logging_of`` and ``prior_of`` give them

    Returns
    -------
    the logarithm of the likelihood of all that was seen, up to a constant
    """
    likelihood = 0.0
    n_kinds, n_moods = prior.shape[1:]
    ahead, earlier = np.empty((n_kinds, n_moods)), np.empty((n_kinds, n_moods))
    for i in range(len(prior)):
        start, n = days.start[i], days.end[i] - days.start[i]
        belief, weight, total = np.empty((n + 1, n_kinds, n_moods)), np.empty((n, n_kinds, n_moods)), np.empty(n)
        belief[0], most = prior[i], 0.0
        for t in range(n):
            row = start + t
            if t > 0 and is_alike(row, days):
                weight[t] = weight[t - 1]
            else:
                most = weigh(row, logs[i], days, laws, weight[t])
            total[t] = go_on(belief[t], weight[t], laws.switch, min(days.move[row], BACK), belief[t + 1])
            likelihood += np.log(total[t]) + most
        ahead[:] = 1.0
        for t in range(n - 1, -1, -1):
            row = start + t
            stage, move = days.stage[row], days.move[row]
            after, moved = min(move, BACK), 1 if move != STAY else 0
            owner = min(days.owner[row], logs.shape[1] - 1)
            for kind in range(n_kinds):
                for mood in range(n_moods):
                    here, then = belief[t, kind, mood] * weight[t, kind, mood] / total[t], 0.0
                    for later in range(n_moods):
                        one = laws.switch[kind, after, mood, later] * ahead[kind, later]
                        then += one
                        counts.switches[kind, after, mood, later] += here * one
                    held = here * then
                    counts.moves[kind, mood, stage, move] += held
                    if move <= BACK:
                        counts.amounts[kind, move, stage, days.amount[row]] += held
                        counts.dates[kind, move, stage, days.date[row]] += held
                    for group in range(logs.shape[2]):
                        counts.exposure[group, moved, stage, kind, mood] += held * logs[i, owner, group]
                    for fact in range(days.first[row], days.last[row]):
                        counts.facts[days.channel[fact], kind, mood] += held
                    earlier[kind, mood] = weight[t, kind, mood] * then / total[t]
            ahead[:] = earlier
        first[i] = prior[i] * ahead
    return likelihood
