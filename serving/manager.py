"""The manager's page: the forecast of two quarters, at every level, beside the quotas; and the deals at risk."""

import math
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from reports.at_risk import AT_RISK_FROM
from serving.forecast import RANGES_COVER, at_risk_answer, deals_at_risk, forecast_answer, ranges_measured
from serving.forecast_schemas import ForecastPeriod, ForecastRow, Level
from serving.rendering import page
from serving.schemas import Money
from serving.services import Needs
from serving.view import View

router = APIRouter(include_in_schema=False)

_SHOWN_AT_RISK = 25
_THRESHOLDS = (0.5, 0.6, 0.7, 0.8)
_TICKS = 5
_OTHERS: tuple[tuple[Level, str], ...] = (
    ("manager", "By manager, with everybody below"),
    ("region", "By region"),
    ("segment", "By segment"),
    ("product", "By product"),
    ("pipeline", "By pipeline"),
)
"""Shown where there is more than one group."""


@router.get("/manager")
def manager_page(
    request: Request,
    services: Needs,
    team: Annotated[str, Query(max_length=200)] = "",
    threshold: Annotated[float, Query(ge=0, le=1)] = AT_RISK_FROM,
) -> Response:
    """Show what will be won this and next quarter, and what may not be."""
    view = services.latest.view()
    if view is None:
        return page(request, "no_scores.html", {})
    at_risk = deals_at_risk(view, None, team or None, threshold)
    report = at_risk_answer(view, at_risk, threshold, 0, _SHOWN_AT_RISK, None)
    context = {
        "view": view,
        "ranges_cover": RANGES_COVER,
        "ranges_measured": ranges_measured(view),
        "with_quotas": bool(view.forecast["quota"].notna().any()),
        "sections": _sections(view),
        "report": report,
        "teams": sorted({deal.team for deal in view.deals if deal.team is not None}),
        "team": team,
        "threshold": threshold,
        "thresholds": sorted({*_THRESHOLDS, threshold}),
        "notes": sorted({deal.note for deal in view.deals if deal.note is not None}),
    }
    return page(request, "manager.html", context)


def _sections(view: View) -> list[dict[str, Any]]:
    """One per quarter: its whole, its bar on a scale shared by both, its teams with their owners, and other levels."""
    wholes, teams, owners = (forecast_answer(view, "both", level).periods for level in ("whole", "team", "owner"))
    others = [(title, forecast_answer(view, "both", level).periods) for level, title in _OTHERS]
    ticks = axis_ticks(max(_largest(period.rows[0]) for period in wholes))
    return [
        {
            "period": whole,
            "row": whole.rows[0],
            "bar": bar(whole.rows[0], ticks[-1]),
            "ticks": [(tick, 100 * tick / ticks[-1]) for tick in ticks],
            "tree": _tree(teams[k], owners[k]),
            "others": [(title, _by_expected(of[k].rows)) for title, of in others if len(of[k].rows) > 1],
        }
        for k, whole in enumerate(wholes)
    ]


def bar(row: ForecastRow, top: float) -> dict[str, float | None]:
    """Place a row's figures on a scale from 0 to ``top``, as percent of the width; None where there is no figure."""

    def place(money: Money | None) -> float | None:
        return None if money is None else 100 * max(0.0, float(money.amount)) / top

    names = ("closed", "expected", "p10", "p50", "p90", "stage_weighted", "quota")
    known = float(row.closed.amount) + float(row.open_expected.amount)
    return {name: place(getattr(row, name)) for name in names} | {"known": 100 * max(0.0, known) / top}


def axis_ticks(largest: float) -> list[float]:
    """Return round numbers from 0 to at least ``largest``, about five of them.

    Examples
    --------
    >>> axis_ticks(870_000.0)
    [0.0, 200000.0, 400000.0, 600000.0, 800000.0, 1000000.0]
    >>> axis_ticks(0.0)
    [0.0, 1.0]
    """
    if largest <= 0:
        return [0.0, 1.0]
    rough = largest / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [step * number for number in range(math.ceil(largest / step - 1e-9) + 1)]


def _largest(row: ForecastRow) -> float:
    figures = (row.expected, row.p90, row.stage_weighted, row.quota)
    return max(float(money.amount) for money in figures if money is not None)


def _tree(teams: ForecastPeriod, owners: ForecastPeriod) -> list[tuple[ForecastRow, list[ForecastRow]]]:
    """Each team with its owners, those who are expected to win most first."""
    return [
        (team, _by_expected([owner for owner in owners.rows if owner.team == team.team]))
        for team in _by_expected(teams.rows)
    ]


def _by_expected(rows: list[ForecastRow]) -> list[ForecastRow]:
    return sorted(rows, key=lambda row: (-float(row.expected.amount), row.name))
