"""What the API answers with: one model per thing, each with a description and an example."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Instant = Annotated[datetime, Field(description="An instant, ISO 8601, in UTC.")]

_MONEY = {"amount": "48000.00", "currency": "EUR"}
_REASON = {
    "signal": "days_since_last_inbound",
    "group": "engagement",
    "value": 23.0,
    "typical": 6.0,
    "points": -0.081,
    "sentence": "No reply for 23 days; deals won from this stage were answered within 6",
}
_OTHER = {"signal": "other", "group": "other", "points": 0.011, "sentence": "All other signals together"}
_STALL_REASON = {
    "signal": "days_in_stage",
    "group": "momentum",
    "value": 31.0,
    "typical": 14.0,
    "points": 0.19,
    "sentence": "31 days in this stage; deals that were won left it within 14",
}
_BATCH = {"as_of": "2026-03-30T06:00:00Z", "model_version": "7"}
_OWNER = {"owner_id": "U017", "name": "Ines Ferreira", "team": "South"}
_SCORES = {
    "win_probability": 0.31,
    "win_base": 0.38,
    "win_reasons": [_REASON, _OTHER],
    "win_within": [{"days": 28, "probability": 0.12}, {"days": 91, "probability": 0.29}],
    "stall_risk": 0.44,
    "stall_base": 0.25,
    "stall_reasons": [_STALL_REASON],
    "patience_days": 21.0,
}
_FACTS = {
    "deal_id": "D000123",
    "name": "Fleet telematics, 40 vans",
    "account": "Norte Logistics",
    "pipeline_id": "new business",
    "stage": "proposal",
    "stage_category": "open",
    "stage_since": "2026-02-27T10:12:00Z",
    "created_at": "2026-01-14T08:00:00Z",
    "amount": _MONEY,
    "close_date": "2026-04-15",
    "overdue": False,
    "owner": _OWNER,
    "last_interaction_at": "2026-03-07T15:40:00Z",
}
_SUMMARY = _FACTS | {
    "rank": 1,
    "money_at_risk": {"amount": "6547.20", "currency": "EUR"},
    "win_probability": 0.31,
    "stall_risk": 0.44,
    "reasons": [_REASON],
    "why": ["31 days in this stage; deals that were won left it within 14"],
    "href": "/v1/deals/D000123",
}
_TIMELINE = [
    {
        "at": "2026-03-07T15:40:00Z",
        "known_at": "2026-03-07T15:41:00Z",
        "kind": "call",
        "sentence": "Call to the customer, 12 minutes",
        "planned": False,
    },
    {
        "at": "2026-02-27T10:12:00Z",
        "known_at": "2026-02-27T10:12:00Z",
        "kind": "stage",
        "sentence": "Stage changed from demo to proposal",
        "planned": False,
    },
]


class Answer(BaseModel):
    """Read-only once made; its fields are what programs may rely on."""

    model_config = ConfigDict(frozen=True)


def example(document: dict) -> ConfigDict:
    """Put one example into a model's schema."""
    return ConfigDict(json_schema_extra={"examples": [document]})


class Money(Answer):
    """An amount and its ISO 4217 currency."""

    model_config = example(_MONEY)

    amount: str = Field(description="A plain decimal.", pattern=r"^-?\d+(\.\d+)?$")
    currency: str = Field(description="ISO 4217.", pattern=r"^[A-Z]{3}$")


class Reason(Answer):
    """What one signal adds to, or takes from, a score. The base and all points sum to the score."""

    model_config = example(_REASON)

    signal: str
    group: str
    value: float | None = Field(None, description="The deal's value, in the signal's unit; null when unknown.")
    typical: float | None = Field(None, description="The usual value among deals won from the same stage.")
    points: float = Field(description="Added to the probability, as a fraction: 0.081 is 8.1 percentage points.")
    sentence: str = Field(description="The same for people.")


class Within(Answer):
    """The probability that a deal is won within so many days of `as_of`."""

    model_config = example({"days": 28, "probability": 0.12})

    days: float = Field(ge=0)
    probability: Share


class Owner(Answer):
    """The user who owns a deal."""

    model_config = example(_OWNER)

    owner_id: str
    name: str
    team: str | None = None


class Scores(Answer):
    """What the model says of one deal, and why."""

    model_config = example(_SCORES)

    win_probability: Share = Field(description="Probability that the deal is won in the end.")
    win_base: Share = Field(description="Where the reasons start from: what the model says of an average deal.")
    win_reasons: list[Reason] = Field(description="Largest first; with `win_base` they sum to `win_probability`.")
    win_within: list[Within] = Field(description="Probability of being won by then; never falls with time.")
    stall_risk: Share | None = Field(
        None, description="Probability of still being open, without a move forward, when the patience runs out."
    )
    stall_base: Share | None = None
    stall_reasons: list[Reason] = Field(default_factory=list)
    patience_days: float | None = Field(None, description="Days a deal may usually spend in this stage.")
    note: str | None = Field(None, description="Says so when there was not enough data for a real score.")


class Facts(Answer):
    """What is known of a deal."""

    model_config = example(_FACTS)

    deal_id: str
    name: str
    account: str | None = None
    pipeline_id: str
    stage: str | None
    stage_category: Literal["open", "won", "lost"] | None = None
    stage_since: Instant | None = None
    created_at: Instant
    amount: Money | None = Field(None, description="In the deal's own currency; null when nobody entered one.")
    close_date: date | None = Field(None, description="When the owner expects it to close.")
    overdue: bool = Field(description="Whether it is still open after its close date.")
    owner: Owner | None = None
    closed_at: Instant | None = None
    last_interaction_at: Instant | None = None


class DealSummary(Facts):
    """An open deal in the ranked list."""

    model_config = example(_SUMMARY)

    rank: int = Field(ge=1, description="1 is where attention pays most, among all open deals.")
    money_at_risk: Money | None = Field(
        description="Amount x win probability x stall risk, in the reporting currency: the ranking's measure."
    )
    win_probability: Share
    stall_risk: Share | None = None
    note: str | None = None
    reasons: list[Reason] = Field(description="The three reasons with the most points behind the win probability.")
    why: list[str] = Field(
        description="Up to three sentences: what raises the stall risk most. Empty when it is no higher than average."
    )
    href: str = Field(description="Where the whole deal is.")


class Batch(Answer):
    """Which scores an answer is made of."""

    model_config = example(_BATCH)

    as_of: Instant = Field(description="Only facts known before this instant were used.")
    model_version: str


class DealPage(Batch):
    """One page of the ranked open deals."""

    model_config = example(
        _BATCH
        | {
            "reporting_currency": "EUR",
            "total": 212,
            "limit": 1,
            "next": "/v1/deals?limit=1&cursor=WzEsICI3Il0",
            "deals": [_SUMMARY],
        }
    )

    reporting_currency: str
    total: int = Field(ge=0, description="How many deals pass the filters, on all pages.")
    limit: int = Field(ge=1)
    next: str | None = Field(description="The address of the next page; null on the last.")
    deals: list[DealSummary]


class TimelineEntry(Answer):
    """One change or interaction of a deal."""

    model_config = example(_TIMELINE[0])

    at: Instant = Field(description="When it happened, or will.")
    known_at: Instant = Field(description="When it entered the system.")
    kind: str = Field(description="email, call, meeting, note or task; or the field that changed.")
    sentence: str
    planned: bool = Field(description="Whether it had not happened yet when it was entered.")


class DealScores(Batch, Scores):
    """A deal's scores, with the batch they are from."""

    model_config = example(_BATCH | _SCORES)


class DealDetail(Answer):
    """One deal: the facts now, the latest scores with every reason, and its history."""

    model_config = example({"facts": _FACTS, "scores": _BATCH | _SCORES, "timeline": _TIMELINE})

    facts: Facts
    scores: DealScores | None = Field(description="Null when the deal is closed, or not scored yet.")
    timeline: list[TimelineEntry] = Field(description="Newest first.")


class Ignored(Answer):
    """How many facts of a request came at or after `as_of`, and so were not used."""

    model_config = example({"changes": 1, "interactions": 0})

    changes: int = Field(ge=0)
    interactions: int = Field(ge=0)


class ScoreAnswer(Batch, Scores):
    """The scores of the deal in the request."""

    model_config = example({"deal_id": "D000123", "ignored": {"changes": 1, "interactions": 0}} | _BATCH | _SCORES)

    deal_id: str
    ignored: Ignored


class Health(Answer):
    """The process is up."""

    model_config = example({"status": "up"})

    status: Literal["up"]


class Readiness(Answer):
    """Everything that is needed is there."""

    model_config = example(
        {"status": "ready", "model_version": "7", "scored_as_of": "2026-03-30T06:00:00Z", "deals": 212}
    )

    status: Literal["ready"]
    model_version: str
    scored_as_of: Instant
    deals: int = Field(ge=0, description="How many open deals have scores.")
    note: str = Field("", description="Why the model in use may not be the champion; empty where it is.")


class FieldError(Answer):
    """One refused value."""

    model_config = example(
        {
            "field": "changes.0.changed_at",
            "value": "yesterday",
            "problem": "Input should be a valid datetime",
            "remedy": "use ISO 8601 with an offset, such as 2026-03-31T09:30:00Z",
        }
    )

    field: str
    value: str
    problem: str
    remedy: str


class ProblemDocument(Answer):
    """An RFC 9457 problem: what was found, and what to do."""

    model_config = example(
        {
            "type": "about:blank",
            "title": "Not Found",
            "status": 404,
            "detail": "No deal is called 'D9'.",
            "instance": "/v1/deals/D9",
            "remedy": "GET /v1/deals lists the open ones.",
        }
    )

    type: str
    title: str
    status: int
    detail: str
    instance: str
    remedy: str | None = None
    missing: list[str] | None = Field(None, description="What is not there yet (503).")
    errors: list[FieldError] | None = Field(None, description="Every refused value (422).")
