"""``/v1/deals``: the open deals ranked by where attention pays, and one deal with its reasons and history."""

from datetime import UTC, date
from typing import Annotated, Any

import pandas as pd
from fastapi import APIRouter, Path, Query, Request

from crm.present import present
from serving import answers
from serving.currency import AskedView
from serving.pagination import next_address, start_of
from serving.problems import Problem
from serving.schemas import DealDetail, DealPage, Facts
from serving.services import Needs, Services, reference
from serving.timeline import timeline

router = APIRouter(tags=["deals"])

MOST_PER_PAGE = 200

OwnerFilter = Annotated[str | None, Query(description="Only deals of this owner (a user_id).", examples=["U017"])]
TeamFilter = Annotated[str | None, Query(description="Only deals of this team.", examples=["South"])]
StageFilter = Annotated[str | None, Query(description="Only deals in this stage.", examples=["proposal"])]
Limit = Annotated[int, Query(ge=1, le=MOST_PER_PAGE, description="How many deals per page.")]
PageCursor = Annotated[str | None, Query(description="Where to go on; take it from `next` unchanged.", max_length=500)]
DealId = Annotated[str, Path(description="The deal's id.", examples=["D000123"])]


@router.get("/v1/deals", summary="Open deals, ranked by where attention pays")
def list_deals(
    request: Request,
    view: AskedView,
    owner: OwnerFilter = None,
    team: TeamFilter = None,
    stage: StageFilter = None,
    limit: Limit = 50,
    cursor: PageCursor = None,
) -> DealPage:
    """Return the open deals with the most money at risk first.

    Money at risk is amount x win probability x stall risk, in the reporting currency: a deal that can be won
    and is in danger comes before one that is safe, and before one that is as good as lost. Deals without
    an amount, or in a currency without a rate, come last.
    """
    matching = view.matching(owner, team, stage)
    start = start_of(cursor, view)
    filters = {"owner": owner, "team": team, "stage": stage, "currency": request.query_params.get("currency")}
    return DealPage(
        as_of=view.as_of,
        model_version=view.model_version,
        reporting_currency=view.currency,
        total=len(matching),
        limit=limit,
        next=next_address(request.url.path, filters, matching, start, limit, view),
        deals=[answers.summary(deal, view) for deal in matching[start : start + limit]],
    )


@router.get("/v1/deals/{deal_id:path}", summary="One deal: facts now, scores, reasons, history")
def one_deal(services: Needs, deal_id: DealId) -> DealDetail:
    """Return what is known of a deal now, open or closed; its latest scores while it is open; its history."""
    return detail(services, deal_id)


def detail(services: Services, deal_id: str) -> DealDetail:
    """Read one deal from the store; answers 404 when there is none."""
    now = services.clock().astimezone(UTC)
    view = services.latest.view()
    own = {name: services.store.read(name, deal_ids=[deal_id]) for name in ("deals", "deal_changes", "interactions")}
    tables = own | reference(services)
    known = present(tables, pd.Timestamp(now))
    if known.empty:
        raise Problem(404, f"No deal is called {deal_id!r}.", "GET /v1/deals lists the open ones.")
    row: dict[str, Any] = {str(name): None if pd.isna(value) else value for name, value in known.iloc[0].items()}
    users = tables["users"].dropna(subset="name")
    names = dict(zip(users["user_id"], users["name"], strict=True))
    closed = row["closed_at"] is not None
    return DealDetail(
        # Overdue as of the scores, as in the list, so that the two never disagree.
        facts=_facts(row, (now if view is None else view.as_of).date()),
        scores=None if view is None or closed else answers.scores_of(deal_id, view),
        timeline=timeline(tables["deal_changes"], tables["interactions"], names, row["currency"]),
    )


def _facts(row: dict[str, Any], today: date) -> Facts:
    close_date = None if row["close_date"] is None else pd.Timestamp(row["close_date"]).date()
    return Facts(
        deal_id=row["deal_id"],
        name=row["name"] or row["deal_id"],
        account=row["account_name"] or row["account_id"],
        pipeline_id=row["pipeline_id"],
        stage=row["stage"],
        stage_category=row["stage_category"],
        stage_since=row["stage_since"],
        created_at=row["created_at"],
        amount=answers.money(row["amount"], row["currency"]),
        close_date=close_date,
        overdue=row["closed_at"] is None and close_date is not None and close_date < today,
        owner=answers.owner(row["owner_id"], row["owner_name"], row["team"]),
        closed_at=row["closed_at"],
        last_interaction_at=row["last_interaction_at"],
    )
