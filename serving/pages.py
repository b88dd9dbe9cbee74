"""The pages: a rep's ranked deals, one deal, a manager's forecast. Plain HTML, no script."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from serving import answers
from serving.currency import PageView
from serving.deal_insight import N_SIMILAR, help_answer, open_snapshot, similar_answer
from serving.deals import DealId, detail
from serving.insight_schemas import Cause
from serving.ledger import score_history, why_it_moved
from serving.rendering import page
from serving.score_chart import score_chart
from serving.score_schemas import Reason, Scores
from serving.services import Needs, Services
from serving.view import ScoredDeal, View
from serving.what_if import if_it_ends

router = APIRouter(include_in_schema=False)

_PER_PAGE = 25
_SHOWN_CAUSES = 6
_SHOWN_SCORES = 1_000


@router.get("/")
def rep_page(
    request: Request,
    view: PageView,
    owner: Annotated[str, Query(max_length=200)] = "",
    stage: Annotated[str, Query(max_length=200)] = "",
    page_number: Annotated[int, Query(alias="page", ge=1)] = 1,
) -> Response:
    """Show the open deals of one rep, or of all, where attention pays first."""
    if view is None:
        return page(request, "no_scores.html", {})
    matching = view.matching(owner_id=owner or None, stage=stage or None)
    pages = max(1, -(-len(matching) // _PER_PAGE))
    page_number = min(page_number, pages)
    start = (page_number - 1) * _PER_PAGE
    context = {
        "view": view,
        "owners": _owners(view),
        "stages": _stages(view),
        "owner": owner,
        "stage": stage,
        "total": len(matching),
        "deals": [answers.summary(deal, view) for deal in matching[start : start + _PER_PAGE]],
        "first": start + 1,
        "page_number": page_number,
        "pages": pages,
    }
    return page(request, "deals.html", context)


@router.get("/deals/{deal_id:path}")
def deal_page(request: Request, services: Needs, view: PageView, deal_id: DealId) -> Response:
    """Show one deal: its scores, how they come about, and its history."""
    deal = detail(services, deal_id)
    past = score_history(services, deal_id, _SHOWN_SCORES).scores[::-1]
    context: dict[str, Any] = {"view": view, "deal": deal, "now": services.clock(), "charts": []}
    context |= {"past": past, "score_chart": score_chart(past)}
    if deal.scores is not None:
        scores = deal.scores
        context["charts"].append(("win", waterfall(scores.win_base, scores.win_reasons, scores.win_probability)))
        if scores.stall_risk is not None and scores.stall_base is not None:
            context["charts"].append(("stall", waterfall(scores.stall_base, scores.stall_reasons, scores.stall_risk)))
        moved = why_it_moved(services, deal_id)
        context |= {"patience": patience_parts(scores), "moved": moved, "causes": main_causes(moved.causes)}
        context |= _insight(services, deal_id) | {"what_if": view and if_it_ends(view, deal_id)}
    return page(request, "deal.html", context)


def patience_parts(scores: Scores) -> list[tuple[str, str, float]]:
    """What may become of a deal within its stage's patience: class, words and share of each part; they sum to 1.

    Empty where the risk of stalling is not known.
    """
    moved, stalled, lost = scores.moved_in_patience, scores.stall_risk, scores.lost_in_patience
    if moved is None or stalled is None or lost is None:
        return []
    return [("won", "moves forward or is won", moved), ("stalled", "stalls", stalled), ("lost", "is lost", lost)]


def main_causes(causes: list[Cause], most: int = _SHOWN_CAUSES) -> list[Cause]:
    """The largest causes of a move, and one of the others together; they sum to the move as all do.

    Examples
    --------
    >>> parts = {"kind": "signal", "topic": "t", "signal": "s", "off_by": 0, "sentence": ""}
    >>> [round(cause.points, 9) for cause in main_causes([Cause(points=0.1 * n, **parts) for n in (3, 2, 1)], most=1)]
    [0.3, 0.3]
    """
    few, others = causes[:most], causes[most:]
    if len(others) <= 1:
        return causes
    together = sum(cause.points for cause in others)
    rest = Cause(
        kind="rest", topic="other", signal="", points=together, off_by=0, sentence="All other signals together"
    )
    return [*few, rest]


def _insight(services: Services, deal_id: str) -> dict[str, Any]:
    """Similar deals and what would help; None where there is no model, or the scores shown are another model's."""
    view = services.latest.required()
    ready = services.insight.if_ready(view)
    if ready is None:
        return {"similar": None, "helps": None, "looking": services.insight.looking}
    if ready.version != view.model_version:
        return {"similar": None, "helps": None, "looking": False}
    snapshot = open_snapshot(services, ready.scoring, view, deal_id)
    return {
        "similar": similar_answer(ready, view, deal_id, snapshot, N_SIMILAR),
        "helps": help_answer(ready.scoring, ready.version, view, deal_id, snapshot),
        "looking": False,
    }


def waterfall(base: float, reasons: list[Reason], score: float) -> dict[str, Any]:
    """Lay out how a score comes about: from the base, one step per reason, to the score.

    Returns
    -------
    dict
        ``base``, ``score`` and ``steps`` (each with ``reason`` and, as percent of the width, ``start`` and
        ``size``); ``scale`` turns a probability into percent of the width.

    Examples
    --------
    >>> up = Reason(signal="a", group="g", points=0.25, sentence="s")
    >>> chart = waterfall(0.25, [up], 0.5)
    >>> chart["steps"][0]["start"], chart["steps"][0]["size"], chart["scale"]
    (50.0, 50.0, 200.0)
    """
    levels = [base]
    for reason in reasons:
        levels.append(levels[-1] + reason.points)
    # Half of the range is often empty; the widest level gets the whole width, so that small steps can be seen.
    scale = 100 / max(*levels, score, 0.05)
    steps = [
        {"reason": reason, "start": scale * max(0.0, min(before, after)), "size": scale * abs(after - before)}
        for reason, before, after in zip(reasons, levels, levels[1:], strict=False)
    ]
    return {"base": base, "score": score, "steps": steps, "scale": scale}


def _owners(view: View) -> list[tuple[str, str, int]]:
    """Id, name and number of open deals of every owner, by name."""
    counts: dict[str, list[ScoredDeal]] = {}
    for deal in view.deals:
        if deal.owner_id is not None:
            counts.setdefault(deal.owner_id, []).append(deal)
    rows = [(owner_id, deals[0].owner_name or owner_id, len(deals)) for owner_id, deals in counts.items()]
    return sorted(rows, key=lambda row: (row[1].casefold(), row[0]))


def _stages(view: View) -> list[str]:
    """Every stage that has open deals, in the order of the pipeline."""
    order = view.reference["stages"].sort_values("position")["stage"]
    there = {deal.stage for deal in view.deals}
    return [stage for stage in dict.fromkeys(order) if stage in there]
