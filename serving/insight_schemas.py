"""What the API says beside a score: how it moved, which closed deals were alike, what would help."""

from datetime import date
from typing import Literal

from pydantic import Field

from serving.schema_parts import Answer, Instant, Share, example
from serving.schemas import Batch, Money
from serving.score_schemas import REASON, Reason

_BATCH = {"as_of": "2026-03-30T06:00:00Z", "model_version": "7"}
_ENTRY = _BATCH | {
    "issued_at": "2026-03-30T06:02:00Z",
    "replayed": False,
    "win_probability": 0.31,
    "win_low": 0.24,
    "win_high": 0.39,
    "stall_risk": 0.44,
    "lost_in_patience": 0.12,
    "at_risk": 0.56,
    "expected_close_date": "2026-05-11",
    "slip_probability": 0.63,
    "change": -0.07,
    "win_base": 0.38,
    "win_reasons": [REASON],
    "stall_reasons": [],
}
_CAUSE = {
    "kind": "signal",
    "topic": "answers",
    "signal": "days_since_last_inbound",
    "points": -0.07,
    "off_by": 0.0,
    "before": 16.0,
    "after": 23.0,
    "sentence": "No reply for 23 days; before: no reply for 16 days",
}
_MOVED = {
    "deal_id": "D000123",
    "before": {"as_of": "2026-03-23T06:00:00Z", "model_version": "7"},
    "after": _BATCH,
    "win_before": 0.38,
    "win_after": 0.31,
    "points": -0.07,
    "causes": [_CAUSE],
}
_SIMILAR = {
    "deal_id": "D000077",
    "name": "Route planning, 12 depots",
    "outcome": "lost",
    "amount": {"amount": "39000.00", "currency": "EUR"},
    "days_open": 96.0,
    "days_to_close": 24.0,
    "seen_at": "2025-11-03T00:00:00Z",
    "closed_at": "2025-11-27T14:30:00Z",
    "distance": 0.31,
    "href": "/v1/deals/D000077",
}
_HELP = {
    "topic": "meetings",
    "signal": "meetings_30d",
    "how": "ask for a meeting",
    "value": 0.0,
    "typical": 2.0,
    "win_probability": 0.38,
    "gain": 0.07,
    "sentence": "No meeting in 30 days; deals won from this stage had 2. With that the win probability would be 38% "
    "instead of 31%. An association, not a promise.",
}


class PastScore(Batch):
    """A score of a deal as it was issued; it is never changed."""

    model_config = example(_ENTRY)

    issued_at: Instant | None = Field(None, description="When it was issued; null where that was not kept.")
    replayed: bool = Field(False, description="Issued more than a day after `as_of`, from what was known then.")
    win_probability: Share
    win_low: Share | None = None
    win_high: Share | None = None
    stall_risk: Share | None = None
    lost_in_patience: Share | None = None
    at_risk: Share | None = Field(None, description="Lost or stalled: `lost_in_patience` + `stall_risk`.")
    expected_close_date: date | None = None
    slip_probability: Share | None = None
    change: float | None = Field(None, description="Win probability less that of the score before; null for the first.")
    win_base: Share | None = Field(None, description="What an average deal started at; given with `reasons=true`.")
    win_reasons: list[Reason] | None = Field(None, description="As issued then; given with `reasons=true`.")
    stall_reasons: list[Reason] | None = Field(None, description="As issued then; given with `reasons=true`.")


class ScoreHistory(Answer):
    """All scores of a deal that were ever issued."""

    model_config = example({"deal_id": "D000123", "total": 1, "scores": [_ENTRY]})

    deal_id: str
    total: int = Field(ge=0, description="How many there are; `limit` says how many of the newest are told.")
    scores: list[PastScore] = Field(description="Newest first.")


class Cause(Answer):
    """One part of why a win probability moved."""

    model_config = example(_CAUSE)

    kind: Literal["signal", "rest", "base", "model", "model and facts"] = Field(
        description="A signal; all other signals; what an average deal starts at; a new model, which sees the same "
        "facts differently; or a new model and new facts, where the two cannot be told apart."
    )
    topic: str = Field(description="Signals that say nearly the same share one.")
    signal: str = Field(description="Empty where it is not a signal.")
    points: float = Field(description="As a fraction; all points sum to the move.")
    off_by: float = Field(ge=0, description="How far `points` may be off: on one of the dates it was among the rest.")
    before: float | None = None
    after: float | None = None
    sentence: str


class Moved(Answer):
    """Why the win probability of a deal moved from one score to a later one."""

    model_config = example(_MOVED)

    deal_id: str
    before: Batch | None = Field(description="The score to compare with; null where there is none before the latest.")
    after: Batch | None = Field(description="The latest score; null where the deal was never scored.")
    win_before: Share | None = None
    win_after: Share | None = None
    points: float = Field(description="`win_after` less `win_before`: the sum of the causes.")
    causes: list[Cause]


class SimilarDeal(Answer):
    """A closed deal that once stood where the deal stands now, and how it ended."""

    model_config = example(_SIMILAR)

    deal_id: str
    name: str
    outcome: Literal["won", "lost"]
    amount: Money | None = Field(None, description="At its closing, in its own currency.")
    days_open: float = Field(ge=0, description="From its creation to its closing.")
    days_to_close: float = Field(ge=0, description="From when it was most alike to its closing.")
    seen_at: Instant = Field(description="When it was most alike.")
    closed_at: Instant
    distance: float = Field(ge=0, description="In log-odds of being won, over all signals; 0 is alike in all.")
    href: str


class SimilarDeals(Batch):
    """The closed deals that were most alike in what counts for winning, nearest first."""

    model_config = example(_BATCH | {"deal_id": "D000123", "n_won": 0, "deals": [_SIMILAR]})

    deal_id: str
    n_won: int = Field(ge=0, description="How many of them were won.")
    deals: list[SimilarDeal]
    note: str | None = Field(None, description="Why there are none.")


class Help(Answer):
    """A signal that a rep can act on, and what the score would be if it were as in deals that were won."""

    model_config = example(_HELP)

    topic: str
    signal: str
    how: str = Field(description="What a rep may do.")
    value: float | None = Field(None, description="The deal's value, in the signal's unit; null when unknown.")
    typical: float = Field(description="The usual value among deals won from the same stage.")
    win_probability: Share = Field(description="With that value, all else as it is.")
    gain: float = Field(ge=0)
    sentence: str


class WouldHelp(Batch):
    """What would raise the win probability most. Associations in past deals, not promises."""

    model_config = example(_BATCH | {"deal_id": "D000123", "win_probability": 0.31, "helps": [_HELP]})

    deal_id: str
    win_probability: Share | None = Field(None, description="As the model sees the deal; null without an open deal.")
    helps: list[Help] = Field(description="At most three, the largest gain first.")
    note: str | None = Field(None, description="Why there are none.")
