"""What the routes of categories and calls take and answer with."""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

from serving.forecast_schemas import FORECAST_ROW, ForecastRow
from serving.schema_parts import Instant
from serving.schemas import Answer, Batch, Money, example

PeopleLevel = Literal["whole", "team", "owner", "manager"]
Line = Literal["closed", "commit", "best case", "pipeline", "omitted", "no category"]
LARGEST_CALL = 10**13
"""Up to here sums of whole cents are exact."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BATCH = {"as_of": "2026-03-30T06:00:00Z", "model_version": "7", "reporting_currency": "EUR"}
_QUARTER = {"name": "FY2026 Q1", "start": "2026-01-01", "end": "2026-04-01"}


def _euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


_LINE = {
    "category": "commit",
    "n_deals": 6,
    "n_imputed": 0,
    "amount": _euros("148000.00"),
    "expected": _euros("96210.50"),
    "cumulative": _euros("558000.00"),
}
_CATEGORY_ROW = {"level": "team", "id": "South", "name": "South", "team": "South", "lines": [_LINE]}
_ADJUSTED = {
    "level": "team",
    "id": "South",
    "name": "South",
    "team": "South",
    "expected": _euros("575650.40"),
    "adjusted": _euros("600000.00"),
    "calls": [12],
}
_CALL = {
    "number": 12,
    "made_at": "2026-03-30T08:15:00Z",
    "author": "Ines Ferreira",
    "level": "team",
    "id": "South",
    "name": "South",
    "amount": _euros("600000.00"),
    "note": "Norte signs on Tuesday, and two renewals are verbal.",
    "in_force": True,
    "in_whole": True,
}
_REQUEST: dict[str, JsonValue] = {
    "period": "FY2026 Q1",
    "level": "team",
    "id": "South",
    "amount": "600000.00",
    "note": "Norte signs on Tuesday, and two renewals are verbal.",
    "author": "Ines Ferreira",
}


def _of_words(text: str) -> str:
    text = " ".join(text.split())
    if not text:
        raise ValueError("must not be blank")
    if _CONTROL.search(text):
        raise ValueError("must not hold control characters")
    return text


class AdjustmentRequest(BaseModel):
    """What a person calls for a group and a quarter: all that the quarter will bring, what is won already included."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_REQUEST]})

    period: str = Field(max_length=100, description="The quarter's name, or `this` or `next`.")
    level: PeopleLevel
    id: str = Field("", max_length=200, description="The group: a team, or a user_id; empty for the whole.")
    amount: Annotated[Decimal, Field(ge=0, le=LARGEST_CALL, decimal_places=2)] | None = Field(
        description="In the reporting currency; null takes the author's call back."
    )
    note: Annotated[str, Field(max_length=1_000), AfterValidator(_of_words)] = Field(description="Why.")
    author: Annotated[str, Field(max_length=200), AfterValidator(_of_words)] = Field(description="Who calls it.")


class CategoryLine(Answer):
    """The deals of one category that are to close in the quarter; or those won in it (`closed`)."""

    model_config = example(_LINE)

    category: Line
    n_deals: int = Field(ge=0)
    n_imputed: int = Field(ge=0, description="Deals without an amount; counted with the usual one.")
    amount: Money
    expected: Money = Field(description="What the model expects of these deals within the quarter.")
    cumulative: Money | None = Field(
        description="Amounts of this line and those before it, from what is won down to pipeline; null for what is "
        "omitted or has no category."
    )


class CategoryRow(Answer):
    """The categories of one group, and its forecast beside them."""

    model_config = example(_CATEGORY_ROW | {"forecast": FORECAST_ROW})

    level: PeopleLevel
    id: str
    name: str
    team: str | None = None
    lines: list[CategoryLine]
    forecast: ForecastRow = Field(description="What the model expects of the group, with range, quota and coverage.")


class CategoryPeriod(Answer):
    """The categories of one fiscal quarter; the end day is excluded."""

    model_config = example(_QUARTER | {"rows": [_CATEGORY_ROW | {"forecast": FORECAST_ROW}]})

    name: str
    start: date
    end: date
    rows: list[CategoryRow]


class CategoriesAnswer(Batch):
    """What the team says of its open deals, by category, for this and the next fiscal quarter."""

    model_config = example(
        _BATCH
        | {
            "unknown_words": {"most likely": 3},
            "n_without_close_date": 2,
            "periods": [_QUARTER | {"rows": [_CATEGORY_ROW | {"forecast": FORECAST_ROW}]}],
        }
    )

    reporting_currency: str
    unknown_words: dict[str, int] = Field(
        description="What open deals have for a category that is none, with how many; they count as without one."
    )
    n_without_close_date: int = Field(ge=0, description="Open deals in no quarter, as they have no close date.")
    periods: list[CategoryPeriod]


class AdjustedRow(Answer):
    """What the model expects of a group, and the number that people have made of it."""

    model_config = example(_ADJUSTED)

    level: PeopleLevel
    id: str
    name: str
    team: str | None = None
    expected: Money = Field(description="The model's.")
    adjusted: Money = Field(
        description="The group's own call, or else the sum of those within it and of what the model expects of others."
    )
    calls: list[int] = Field(description="Numbers of the calls that make it up; none where it is all the model's.")


class CallMade(Answer):
    """One row of the ledger of calls; it is never changed."""

    model_config = example(_CALL)

    number: int = Field(description="Counts the calls; a higher one was made later.")
    made_at: Instant
    author: str
    level: PeopleLevel
    id: str
    name: str
    amount: Money | None = Field(description="Null where the author took the call back.")
    note: str
    in_force: bool = Field(description="Whether the author said nothing later of this group and quarter.")
    in_whole: bool = Field(description="Whether it is part of the whole's adjusted number.")


class AdjustedPeriod(Answer):
    """The adjusted numbers of one fiscal quarter, and every call for it, the latest first."""

    model_config = example(_QUARTER | {"rows": [_ADJUSTED], "calls": [_CALL]})

    name: str
    start: date
    end: date
    rows: list[AdjustedRow]
    calls: list[CallMade]


class AdjustmentsAnswer(Batch):
    """People's calls beside the model's numbers, for this and the next fiscal quarter."""

    model_config = example(_BATCH | {"periods": [_QUARTER | {"rows": [_ADJUSTED], "calls": [_CALL]}]})

    reporting_currency: str
    periods: list[AdjustedPeriod]
