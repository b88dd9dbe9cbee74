"""What changed in the forecast, as the API answers it."""

from datetime import date
from typing import Literal

from pydantic import Field

from serving.schemas import Answer, Batch, Money, Owner, Share, example

ChangeLevel = Literal["whole", "team", "owner", "manager", "pipeline", "region", "segment"]
CauseName = Literal[
    "created",
    "pulled in",
    "pushed out",
    "amount up",
    "amount down",
    "won",
    "lost",
    "reopened",
    "deleted",
    "owner moved",
    "probability up",
    "probability down",
    "new model",
    "usual growth",
    "exchange rates",
    "not yet created",
]


def _euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


_CAUSE = {"cause": "pushed out", "change": _euros("-34000.00"), "n_deals": 1}
_NEW = {"cause": "not yet created", "change": _euros("-1200.50"), "n_deals": 0}
_BRIDGE = {
    **{"level": "team", "id": "South", "name": "South"},
    **{"before": _euros("610850.90"), "after": _euros("575650.40"), "causes": [_CAUSE, _NEW]},
}
_PART = {"cause": "pushed out", "change": _euros("-34000.00")}
_SIGNALS = {"group": "engagement", "change": _euros("-2100.00")}
_OWNER = {"owner_id": "U017", "name": "Ines Ferreira", "team": "South"}
_THEN = {
    **{"stage": "proposal", "stage_category": "open", "amount": _euros("48000.00"), "close_date": "2026-03-12"},
    **{"owner": _OWNER, "probability": 0.75, "win_probability": 0.8, "part": _euros("36000.00")},
}
_NOW = _THEN | {"close_date": "2026-04-20", "probability": 0.05, "win_probability": 0.7, "part": _euros("2000.00")}
_DEAL = {
    **{"deal_id": "D000123", "name": "Fleet telematics, 40 vans", "cause": "pushed out"},
    **{"sentence": "Pushed out: close date from 12 Mar 2026 to 20 Apr 2026", "change": _euros("-34000.00")},
    **{"parts": [_PART], "by_signal": [], "before": _THEN, "after": _NOW, "href": "/v1/deals/D000123"},
}
_PERIOD = {"name": "FY2026 Q1", "start": "2026-01-01", "end": "2026-04-01"}


class ChangePeriod(Answer):
    """The fiscal quarter whose forecast changed; the end day is excluded."""

    model_config = example(_PERIOD)

    name: str
    start: date
    end: date


class CauseSum(Answer):
    """What one cause changed in all."""

    model_config = example(_CAUSE)

    cause: CauseName
    change: Money
    n_deals: int = Field(ge=0, description="Deals that have a part in it.")


class Bridge(Answer):
    """From what was expected of the whole or a group to what is: `before` + all `causes` = `after`, to the cent."""

    model_config = example(_BRIDGE)

    level: ChangeLevel
    id: str = Field(description="The group: a user_id for owners and managers, empty for the whole.")
    name: str
    before: Money = Field(description="`expected` of the forecast at the earlier instant.")
    after: Money = Field(description="`expected` of the forecast at the later instant.")
    causes: list[CauseSum]


class ChangePart(Answer):
    """What one cause changed of one deal's part in the forecast."""

    model_config = example(_PART)

    cause: CauseName
    change: Money


class SignalChange(Answer):
    """What one group of signals changed of one deal's part in the forecast."""

    model_config = example(_SIGNALS)

    group: str
    change: Money


class DealThen(Answer):
    """A deal at one of the two instants."""

    model_config = example(_THEN)

    stage: str
    stage_category: Literal["open", "won", "lost"]
    amount: Money | None = Field(description="As entered, in the deal's own currency; null where nobody had.")
    close_date: date | None
    owner: Owner | None
    probability: Share = Field(description="P(won in the period); 1 when it is won in it.")
    win_probability: Share | None = Field(description="P(won, whenever); null when it was not open or not scored.")
    part: Money = Field(description="Its part in the forecast: `probability` x what it is expected to bring.")


class ChangedDeal(Answer):
    """A deal whose part in the forecast changed."""

    model_config = example(_DEAL)

    deal_id: str
    name: str
    cause: CauseName = Field(description="The main one; in a group that it left or came into, that.")
    sentence: str = Field(description="Of the main cause, or of the one that was asked for.")
    change: Money = Field(description="Of its part in the forecast of the group that was asked for.")
    parts: list[ChangePart] = Field(description="They sum to `change`.")
    by_signal: list[SignalChange] = Field(
        description="Where the deal's probability moved it, by which signals; sums to that part."
    )
    before: DealThen | None = Field(description="Null when it was not there yet.")
    after: DealThen | None = Field(description="Null when it is no longer there.")
    href: str


class ForecastChanges(Answer):
    """What changed in the forecast of one fiscal quarter between two batches of scores."""

    model_config = example(
        {
            "period": _PERIOD,
            "before": {"as_of": "2026-03-23T06:00:00Z", "model_version": "7"},
            "after": {"as_of": "2026-03-30T06:00:00Z", "model_version": "7"},
            "reporting_currency": "EUR",
            "notes": ["2 open deals without an amount: counted with the usual one (2 before)."],
            "by_signal": [_SIGNALS],
            "bridges": [_BRIDGE],
            "total": 31,
            "limit": 1,
            "next": "/v1/forecast/changes?level=team&id=South&limit=1&cursor=WzEsICI3Il0",
            "deals": [_DEAL],
        }
    )

    period: ChangePeriod
    before: Batch
    after: Batch
    reporting_currency: str
    notes: list[str] = Field(description="What could not be counted as it should.")
    by_signal: list[SignalChange] = Field(
        description="What moved probabilities up and down; the sum of those two causes, for the whole or the one group."
    )
    bridges: list[Bridge] = Field(description="One for each group of the level, or for the one that was asked for.")
    total: int = Field(ge=0, description="How many deals pass the filters, on all pages.")
    limit: int = Field(ge=1)
    next: str | None = Field(description="The address of the next page; null on the last.")
    deals: list[ChangedDeal] = Field(description="The largest change first.")
