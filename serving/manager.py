"""The manager's page: the forecast of two quarters at every level, what people say of it, pace, and deals at risk."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from crm.fiscal import Unit
from crm.working_days import holidays, n_working_days
from reports.at_risk import AT_RISK_FROM
from reports.axis import axis_ticks
from serving.adjustments import adjustments_answer, record
from serving.call_form import read_form
from serving.call_schemas import CategoryRow, PeopleLevel
from serving.categories import categories_answer
from serving.change_answers import in_short
from serving.currency import PageView
from serving.forecast import RANGES_COVER, at_risk_answer, deals_at_risk, forecast_answer, ranges_measured
from serving.forecast_schemas import ForecastPeriod, ForecastRow, Level
from serving.pace import pace_answer
from serving.pace_chart import pace_chart, told
from serving.problems import Problem, known_team
from serving.rendering import page
from serving.schemas import Money
from serving.services import Needs, Services
from serving.view import View

router = APIRouter(include_in_schema=False)

Typed = Annotated[str, Form(max_length=2_000)]
_SHOWN_AT_RISK = 25
_THRESHOLDS = (0.5, 0.6, 0.7, 0.8)
_OTHERS: tuple[tuple[Level, str], ...] = (
    ("manager", "By manager, with everybody below"),
    ("region", "By region"),
    ("segment", "By segment"),
    ("product", "By product"),
    ("pipeline", "By pipeline"),
)
"""Shown where there is more than one group."""
_CALLED: dict[PeopleLevel, str] = {"team": "Teams", "manager": "Managers", "owner": "Owners"}


@router.get("/manager")
def manager_page(
    request: Request,
    services: Needs,
    view: PageView,
    team: Annotated[str, Query(max_length=200)] = "",
    threshold: Annotated[float, Query(ge=0, le=1)] = AT_RISK_FROM,
    unit: Literal["month", "quarter"] = "quarter",
) -> Response:
    """Show what will be won in this and the next quarter or month, and what may not be."""
    if view is None:
        return page(request, "no_scores.html", {})
    return page(
        request, "manager.html", _context(services, view, team, threshold, unit) | _call_context(services, view, {})
    )


@router.post("/manager/calls")
def make_call(
    request: Request,
    services: Needs,
    view: PageView,
    period: Typed = "",
    group: Typed = "",
    amount: Typed = "",
    note: Typed = "",
    author: Typed = "",
) -> Response:
    """Record a call, or show the page again with what is wrong."""
    if view is None:
        return page(request, "no_scores.html", {})
    typed = {"period": period, "group": group, "amount": amount, "note": note, "author": author}
    asked, mistakes = read_form(typed)
    if asked is not None:
        try:
            record(services, view, asked)
            return RedirectResponse("/manager#calls", status_code=303)
        except Problem as problem:
            mistakes = [f"{problem.detail} {problem.remedy}"]
    context = _context(services, view) | _call_context(services, view, typed, mistakes)
    return page(request, "manager.html", context, 422)


def _context(
    services: Services, view: View, team: str = "", threshold: float = AT_RISK_FROM, unit: Unit = "quarter"
) -> dict[str, Any]:
    known_team(team, view.basis.people["team"])
    at_risk = deals_at_risk(view, None, team or None, threshold)
    categories = categories_answer(view, "both", "whole")
    pace = {level: pace_answer(view, level) for level in ("whole", "team", "owner")}
    return {
        "view": view,
        "ranges_cover": RANGES_COVER,
        "ranges_measured": ranges_measured(view),
        "unit": unit,
        "with_quotas": bool(view.forecast_of(unit, 2).rows["quota"].notna().any()),
        "changes": (found := services.changes.if_ready(view)) and in_short(found),
        "sections": _sections(view, unit),
        "whole": forecast_answer(view, "both", "whole", unit),
        "categories": categories,
        "rungs": {one.name: rungs(one.rows[0]) for one in categories.periods},
        "category_tree": _category_tree(view),
        "pace": pace["whole"],
        "pace_told": told(pace["whole"]),
        "pace_chart": pace_chart(pace["whole"]),
        "pace_tree": _under_teams(pace["team"].rows, pace["owner"].rows),
        "paces": {level: {row.id: row for row in one.rows} for level, one in pace.items()},
        "report": at_risk_answer(view, at_risk, threshold, 0, _SHOWN_AT_RISK, None),
        "teams": sorted({deal.team for deal in view.deals if deal.team is not None}),
        "team": team,
        "threshold": threshold,
        "thresholds": sorted({*_THRESHOLDS, threshold}),
        "notes": sorted({deal.note for deal in view.deals if deal.note is not None}),
    }


def _call_context(
    services: Services, view: View, typed: dict[str, str], mistakes: Sequence[str] = ()
) -> dict[str, Any]:
    """Calls so far, and the form with what was typed into it."""
    rows = {level: forecast_answer(view, "this", level).periods[0].rows for level in ("whole", *_CALLED)}
    return {
        "calls": adjustments_answer(services, view, "both", "whole", "team", "manager", "owner"),
        "call_groups": [("All", rows["whole"]), *((_CALLED[level], _by_name(rows[level])) for level in _CALLED)],
        "typed": dict.fromkeys(("period", "group", "amount", "note", "author"), "") | typed,
        "mistakes": mistakes,
    }


def _sections(view: View, unit: Unit) -> list[dict[str, Any]]:
    """One per period: its whole, its bar on a scale shared by both, its teams with their owners, and other levels."""
    wholes, teams, owners = (forecast_answer(view, "both", level, unit).periods for level in ("whole", "team", "owner"))
    others = [(title, forecast_answer(view, "both", level, unit).periods) for level, title in _OTHERS]
    off, today = holidays(view.reference["calendar"]), view.as_of.date()
    ticks = axis_ticks(max(_largest(period.rows[0]) for period in wholes))
    return [
        {
            "period": whole,
            "row": whole.rows[0],
            "n_days_left": n_working_days(max(today, whole.start), whole.end, off),
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


def _largest(row: ForecastRow) -> float:
    figures = (row.expected, row.p90, row.stage_weighted, row.quota)
    return max(float(money.amount) for money in figures if money is not None)


def rungs(row: CategoryRow) -> dict[str, dict[str, float]]:
    """Place each line that adds up: where it starts, its size and what the model expects, as percent of the width."""
    expected = max(0.0, float(row.forecast.expected.amount))
    added = [line for line in row.lines if line.cumulative is not None]
    top = max(expected, *(float(line.cumulative.amount) for line in added if line.cumulative), 1.0)
    placed: dict[str, dict[str, float]] = {}
    for line in added:
        size = max(0.0, float(line.amount.amount))
        end = max(0.0, float(line.cumulative.amount)) if line.cumulative else 0.0
        below = max(0.0, end - size)
        placed[line.category] = {
            "below": 100 * below / top,
            "size": 100 * (end - below) / top,
            "expected": 100 * expected / top,
        }
    return placed


def _category_tree(view: View) -> list[tuple[CategoryRow, list[CategoryRow]]]:
    teams, owners = (categories_answer(view, "this", level).periods[0].rows for level in ("team", "owner"))
    return _under_teams(teams, owners)


def _under_teams(teams: Sequence[Any], owners: Sequence[Any]) -> list[tuple[Any, list[Any]]]:
    """Each team with its owners, by name."""
    return [(team, _by_name([owner for owner in owners if owner.team == team.team])) for team in _by_name(teams)]


def _by_name(rows: Sequence[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: (row.name.casefold(), row.id))


def _tree(teams: ForecastPeriod, owners: ForecastPeriod) -> list[tuple[ForecastRow, list[ForecastRow]]]:
    """Each team with its owners, those who are expected to win most first."""
    return [
        (team, _by_expected([owner for owner in owners.rows if owner.team == team.team]))
        for team in _by_expected(teams.rows)
    ]


def _by_expected(rows: list[ForecastRow]) -> list[ForecastRow]:
    return sorted(rows, key=lambda row: (-float(row.expected.amount), row.name))
