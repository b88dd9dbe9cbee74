"""The pages: a rep's ranked deals, one deal, a manager's forecast. Plain HTML, no script."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from serving import answers
from serving.deals import DealId, detail
from serving.rendering import page
from serving.schemas import Reason
from serving.services import Needs
from serving.view import ScoredDeal, View

router = APIRouter(include_in_schema=False)

_PER_PAGE = 25


@router.get("/")
def rep_page(
    request: Request,
    services: Needs,
    owner: Annotated[str, Query(max_length=200)] = "",
    stage: Annotated[str, Query(max_length=200)] = "",
    page_number: Annotated[int, Query(alias="page", ge=1)] = 1,
) -> Response:
    """Show the open deals of one rep, or of all, where attention pays first."""
    view = services.latest.view()
    if view is None:
        return page(request, "no_scores.html", {})
    matching = view.matching(owner_id=owner or None, stage=stage or None)
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
        "pages": max(1, -(-len(matching) // _PER_PAGE)),
    }
    return page(request, "deals.html", context)


@router.get("/deals/{deal_id:path}")
def deal_page(request: Request, services: Needs, deal_id: DealId) -> Response:
    """Show one deal: its scores, how they come about, and its history."""
    deal = detail(services, deal_id)
    context: dict[str, Any] = {"deal": deal, "now": services.clock(), "charts": []}
    if deal.scores is not None:
        scores = deal.scores
        context["charts"].append(("win", waterfall(scores.win_base, scores.win_reasons, scores.win_probability)))
        if scores.stall_risk is not None and scores.stall_base is not None:
            context["charts"].append(("stall", waterfall(scores.stall_base, scores.stall_reasons, scores.stall_risk)))
    return page(request, "deal.html", context)


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
