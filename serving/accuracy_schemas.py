"""What the accuracy report answers with: forecasts and scores of the ledger, held against what came."""

from datetime import date

from pydantic import Field

from serving.forecast_schemas import Level
from serving.schema_parts import Answer, Instant, Share, example
from serving.schemas import Batch, Money

_BATCH = {"as_of": "2026-11-16T00:00:00Z", "model_version": "5f0c21aa90be", "reporting_currency": "EUR"}


def _euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


_BY_METHOD = {
    "plumbline": 0.061,
    "stage_weighted": 0.093,
    "committed": 0.41,
    "run_rate": 0.14,
    "last_period": 0.13,
    "last_year": 0.15,
}
_ERRORS = {
    "weeks_from": 5,
    "weeks_to": 8,
    "n": 4,
    "n_periods": 1,
    "wape": _BY_METHOD,
    "bias": -0.02,
    "n_held": 3,
    "coverage": 0.75,
}
_SAID = {
    "replayed": False,
    "period": "FY2026 Q3",
    "start": "2026-07-01",
    "end": "2026-10-01",
    "as_of": "2026-08-10T00:00:00Z",
    "model_version": "5f0c21aa90be",
    "weeks_to_go": 8,
    "id": "",
    "name": "Whole company",
    "expected": _euros("5230400.00"),
    "p10": _euros("4610000.00"),
    "p50": _euros("5210000.00"),
    "p90": _euros("5890000.00"),
    "stage_weighted": _euros("5710300.00"),
    "committed": _euros("3120000.00"),
    "run_rate": _euros("4980000.00"),
    "last_period": _euros("5020000.00"),
    "last_year": _euros("4700000.00"),
    "came": _euros("5400250.00"),
}
_FORECASTS = {
    "note": None,
    "next_period": "FY2026 Q4",
    "next_end": "2027-01-01",
    "level": "whole",
    "errors": [_ERRORS],
    "said": [_SAID],
}
_MODEL = {
    "model_version": None,
    "n_scores": 3120,
    "n_deals": 610,
    "n_open": 420,
    "said": 0.352,
    "won": 0.347,
    "brier": 0.171,
    "log_loss": 0.514,
    "base_brier": 0.227,
    "base_log_loss": 0.646,
}
_BIN = {
    "from_share": 0.2,
    "to_share": 0.3,
    "said": 0.247,
    "won": 0.231,
    "won_low": 0.19,
    "won_high": 0.278,
    "n_scores": 540,
    "n_deals": 260,
}
_SCORES = {
    "note": None,
    "n_scores": 28400,
    "n_open": 15100,
    "ripe_days": 118.0,
    "n_ripe": 3540,
    "n_ripe_open": 420,
    "n_replayed": 0,
    "models": [_MODEL],
    "reliability": [_BIN],
}

_RISK = {
    **{"from_share": 0.7, "to_share": 0.8, "said": 0.743, "came": 0.742, "came_low": 0.68, "came_high": 0.795},
    **{"stall_said": 0.451, "stall_came": 0.413, "lost_said": 0.292, "lost_came": 0.329},
    **{"n_scores": 918, "n_deals": 339},
}
_RISKS = {"note": None, "n_scores": 28400, "n_judged": 24100, "bins": [_RISK]}


class ByMethod(Answer):
    """A measure of our forecast and of each rule beside it; null where a rule says nothing of some of the forecasts."""

    model_config = example(_BY_METHOD)

    plumbline: float | None = None
    stage_weighted: float | None = Field(None, description="As it stood in the ledger.")
    committed: float | None = Field(None, description="The reps' commit, as it stood in the ledger.")
    run_rate: float | None = Field(
        None, description="Won so far + the pace of the latest days, as many as the period has."
    )
    last_period: float | None = Field(None, description="What the last period brought that had ended.")
    last_year: float | None = Field(None, description="What the same period of the year before brought.")


class ForecastErrors(Answer):
    """How far forecasts of one level were off, so many weeks before the period's end."""

    model_config = example(_ERRORS)

    weeks_from: int = Field(ge=1, description="Weeks to go, begun ones counted.")
    weeks_to: int | None = Field(None, description="The last of the span; null where it has no end.")
    n: int = Field(ge=1, description="Forecasts: of each period, week and group the last.")
    n_periods: int = Field(ge=1)
    wape: ByMethod = Field(description="Sum of absolute errors / sum of what came.")
    bias: float | None = Field(None, description="Ours: sum of forecast - came / sum of what came; above 0: too high.")
    n_held: int = Field(ge=0, description="In how many what came lay between p10 and p90; 8 of 10 are aimed at.")
    coverage: Share = Field(description="`n_held` / `n`.")


class SaidAndCame(Answer):
    """One forecast as it was issued, what stood beside it, and what came."""

    model_config = example(_SAID)

    period: str
    start: date
    end: date = Field(description="The first day after the period.")
    as_of: Instant
    model_version: str
    replayed: bool = Field(description="Issued more than a day after `as_of`, from what was known then.")
    weeks_to_go: int
    id: str
    name: str
    expected: Money
    p10: Money
    p50: Money
    p90: Money
    stage_weighted: Money | None = None
    committed: Money | None = None
    run_rate: Money
    last_period: Money | None = None
    last_year: Money | None = None
    came: Money = Field(description="As known now, at the rates of the period's last day.")


class JudgedForecasts(Answer):
    """The ledger's forecasts of periods that have ended."""

    model_config = example(_FORECASTS)

    note: str | None = Field(None, description="Why there is nothing to judge yet, and when there will be.")
    next_period: str | None = Field(None, description="The first period in the ledger that has not ended.")
    next_end: date | None = None
    level: Level
    errors: list[ForecastErrors]
    said: list[SaidAndCame] = Field(description="By period, and by week.")


class ModelAccuracy(Answer):
    """How good the win probabilities of one model, or of all, were."""

    model_config = example(_MODEL)

    model_version: str | None = Field(None, description="Null for all models together.")
    n_scores: int = Field(ge=0, description="Judged scores whose deals have closed.")
    n_deals: int = Field(ge=0)
    n_open: int = Field(ge=0, description="Scores old enough to be judged whose deals are still open.")
    said: Share = Field(description="Mean win probability.")
    won: Share = Field(description="Share that was won.")
    brier: float
    log_loss: float
    base_brier: float = Field(description="Of the share that was won, given to every deal.")
    base_log_loss: float


class Reliability(Answer):
    """One tenth of win probability: what was said of its deals on average, and how many were won."""

    model_config = example(_BIN)

    from_share: Share
    to_share: Share
    said: Share
    won: Share
    won_low: Share = Field(description="95 % bounds, in which each deal counts once.")
    won_high: Share
    n_scores: int
    n_deals: int


class JudgedScores(Answer):
    """The ledger's scores, those that are old enough to be judged.

    Deals that are still open are stood for by those that took nearly as long, so that fast ones do not count for more.
    """

    model_config = example(_SCORES)

    note: str | None = Field(None, description="Why there is nothing to judge yet.")
    n_scores: int = Field(ge=0, description="In the ledger.")
    n_open: int = Field(ge=0, description="Of them of deals that are still open.")
    ripe_days: float | None = Field(
        None, description="The age from which scores are judged; 80 % of deals close by then."
    )
    n_ripe: int = Field(ge=0, description="Scores of that age.")
    n_ripe_open: int = Field(ge=0, description="Of them of deals that are still open.")
    n_replayed: int = Field(ge=0, description="Scores of that age issued more than a day after their `as_of`.")
    models: list[ModelAccuracy] = Field(description="All models together first, then the latest model first.")
    reliability: list[Reliability]


class RiskCame(Answer):
    """Scores of one tenth of risk, or all: what was said, and how many deals stalled or were lost in their patience."""

    model_config = example(_RISK)

    from_share: Share
    to_share: Share
    said: Share = Field(description="Mean of `stall_risk` + `lost_in_patience`.")
    came: Share = Field(description="Share whose deal stalled or was lost.")
    came_low: Share = Field(description="95 % bounds, in which each deal counts once.")
    came_high: Share
    stall_said: Share
    stall_came: Share
    lost_said: Share
    lost_came: Share
    n_scores: int
    n_deals: int


class JudgedRisks(Answer):
    """The ledger's scores whose stage's patience has passed, held against what became of their deals by then."""

    model_config = example(_RISKS)

    note: str | None = Field(None, description="Why there is nothing to judge yet.")
    n_scores: int = Field(ge=0, description="In the ledger, that tell a risk.")
    n_judged: int = Field(ge=0, description="Of them those whose patience has passed.")
    bins: list[RiskCame] = Field(description="All together first, then by tenths of the risk.")


class AccuracyAnswer(Batch):
    """How right we were: the ledger, judged by what was known at `as_of`."""

    model_config = example(_BATCH | {"forecasts": _FORECASTS, "scores": _SCORES, "risks": _RISKS})

    reporting_currency: str
    forecasts: JudgedForecasts
    scores: JudgedScores
    risks: JudgedRisks
