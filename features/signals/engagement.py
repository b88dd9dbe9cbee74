"""Engagement: who spoke with whom, how often, how lately. Two-way contact counts; logged calls can be invented."""

from functools import partial

import numpy as np

from features.facts import DAY, FloatColumn
from features.signals.declaration import signal
from features.snapshots import Snapshots

_WON = "deals won from this stage had {typical}"
_COUNTED = (
    ("email", "inbound", "emails from the customer", "more is better"),
    ("email", "outbound", "emails to the customer", "depends"),
    ("call", "inbound", "calls from the customer", "more is better"),
    ("call", "outbound", "calls to the customer", "depends"),
    ("meeting", None, "meetings", "more is better"),
)


def _count(at: Snapshots, kind: str | None, direction: str | None, days: int | None) -> FloatColumn:
    return at.interactions(kind, direction).count(days)


for _kind, _direction, _unit, _expect in _COUNTED:
    _stem = f"{_direction}_{_kind}s" if _direction else f"{_kind}s"
    for _days in (14, 30, 90):
        signal(
            name=f"{_stem}_{_days}d",
            topic=_stem,
            group="engagement",
            unit=_unit,
            expect=_expect,  # type: ignore[arg-type]
            says=f"{{value}} in {_days} days; {_WON}",
        )(partial(_count, kind=_kind, direction=_direction, days=_days))

for _days in (7, 30, 90):
    signal(
        name=f"interactions_{_days}d",
        topic="interactions",
        group="engagement",
        unit="interactions",
        expect="more is better",
        says=f"{{value}} in {_days} days; {_WON}",
    )(partial(_count, kind=None, direction=None, days=_days))


@signal(topic="interactions", group="engagement", unit="interactions", expect="depends", says="{value} so far; " + _WON)
def interactions_ever(at: Snapshots) -> FloatColumn:
    """All interactions known before each snapshot, planned ones left out."""
    return at.interactions().count()


@signal(group="engagement", unit="notes or tasks", expect="depends", says="{value} in 30 days; " + _WON)
def notes_and_tasks_30d(at: Snapshots) -> FloatColumn:
    """Notes and tasks that became known in the 30 days before each snapshot."""
    return at.interactions("note").count(30) + at.interactions("task").count(30)


@signal(
    topic="interactions",
    group="engagement",
    unit="days",
    expect="less is better",
    says="No contact for {value}; deals won from this stage had one within {typical}",
    says_none="No contact yet; deals won from this stage had one within {typical}",
)
def days_since_last_interaction(at: Snapshots) -> FloatColumn:
    """Days since the last interaction became known; NaN where there was none."""
    return at.interactions().days_since_last()


@signal(
    topic="answers",
    group="engagement",
    unit="days",
    expect="less is better",
    says="Last heard from the customer {value} ago; deals won from this stage had heard within {typical}",
    says_none="The customer has not written or called yet; deals won from this stage had heard within {typical}",
)
def days_since_last_inbound(at: Snapshots) -> FloatColumn:
    """Days since the customer last wrote or called; NaN where they never did."""
    return at.interactions(direction="inbound").days_since_last()


@signal(
    topic="meetings",
    group="engagement",
    unit="days",
    expect="less is better",
    says="No meeting for {value}; deals won from this stage met within {typical}",
    says_none="No meeting yet; deals won from this stage met within {typical}",
)
def days_since_last_meeting(at: Snapshots) -> FloatColumn:
    """Days since the last meeting became known; NaN where there was none."""
    return at.interactions("meeting").days_since_last()


@signal(
    topic="answers",
    group="engagement",
    unit="days",
    expect="less is better",
    says="No reply for {value}; deals won from this stage were answered within {typical}",
    says_none="Nothing was sent to the customer yet",
    says_zero="The customer spoke last",
)
def days_unanswered(at: Snapshots) -> FloatColumn:
    """Days since our first unanswered message; 0 where the customer spoke last, NaN where nobody did."""
    facts = at.histories.interactions
    if not len(facts):
        return np.full(len(at), np.nan)
    last_in = at.interactions(direction="inbound").last()
    outbound = at.interactions(direction="outbound")
    end = at.position(facts, 0)
    next_out = _next_position(outbound.mask)
    first = next_out[np.where(last_in >= 0, last_in + 1, at.position(facts, None))]
    waiting = first < end
    days = (at.at - facts.known_at[np.minimum(first, len(facts) - 1)]) / DAY
    return np.where(waiting, days, np.where(last_in >= 0, 0.0, np.nan))


def _next_position(mask: np.ndarray) -> np.ndarray:
    """For each position (one past the end included), the first at or after it where ``mask`` holds."""
    size = len(mask)
    own = np.append(np.where(mask, np.arange(size), size), size)
    return np.minimum.accumulate(own[::-1])[::-1]


@signal(
    topic="answers",
    group="engagement",
    unit="share",
    expect="more is better",
    says="{value} of messages in 90 days came from the customer; {typical} in deals won from this stage",
    says_none="No messages in 90 days",
)
def two_way_share_90d(at: Snapshots) -> FloatColumn:
    """Inbound share of the directed interactions of the last 90 days; NaN where there were none."""
    inbound, outbound = (at.interactions(direction=side).count(90) for side in ("inbound", "outbound"))
    both = inbound + outbound
    return np.divide(inbound, both, out=np.full(len(at), np.nan), where=both > 0)


@signal(
    topic="interactions",
    group="engagement",
    unit="interactions",
    expect="more is better",
    says="{value} more in the last 14 days than in the 14 before",
    says_zero="As many interactions in the last 14 days as in the 14 before",
    says_below="{value} fewer in the last 14 days than in the 14 before",
)
def interactions_trend_14d(at: Snapshots) -> FloatColumn:
    """Interactions of the last 14 days less those of the 14 days before."""
    recent = at.interactions()
    return 2 * recent.count(14) - recent.count(28)


@signal(group="engagement", unit="contacts", expect="more is better", says="{value} involved; " + _WON)
def contacts_ever(at: Snapshots) -> FloatColumn:
    """Distinct contacts of the interactions known before each snapshot."""
    facts = at.histories.interactions
    return at.window(facts, facts.columns["new_contact"]).count()


@signal(
    group="engagement",
    unit="interactions",
    expect="more is better",
    says="{value} with directors or executives in 90 days; " + _WON,
)
def senior_interactions_90d(at: Snapshots) -> FloatColumn:
    """Interactions of the last 90 days with a director or an executive."""
    return at.interactions(senior=True).count(90)


@signal(
    group="engagement",
    unit="days",
    expect="less is better",
    says="The next meeting is in {value}",
    says_none="No meeting is planned",
)
def days_to_next_meeting(at: Snapshots) -> FloatColumn:
    """Days from each snapshot to the next meeting already booked; NaN where none lies ahead."""
    planned = at.histories.planned_meetings
    if not len(planned):
        return np.full(len(at), np.nan)
    place, end = planned.before(at.deal, at.at), planned.start[at.deal + 1]
    late = np.flatnonzero(place < end)
    while len(late):  # step over meetings that were booked only later
        late = late[planned.columns["booked_at"][place[late]] >= at.at[late]]
        place[late] += 1
        late = late[place[late] < end[late]]
    ahead = (planned.known_at[np.minimum(place, len(planned) - 1)] - at.at) / DAY
    return np.where(place < end, ahead, np.nan)
