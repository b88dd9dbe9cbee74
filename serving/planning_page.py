"""The planning page: what is to come in and what is to be delivered, as tables and a chart of columns each."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from serving.currency import PageView
from serving.forecast import UnitAsked
from serving.manager import axis_ticks
from serving.planning import receipts_answer, units_answer
from serving.planning_schemas import ProductUnits, ReceiptsLevel, ReceiptsMonth, ReceiptsRow, UnitsAnswer
from serving.rendering import page
from serving.view import USUAL_PERIODS

router = APIRouter(include_in_schema=False)

_NO_UNITS = ProductUnits(
    product="", won=0, open_expected=0, new_expected=0, expected=0, p10=0, p50=0, p90=0, n_open=0, n_won=0
)
_GROUPS: tuple[ReceiptsLevel, ...] = ("pipeline", "currency")
_RANGE = ("p10", "p50", "p90")


@router.get("/planning")
def planning_page(request: Request, view: PageView, unit: UnitAsked = "month") -> Response:
    """Show what is to come in and what is to be delivered."""
    if view is None:
        return page(request, "no_scores.html", {})
    units = units_answer(view, view.units(unit, USUAL_PERIODS), USUAL_PERIODS)
    cash = receipts_answer(view, view.receipts(USUAL_PERIODS), USUAL_PERIODS, "whole")
    groups = {
        level: by_group(receipts_answer(view, view.receipts(USUAL_PERIODS), USUAL_PERIODS, level).months)
        for level in _GROUPS
    }
    products = by_product(units)
    context = {
        "view": view,
        "unit": unit,
        "cash": cash,
        "cash_chart": columns([_cash_parts(month.rows[0]) for month in cash.months]),
        "groups": {level: of_level for level, of_level in groups.items() if len(of_level) > 1},
        "units": units,
        "products": [(name, rows, columns([_unit_parts(row) for row in rows])) for name, rows in products.items()],
    }
    return page(request, "planning.html", context)


def by_product(units: UnitsAnswer) -> dict[str, list[ProductUnits]]:
    """Return each product's units period by period; zeros where a period has none of it."""
    found = [{row.product: row for row in period.rows} for period in units.periods]
    names = sorted({name for rows in found for name in rows})
    return {name: [rows.get(name, _NO_UNITS) for rows in found] for name in names}


def by_group(months: Sequence[ReceiptsMonth]) -> dict[str, list[ReceiptsRow | None]]:
    """Return each group's receipts month by month; None where a month has none of it."""
    found = [{row.id: row for row in month.rows} for month in months]
    names = sorted({name for rows in found for name in rows})
    return {name: [rows.get(name) for rows in found] for name in names}


def columns(periods: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Place columns on a scale from 0, as percent of a chart's width and height; what is below 0 is not drawn.

    Parameters
    ----------
    periods
        By column: ``won``, ``open`` and ``new``, which stand on each other, and ``p10``, ``p50``, ``p90``.

    Examples
    --------
    >>> one = {"won": 20.0, "open": 30.0, "new": 0.0, "p10": 30.0, "p50": 50.0, "p90": 80.0}
    >>> chart = columns([one, one])
    >>> chart["ticks"][-1], chart["columns"][0]["parts"][:2]
    ((80.0, 0.0), [('closed', 75.0, 25.0), ('open', 37.5, 37.5)])
    >>> chart["columns"][1]["middle"], chart["columns"][1]["p90"]
    (75.0, 0.0)
    """
    largest = max((max(of["won"] + of["open"] + of["new"], of["p90"]) for of in periods), default=0.0)
    ticks = axis_ticks(largest)
    top = ticks[-1]

    def height(value: float) -> float:
        return 100 * max(0.0, value) / top

    drawn = []
    for n, of in enumerate(periods):
        below, parts = 0.0, []
        for kind, name in (("closed", "won"), ("open", "open"), ("new", "new")):
            upto = below + of[name]
            parts.append((kind, 100 - height(upto), max(0.0, height(upto) - height(below))))
            below = upto
        middle = 100 * (n + 0.5) / len(periods)
        drawn.append({"middle": middle, "parts": parts} | {name: 100 - height(of[name]) for name in _RANGE})
    return {"columns": drawn, "width": 60 / max(1, len(periods)), "ticks": [(t, 100 - height(t)) for t in ticks]}


def _cash_parts(row: ReceiptsRow) -> dict[str, float]:
    sums = {name: float(getattr(row, name).amount) for name in ("open_expected", "new_expected", *_RANGE)}
    won = float(row.received.amount) + float(row.due.amount)
    return {"won": won, "open": sums.pop("open_expected"), "new": sums.pop("new_expected"), **sums}


def _unit_parts(row: ProductUnits) -> dict[str, float]:
    parts = {"won": row.won, "open": row.open_expected, "new": row.new_expected}
    return parts | {name: getattr(row, name) for name in _RANGE}
