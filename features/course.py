"""A deal's course: what became known of it, one working day after the other, as a string of bytes that models follow.

Signals say how much and how long ago; a course says in which order. It is the raw material of ``models/course.py``, and
as a column of a table it goes wherever signals go. It begins with the first working day after the day of creation;
what becomes known on another day belongs to the working day after it. Each byte is a token:

- up to ``MOST_DAYS``: so many working days pass, less one;
- ``STAGE`` + place: the deal enters an open stage, by its place among the open stages of its pipeline;
- ``CLOSED``: it enters any other;
- ``OTHER_OWNER``: another owner takes over;
- ``TALK`` + 2 x way + senior: an interaction, a meeting with a director or executive or not; ways are as in
  ``features/talks.py``;
- ``ACTIVITY`` + ``len(WAYS)`` x activity + way: an interaction that came to a declared activity;
- ``AMOUNT`` + step of ``AMOUNT_STEPS``: the amount becomes so many times what it was;
- ``CLOSE_DATE`` + step of ``WEEKS_AHEAD``: the close date is set anew, so many weeks from the day of that.
"""

import numpy as np
from numpy.typing import NDArray

from crm.tables import INTERACTION_KINDS
from features.facts import DAY, BoolColumn, Facts, FloatColumn, IntColumn
from features.histories import Histories, in_effect_before, took_effect
from features.moves import stage_moves
from features.snapshots import Snapshots
from features.talks import WAYS
from features.traits import WEEKS_AHEAD, takes_over, weeks_ahead
from features.vocabulary import OPEN, Stages

MOST_DAYS = 64
STAGE, MOST_STAGES = MOST_DAYS, 16
CLOSED = STAGE + MOST_STAGES
OTHER_OWNER = CLOSED + 1
TALK = OTHER_OWNER + 1
ACTIVITY, MOST_ACTIVITIES = TALK + 2 * len(WAYS), 8
AMOUNT, AMOUNT_STEPS = ACTIVITY + MOST_ACTIVITIES * len(WAYS), (0.75, 0.875, 1.0, 1.2)
CLOSE_DATE = AMOUNT + len(AMOUNT_STEPS) + 1
N_TOKENS = CLOSE_DATE + len(WEEKS_AHEAD) + 1

_Part = tuple[IntColumn, IntColumn, IntColumn]
"""Deals, instants at which something became known, and tokens."""


def courses(snapshots: Snapshots) -> NDArray[np.object_]:
    """The course of each snapshot's deal, as known then: ``bytes``, shape (n_snapshots,)."""
    histories = snapshots.histories
    facts, day = histories.once("course", lambda: _facts(histories))
    text, ends = histories.once("course text", lambda: _text(facts, day))
    first, after = facts.start[snapshots.deal], facts.before(snapshots.deal, snapshots.at)
    last_day = np.where(after > first, np.append(day, 0)[after - 1], 0)
    passing = _days(histories, snapshots.deal, snapshots.at) - last_day
    tails = [_passing(n) for n in range(int(passing.max(initial=0)) + 1)]
    found = np.empty(len(snapshots), object)
    rows = zip(ends[first].tolist(), ends[after].tolist(), passing.tolist(), strict=True)
    found[:] = [text[start:end] + tails[n] for start, end, n in rows]
    return found


def _days(histories: Histories, deal: IntColumn, at: IntColumn) -> IntColumn:
    """How many working days of each deal's course are over at an instant."""
    off = histories.vocabulary.holidays
    created = np.busday_count(np.datetime64(0, "D"), (histories.created_at // DAY + 1).astype("M8[D]"), holidays=off)
    by_then = np.busday_count(np.datetime64(0, "D"), (at // DAY).astype("M8[D]"), holidays=off)
    return np.maximum(by_then - created[deal], 0)


def _passing(n: int) -> bytes:
    """Tokens for ``n`` working days."""
    whole, rest = divmod(n, MOST_DAYS)
    return bytes([MOST_DAYS - 1] * whole + [rest - 1] * (rest > 0))


def _facts(histories: Histories) -> tuple[Facts, IntColumn]:
    """Everything that a course tells, by deal and when it became known; and on which day of the course."""
    parts = [_moves(histories), _handovers(histories), _talks(histories), _amounts(histories), _dates(histories)]
    deal, known_at, token = (np.concatenate([part[i] for part in parts]) for i in range(3))
    facts = Facts.sorted(deal, known_at, len(histories), {"token": token}, ties=(token,))
    return facts, _days(histories, facts.group, facts.known_at)


def _moves(histories: Histories) -> _Part:
    moves, facts, stages = stage_moves(histories), histories.stage, histories.vocabulary.stages
    entered = took_effect(facts)
    token = STAGE + np.minimum(_places(stages)[facts.columns["new"]], MOST_STAGES - 1)
    return facts.group[entered], facts.known_at[entered], np.where(moves.closing, CLOSED, token)[entered]


def _places(stages: Stages) -> IntColumn:
    """Place of each stage among the open ones of its pipeline; 0 for closed ones, and for none (-1)."""
    is_open, pipeline = stages.category[:-1] == OPEN, np.array(stages.pipeline, object)
    earlier = (pipeline[:, None] == pipeline) & (stages.position[:-1] < stages.position[:-1, None]) & is_open
    return np.append(np.where(is_open, earlier.sum(axis=1), 0), 0)


def _handovers(histories: Histories) -> _Part:
    facts = histories.owner
    later = takes_over(histories) & (np.arange(len(facts)) > facts.start[facts.group])
    return facts.group[later], facts.known_at[later], np.full(int(later.sum()), OTHER_OWNER)


def _talks(histories: Histories) -> _Part:
    facts = histories.interactions
    way, activity = (facts.columns[name].astype(np.int64) for name in ("way", "activity"))
    told = (activity >= 0) & (activity < MOST_ACTIVITIES)
    senior = facts.columns["senior"] & (facts.columns["kind"] == INTERACTION_KINDS.index("meeting"))
    token = np.where(told, ACTIVITY + len(WAYS) * activity + way, TALK + 2 * way + senior)
    known = way >= 0
    return facts.group[known], facts.known_at[known], token[known]


def _amounts(histories: Histories) -> _Part:
    facts = histories.amount
    value, before, changed = _changed(facts)
    ratio = np.divide(value, before, out=np.ones(len(facts)), where=changed & (before > 0))
    told = changed & (ratio != 1)
    step = np.searchsorted(AMOUNT_STEPS, ratio[told], side="right")
    return facts.group[told], facts.known_at[told], AMOUNT + step


def _dates(histories: Histories) -> _Part:
    facts = histories.close_date
    value, _, told = _changed(facts)
    token = CLOSE_DATE + weeks_ahead(value[told], facts.known_at[told])
    return facts.group[told], facts.known_at[told], token


def _changed(facts: Facts) -> tuple[FloatColumn, FloatColumn, BoolColumn]:
    """Values, those in effect before, and which changes took effect and put another value in place of one."""
    value, before = facts.columns["value"], in_effect_before(facts)
    old = np.where(before >= 0, value[before], np.nan) if len(facts) else value
    return value, old, took_effect(facts) & np.isfinite(value) & np.isfinite(old) & (value != old)


def _text(facts: Facts, day: IntColumn) -> tuple[bytes, IntColumn]:
    """All tokens, with the days between them; and where each fact's begin, with the end of all at the end."""
    first = np.append(True, facts.group[1:] != facts.group[:-1])[: len(facts)]
    gap = np.where(first, day, np.diff(day, prepend=0))
    passing = -(-gap // MOST_DAYS)
    ends = np.append(0, np.cumsum(passing + 1))
    tokens = np.full(int(ends[-1]), MOST_DAYS - 1, np.uint8)
    last = ends[1:] - 1
    tokens[last] = facts.columns["token"]
    tokens[last[gap > 0] - 1] = (gap[gap > 0] - 1) % MOST_DAYS
    return tokens.tobytes(), ends
