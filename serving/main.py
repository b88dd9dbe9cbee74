"""The edge: settings in, a running server out. Also ``uvicorn --factory serving.main:app``, for several processes."""

import os
import socket
from dataclasses import replace

import uvicorn
from fastapi import FastAPI

from crm.errors import SettingsError
from crm.settings import Settings
from crm.store import Store, open_store
from models.scoring import Scoring
from serving.app import create_app
from serving.auth import ApiKey
from serving.champion import Kept, registered_champion
from serving.services import Champion


def run(settings: Settings) -> None:
    """Serve until stopped.

    Raises
    ------
    SettingsError
        There is no API key, or it is too short; or the address cannot be listened on.
    StoreError
        The store cannot be opened.
    """
    application = built(settings)
    _check_address(settings.host, settings.port)
    uvicorn.run(application, host=settings.host, port=settings.port, server_header=False)


def _check_address(host: str, port: int) -> None:
    """Listen for a moment: uvicorn would say it later, after starting, and without what to do."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        socket.create_server(address, family=family).close()
    except OSError as error:
        # socket adds the address to the system's words; getaddrinfo's numbers are negative, and its own.
        number = error.errno or 0
        said = os.strerror(number) if number > 0 else error.strerror
        raise SettingsError(
            f"Nothing can listen on {host}, port {port} ({said}); stop what listens there, "
            "or set PLUMBLINE_HOST or PLUMBLINE_PORT to another."
        ) from error


def built(settings: Settings) -> FastAPI:
    """Build the app with the store and the registry that ``settings`` name."""
    key = ApiKey(settings.api_key)  # before anything is opened: without a key nothing starts
    store = open_store(settings.store_url)
    champion = _with_scoring(
        registered_champion(store, settings.tracking_uri, settings.reporting_currency), store, settings
    )
    return create_app(store, champion, api_key=key, reporting_currency=settings.reporting_currency)


def _with_scoring(champion: Champion, store: Store, settings: Settings) -> Champion:
    """The champion with its scorer in hand, for what is said beside scores; loaded when first asked for."""
    if champion.scoring is not None:
        return champion

    def load() -> Scoring:
        from models.registry import load_champion  # MLflow takes seconds to import

        return Scoring.of_company(load_champion(settings.tracking_uri), store.read_all(), settings.reporting_currency)

    return replace(champion, scoring=Kept(load).get)


def app() -> FastAPI:
    """Build the app from the environment."""
    return built(Settings())
