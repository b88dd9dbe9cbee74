"""What became of a snapshot's deal, as far as a cut-off lets us see.

A label whose window passes the cut-off is censored (NaN), never negative. Only ``training/`` and
``reports/`` may import this module: a label in serving is a leak.
"""

from dataclasses import dataclass

import numpy as np

from features.facts import DAY, Facts, FloatColumn, IntColumn
from features.snapshots import Snapshots
from features.vocabulary import LOST, OPEN, WON


@dataclass(frozen=True)
class Patience:
    """How long a stage may take before a deal in it counts as stalled: bounds in days, and what holds at first."""

    minimum_days: float = 7
    maximum_days: float = 90
    default_days: float = 30

    def of(self, snapshots: Snapshots) -> FloatColumn:
        """Days of patience of each snapshot: the stage's 80th percentile as known then, within the bounds."""
        known = np.nan_to_num(snapshots.patience_days, nan=self.default_days)
        return np.clip(known, self.minimum_days, self.maximum_days)


@dataclass(frozen=True)
class Labels:
    """One entry per snapshot, as seen at the cut-off.

    Attributes
    ----------
    won : 1 won, 0 lost, NaN still open
    days_to_close : days from the snapshot to the closing; NaN still open
    days_seen : days from the snapshot to the cut-off
    stalled : 1 open and not moved forward when the patience ends, 0 moved forward, won or lost by then, NaN censored
    """

    won: FloatColumn
    days_to_close: FloatColumn
    days_seen: FloatColumn
    stalled: FloatColumn


def labels(snapshots: Snapshots, patience_days: FloatColumn, cutoff: int) -> Labels:
    """Label every snapshot with what was known before ``cutoff`` (microseconds since 1970 UTC)."""
    won, closed_at = _outcome(snapshots, cutoff)
    return Labels(
        won=won,
        days_to_close=(closed_at - snapshots.at) / DAY,
        days_seen=(cutoff - snapshots.at) / DAY,
        stalled=_stalled(snapshots, patience_days, cutoff),
    )


def _outcome(snapshots: Snapshots, cutoff: int) -> tuple[FloatColumn, FloatColumn]:
    facts, stages = snapshots.histories.stage, snapshots.norms.vocabulary.stages
    last = facts.before(snapshots.deal, np.full(len(snapshots), cutoff)) - 1
    final = facts.columns["latest"][last]
    category = stages.category[facts.columns["new"][final]]
    closed_at = np.where(category == OPEN, np.nan, facts.columns["changed_at"][final].astype(np.float64))
    return np.where(category == OPEN, np.nan, category == WON), closed_at


def _stalled(snapshots: Snapshots, patience_days: FloatColumn, cutoff: int) -> FloatColumn:
    stages = snapshots.norms.vocabulary.stages
    events = _in_order_of_effect(snapshots.histories.stage, cutoff)
    end = snapshots.at + (patience_days * DAY).astype(np.int64)
    # What took effect before the snapshot but was entered after it was news too; so count from the change in effect.
    in_effect = snapshots.value(snapshots.histories.stage, snapshots.in_effect(snapshots.histories.stage), "rank")
    first = np.searchsorted(events.columns["rank"], in_effect, side="right")
    after = events.before(snapshots.deal, end)
    category = stages.category[events.columns["new"]]
    reached = np.where(
        category == WON, np.inf, np.where(category == OPEN, stages.position[events.columns["new"]], -np.inf)
    )
    forward = _largest_between(reached, first, after) > stages.position[snapshots.stage]
    n_lost = events.running(category == LOST)
    lost = n_lost[after] > n_lost[first]
    return np.where(end > cutoff, np.nan, ~(forward | lost))


def _in_order_of_effect(facts: Facts, cutoff: int) -> Facts:
    """Stage changes known before ``cutoff``, by the instant at which they took effect."""
    known = facts.known_at < cutoff
    columns = {name: facts.columns[name][known] for name in ("new", "rank")}
    return Facts.sorted(
        facts.group[known], facts.columns["changed_at"][known], facts.n_groups, columns, ties=(columns["rank"],)
    )


def _largest_between(values: FloatColumn, first: IntColumn, after: IntColumn) -> FloatColumn:
    """Largest of ``values[first:after]`` for every pair; -inf where the range is empty."""
    padded = np.append(values, -np.inf)
    largest = np.maximum.reduceat(padded, np.column_stack([first, after]).ravel())[::2]
    return np.where(after > first, largest, -np.inf)
