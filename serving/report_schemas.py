"""What the report of the deals at risk answers with."""

from datetime import date

from pydantic import Field

from serving.schemas import Batch, Facts, Money, Share, example

_BATCH = {"as_of": "2026-03-30T06:00:00Z", "model_version": "7", "reporting_currency": "EUR"}


def _euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


_AT_RISK = {
    "deal_id": "D000123",
    "name": "Fleet telematics, 40 vans",
    "account": "Norte Logistics",
    "pipeline_id": "new business",
    "stage": "proposal",
    "stage_category": "open",
    "stage_since": "2026-02-27T10:12:00Z",
    "created_at": "2026-01-14T08:00:00Z",
    "amount": _euros("48000.00"),
    "close_date": "2026-03-15",
    "overdue": True,
    "owner": {"owner_id": "U017", "name": "Ines Ferreira", "team": "South"},
    "last_interaction_at": "2026-03-07T15:40:00Z",
    "win_probability": 0.31,
    "win_low": 0.24,
    "win_high": 0.39,
    "stall_risk": 0.54,
    "lost_in_patience": 0.1,
    "at_risk": 0.64,
    "expected_close_date": "2026-05-11",
    "money_at_risk": _euros("9523.20"),
    "patience_days": 21.0,
    "days_in_stage": 31,
    "why": ["31 days in this stage; deals that were won left it within 14"],
    "href": "/v1/deals/D000123",
}


class DealAtRisk(Facts):
    """An open deal that is likely to stall or to be lost."""

    model_config = example(_AT_RISK)

    win_probability: Share
    win_low: Share | None = None
    win_high: Share | None = None
    stall_risk: Share | None = None
    lost_in_patience: Share | None = None
    at_risk: Share = Field(description="Lost or stalled: `lost_in_patience` + `stall_risk`.")
    expected_close_date: date | None = None
    money_at_risk: Money | None = Field(
        description="Amount x win probability x `at_risk` in the reporting currency; null without an amount or a rate."
    )
    patience_days: float | None = None
    days_in_stage: int | None = Field(None, ge=0, description="Whole days, as of the scores.")
    why: list[str] = Field(description="Up to three sentences: what puts it at risk most.")
    note: str | None = None
    href: str


class AtRiskReport(Batch):
    """The open deals that are likely to be lost or to stall, most money at risk first."""

    model_config = example(
        _BATCH
        | {
            "threshold": 0.5,
            "total": 31,
            "money_at_risk": _euros("68210.75"),
            "n_without_amount": 0,
            "limit": 1,
            "next": "/v1/reports/at-risk?threshold=0.5&limit=1&cursor=WzEsICI3Il0",
            "deals": [_AT_RISK],
        }
    )

    reporting_currency: str
    threshold: Share
    total: int = Field(ge=0, description="How many deals are at risk, on all pages.")
    money_at_risk: Money = Field(description="The sum over all of them that have an amount and a rate.")
    n_without_amount: int = Field(ge=0, description="How many of them have no amount or no rate; not in the sum.")
    limit: int = Field(ge=1)
    next: str | None = Field(description="The address of the next page; null on the last.")
    deals: list[DealAtRisk]
