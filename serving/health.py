"""``/healthz`` and ``/readyz``: is the process up, and can it answer."""

from typing import Any

from fastapi import APIRouter

from crm.errors import NoModelError, StoreError
from serving.problems import Problem
from serving.schemas import Health, ProblemDocument, Readiness
from serving.services import Needs

router = APIRouter(tags=["health"])
_NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {"model": ProblemDocument, "description": "Something is missing; says what, and which command to run."}
}


@router.get("/healthz", summary="Is the process up?")
def healthz() -> Health:
    """Answer as long as the process runs; looks at nothing else."""
    return Health(status="up")


@router.get("/readyz", summary="Can it answer?", responses=_NOT_READY)
def readyz(services: Needs) -> Readiness:
    """Check that the store can be read, a model is loaded and scores are there."""
    try:
        services.store.latest_scores([])  # the view may be older than the store's trouble
        view = services.latest.view()
    except StoreError as error:
        remedy = "Check PLUMBLINE_STORE_URL, and that the database is running."
        raise Problem(503, str(error), remedy, more={"missing": ["store"]}) from error
    try:
        version = services.champion.version()
    except NoModelError as error:
        missing = ["model"] if view is not None else ["model", "scores"]
        remedy = "Run `plumbline train` and then `plumbline score`."
        raise Problem(503, str(error), remedy, more={"missing": missing}) from error
    if view is None:
        view = services.latest.required()
    return Readiness(
        status="ready",
        model_version=version,
        scored_as_of=view.as_of,
        deals=len(view.deals),
        note=services.champion.note(),
    )
