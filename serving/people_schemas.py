"""What the routes about the past answer with: pace, slips and pushes, and what came of commits."""

from datetime import date
from typing import Literal

from pydantic import Field

from serving.call_schemas import PeopleLevel
from serving.schemas import Answer, Batch, Money, Share, example

SlipLevel = Literal["whole", "team", "owner", "manager", "stage"]
Weeks = Literal[1, 2, 4, 8]
_BATCH = {"as_of": "2026-03-30T06:00:00Z", "model_version": "7", "reporting_currency": "EUR"}
_SOUTH = {"level": "team", "id": "South", "name": "South", "team": "South"}


def _euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


_POINT = {"day": 28.0, "won": _euros("96000.00")}
_EARLIER = {
    "period": "FY2025 Q4",
    "by_then": _euros("371000.00"),
    "in_the_end": _euros("402500.00"),
    "n_by_then": 11,
    "n_in_the_end": 12,
    "curve": [_POINT],
}
_PACE_ROW = _SOUTH | {"won": _euros("410000.00"), "n_won": 13, "curve": [_POINT], "earlier": [_EARLIER]}
_QUARTER = {"name": "FY2026 Q1", "start": "2026-01-01", "end": "2026-04-01"}
_RATE = {"rate": 0.36, "low": 0.29, "high": 0.44, "pooled": 0.38}
_SLIP_ROW = _SOUTH | {
    "period": "all",
    "n_due": 148,
    "n_won": 61,
    "n_lost": 34,
    "n_slipped": 53,
    "slipped": _RATE,
    "n_pushes": 71,
    "n_pushed_out": 49,
    "pushed_out": _RATE,
    "days_per_push": 24.5,
    "amount_due": _euros("2140000.00"),
    "amount_slipped": _euros("810000.00"),
}
_COMMIT_ROW = _SOUTH | {
    "weeks": 2,
    "n_committed": 38,
    "n_won": 21,
    "won": _RATE,
    "committed": _euros("640000.00"),
    "committed_won": _euros("352000.00"),
    "n_other": 9,
    "other": _euros("121000.00"),
    "n_without_amount": 0,
    "ratio": 1.35,
    "ratio_low": 1.02,
    "ratio_high": 1.79,
    "verdict": "optimistic",
    "n_scored": 12,
    "model_rate": 0.57,
    "scored_won_rate": 0.58,
}


class PacePoint(Answer):
    """How much was won in the first days of a quarter."""

    model_config = example(_POINT)

    day: float = Field(ge=0, description="Days since the quarter's start.")
    won: Money


class EarlierPace(Answer):
    """An earlier quarter at the same point, and in the end."""

    model_config = example(_EARLIER)

    period: str
    by_then: Money = Field(description="Won by the same number of days after the quarter's start.")
    in_the_end: Money
    n_by_then: int
    n_in_the_end: int
    curve: list[PacePoint]


class PaceRow(Answer):
    """What a group has won in this quarter, and had won by then in earlier ones, the latest first."""

    model_config = example(_PACE_ROW)

    level: PeopleLevel
    id: str
    name: str
    team: str | None = None
    won: Money
    n_won: int
    curve: list[PacePoint] = Field(description="By whole weeks, and now.")
    earlier: list[EarlierPace] = Field(description="Quarters that began after the first deal was created.")


class PacePeriod(Answer):
    """A fiscal quarter; the end day is excluded."""

    model_config = example(_QUARTER)

    name: str
    start: date
    end: date


class PaceAnswer(Batch):
    """How the money of this quarter comes in, beside that of earlier ones."""

    model_config = example(_BATCH | {"period": _QUARTER, "elapsed_days": 88.25, "counted": "...", "rows": [_PACE_ROW]})

    reporting_currency: str
    period: PacePeriod
    elapsed_days: float = Field(ge=0, description="Since this quarter's start; the point at which all are compared.")
    counted: str = Field(description="Which amounts, as known when, and at which rates.")
    rows: list[PaceRow]


class BoundedRate(Answer):
    """A share with its bounds, nineteen times in twenty, and pulled towards what is usual as chance explains it."""

    model_config = example(_RATE)

    rate: Share
    low: Share
    high: Share
    pooled: Share


class SlipRow(Answer):
    """What became of the deals of one group that were to close in a past quarter, or in all of them."""

    model_config = example(_SLIP_ROW)

    period: str = Field(description="The quarter's name, or `all`.")
    level: SlipLevel
    id: str
    name: str
    team: str | None = None
    n_due: int = Field(description="Deals open at the quarter's start whose close date, as known then, was in it.")
    n_won: int = Field(description="Won by its end.")
    n_lost: int = Field(description="Lost by its end.")
    n_slipped: int = Field(description="Still open at its end.")
    slipped: BoundedRate = Field(description="`n_slipped` / `n_due`.")
    n_pushes: int = Field(description="How often close dates of these deals were moved later within the quarter.")
    n_pushed_out: int = Field(description="Deals whose close date was moved beyond the quarter.")
    pushed_out: BoundedRate = Field(description="`n_pushed_out` / `n_due`.")
    days_per_push: float | None = Field(description="By how many days a push moved the date on average.")
    amount_due: Money
    amount_slipped: Money


class SlipsAnswer(Batch):
    """Slip and push rates of the last eight quarters."""

    model_config = example(_BATCH | {"periods": ["FY2025 Q4", "FY2025 Q3"], "rows": [_SLIP_ROW]})

    reporting_currency: str
    periods: list[str] = Field(description="The quarters looked back on, the latest first.")
    rows: list[SlipRow]


class CommitRow(Answer):
    """What came of what one group had committed some weeks before the end of past quarters."""

    model_config = example(_COMMIT_ROW)

    weeks: Weeks = Field(description="Before each quarter's end.")
    level: PeopleLevel
    id: str
    name: str
    team: str | None = None
    n_committed: int = Field(description="Deals committed for the quarter then.")
    n_won: int = Field(description="Of those, won by the quarter's end.")
    won: BoundedRate | None = Field(description="`n_won` / `n_committed`; null where nothing was committed.")
    committed: Money
    committed_won: Money = Field(description="What the committed deals brought by the quarter's end.")
    n_other: int = Field(description="Deals won in that time without having been committed.")
    other: Money = Field(description="What those brought.")
    n_without_amount: int = Field(description="Committed deals without an amount; they add nothing to `committed`.")
    ratio: float | None = Field(description="`committed` / (`committed_won` + `other`).")
    ratio_low: float | None = Field(description="Its lower bound, nineteen times in twenty; null for too few deals.")
    ratio_high: float | None = Field(description="Its upper bound.")
    verdict: Literal["optimistic", "sandbagging"] | None = Field(
        description="Said where the bounds exclude 1; null: not enough to tell."
    )
    n_scored: int = Field(description="Committed deals that the model had scored in the week before.")
    model_rate: Share | None = Field(description="What it gave them on average to be won by the quarter's end.")
    scored_won_rate: Share | None = Field(description="How many of those were.")


class CommitsAnswer(Batch):
    """What came of commits in the last eight quarters."""

    model_config = example(_BATCH | {"periods": ["FY2025 Q4", "FY2025 Q3"], "rows": [_COMMIT_ROW]})

    reporting_currency: str
    periods: list[str] = Field(description="The quarters looked back on, the latest first.")
    rows: list[CommitRow]
