"""``/v1/forecast/changes``: from the forecast of one day to that of another, by cause, with the deals behind."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request

from serving.change_answers import Asked, bridges, changed_deals, deals_behind, money, signals_behind
from serving.change_schemas import CauseName, ChangeLevel, ChangePeriod, ForecastChanges, SignalChange
from serving.currency import AskedView
from serving.deals import Limit, OwnerFilter, PageCursor, TeamFilter
from serving.pagination import next_address, start_of
from serving.problems import Problem, refused
from serving.schemas import Batch
from serving.services import Needs

router = APIRouter(tags=["reports"])

Since = Annotated[
    date | None,
    Query(description="Compare with the last scores of this day (UTC) or before; by default a week before `until`."),
]
Until = Annotated[
    date | None, Query(description="The later scores: the last of this day (UTC) or before; by default the latest.")
]
PeriodAsked = Annotated[
    Literal["this", "next"], Query(description="Which fiscal quarter, as seen at the later scores.")
]
LevelAsked = Annotated[ChangeLevel, Query(description="For the whole, or per group of this kind.")]
GroupAsked = Annotated[
    str | None,
    Query(description="Only this group of the level, and only its deals.", examples=["South"], max_length=500),
]
CauseFilter = Annotated[CauseName | None, Query(description="Only deals that have a part in this cause.")]


@router.get("/v1/forecast/changes", summary="What changed in the forecast, and why")
def forecast_changes(
    request: Request,
    services: Needs,
    view: AskedView,
    since: Since = None,
    until: Until = None,
    period: PeriodAsked = "this",
    level: LevelAsked = "whole",
    id: GroupAsked = None,
    cause: CauseFilter = None,
    owner: OwnerFilter = None,
    team: TeamFilter = None,
    limit: Limit = 50,
    cursor: PageCursor = None,
) -> ForecastChanges:
    """Return what changed in the expected sum between two batches of scores, by cause, and the deals behind it.

    Each deal has one main cause. Before + all causes = after, to the cent, for the whole and every group; a deal's
    parts sum to its change, and the deals' changes with what is not yet created to the group's.
    """
    check_days(since, until)
    changed = services.changes.between(view, since, until)
    of_period = changed.periods[("this", "next").index(period)]
    found = bridges(changed, of_period, level, id)
    if id is not None and not found:
        raise Problem(404, f"No {level} is called {id!r} in this forecast.", "Leave id out to get every group.")
    asked = Asked(("whole", "") if id is None else (level, id), cause, owner, team)
    deal_ids = deals_behind(of_period, asked)
    start = start_of(cursor, view)
    days = {name: None if day is None else day.isoformat() for name, day in (("since", since), ("until", until))}
    filters = days | {"period": period, "level": level, "id": id, "cause": cause, "owner": owner, "team": team}
    batches = [
        Batch(as_of=as_of, model_version=model) for as_of, model in zip(changed.instants, changed.models, strict=True)
    ]
    quarter = of_period.changed.period
    return ForecastChanges(
        period=ChangePeriod(name=quarter.name, start=quarter.start, end=quarter.end),
        before=batches[0],
        after=batches[1],
        reporting_currency=changed.currency,
        notes=list(of_period.notes),
        by_signal=[
            SignalChange(group=group, change=money(cents, changed.currency))
            for group, cents in signals_behind(of_period, asked.group)
        ],
        bridges=found,
        total=len(deal_ids),
        limit=limit,
        next=next_address(request.url.path, filters, deal_ids, start, limit, view),
        deals=changed_deals(changed, of_period, asked, deal_ids[start : start + limit]),
    )


def check_days(since: date | None, until: date | None) -> None:
    """Answer 422 when the days are in the wrong order."""
    if since is not None and until is not None and since > until:
        error = {
            "loc": ("query", "since"),
            "type": "order",
            "input": since.isoformat(),
            "msg": f"this is after `until`, which is {until}",
            "remedy": "give the earlier day as since, the later one as until",
        }
        raise refused([error])
