"""What the planning figures answer with: units by product, and expected cash receipts by month."""

from datetime import date
from typing import Literal

from pydantic import Field

from serving.forecast_schemas import MissingRate, UsedRate
from serving.schemas import Answer, Batch, Money, example

ReceiptsLevel = Literal["whole", "pipeline", "currency"]
_BATCH = {"as_of": "2026-03-30T06:00:00Z", "model_version": "7"}
_SPAN = {"name": "FY2026 M04", "start": "2026-04-01", "end": "2026-05-01"}


def _euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


_UNITS = {
    "product": "SENSOR",
    "won": 120.0,
    "open_expected": 310.4,
    "new_expected": 52.125,
    "expected": 482.525,
    "p10": 290.0,
    "p50": 470.0,
    "p90": 705.0,
    "n_open": 31,
    "n_won": 4,
}
_UNITS_PERIOD = _SPAN | {"rows": [_UNITS]}
_RECEIPTS = {
    "level": "whole",
    "id": "",
    "received": _euros("0.00"),
    "due": _euros("212400.00"),
    "open_expected": _euros("96350.12"),
    "new_expected": _euros("4200.00"),
    "expected": _euros("312950.12"),
    "p10": _euros("251000.00"),
    "p50": _euros("309000.00"),
    "p90": _euros("381000.00"),
}
_RECEIPTS_MONTH = _SPAN | {"name": "Apr 2026", "rows": [_RECEIPTS]}


class ProductUnits(Answer):
    """Units of one product in one period; exact to the thousandth."""

    model_config = example(_UNITS)

    product: str
    won: float = Field(description="Of deals won in the period before `as_of`.")
    open_expected: float = Field(description="Sum over open deals of P(won in the period) x quantity.")
    new_expected: float = Field(description="Of deals that are not created yet.")
    expected: float = Field(description="`won` + `open_expected` + `new_expected`.")
    p10: float = Field(description="The total stays at or below this with 10 %.")
    p50: float = Field(description="The total stays at or below this with 50 %.")
    p90: float = Field(description="The total stays at or below this with 90 %.")
    n_open: int = Field(ge=0, description="Open deals that hold the product.")
    n_won: int = Field(ge=0, description="Deals won in the period so far that hold it.")


class UnitsPeriod(Answer):
    """The units of one fiscal period; the end day is excluded."""

    model_config = example(_UNITS_PERIOD)

    name: str
    start: date
    end: date
    rows: list[ProductUnits]


class UnitsAnswer(Batch):
    """Units to deliver, by product and period."""

    model_config = example(
        _BATCH
        | {
            "ranges_cover": "the luck of single deals, good and bad quarters, and deals not created yet",
            "n_open": 240,
            "n_without_lines": 12,
            "n_without_score": 0,
            "n_won_without_lines": 1,
            "periods": [_UNITS_PERIOD],
        }
    )

    ranges_cover: str = Field(description="What p10 to p90 take into account.")
    n_open: int = Field(ge=0, description="Open deals.")
    n_without_lines: int = Field(ge=0, description="Open deals without line items; they add nothing.")
    n_without_score: int = Field(ge=0, description="Open deals that were not scored; they add nothing.")
    n_won_without_lines: int = Field(ge=0, description="Deals won in these periods so far, without line items.")
    periods: list[UnitsPeriod]


class ReceiptsRow(Answer):
    """Receipts of one month for the whole or one group; each level sums to the whole, to the cent."""

    model_config = example(_RECEIPTS)

    level: ReceiptsLevel
    id: str = Field(description="The group: a pipeline, the currency of the deals, or empty for the whole.")
    received: Money = Field(description="Due in the month before today, by payment terms; taken as paid.")
    due: Money = Field(description="To come in the month from deals that are won.")
    open_expected: Money = Field(description="To come in the month from deals that are open.")
    new_expected: Money = Field(description="To come in the month from deals that are not created yet.")
    expected: Money = Field(description="The sum of the four.")
    p10: Money = Field(description="The total stays at or below this with 10 %.")
    p50: Money = Field(description="The total stays at or below this with 50 %.")
    p90: Money = Field(description="The total stays at or below this with 90 %.")


class ReceiptsMonth(Answer):
    """The receipts of one calendar month; the end day is excluded."""

    model_config = example(_RECEIPTS_MONTH)

    name: str
    start: date
    end: date
    rows: list[ReceiptsRow]


class NotUnderstood(Answer):
    """Payment terms that are not understood, and how many line items have them."""

    model_config = example({"payment_terms": "as agreed", "n_lines": 7})

    payment_terms: str
    n_lines: int


class ReceiptsAnswer(Batch):
    """Expected cash receipts, by calendar month."""

    model_config = example(
        _BATCH
        | {
            "reporting_currency": "EUR",
            "rates": [{"currency": "USD", "rate": 0.9, "day": "2026-03-27"}],
            "missing_rates": [],
            "ranges_cover": "the luck of single deals, good and bad quarters, and deals not created yet",
            "usual_terms": "net 30",
            "not_understood": [{"payment_terms": "as agreed", "n_lines": 7}],
            "n_open": 240,
            "n_by_usual_terms": 31,
            "n_imputed": 3,
            "n_without_rate": 0,
            "n_without_score": 0,
            "n_won_without_amount": 0,
            "months": [_RECEIPTS_MONTH],
        }
    )

    reporting_currency: str
    rates: list[UsedRate] = Field(description="The exchange rates that were used, for won deals too.")
    missing_rates: list[MissingRate] = Field(description="Exchange rates that were needed and are not known.")
    ranges_cover: str = Field(description="What p10 to p90 take into account.")
    usual_terms: str = Field(description="What is taken where line items say nothing that is understood.")
    not_understood: list[NotUnderstood] = Field(description="Payment terms that are not understood.")
    n_open: int = Field(ge=0, description="Open deals.")
    n_by_usual_terms: int = Field(ge=0, description="Open deals paid by the usual terms, in whole or in part.")
    n_imputed: int = Field(ge=0, description="Open deals without an amount; counted with the usual one.")
    n_without_rate: int = Field(ge=0, description="Open deals in a currency without a rate; they add nothing.")
    n_without_score: int = Field(ge=0, description="Open deals that were not scored; they add nothing.")
    n_won_without_amount: int = Field(ge=0, description="Won deals without an amount or a rate; they add nothing.")
    months: list[ReceiptsMonth]
