"""The accuracy page: what was said of each ended period, what came, and how reliable probabilities and risks were."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from reports.accuracy_charts import period_charts, reliability_chart
from reports.accuracy_tables import METHODS, tables_by_level
from reports.score_accuracy import RIPE_SHARE
from serving.accuracy import accuracy_answer
from serving.rendering import page
from serving.services import Needs

router = APIRouter(include_in_schema=False)


@router.get("/accuracy")
def accuracy_page(request: Request, services: Needs) -> Response:
    """Show how right we were, beside the reps' commit and simple rules."""
    view = services.latest.view()
    if view is None:
        return page(request, "no_scores.html", {})
    found = services.judged.of(view)
    context = {
        "view": view,
        "answer": accuracy_answer(found, view, "whole"),
        "charts": period_charts(found.said),
        "levels": tables_by_level(found.forecasts),
        "methods": METHODS,
        "reliability": reliability_chart(found.scores.bins),
        "ripe_share": RIPE_SHARE,
        "replayed_note": found.replayed_note,
        # Forecasts were issued in one currency, and stay in it.
        "currencies": [],
    }
    return page(request, "accuracy.html", context)
