"""Timing: age, the expected close date, how often it was pushed, and the calendar."""

import numpy as np

from crm.fiscal import quarter_starts
from features.facts import DAY, FloatColumn, IntColumn
from features.selection import Window
from features.signals.declaration import signal
from features.snapshots import Snapshots


def _pushes(at: Snapshots) -> Window:
    facts = at.histories.close_date
    return at.where(facts, "pushes", lambda: facts.columns["pushed_days"] > 0)


@signal(
    group="timing",
    unit="days",
    expect="less is better",
    says="The deal is {value} old; {typical} where won from this stage",
)
def age_days(at: Snapshots) -> FloatColumn:
    """Days since the deal was created."""
    return (at.at - at.histories.created_at[at.deal]) / DAY


@signal(
    topic="close date",
    group="timing",
    unit="days",
    expect="depends",
    says="The close date is {value} away; {typical} in deals won from this stage",
    says_none="There is no close date",
    says_zero="The close date is today",
    says_below="The close date was {value} ago",
)
def days_to_close_date(at: Snapshots) -> FloatColumn:
    """Days to the expected close date; negative once it has passed, NaN where there is none."""
    facts = at.histories.close_date
    return at.value(facts, at.in_effect(facts)) - at.at / DAY


@signal(
    topic="close date",
    group="timing",
    unit="days",
    expect="less is better",
    says="The close date is overdue by {value}",
    says_none="There is no close date",
    says_zero="The close date has not passed",
)
def overdue_days(at: Snapshots) -> FloatColumn:
    """Days since the expected close date ended; 0 before that, NaN where there is none."""
    return np.maximum(-days_to_close_date(at) - 1, 0)


@signal(
    topic="close date",
    group="timing",
    unit="days",
    expect="depends",
    says="The close date was set {value} ahead; {typical} in deals won from this stage",
    says_none="There is no close date",
    says_zero="The close date was set for the same day",
    says_below="The close date was set {value} back",
)
def days_planned(at: Snapshots) -> FloatColumn:
    """Days from when the close date in effect was set to that date; negative where set in arrears, NaN for none."""
    return _planned(at, at.in_effect(at.histories.close_date))


@signal(
    topic="close date",
    group="timing",
    unit="days",
    expect="depends",
    says="The first close date was set {value} ahead; {typical} in deals won from this stage",
    says_none="There is no close date",
    says_zero="The first close date was set for the same day",
    says_below="The first close date was set {value} back",
)
def days_planned_first(at: Snapshots) -> FloatColumn:
    """Days from when the first close date known was set to that date; NaN where there is none."""
    return _planned(at, at.first_known(at.histories.close_date))


def _planned(at: Snapshots, change: IntColumn) -> FloatColumn:
    facts = at.histories.close_date
    return at.value(facts, change) - at.value(facts, change, "changed_at") / DAY


@signal(
    topic="pushes",
    group="timing",
    unit="pushes",
    expect="less is better",
    says="{value} of the close date so far; {typical} in deals won from this stage",
)
def pushes(at: Snapshots) -> FloatColumn:
    """How often the close date was moved later."""
    return _pushes(at).count()


@signal(
    topic="pushes",
    group="timing",
    unit="days",
    expect="less is better",
    says="The close date was pushed by {value}; {typical} in deals won from this stage",
    says_zero="The close date was never pushed; by {typical} in deals won from this stage",
)
def pushed_days(at: Snapshots) -> FloatColumn:
    """By how many days the close date was moved later, in all."""
    return _pushes(at).total("days", at.histories.close_date.columns["pushed_days"])


@signal(
    topic="pushes",
    group="timing",
    unit="days",
    expect="depends",
    says="The close date was last pushed {value} ago",
    says_none="The close date was never pushed",
)
def days_since_push(at: Snapshots) -> FloatColumn:
    """Days since the close date was last moved later; NaN where it never was."""
    return _pushes(at).days_since_last()


@signal(group="timing", unit="days", expect="depends", says="The quarter ends in {value}")
def days_to_quarter_end(at: Snapshots) -> FloatColumn:
    """Days to the end of the fiscal quarter."""

    def days(_: IntColumn, instants: IntColumn) -> FloatColumn:
        if not len(instants):
            return np.empty(0)
        first, last = (edge.astype("datetime64[us]").item().date() for edge in (instants.min(), instants.max()))
        starts = np.array(quarter_starts(first, last, at.norms.vocabulary.fiscal), "datetime64[us]").astype(np.int64)
        return (starts[np.searchsorted(starts, instants, side="right")] - instants) / DAY

    return at.moments.asked("days to quarter end", days, np.zeros_like(at.deal), n_groups=1)
