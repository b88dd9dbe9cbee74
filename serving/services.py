"""What the routes need, handed to ``create_app`` and from there to each route."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import pandas as pd
from fastapi import Depends, Request

from crm.store import Store
from models.scoring import Scoring
from serving.changes import Changes
from serving.insight import Insight
from serving.judged import Judged
from serving.latest import Latest
from serving.view import REFERENCE, Tables


@dataclass(frozen=True)
class Champion:
    """What the app needs of the model in use.

    Parameters
    ----------
    score
        Takes tables of the contract (the deals to score with their changes and interactions; accounts, contacts,
        users, stages, calendar and rates beside them) and ``as_of``; returns rows in the shape of table ``scores``,
        one per deal that was open then. Uses only facts known before ``as_of``.
    version
        Returns the version of the model in use. Both raise ``NoModelError`` while there is no model.
    note
        Returns why the model in use may not be the champion: the registry cannot be reached; empty where it is.
    scoring
        Returns the model in use with its norms, and its version, for what is said beside scores; None where
        nothing is to be said.
    """

    score: Callable[[Tables, datetime], pd.DataFrame]
    version: Callable[[], str]
    note: Callable[[], str] = str
    scoring: Callable[[], tuple[Scoring, str]] | None = None


@dataclass(frozen=True)
class Services:
    """The store, the view of its latest scores, the model and all that is worked out of them, and the clock."""

    store: Store
    latest: Latest
    champion: Champion
    insight: Insight
    changes: Changes
    judged: Judged
    clock: Callable[[], datetime]


def reference(services: Services) -> Tables:
    """Return accounts, contacts, users, stages, calendar and rates: from memory, or the store before any scores."""
    view = services.latest.view()
    return {name: services.store.read(name) for name in REFERENCE} if view is None else view.reference


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Needs = Annotated[Services, Depends(_services)]
