"""The known laws of the demo CRM: what each hidden type of deal does, day by day.

A deal has a hidden *type*, fixed at creation, and a hidden *momentum* that changes from day to day; its stage is seen
by all. On each working day, given (type, momentum, stage),

1. by day, people talk: the counts of each *channel* are Poisson with the rates of ``RATES`` times the day's pace
   (outbound work also times the owner's over-reporting factor); if the close date has come, the owner may push it;
2. in the evening the deal makes one *move* (stay, advance, skip, return, won, lost), likelier to advance when a senior
   meeting was booked that day, and its momentum changes with the move. An advance may change amount, close date and
   category.

Engagement causes progress (booked meetings and the active state raise the chance of an advance) and follows it (an
advance makes the active state likely). The simulator draws from these tables, and the oracle (``crm/oracle.py``)
inverts them: no number that decides a deal's course stands anywhere else. Axes are in the order type, momentum, stage.
"""

from collections.abc import Sequence

import numpy as np

from crm.simulation_calendar import Calendar

TYPES = ("eager", "deliberate", "curious", "unfit")
MOMENTA = ("active", "quiet", "dormant")
N_OPEN_STAGES = 5
MOVES = ("stay", "advance", "skip", "return", "won", "lost")
STAY, ADVANCE, SKIP, RETURN, WON, LOST = range(6)
STAGES_MOVED = np.array([0, 1, 2, -1, 0, 0])


def _array(*rows: Sequence[float]) -> np.ndarray:
    return np.array(rows, dtype=float)


# ---- at creation: P(type | what is known at creation) is a softmax of summed effects, one number per type

TYPE_BASE = np.array([-0.42, -0.36, 0.30, 0.38])
SOURCES = ("website", "referral", "outbound", "event", "partner")
SOURCE_SHARES = (0.34, 0.14, 0.27, 0.13, 0.12)
SOURCE_EFFECT = _array(
    (0, 0, 0.2, 0), (0.7, 0.5, -0.2, -0.4), (-0.4, 0, 0, 0.4), (-0.2, 0, 0.5, 0), (0.3, 0.4, 0, -0.1)
)
INDUSTRIES = ("Manufacturing", "Software", "Logistics", "Healthcare", "Retail", "Energy", "Finance", "Education")
INDUSTRY_EFFECT = _array(
    (0.2, 0.2, 0, 0),
    (0.3, 0, 0.3, 0),
    (0.2, 0, 0, 0),
    (-0.2, 0.3, 0, 0),
    (0, -0.2, 0, 0.3),
    (0, 0.3, 0, 0),
    (-0.2, 0.2, 0.2, 0),
    (-0.4, 0, 0.2, 0.3),
)
SIZES = ("small", "medium", "large", "enterprise")
SIZE_EFFECT = _array((0.3, -0.4, 0, 0.3), (0.1, 0, 0, 0), (-0.2, 0.3, 0, 0), (-0.5, 0.5, 0.2, -0.1))
DEAL_TYPES = ("new business", "expansion", "renewal")
DEAL_TYPE_SHARES = (0.66, 0.20, 0.14)
DEAL_TYPE_EFFECT = _array((-0.1, -0.1, 0.1, 0.1), (0.3, 0.2, 0, -0.2), (0.6, 0.5, -0.3, -0.3))
COMPETITORS = ("none", "incumbent", "challenger")
COMPETITOR_SHARES = (0.5, 0.3, 0.2)
COMPETITOR_EFFECT = _array((0.1, 0.1, 0, 0), (-0.3, 0, 0.1, 0.3), (0, -0.2, 0.2, 0))
BUDGET_SHARE = 0.4
BUDGET_EFFECT = np.array([0.4, 0.2, -0.2, -0.4])
SKILL_EFFECT = np.array([0.30, 0.25, -0.15, -0.30])
FIRST_MOMENTUM = _array((0.90, 0.10, 0), (0.60, 0.40, 0), (0.80, 0.20, 0), (0.55, 0.45, 0))

# ---- talking: Poisson counts per working day

CHANNELS = (
    ("email", "outbound", None),
    ("email", "inbound", None),
    ("call", "outbound", "connected"),
    ("call", "outbound", "no answer"),
    ("call", "inbound", "connected"),
    ("meeting", None, "junior"),
    ("meeting", None, "senior"),
    ("note", None, None),
    ("task", None, None),
)
"""Kind, direction, and what tells the channel from its neighbours: a call's outcome, or whom a meeting is with."""

SENIOR_MEETING = 6
IS_CALL = np.array([kind == "call" for kind, _, _ in CHANNELS])
IS_OVER_REPORTED = np.array([direction == "outbound" or kind in ("note", "task") for kind, direction, _ in CHANNELS])

_RATE = np.array([0.280, 0.150, 0.060, 0.080, 0.022, 0.040, 0.022, 0.080, 0.075])
_RATE_BY_TYPE = _array(
    (1.00, 1.30, 1.25, 0.90, 1.35, 1.05, 1.45, 1.00, 0.95),
    (0.90, 0.80, 0.95, 0.95, 0.80, 0.95, 1.30, 1.05, 1.00),
    (1.05, 1.30, 1.10, 0.95, 1.15, 1.25, 0.75, 1.00, 1.05),
    (1.05, 0.80, 0.80, 1.20, 0.75, 0.85, 0.60, 0.95, 1.05),
)
# Reps chase quiet customers: outbound work falls far less than what comes back.
_RATE_BY_MOMENTUM = _array(
    (1.35, 1.60, 1.50, 1.00, 1.60, 1.50, 1.60, 1.30, 1.20),
    (0.95, 0.55, 0.70, 1.15, 0.50, 0.50, 0.40, 0.85, 0.95),
    (0.30, 0.08, 0.12, 0.40, 0.08, 0.05, 0.03, 0.25, 0.35),
)
_RATE_BY_STAGE = _array(
    (1.00, 0.90, 1.10, 1.20, 1.00, 0.60, 0.40, 0.90, 1.10),
    (1.00, 1.00, 1.00, 1.05, 1.00, 1.10, 0.70, 1.00, 1.00),
    (1.00, 1.05, 1.00, 0.95, 1.00, 1.40, 1.00, 1.10, 1.00),
    (1.10, 1.15, 1.00, 0.90, 1.10, 1.00, 1.50, 1.05, 1.00),
    (1.15, 1.30, 1.10, 0.85, 1.20, 0.90, 1.80, 1.10, 0.95),
)
RATES = np.einsum("c,qc,mc,sc->cqms", _RATE, _RATE_BY_TYPE, _RATE_BY_MOMENTUM, _RATE_BY_STAGE)
"""Interactions per working day of pace 1 and honest reporting: (channel, type, momentum, stage)."""

LAG_CHANCES = np.array([0.58, 0.16, 0.09, 0.06, 0.04, 0.03, 0.02, 0.02])
"""Chance that a call is logged 0, 1, .. 7 days after it took place; everything else is known the day it happens."""

# ---- moving, in the evening: chances per working day of pace 1

_ADVANCE = np.einsum("q,m,s->qms", [1.0, 0.60, 0.62, 0.42], [1.0, 0.40, 0.04], [0.150, 0.120, 0.105, 0.100, 0])
_WON = np.einsum("q,m,s->qms", [1.0, 0.75, 0.13, 0.06], [1.0, 0.45, 0.03], [0, 0, 0, 0.022, 0.100])
_LOST = np.einsum("q,m,s->qms", [0.35, 0.40, 1.0, 1.45], [0.75, 1.15, 0.90], [0.0165, 0.0150, 0.0140, 0.0150, 0.0190])
_RETURN = np.einsum("q,m,s->qms", [0.6, 1.0, 1.5, 1.2], [1.0, 1.2, 0.3], [0, 0.008, 0.009, 0.011, 0.013])
_SKIP_SHARE = np.array([0.08, 0.08, 0.05, 0, 0])
BOOKED_LIFT = 1.8
"""Factor on the chance of an advance in the evening of a day on which a senior meeting was booked."""

CLEANUP_CHANCE = np.array([0.0, 0.05, 0.50])
"""Chance by momentum that a deal is closed as lost in a quarter's clean-up."""


def move_chances(calendar: Calendar) -> np.ndarray:
    """P(move | type, momentum, stage) on each evening of a calendar.

    Returns
    -------
    array of shape (days, 2, moves, types, momenta, stages)
        The second axis says whether a senior meeting was booked that day. Sums to 1 over the moves; on days not worked
        every deal stays.
    """
    pace, closing = (column[:, None, None, None, None] for column in (calendar.pace, calendar.closing))
    lift = np.array([1.0, BOOKED_LIFT])[:, None, None, None]
    kept = 1 - (calendar.cleanup[:, None] * CLEANUP_CHANCE)[:, None, None, :, None]
    forward = pace * lift * _ADVANCE
    chances = np.empty((len(calendar.pace), 2, len(MOVES), *_ADVANCE.shape))
    chances[:, :, ADVANCE] = kept * forward * (1 - _SKIP_SHARE)
    chances[:, :, SKIP] = kept * forward * _SKIP_SHARE
    chances[:, :, RETURN] = kept * pace * _RETURN
    chances[:, :, WON] = kept * pace * closing * _WON
    chances[:, :, LOST] = kept * pace * closing * _LOST + (1 - kept)
    chances[:, :, STAY] = 1 - chances[:, :, ADVANCE:].sum(axis=2)
    return chances


def _momentum_after() -> np.ndarray:
    """P(momentum tomorrow | booked, move, type, momentum today), with the last axis tomorrow's."""
    after = np.zeros((2, len(MOVES), len(TYPES), len(MOMENTA), len(MOMENTA)))
    to_quiet, to_active = np.array([0.045, 0.050, 0.070, 0.110]), np.array([0.130, 0.075, 0.075, 0.035])
    to_dormant = np.array([0.012, 0.016, 0.026, 0.040])
    zero = np.zeros(len(TYPES))
    stay = np.array([
        [1 - to_quiet, to_quiet, zero],
        [to_active, 1 - to_active - to_dormant, to_dormant],
        [0.15 * to_active, 0.25 * to_active, 1 - 0.40 * to_active],
    ])  # fmt: skip
    after[:, :] = stay.transpose(2, 0, 1)
    after[1, STAY] = 0.4 * after[0, STAY] + 0.6 * np.array([1.0, 0, 0])
    after[:, [ADVANCE, SKIP]] = _array((0.90, 0.10, 0), (0.80, 0.20, 0), (0.75, 0.25, 0), (0.60, 0.40, 0))[:, None]
    after[:, RETURN] = np.array([0.30, 0.60, 0.10])
    return after


MOMENTUM_AFTER = _momentum_after()

# ---- what an advance says about amount, close date and category; what a push says

AMOUNT_FACTORS = np.array([0.70, 0.80, 0.90, 1.0, 1.15, 1.30])
AMOUNT_FACTOR_CHANCES = _array(
    (0.02, 0.06, 0.16, 0.58, 0.13, 0.05),
    (0.03, 0.10, 0.22, 0.45, 0.14, 0.06),
    (0.06, 0.12, 0.14, 0.44, 0.14, 0.10),
    (0.10, 0.16, 0.14, 0.50, 0.06, 0.04),
)
MAX_WEEKS = 32
CLOSE_RESET_CHANCE = 0.5
"""Chance that the owner sets the close date anew at an advance."""

CATEGORIES = ("pipeline", "best case", "commit")
CATEGORY_CHANCES = np.stack([
    _array((0.92, 0.08, 0), (0.80, 0.17, 0.03), (0.55, 0.37, 0.08), (0.25, 0.48, 0.27), (0.08, 0.37, 0.55)),
    _array((0.93, 0.07, 0), (0.84, 0.14, 0.02), (0.63, 0.31, 0.06), (0.33, 0.46, 0.21), (0.13, 0.43, 0.44)),
    _array((0.92, 0.08, 0), (0.80, 0.17, 0.03), (0.58, 0.34, 0.08), (0.32, 0.44, 0.24), (0.16, 0.43, 0.41)),
    _array((0.95, 0.05, 0), (0.88, 0.11, 0.01), (0.70, 0.25, 0.05), (0.45, 0.40, 0.15), (0.25, 0.45, 0.30)),
])  # fmt: skip
"""P(category after an advance | type, stage reached)."""

PUSH_CHANCE = np.array([0.35, 0.22, 0.06])
"""Chance by momentum, per working day on which the close date has come, that the owner pushes it."""
PUSH_DAYS = np.array([7, 14, 30, 60, 91])
PUSH_DAYS_CHANCES = _array(
    (0.30, 0.32, 0.25, 0.10, 0.03),
    (0.16, 0.26, 0.30, 0.19, 0.09),
    (0.16, 0.22, 0.28, 0.21, 0.13),
    (0.10, 0.18, 0.32, 0.25, 0.15),
)


def _close_week_chances() -> np.ndarray:
    """P(close date lies in week k from today | type, stage): a lognormal curve over k = 1 .. MAX_WEEKS, 0 at k = 0."""
    median = np.outer([9.0, 15.0, 12.0, 13.0], [1.0, 0.8, 0.6, 0.4, 0.25])
    weeks = np.arange(1, MAX_WEEKS + 1)
    curve = np.exp(-0.5 * (np.log(weeks / median[..., None]) / 0.5) ** 2) / weeks
    chances = np.zeros((*median.shape, MAX_WEEKS + 1))
    chances[..., 1:] = curve / curve.sum(axis=-1, keepdims=True)
    return chances


CLOSE_WEEK_CHANCES = _close_week_chances()


def type_chances(
    source: np.ndarray,
    industry: np.ndarray,
    size: np.ndarray,
    deal_type: np.ndarray,
    competitor: np.ndarray,
    budget_confirmed: np.ndarray,
    owner_skill: np.ndarray,
) -> np.ndarray:
    """P(type | what is known at creation), shape (deals, types).

    Parameters
    ----------
    source, industry, size, deal_type, competitor : positions in the tuples of the same names
    budget_confirmed : whether the customer has named a budget
    owner_skill : the owner's hidden skill, standard normal among owners
    """
    effect = (
        TYPE_BASE
        + SOURCE_EFFECT[source]
        + INDUSTRY_EFFECT[industry]
        + SIZE_EFFECT[size]
        + DEAL_TYPE_EFFECT[deal_type]
        + COMPETITOR_EFFECT[competitor]
        + np.outer(budget_confirmed, BUDGET_EFFECT)
        + np.outer(owner_skill, SKILL_EFFECT)
    )
    weight = np.exp(effect - effect.max(axis=1, keepdims=True))
    return weight / weight.sum(axis=1, keepdims=True)
