"""Engagement: who spoke with whom, how often, how lately. Two-way contact counts; logged calls can be invented."""

from functools import partial

import numpy as np

from crm.tables import INTERACTION_KINDS
from features.facts import DAY, Facts, FloatColumn, taken
from features.selection import Window
from features.signals.declaration import signal
from features.snapshots import Snapshots
from features.talks import INBOUND, OUTBOUND

_WON = "deals won from this stage had {typical}"
_COUNTED = (
    ("email", "inbound", "emails from the customer", "more is better"),
    ("email", "outbound", "emails to the customer", "depends"),
    ("call", "inbound", "calls from the customer", "more is better"),
    ("call", "outbound", "calls to the customer", "depends"),
    ("meeting", None, "meetings", "more is better"),
    ("note", None, "notes", "depends"),
    ("task", None, "tasks", "depends"),
    (None, None, "interactions", "more is better"),
)
_DAYS = (7, 14, 30, 90, None)


def _count(at: Snapshots, kind: str | None, direction: str | None, days: int | None) -> FloatColumn:
    """Interactions of that kind and direction known in the window; planned ones once they took place."""
    return at.interactions(kind, direction).count(days)


for _kind, _direction, _unit, _expect in _COUNTED:
    _stem = f"{_direction}_{_kind}s" if _direction else f"{_kind or 'interaction'}s"
    for _number in _DAYS:
        signal(
            name=f"{_stem}_{_number}d" if _number else f"{_stem}_ever",
            topic=_stem,
            group="engagement",
            unit=_unit,
            expect=_expect,
            says=f"{{value}} in {_number} days; {_WON}" if _number else f"{{value}} so far; {_WON}",
        )(partial(_count, kind=_kind, direction=_direction, days=_number))


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
    return at.once("days unanswered", lambda: _days_unanswered(at))


def _days_unanswered(at: Snapshots) -> FloatColumn:
    facts = at.histories.interactions
    if not len(facts):
        return np.full(len(at), np.nan)
    last_in = at.interactions(direction="inbound").last()
    first = at.interactions(direction="outbound").some.next[
        np.where(last_in >= 0, last_in + 1, at.position(facts, None))
    ]
    days = (at.at - facts.known_at[np.minimum(first, len(facts) - 1)]) / DAY
    return np.where(first < at.position(facts, 0), days, np.where(last_in >= 0, 0.0, np.nan))


@signal(
    topic="answers",
    group="engagement",
    unit="times the usual time",
    expect="less is better",
    says="Waiting for a reply for {value}; {typical} in deals won from this stage",
    says_none="Nothing was sent to the customer yet, or how long they usually take is not known",
    says_zero="The customer spoke last",
)
def days_unanswered_vs_norm(at: Snapshots) -> FloatColumn:
    """Days unanswered over the median time in which customers answered in this pipeline, as known then."""
    norm = at.norms.usual_days(at.norms.days_to_reply, at.static("pipeline"), at.moments)
    return days_unanswered(at) / np.maximum(norm, 0.01)


@signal(
    topic="answers",
    group="engagement",
    unit="days",
    expect="less is better",
    says="The customer takes {value} to answer; {typical} in deals won from this stage",
    says_none="The customer has not answered anything yet",
)
def days_to_reply(at: Snapshots) -> FloatColumn:
    """Mean days in which the customer answered so far; NaN where they never did."""
    return _replies(at, INBOUND).mean("reply_us") / DAY


@signal(
    topic="answers",
    group="engagement",
    unit="days",
    expect="less is better",
    says="We take {value} to answer; {typical} in deals won from this stage",
    says_none="We have not answered anything yet",
)
def days_to_our_reply(at: Snapshots) -> FloatColumn:
    """Mean days in which we answered the customer so far; NaN where we never did."""
    return _replies(at, OUTBOUND).mean("reply_us") / DAY


def _replies(at: Snapshots, side: int) -> Window:
    facts = at.histories.interactions
    columns = facts.columns
    return at.where(facts, f"replies {side}", lambda: (columns["reply_us"] >= 0) & (columns["direction"] == side))


def _marked(at: Snapshots, column: str) -> Window:
    facts = at.histories.interactions
    return at.where(facts, column, lambda: facts.columns[column])


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
    return _marked(at, "new_contact").count()


@signal(
    topic="seniority",
    group="engagement",
    unit="directors or executives",
    expect="more is better",
    says="{value} involved; " + _WON,
)
def senior_contacts_ever(at: Snapshots) -> FloatColumn:
    """Distinct contacts who are directors or executives, of the interactions known before each snapshot."""
    return _marked(at, "new_senior").count()


@signal(
    topic="seniority",
    group="engagement",
    unit="interactions",
    expect="more is better",
    says="{value} with directors or executives in 90 days; " + _WON,
)
def senior_interactions_90d(at: Snapshots) -> FloatColumn:
    """Interactions of the last 90 days with a director or an executive."""
    return _marked(at, "senior").count(90)


def _senior_meetings(at: Snapshots) -> Window:
    columns = at.histories.interactions.columns
    meeting = INTERACTION_KINDS.index("meeting")
    return at.where(
        at.histories.interactions, "senior meetings", lambda: columns["senior"] & (columns["kind"] == meeting)
    )


def _senior_meetings_in(at: Snapshots, days: int | None) -> FloatColumn:
    """Meetings with a director or an executive known in the window."""
    return _senior_meetings(at).count(days)


for _number in (30, 90, None):
    signal(
        name=f"senior_meetings_{_number}d" if _number else "senior_meetings_ever",
        topic="seniority",
        group="engagement",
        unit="meetings with directors or executives",
        expect="more is better",
        says=f"{{value}} in {_number} days; {_WON}" if _number else f"{{value}} so far; {_WON}",
    )(partial(_senior_meetings_in, days=_number))


@signal(
    topic="seniority",
    group="engagement",
    unit="days",
    expect="less is better",
    says="No meeting with a director or an executive for {value}; deals won from this stage had one within {typical}",
    says_none="No meeting with a director or an executive yet",
)
def days_since_last_senior_meeting(at: Snapshots) -> FloatColumn:
    """Days since the last meeting with a director or an executive became known; NaN where there was none."""
    return _senior_meetings(at).days_since_last()


@signal(
    topic="planned",
    group="engagement",
    unit="days",
    expect="less is better",
    says="The next meeting is in {value}",
    says_none="No meeting is planned",
)
def days_to_next_meeting(at: Snapshots) -> FloatColumn:
    """Days from each snapshot to the next meeting already booked; NaN where none lies ahead."""
    planned = at.histories.planned
    meetings = at.histories.once(
        "meetings ahead", lambda: planned.only(planned.columns["kind"] == INTERACTION_KINDS.index("meeting"))
    )
    place, end = meetings.before(at.deal, at.at), meetings.start[at.deal + 1]
    late = np.flatnonzero(place < end)
    while len(late):  # step over meetings that were booked only later
        late = late[meetings.columns["booked_at"][place[late]] >= at.at[late]]
        place[late] += 1
        late = late[place[late] < end[late]]
    return (taken(meetings.known_at, np.where(place < end, place, -1)) - at.at) / DAY


@signal(topic="planned", group="engagement", unit="interactions", expect="more is better", says="{value} planned ahead")
def planned_ahead(at: Snapshots) -> FloatColumn:
    """Interactions entered before each snapshot that are to take place at or after it."""
    planned = at.histories.planned
    booked = at.histories.once(
        "booked", lambda: Facts.sorted(planned.group, planned.columns["booked_at"], planned.n_groups, {})
    )
    return (booked.before(at.deal, at.at) - planned.before(at.deal, at.at)).astype(np.float64)
