"""What the API answers with: one model per thing, each with a description and an example."""

from datetime import date
from typing import Literal

from pydantic import Field

from serving.schema_parts import Answer, Instant, Share, example
from serving.score_schemas import REASON as _REASON
from serving.score_schemas import SCORES as _SCORES
from serving.score_schemas import Reason, Scores

_MONEY = {"amount": "48000.00", "currency": "EUR"}
_BATCH = {"as_of": "2026-03-30T06:00:00Z", "model_version": "7"}
_OWNER = {"owner_id": "U017", "name": "Ines Ferreira", "team": "South"}
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
    "money_at_risk": {"amount": "8332.80", "currency": "EUR"},
    "win_probability": 0.31,
    "win_low": 0.24,
    "win_high": 0.39,
    "stall_risk": 0.44,
    "lost_in_patience": 0.12,
    "at_risk": 0.56,
    "expected_close_date": "2026-05-11",
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


class Money(Answer):
    """An amount and its ISO 4217 currency."""

    model_config = example(_MONEY)

    amount: str = Field(description="A plain decimal.", pattern=r"^-?\d+(\.\d+)?$")
    currency: str = Field(description="ISO 4217.", pattern=r"^[A-Z]{3}$")


class Owner(Answer):
    """The user who owns a deal."""

    model_config = example(_OWNER)

    owner_id: str
    name: str
    team: str | None = None


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
        description="Amount x win probability x `at_risk`, in the reporting currency: the ranking's measure."
    )
    win_probability: Share
    win_low: Share | None = Field(None, description="With `win_high`: where the true probability lies, 8 times in 10.")
    win_high: Share | None = None
    stall_risk: Share | None = None
    lost_in_patience: Share | None = None
    at_risk: Share | None = Field(None, description="Lost or stalled: `lost_in_patience` + `stall_risk`.")
    expected_close_date: date | None = None
    note: str | None = None
    reasons: list[Reason] = Field(description="The three reasons with the most points behind the win probability.")
    why: list[str] = Field(
        description="Up to three sentences: what puts it at risk most. Empty when it is in no more danger than average."
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
