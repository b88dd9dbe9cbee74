"""What the forecast answers with, and what a deal's end would change in it."""

from datetime import date, timedelta
from typing import Literal

from pydantic import Field

from serving.schemas import Answer, Batch, Money, Share, example

Level = Literal["whole", "team", "owner", "manager", "pipeline", "region", "segment", "product"]
_BATCH = {"as_of": "2026-03-30T06:00:00Z", "model_version": "7", "reporting_currency": "EUR"}
_RATE = {"currency": "USD", "rate": 0.9, "day": "2026-03-27"}
_MISSING_RATE = {"currency": "XXX", "day": "2026-03-29", "n_deals": 2}
_MOVED = {
    "owner_id": "U017",
    "name": "Ines Ferreira",
    "what": "team",
    "old": "North",
    "new": "South",
    "on": "2026-02-02",
}


def _euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


FORECAST_ROW = {
    "level": "team",
    "id": "South",
    "name": "South",
    "team": "South",
    "closed": _euros("410000.00"),
    "open_expected": _euros("153250.40"),
    "new_expected": _euros("12400.00"),
    "expected": _euros("575650.40"),
    "p10": _euros("470000.00"),
    "p50": _euros("570000.00"),
    "p90": _euros("680000.00"),
    "range_coverage": 0.81,
    "range_like": "team",
    "n_range_forecasts": 42,
    "stage_weighted": _euros("702400.00"),
    "quota": _euros("600000.00"),
    "reach_probability": 0.37,
    "attainment": 0.683,
    "coverage": 2.1,
    "n_open": 48,
    "n_won": 13,
    "n_imputed": 2,
    "n_without_rate": 0,
    "n_without_score": 0,
    "n_without_quota": 0,
}
_PERIOD = {"name": "FY2026 Q1", "start": "2026-01-01", "end": "2026-04-01", "rows": [FORECAST_ROW]}
_FIGURES = {name: FORECAST_ROW[name] for name in ("expected", "p10", "p50", "p90", "reach_probability")}
_IF_WON = {
    "expected": _euros("604100.40"),
    "p10": _euros("505000.00"),
    "p50": _euros("601000.00"),
    "p90": _euros("705000.00"),
    "reach_probability": 0.52,
}
_WHAT_IF_ROW = {"level": "team", "id": "South", "name": "South", "now": _FIGURES, "then": _IF_WON}


class UsedRate(Answer):
    """What one unit of a currency was worth in the reporting currency."""

    model_config = example(_RATE)

    currency: str
    rate: float
    day: date


class MissingRate(Answer):
    """A currency for which no rate to the reporting currency is known on a day or before it; its deals add nothing.

    Open deals need one of the day before the scores, deals that are won one of the day before they were won.
    """

    model_config = example(_MISSING_RATE)

    currency: str
    day: date
    n_deals: int = Field(ge=0, description="Deals that need it and add nothing; 0 where only a quota does.")


class MovedOwner(Answer):
    """An owner who changed team or manager: what was won before counts where the owner was then."""

    model_config = example(_MOVED)

    owner_id: str
    name: str
    what: Literal["team", "manager"]
    old: str | None
    new: str | None
    on: date


class ForecastRow(Answer):
    """The forecast of one period for the whole or one group.

    Sums agree to the cent at every level, but for managers: a deal counts at each manager above its owner.
    """

    model_config = example(FORECAST_ROW)

    level: Level
    id: str = Field(description="The group: a user_id for owners and managers, empty for the whole.")
    name: str
    team: str | None = None
    closed: Money = Field(description="Won in the period before `as_of`.")
    open_expected: Money = Field(description="Sum over open deals of P(won in the period) x expected final amount.")
    new_expected: Money = Field(description="What deals that are not created yet will bring.")
    expected: Money = Field(description="`closed` + `open_expected` + `new_expected`.")
    p10: Money = Field(description="The total stays at or below this with 10 %.")
    p50: Money = Field(description="The total stays at or below this with 50 %.")
    p90: Money = Field(description="The total stays at or below this with 90 %.")
    range_coverage: Share | None = Field(
        None,
        description="How often what came lay between `p10` and `p90` in a backtest, with as many weeks to go; 0.8 is "
        "aimed at. Null where that was not measured.",
    )
    range_like: Level | None = Field(
        None, description="The level whose forecasts were backtested: its own, or one like it; null before a backtest."
    )
    n_range_forecasts: int = Field(ge=0, description="How many past forecasts `range_coverage` is of.")
    stage_weighted: Money | None = Field(
        None,
        description="For comparison: `closed` + stage's default probability x amount of deals whose close date is in "
        "the period; null where a stage has no default probability.",
    )
    quota: Money | None = Field(None, description="Sum of its owners' quotas; null where none has one.")
    reach_probability: Share | None = Field(None, description="P(the total reaches the quota).")
    attainment: float | None = Field(None, description="`closed` / `quota`, as a fraction.")
    coverage: float | None = Field(
        None,
        description="Amounts of open deals that are to close in the period / (`quota` - `closed`); null where nothing "
        "is missing.",
    )
    n_open: int = Field(ge=0, description="Open deals.")
    n_won: int = Field(ge=0, description="Deals won in the period so far.")
    n_imputed: int = Field(ge=0, description="Open deals without an amount; counted with the usual one.")
    n_without_rate: int = Field(ge=0, description="Open deals in a currency without a rate; they add nothing.")
    n_without_score: int = Field(ge=0, description="Open deals that were not scored; they add nothing.")
    n_without_quota: int = Field(ge=0, description="Owners without a quota: with some, `quota` is only a part.")


class ForecastPeriod(Answer):
    """The forecast of one fiscal week, month, quarter or year; the end day is excluded."""

    model_config = example(_PERIOD)

    name: str
    start: date
    end: date
    rows: list[ForecastRow]

    @property
    def last_day(self) -> date:
        """The last day that belongs to the period."""
        return self.end - timedelta(days=1)


class ForecastAnswer(Batch):
    """The forecast of fiscal periods, one after the other."""

    model_config = example(
        _BATCH
        | {
            "rates": [_RATE],
            "missing_rates": [_MISSING_RATE],
            "ranges_cover": "the luck of single deals, good and bad quarters, amounts that change, and the number and "
            "size of deals not created yet",
            "moved_owners": [_MOVED],
            "ranges_measured": "Ranges are scaled, and how often they held was counted, by a backtest of 7 past fiscal "
            "quarters that ended by 2026-01-01, 88 days before; its scorers were trained with 3 blocks of time and "
            "up to 120 trees.",
            "periods": [_PERIOD],
        }
    )

    reporting_currency: str
    rates: list[UsedRate] = Field(description="The exchange rates that were used.")
    missing_rates: list[MissingRate] = Field(description="Exchange rates that were needed and are not known.")
    ranges_cover: str = Field(description="What p10 to p90 take into account.")
    ranges_measured: str | None = Field(
        description="The backtest that measured the ranges, in sentences; null before one. How often each held stands "
        "beside it."
    )
    moved_owners: list[MovedOwner] = Field(description="Who changed team or manager since the first period's start.")
    periods: list[ForecastPeriod]


class Figures(Answer):
    """The figures of a forecast that one deal can change."""

    model_config = example(_FIGURES)

    expected: Money
    p10: Money
    p50: Money
    p90: Money
    reach_probability: Share | None


class WhatIfRow(Answer):
    """The forecast of one group a deal counts in, as it is and as it would be."""

    model_config = example(_WHAT_IF_ROW)

    level: Level
    id: str
    name: str
    now: Figures
    then: Figures


class WhatIfAnswer(Batch):
    """What a deal's end would change in the forecast of its owner, its team, its managers and the whole."""

    model_config = example(
        _BATCH
        | {
            "deal_id": "D000123",
            "outcome": "won",
            "period": "FY2026 Q1",
            "amount": _euros("46560.00"),
            "imputed": False,
            "probability": 0.12,
            "rows": [_WHAT_IF_ROW],
        }
    )

    reporting_currency: str
    deal_id: str
    outcome: Literal["won", "lost"]
    period: str = Field(description="The fiscal quarter; `won` is within it.")
    amount: Money = Field(description="What the deal is expected to bring once it is won.")
    imputed: bool = Field(description="Whether the deal has no amount, so that the usual one is taken.")
    probability: Share = Field(description="P(won in the period), as it is.")
    rows: list[WhatIfRow]
