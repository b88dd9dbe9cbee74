"""``POST /v1/score``: scores for a deal that comes with its history in the request."""

import difflib
import json
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from fastapi import APIRouter

from crm.store_rows import frame_of
from crm.tables import STAGE, TABLES
from serving import answers
from serving.problems import Problem, refused
from serving.schemas import Ignored, ScoreAnswer
from serving.score_request import GivenChange, ScoreRequest
from serving.services import Needs, Services, reference
from serving.view import Tables

router = APIRouter(tags=["score"])


@router.post("/v1/score", summary="Score a deal sent with its history")
def score(services: Needs, request: ScoreRequest) -> ScoreAnswer:
    """Score a deal as of an instant, from the facts in the request that were known before it.

    Stages, users and accounts are those of the store. The deal itself need not be in the store, and
    nothing is written to it.
    """
    as_of = (request.as_of or services.clock()).astimezone(UTC)
    tables = _tables(services, request)
    _check(request, tables["stages"], as_of)
    scores = services.champion.score(tables, as_of)
    mine = scores[scores["deal_id"] == request.deal.deal_id]
    if mine.empty:
        raise _refusal("deal", request.deal.deal_id, "the deal was not open then, so it got no score", "check as_of")
    return _answer(mine.iloc[0].to_dict(), as_of, request, tables["calendar"])


def _answer(row: dict[str, Any], as_of: datetime, request: ScoreRequest, calendar: pd.DataFrame) -> ScoreAnswer:
    known: dict[str, Any] = {name: None if pd.isna(value) else value for name, value in row.items()}
    return ScoreAnswer(
        deal_id=request.deal.deal_id,
        as_of=as_of,
        model_version=known["model_version"],
        **answers.scores({"note": None} | known, as_of, calendar),
        ignored=Ignored(
            changes=sum(change.known >= as_of for change in request.changes),
            interactions=sum(interaction.known >= as_of for interaction in request.interactions),
        ),
    )


def _check(request: ScoreRequest, stages: pd.DataFrame, as_of: datetime) -> None:
    """Refuse a deal that was not open at ``as_of``, or is in a stage the store does not know."""
    if request.deal.created_at >= as_of:
        created = request.deal.created_at.isoformat()
        raise _refusal("deal.created_at", created, f"not before as_of, {as_of.isoformat()}", "use a later as_of")
    known = [change for change in request.changes if change.field == STAGE and change.known < as_of]
    if not known:
        raise _refusal(
            "changes", len(request.changes), "no stage was known before as_of", "add the first stage, or a later as_of"
        )
    categories = _categories(stages, request.deal.pipeline_id)
    for change in known:
        _check_stage(change, categories, request.deal.pipeline_id)
    last = max(known, key=lambda change: (change.changed_at, change.seq))
    if categories[last.new_value or ""] != "open":
        raise _refusal(
            "changes",
            last.new_value,
            "the deal is closed, and a closed deal has no score",
            "use an earlier as_of",
        )


def _categories(stages: pd.DataFrame, pipeline_id: str) -> dict[str, str]:
    mine = stages[stages["pipeline_id"] == pipeline_id]
    if mine.empty:
        there = ", ".join(sorted(set(stages["pipeline_id"]))) or "none: import the table stages first"
        raise _refusal("deal.pipeline_id", pipeline_id, "the store has no such pipeline", f"use one of: {there}")
    return dict(zip(mine["stage"], mine["category"], strict=True))


def _check_stage(change: GivenChange, categories: dict[str, str], pipeline_id: str) -> None:
    if change.new_value in categories:
        return
    close = difflib.get_close_matches(change.new_value or "", categories, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    remedy = f"{hint}use one of: {', '.join(categories)}"
    raise _refusal("changes.new_value", change.new_value, f"pipeline {pipeline_id!r} has no such stage", remedy)


def _refusal(field: str, value: Any, problem: str, remedy: str) -> Problem:
    return refused(
        [{"loc": ("body", *field.split(".")), "input": value, "type": "contract", "msg": problem, "remedy": remedy}]
    )


def _tables(services: Services, request: ScoreRequest) -> Tables:
    """The request's deal alone, in contract form, beside the names and stages that the store knows."""
    tables = reference(services)
    deal_id = request.deal.deal_id
    deal = request.deal.model_dump() | {"attributes": json.dumps(request.deal.attributes)}
    changes = [change.model_dump() | {"deal_id": deal_id, "known_at": change.known} for change in request.changes]
    interactions = [
        given.model_dump()
        | {
            "deal_id": deal_id,
            "known_at": given.known,
            "interaction_id": given.interaction_id or f"{deal_id}:{position}",
        }
        for position, given in enumerate(request.interactions)
    ]
    contacts = [contact.model_dump() | {"account_id": request.deal.account_id} for contact in request.contacts]
    return tables | {
        "deals": _frame("deals", [deal]),
        "deal_changes": _frame("deal_changes", changes),
        "interactions": _frame("interactions", interactions),
        "contacts": _contacts(request, tables["contacts"], contacts),
        "line_items": _frame("line_items", []),
        "quotas": _frame("quotas", []),
    }


def _contacts(request: ScoreRequest, stored: pd.DataFrame, given: list[dict[str, Any]]) -> pd.DataFrame:
    """The contacts sent, and of those the store knows the ones that the interactions name."""
    named = {interaction.contact_id for interaction in request.interactions} - {one["contact_id"] for one in given}
    known = stored[stored["contact_id"].isin(named)]
    return pd.concat([_frame("contacts", given), known], ignore_index=True) if given else known


def _frame(table: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    names = TABLES[table].names
    return frame_of(table, [[tuple(row.get(name) for name in names) for row in rows]] if rows else [])
