"""The page of what changed: from the forecast of an earlier day to that of now, by cause, team and deal."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from crm.errors import NotEnoughDataError
from reports.change_bridge import by_group
from reports.change_causes import CAUSES
from reports.change_signals import CALLED
from serving.change_answers import Asked, changed_deals, deals_behind, signals_behind, steps_of
from serving.change_schemas import CauseName, ChangePart
from serving.changes import Changed, PeriodChanges
from serving.currency import PageView
from serving.problems import known_team, refused
from serving.rendering import page
from serving.services import Needs
from serving.view import View

router = APIRouter(include_in_schema=False)

_PER_PAGE = 25
_WORTH_A_WORD = 0.05


@router.get("/changes")
def changes_page(
    request: Request,
    services: Needs,
    view: PageView,
    since: Annotated[str, Query(max_length=40)] = "",
    period: Literal["this", "next"] = "this",
    team: Annotated[str, Query(max_length=200)] = "",
    cause: Literal[CauseName, ""] = "",
    page_number: Annotated[int, Query(alias="page", ge=1)] = 1,
) -> Response:
    """Show what changed in the forecast since a day, a week before the latest scores where none is given."""
    day = _day(since)
    if view is None:
        return page(request, "no_scores.html", {})
    chosen = {"since": since, "period": period, "team": team, "cause": cause}
    context: dict[str, Any] = {"view": view, "chosen": chosen, "links": _links(view), "note": None}
    try:
        changed = services.changes.between(view, day)
    except NotEnoughDataError as error:
        return page(request, "changes.html", context | {"note": str(error)})
    of_period = changed.periods[("this", "next").index(period)]
    teams = sorted(by_group(of_period.changed.bridge, "team"))
    known_team(team, [*teams, *view.basis.people["team"]])
    group = ("team", team) if team else ("whole", "")
    deal_ids = deals_behind(of_period, asked := Asked(group, cause or None))
    pages = max(1, -(-len(deal_ids) // _PER_PAGE))
    page_number = min(page_number, pages)
    first = (page_number - 1) * _PER_PAGE
    context |= {
        "changed": changed,
        "quarter": of_period.changed.period,
        "notes": of_period.notes,
        "means": CAUSES,
        "called": CALLED,
        "teams": teams,
        "waterfall": steps_of(of_period, group),
        "groups": _groups(view, changed, of_period, team),
        "signals": signals_behind(of_period, group),
        "total": len(deal_ids),
        "deals": [
            (deal, _main_parts(deal.parts))
            for deal in changed_deals(changed, of_period, asked, deal_ids[first : first + _PER_PAGE])
        ],
        "page_number": page_number,
        "pages": pages,
    }
    return page(request, "changes.html", context)


def _main_parts(parts: Sequence[ChangePart]) -> list[ChangePart]:
    """The parts of a deal's change that are worth a word beside the largest."""
    largest = max(abs(float(part.change.amount)) for part in parts)
    return [part for part in parts if abs(float(part.change.amount)) >= _WORTH_A_WORD * largest]


def _groups(view: View, changed: Changed, period: PeriodChanges, team: str) -> dict[str, Any]:
    """The bridge of each team, or of the owners of one, in columns by cause."""
    if team:
        people = view.basis.people
        owners = set(people.loc[people["team"] == team, "owner"])
        found = {name: parts for name, parts in by_group(period.changed.bridge, "owner").items() if name in owners}
    else:
        found = by_group(period.changed.bridge, "team")
    rows = [(name, changed.names.get(name, name) if team else name, parts) for name, parts in found.items()]
    return {
        "level": "owner" if team else "team",
        "causes": [cause for cause in CAUSES if any(parts.get(cause) for parts in found.values())],
        "rows": sorted(rows, key=lambda row: (-abs(row[2].get("after", 0) - row[2].get("before", 0)), row[1])),
    }


def _links(view: View) -> list[tuple[str, date]]:
    """The days that are asked about most."""
    today = view.as_of.date()
    return [
        ("Last week", today - timedelta(days=7)),
        ("Four weeks ago", today - timedelta(days=28)),
        ("Start of the quarter", view.basis.periods[0].start),
    ]


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        error = {
            **{"loc": ("query", "since"), "type": "date", "input": text, "msg": "this is not a day"},
            "remedy": "write it as YYYY-MM-DD, such as 2026-11-09",
        }
        raise refused([error]) from None
