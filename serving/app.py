"""The app, put together from what it is handed: a store, a model, a key."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.routing import BaseRoute

from crm.store import Store
from serving import (
    accuracy,
    accuracy_page,
    adjustments,
    categories,
    changes_page,
    deal_insight,
    deals,
    docs,
    forecast,
    forecast_changes,
    health,
    manager,
    pace,
    pages,
    people,
    planning,
    planning_page,
    score,
    sign_in,
    what_if,
)
from serving.auth import KEY_SCHEMES, ApiKey, Gate
from serving.changes import Changes
from serving.guard import BodyLimit, CarefulHeaders
from serving.insight import Insight
from serving.judged import Judged
from serving.latest import CHECK_EVERY_S, Latest
from serving.problems import add_handlers
from serving.rendering import HERE
from serving.schemas import ProblemDocument
from serving.services import Champion, Services

_DESCRIPTION = """
Scores every open deal from a sales team's own CRM history, explains each score, and rolls the deals up into a forecast.

* Probabilities are in [0, 1]. Money is a decimal with its ISO 4217 currency. Instants are ISO 8601, in UTC.
* Everything is computed as of an instant, from what was known before it.
* A mistake is answered with an RFC 9457 problem document, which says what was found and what to do.
"""
_PROBLEMS = {
    401: "The key is missing or wrong.",
    404: "There is no such thing.",
    409: "The scores were renewed while paging.",
    413: "The request is too large.",
    422: "A value was refused; `errors` names each.",
    500: "A mistake in Plumbline.",
    503: "Something is missing, such as scores; says which command to run.",
}


def create_app(
    store: Store,
    champion: Champion,
    *,
    api_key: ApiKey,
    reporting_currency: str = "EUR",
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    check_every_s: float = CHECK_EVERY_S,
) -> FastAPI:
    """Build the app around what it needs, so that a test can hand in its own.

    Parameters
    ----------
    store
        Where the deals and their scores are.
    champion
        Scores a deal that comes in a request.
    api_key
        Opens the service.
    reporting_currency
        ISO 4217, of sums.
    clock
        The present, timezone-aware; used for a deal's facts "now" and for requests without ``as_of``.
    check_every_s
        Seconds between looks for newer scores.
    """
    latest = Latest(store, reporting_currency, check_every_s)
    insight = Insight(store, champion.scoring)
    changes = Changes(store, champion.score, champion.version, insight.signals)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        latest.warm_up()
        insight.warm_up(latest.view)
        changes.warm_up(latest.view)
        yield

    app = FastAPI(
        routes=_routes(),
        lifespan=lifespan,
        title="Plumbline",
        version="1",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        middleware=[
            Middleware(CarefulHeaders),
            Middleware(BodyLimit),
            Middleware(
                SessionMiddleware,
                secret_key=api_key.session_secret,
                session_cookie="plumbline",
                max_age=sign_in.SESSION_S,
            ),
            Middleware(Gate, api_key=api_key),
        ],
    )
    app.state.api_key = api_key
    app.state.attempts = sign_in.Attempts()
    app.state.services = Services(store, latest, champion, insight, changes, Judged(store), clock)
    add_handlers(app)
    return app


@cache
def _routes() -> list[BaseRoute]:
    """All of them, made once: what FastAPI works out of each is the same for every app of a process."""
    router = APIRouter()
    router.include_router(health.router)
    router.include_router(sign_in.router)
    router.include_router(_api(), responses=_problem_answers())
    router.include_router(pages.router)
    router.include_router(manager.router)
    for more in (people.pages, changes_page.router, accuracy_page.router, planning_page.router):
        router.include_router(more)
    router.include_router(docs.router)
    router.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    return router.routes


def _api() -> APIRouter:
    """The routes for programs; the gate asks for the key, here it is written into their documentation."""
    router = APIRouter(dependencies=KEY_SCHEMES)
    # A deal's id may hold slashes, so what is longer is asked for first.
    for part in (
        deal_insight,
        deals,
        score,
        forecast,
        what_if,
        forecast_changes,
        categories,
        adjustments,
        pace,
        people,
        accuracy,
        planning,
    ):
        router.include_router(part.router)
    return router


def _problem_answers() -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ProblemDocument, "description": text} for status, text in _PROBLEMS.items()}
