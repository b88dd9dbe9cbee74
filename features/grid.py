"""The snapshot grid: every deal at every week start (or every day) while it is open."""

import numpy as np

from features.facts import DAY, IntColumn
from features.histories import Histories
from features.norms import Norms
from features.snapshots import Snapshots
from features.usual_times import MONDAY
from features.vocabulary import OPEN


def training_grid(
    histories: Histories, norms: Norms, *, every_days: int, until: int, since: int | None = None
) -> Snapshots:
    """Every deal at every grid instant before ``until`` at which it was open, as known then.

    Parameters
    ----------
    every_days : 7 for Mondays 00:00 UTC, 1 for every midnight
    until : microseconds since 1970 UTC; excluded
    since : microseconds since 1970 UTC; snapshots before it are left out
    """
    step = every_days * DAY
    first = (histories.created_at - MONDAY) // step + 1
    if since is not None:
        first = np.maximum(first, -((MONDAY - since) // step))
    end = np.minimum(_last_useful_instant(histories, until), until)
    n = np.maximum(-((MONDAY + first * step - end) // step), 0)
    deal = np.repeat(np.arange(len(histories)), n)
    place = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
    return open_only(Snapshots(histories, norms, deal, MONDAY + (first[deal] + place) * step))


def now(histories: Histories, norms: Norms, as_of: int) -> Snapshots:
    """Every deal that is open as of one instant; the grid of scoring."""
    deal = np.arange(len(histories))
    return open_only(Snapshots(histories, norms, deal, np.full(len(histories), as_of)))


def open_only(snapshots: Snapshots) -> Snapshots:
    """The snapshots whose deal was open, as known then."""
    mine = snapshots.is_open
    return Snapshots(snapshots.histories, snapshots.norms, snapshots.deal[mine], snapshots.at[mine])


def _last_useful_instant(histories: Histories, until: int) -> IntColumn:
    """After its last stage change a closed deal stays closed; an open one is open until ``until``."""
    facts, stages = histories.stage, histories.vocabulary.stages
    end = facts.start[1:]
    has = end > facts.start[:-1]
    if not len(facts):
        return np.zeros(len(histories), np.int64)
    last = np.maximum(end - 1, 0)
    stage = facts.columns["new"][facts.columns["latest"][last]]
    still_open = stages.category[stage] == OPEN
    return np.where(has, np.where(still_open, until, facts.known_at[last] + 1), 0)
