"""What the reports answer with: the forecast, and the deals at risk."""

from datetime import date, timedelta
from typing import Literal

from pydantic import Field

from serving.schemas import Answer, Batch, Facts, Money, Share, example

_BATCH = {"as_of": "2026-03-30T06:00:00Z", "model_version": "7", "reporting_currency": "EUR"}
_RATE = {"currency": "USD", "rate": 0.9, "day": "2026-03-27"}


def _euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


_ROW = {
    "level": "team",
    "id": "South",
    "name": "South",
    "team": "South",
    "closed": _euros("410000.00"),
    "open_expected": _euros("153250.40"),
    "expected": _euros("563250.40"),
    "p10": _euros("470000.00"),
    "p50": _euros("558000.00"),
    "p90": _euros("655000.00"),
    "stage_weighted": _euros("702400.00"),
    "n_open": 48,
    "n_won": 13,
    "n_without_amount": 2,
    "n_without_score": 0,
}
_PERIOD = {"name": "FY2026 Q1", "start": "2026-01-01", "end": "2026-04-01", "rows": [_ROW]}
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


class UsedRate(Answer):
    """What one unit of a currency was worth in the reporting currency."""

    model_config = example(_RATE)

    currency: str
    rate: float
    day: date


class ForecastRow(Answer):
    """The forecast of one period for the whole, one team or one owner. Sums agree to the cent at every level."""

    model_config = example(_ROW)

    level: Literal["whole", "team", "owner"]
    id: str = Field(description="The team, the owner's user_id, or empty for the whole.")
    name: str
    team: str | None = None
    closed: Money = Field(description="Won in the period before `as_of`.")
    open_expected: Money = Field(description="Sum over open deals of P(won in the period) x amount.")
    expected: Money = Field(description="`closed` + `open_expected`.")
    p10: Money = Field(description="The total stays at or below this in 10 % of the draws.")
    p50: Money = Field(description="The total stays at or below this in half of the draws.")
    p90: Money = Field(description="The total stays at or below this in 90 % of the draws.")
    stage_weighted: Money | None = Field(
        None,
        description="For comparison: `closed` + stage's default probability x amount of deals whose close date is in "
        "the period; null where a stage has no default probability.",
    )
    n_open: int = Field(ge=0, description="Open deals.")
    n_won: int = Field(ge=0, description="Deals won in the period so far.")
    n_without_amount: int = Field(
        ge=0, description="Open deals without an amount in the reporting currency; they add nothing."
    )
    n_without_score: int = Field(ge=0, description="Open deals that were not scored; they add nothing.")


class ForecastPeriod(Answer):
    """The forecast of one fiscal quarter; the end day is excluded."""

    model_config = example(_PERIOD)

    name: str
    start: date
    end: date
    rows: list[ForecastRow]

    @property
    def last_day(self) -> date:
        """The last day that belongs to the quarter."""
        return self.end - timedelta(days=1)


class ForecastAnswer(Batch):
    """The forecast of this and the next fiscal quarter."""

    model_config = example(
        _BATCH
        | {
            "rates": [_RATE],
            "ranges_cover": "the luck of single deals; not common shocks, nor deals that do not exist yet",
            "periods": [_PERIOD],
        }
    )

    reporting_currency: str
    rates: list[UsedRate] = Field(description="The exchange rates that were used.")
    ranges_cover: str = Field(description="What p10 to p90 take into account, and what they do not.")
    periods: list[ForecastPeriod]


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
