"""``/v1/deals/{id}/history``, ``moved``, ``similar`` and ``would-help``: what there is to say beside a deal's score."""

from datetime import date
from typing import Annotated, Any
from urllib.parse import quote

import pandas as pd
from fastapi import APIRouter, Query

from models.scoring import Scoring
from models.similar import Similar
from models.would_help import Help as Found
from models.would_help import would_help
from serving import answers
from serving.deals import DealId
from serving.insight import OF_A_DEAL, Ready, snapshot_of
from serving.insight_schemas import Help, Moved, ScoreHistory, SimilarDeal, SimilarDeals, WouldHelp
from serving.ledger import score_history, why_it_moved
from serving.problems import Problem
from serving.services import Needs, Services, reference
from serving.view import View

router = APIRouter(tags=["deals"])

NOT_OPEN = "the deal was not open when the others were scored"
NONE_ALIKE = "too few closed deals were in this stage, or the model knows too little to tell what is alike"
NOTHING_HELPS = "nothing that a rep can act on is far from what is typical of deals won from this stage"

N_SIMILAR = 5
HistoryLimit = Annotated[int, Query(ge=1, le=1_000, description="How many scores, the newest ones.")]
Reasons = Annotated[bool, Query(description="Whether to give each score's reasons, as they were issued.")]
Since = Annotated[
    date | None,
    Query(description="Compare with the last score of this day (UTC) or before; by default a week before the latest."),
]
SimilarLimit = Annotated[int, Query(ge=1, le=25, description="How many deals.")]


@router.get("/v1/deals/{deal_id:path}/history", summary="All scores of a deal, as they were issued")
def deal_history(services: Needs, deal_id: DealId, limit: HistoryLimit = 100, reasons: Reasons = False) -> ScoreHistory:
    """Return the scores from the ledger, newest first, also of a deal that is closed by now."""
    _required(services, deal_id)
    return score_history(services, deal_id, limit, reasons=reasons)


@router.get("/v1/deals/{deal_id:path}/moved", summary="Why a win probability moved")
def deal_moved(services: Needs, deal_id: DealId, since: Since = None) -> Moved:
    """Return what moved the win probability since an earlier score, signal by signal.

    The points sum to the difference. What a new model changed is told apart from what new facts did.
    """
    _required(services, deal_id)
    return why_it_moved(services, deal_id, since)


@router.get("/v1/deals/{deal_id:path}/similar", summary="Closed deals that were alike")
def deal_similar(services: Needs, deal_id: DealId, limit: SimilarLimit = N_SIMILAR) -> SimilarDeals:
    """Return the closed deals that once stood where this open one stands, and how they ended.

    Alike is what counts alike for winning: signals that decide nothing separate nobody.
    """
    _required(services, deal_id)
    view = services.latest.required()
    ready = services.insight.ready(view)
    snapshot = open_snapshot(services, ready.scoring, view, deal_id)
    return similar_answer(ready, view, deal_id, snapshot, limit)


@router.get("/v1/deals/{deal_id:path}/would-help", summary="What would raise a win probability")
def deal_would_help(services: Needs, deal_id: DealId) -> WouldHelp:
    """Return what a rep can act on: the score if a signal were as in deals won from the same stage.

    These are associations in the company's own history, not promises.
    """
    _required(services, deal_id)
    view = services.latest.required()
    scoring, version = services.insight.scoring()
    return help_answer(scoring, version, view, deal_id, open_snapshot(services, scoring, view, deal_id))


def open_snapshot(services: Services, scoring: Scoring, view: View, deal_id: str) -> pd.DataFrame:
    """Return the signals of a deal as of the scores in one row; no row where it was not open then."""
    own = {name: services.store.read(name, deal_ids=[deal_id]) for name in OF_A_DEAL}
    return snapshot_of(scoring, reference(services) | own, view.as_of)


def similar_answer(ready: Ready, view: View, deal_id: str, snapshot: pd.DataFrame, limit: int) -> SimilarDeals:
    """Write the deals that are most like the deal of a snapshot."""
    found = [] if snapshot.empty else ready.similar.to(snapshot, limit)
    return SimilarDeals(
        **_batch(ready.version, view, deal_id),
        n_won=sum(one.won for one in found),
        deals=[_similar(one) for one in found],
        note=None if found else NOT_OPEN if snapshot.empty else NONE_ALIKE,
    )


def help_answer(scoring: Scoring, version: str, view: View, deal_id: str, snapshot: pd.DataFrame) -> WouldHelp:
    """Write what would help the deal of a snapshot."""
    batch = _batch(version, view, deal_id)
    if snapshot.empty:
        return WouldHelp(**batch, helps=[], note=NOT_OPEN)
    win = scoring.scorer.win
    found = would_help(win, snapshot)
    now = answers.finite(float(win.predict(snapshot)[0]))
    return WouldHelp(
        **batch,
        win_probability=now,
        helps=[_help(one) for one in found],
        note=None if found else NOTHING_HELPS,
    )


def _required(services: Services, deal_id: str) -> None:
    if services.store.read("deals", deal_ids=[deal_id]).empty:
        raise Problem(404, f"No deal is called {deal_id!r}.", "GET /v1/deals lists the open ones.")


def _batch(version: str, view: View, deal_id: str) -> dict[str, Any]:
    return {"deal_id": deal_id, "as_of": view.as_of, "model_version": version}


def _similar(one: Similar) -> SimilarDeal:
    return SimilarDeal(
        deal_id=one.deal_id,
        name=one.name or one.deal_id,
        outcome="won" if one.won else "lost",
        amount=answers.money(one.amount, one.currency),
        days_open=one.days_open,
        days_to_close=one.days_to_close,
        seen_at=one.seen_at,
        closed_at=one.closed_at,
        distance=one.distance,
        href=f"/v1/deals/{quote(one.deal_id, safe='')}",
    )


def _help(one: Found) -> Help:
    told = {name: getattr(one, name) for name in ("topic", "signal", "how", "value", "typical", "gain", "sentence")}
    return Help(**told, win_probability=one.then)
