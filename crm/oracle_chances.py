"""The chances of a deal from each hidden state and stage on each Monday, from one backward recursion over the calendar.

Let ``v(d, x)`` be the chance that a deal in state x = (type, momentum, stage) on the morning of day d is won before day
e. Then ``v(e, x) = 0`` and ``v(d, x) = P(won on d | x) + sum over y of P(y on d + 1 | x on d) v(d + 1, y)``.
The days e of interest are Mondays, so all are run side by side, one column each, once and not per deal.
"""

import numpy as np

from crm import simulation_laws as laws
from crm.simulation_calendar import Calendar, working_calendar

HORIZON_DAYS = (7, 14, 28, 56, 91, 182, 364)
EVENTUALLY_DAYS = 1100
"""So long after the end that hardly a deal is still open: each quarter's clean-up closes half of the dormant ones."""


def mondays(first: int, stop: int) -> np.ndarray:
    """Day numbers of the Mondays after ``first`` up to ``stop`` (included).

    >>> mondays(0, 12)  # 1970-01-05 and 1970-01-12
    array([ 4, 11])
    """
    days = np.arange(first + 1, stop + 1)
    return days[(days + 3) % 7 == 0]


def win_chances(first: int, stop: int) -> np.ndarray:
    """P(won within each of ``HORIZON_DAYS``, and ever | state) at the start of each of ``mondays(first, stop)``.

    Returns
    -------
    array of shape (mondays, stages, horizons + 1, types, momenta)
        Non-decreasing along the horizons; the last one is "ever".
    """
    calendar = working_calendar(first, stop + EVENTUALLY_DAYS)
    starts = mondays(first, stop)
    ends = np.append(mondays(first, stop + HORIZON_DAYS[-1]), calendar.stop)
    column = np.searchsorted(ends, starts[:, None] + np.append(HORIZON_DAYS, calendar.stop))
    column = np.minimum(column, len(ends) - 1)
    onward, won = transitions(calendar)
    value = np.zeros((len(laws.TYPES), onward.shape[-1], len(ends)))
    shape = (len(laws.TYPES), len(laws.MOMENTA), laws.N_OPEN_STAGES, len(HORIZON_DAYS) + 1)
    chances = np.empty((len(starts), laws.N_OPEN_STAGES, shape[3], *shape[:2]))
    for day in range(calendar.stop - 1, first, -1):
        i = day - first
        if calendar.working[i]:
            value = onward[i] @ value + won[i][..., None] * (day < ends)
        if day <= stop and (day + 3) % 7 == 0:
            monday = int(np.searchsorted(starts, day))
            chances[monday] = value[..., column[monday]].reshape(shape).transpose(2, 3, 0, 1)
    return chances


def transitions(calendar: Calendar) -> tuple[np.ndarray, np.ndarray]:
    """P(next state | state, type) and P(won | state, type) per day, states being (momentum, stage) in one axis."""
    moves, stages = laws.move_chances(calendar), laws.N_OPEN_STAGES
    n_days, n_types, n_momenta = len(calendar.pace), len(laws.TYPES), len(laws.MOMENTA)
    quiet_chance = np.exp(-calendar.pace[:, None, None, None] * laws.RATES[laws.SENIOR_MEETING])
    booked = np.stack([quiet_chance, 1 - quiet_chance], axis=1)  # whether a senior meeting is booked, summed out below
    onward = np.zeros((n_days, n_types, n_momenta, stages, n_momenta, stages))
    for move in (laws.STAY, laws.ADVANCE, laws.SKIP, laws.RETURN):
        moved = np.einsum("dbqms,bqmk->dqmsk", booked * moves[:, :, move], laws.MOMENTUM_AFTER[:, move])
        shift = laws.STAGES_MOVED[move]
        for stage in range(max(0, -shift), min(stages, stages - shift)):
            onward[:, :, :, stage, :, stage + shift] += moved[:, :, :, stage]
    won = (booked * moves[:, :, laws.WON]).sum(axis=1)
    n_states = n_momenta * stages
    return onward.reshape(n_days, n_types, n_states, n_states), won.reshape(n_days, n_types, n_states)
