"""``/v1/planning``: units by product, and expected cash receipts by month; the page of both is ``planning_page.py``."""

from typing import Annotated

import pandas as pd
from fastapi import APIRouter, Query

from reports.planned_units import PlannedUnits
from reports.receipts import MONEY, Receipts
from serving import answers
from serving.currency import AskedView
from serving.forecast import UnitAsked, missing_open_rates, used_rates
from serving.planning_schemas import (
    NotUnderstood,
    ProductUnits,
    ReceiptsAnswer,
    ReceiptsLevel,
    ReceiptsMonth,
    ReceiptsRow,
    UnitsAnswer,
    UnitsPeriod,
)
from serving.view import MOST_PERIODS, USUAL_PERIODS, View

router = APIRouter(tags=["reports"])

UNITS_COVER = "the luck of single deals, good and bad quarters, and the number and size of deals not created yet"
RECEIPTS_COVER = (
    "the luck of single deals and of the day on which they close, good and bad quarters, amounts that change, and the"
    " number and size of deals not created yet; not that customers pay late"
)
PeriodsAsked = Annotated[int, Query(ge=1, le=MOST_PERIODS, description="How many, this one first.")]
LevelAsked = Annotated[ReceiptsLevel, Query(description="For the whole, or per group of this kind.")]


@router.get("/v1/planning/units", summary="Units to deliver, by product")
def units_report(view: AskedView, unit: UnitAsked = "month", periods: PeriodsAsked = USUAL_PERIODS) -> UnitsAnswer:
    """Return, from line items, the units of deals won so far, of open deals and of deals to come, with their range."""
    return units_answer(view, view.units(unit, periods), periods)


@router.get("/v1/planning/receipts", summary="Expected cash receipts, by month")
def receipts_report(
    view: AskedView, periods: PeriodsAsked = USUAL_PERIODS, level: LevelAsked = "whole"
) -> ReceiptsAnswer:
    """Return what comes in by the payment terms of line items, from won deals, open ones and deals to come.

    Money is taken as paid on the day on which it is due. All of it counts at the scores' exchange rates.
    """
    return receipts_answer(view, view.receipts(periods), periods, level)


def units_answer(view: View, planned: PlannedUnits, n: int) -> UnitsAnswer:
    """Write the units of the first ``n`` periods."""
    return UnitsAnswer(
        as_of=view.as_of,
        model_version=view.model_version,
        ranges_cover=UNITS_COVER,
        n_open=planned.n_open,
        n_without_lines=planned.n_without_lines,
        n_without_score=planned.n_without_score,
        n_won_without_lines=planned.n_won_without_lines,
        periods=[
            UnitsPeriod(
                name=period.name,
                start=period.start,
                end=period.end,
                rows=[_units(row) for row in _of(planned.rows, period.name).to_dict("records")],
            )
            for period in planned.periods[:n]
        ],
    )


def receipts_answer(view: View, found: Receipts, n: int, level: ReceiptsLevel) -> ReceiptsAnswer:
    """Write the receipts of the first ``n`` months."""
    rows = found.rows[found.rows["level"] == level]
    return ReceiptsAnswer(
        as_of=view.as_of,
        model_version=view.model_version,
        reporting_currency=view.currency,
        rates=used_rates(view),
        missing_rates=missing_open_rates(view),
        ranges_cover=RECEIPTS_COVER,
        usual_terms=found.usual.text,
        not_understood=[NotUnderstood(payment_terms=text, n_lines=n) for text, n in found.usual.not_understood.items()],
        n_open=found.n_deals,
        n_by_usual_terms=found.n_by_usual,
        n_imputed=found.n_imputed,
        n_without_rate=found.n_without_rate,
        n_without_score=found.n_without_score,
        n_won_without_amount=found.n_won_without_amount,
        months=[
            ReceiptsMonth(
                name=month.name,
                start=month.start,
                end=month.end,
                rows=[_receipts(row, view.currency) for row in _of(rows, month.name).to_dict("records")],
            )
            for month in found.months[:n]
        ],
    )


def _of(rows: pd.DataFrame, period: str) -> pd.DataFrame:
    return rows[rows["period"] == period]


def _units(row: dict) -> ProductUnits:
    return ProductUnits(**{name: row[name] for name in ProductUnits.model_fields})


def _receipts(row: dict, currency: str) -> ReceiptsRow:
    sums = {name: answers.money(row[name], currency) for name in MONEY}
    return ReceiptsRow(level=row["level"], id=row["id"], **sums)
