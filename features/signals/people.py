"""People: who owns the deal, how they have done, and how much they have on their hands."""

import numpy as np

from features.facts import FloatColumn, IntColumn
from features.signals.declaration import signal
from features.snapshots import Snapshots


@signal(
    topic="owner record",
    group="people",
    unit="rate",
    expect="more is better",
    says="Its owner wins about {value} of deals",
    says_none="No deal has closed yet",
)
def owner_win_rate(at: Snapshots) -> FloatColumn:
    """Share won of the owner's deals closed before, shrunken toward all deals."""
    return at.norms.shrunken_win_rate("owner", at.owner, at.moments)


@signal(
    group="people",
    unit="rate",
    expect="more is better",
    says="Its team wins about {value} of deals",
    says_none="No deal has closed yet",
)
def team_win_rate(at: Snapshots) -> FloatColumn:
    """Share won of the deals closed before by the owner's team, shrunken toward all deals."""
    return at.norms.shrunken_win_rate("team", _of_owner(at, "team"), at.moments)


@signal(
    group="people",
    unit="rate",
    expect="more is better",
    says="Those who report to the same manager win about {value} of deals",
    says_none="No deal has closed yet",
)
def manager_win_rate(at: Snapshots) -> FloatColumn:
    """Share won of the deals closed before by all who report to the owner's manager, shrunken toward all deals."""
    return at.norms.shrunken_win_rate("manager", _of_owner(at, "manager"), at.moments)


@signal(
    topic="owner record",
    group="people",
    unit="deals",
    expect="more is better",
    says="Its owner has closed {value} before",
)
def owner_closed_deals(at: Snapshots) -> FloatColumn:
    """Deals that the owner closed before, won or lost."""
    return at.norms.closed_before("owner", "closed", at.owner, at.moments)


@signal(
    group="people",
    unit="open deals",
    expect="less is better",
    says="Its owner works on {value} at once; {typical} in deals won from this stage",
    says_zero="It has no owner",
)
def owner_open_deals(at: Snapshots) -> FloatColumn:
    """Open deals of the owner, this one included."""
    return at.norms.open_before(at.owner, at.moments)


@signal(
    topic="time with owner", group="people", unit="changes", expect="less is better", says="{value} of owner so far"
)
def owner_changes(at: Snapshots) -> FloatColumn:
    """How often the owner changed after the first."""
    return np.maximum(at.changes(at.histories.owner).count() - 1, 0)


@signal(
    topic="time with owner",
    group="people",
    unit="days",
    expect="depends",
    says="Its owner has had it for {value}",
    says_none="It has no owner",
)
def days_with_owner(at: Snapshots) -> FloatColumn:
    """Days since the owner in effect took the deal; NaN where it has none."""
    facts = at.histories.owner
    return at.days_since(at.value(facts, at.in_effect(facts), "owned_since"))


def _of_owner(at: Snapshots, what: str) -> IntColumn:
    return at.norms.vocabulary.groups_of_owner[what][at.owner]
