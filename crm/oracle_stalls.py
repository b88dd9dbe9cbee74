"""The chance that a deal stalls: open, and never beyond its stage, so many days after a Monday.

Let A(d) be the chances of each (momentum, stage) on the morning of day d, for a deal that on the Monday was in stage s,
with all paths cut off that ever passed s, were won or were lost. Then ``A(d + 1) = A(d) P(next state | state)``, where
stages beyond s are struck out; and the chance sought is the sum of A.
"""

import numpy as np

from crm import simulation_laws as laws
from crm.oracle_chances import mondays, transitions
from crm.simulation_calendar import working_calendar

STALL_DAYS = tuple(range(7, 92, 7))
"""Days after which the chance is told; patience lies in between."""


def stall_chances(first: int, stop: int) -> np.ndarray:
    """P(open and not moved forward for each of ``STALL_DAYS`` | state) at each of ``mondays(first, stop)``.

    Returns
    -------
    array of shape (mondays, stages, days, types, momenta)
        Non-increasing along the days.
    """
    calendar = working_calendar(first, stop + STALL_DAYS[-1])
    onward, _ = transitions(calendar)
    n_types, n_momenta, n_stages = len(laws.TYPES), len(laws.MOMENTA), laws.N_OPEN_STAGES
    starts = mondays(first, stop)
    chances = np.empty((len(starts), n_stages, len(STALL_DAYS), n_types, n_momenta))
    not_beyond = np.arange(n_stages)[:, None] >= np.arange(n_stages)
    kept = np.tile(not_beyond, (1, n_momenta))[:, None, None, :]  # (start, 1, 1, momentum x stage)
    for number, monday in enumerate(starts):
        alive = np.zeros((n_stages, n_types, n_momenta, n_momenta * n_stages))
        for stage in range(n_stages):
            for momentum in range(n_momenta):
                alive[stage, :, momentum, momentum * n_stages + stage] = 1
        for day in range(STALL_DAYS[-1]):
            if calendar.working[monday + day - first]:
                alive = np.einsum("sqmx,qxy->sqmy", alive, onward[monday + day - first]) * kept
            if day + 1 in STALL_DAYS:
                chances[number, :, STALL_DAYS.index(day + 1)] = alive.sum(axis=3)
    return chances
