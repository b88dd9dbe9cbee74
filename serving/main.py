"""The edge: settings in, a running server out. Also ``uvicorn --factory serving.main:app``, for several processes."""

import uvicorn
from fastapi import FastAPI

from crm.settings import Settings
from crm.store import open_store
from serving.app import create_app
from serving.auth import ApiKey
from serving.champion import registered_champion


def run(settings: Settings) -> None:
    """Serve until stopped.

    Raises
    ------
    SettingsError
        There is no API key, or it is too short.
    StoreError
        The store cannot be opened.
    """
    uvicorn.run(built(settings), host=settings.host, port=settings.port, server_header=False)


def built(settings: Settings) -> FastAPI:
    """Build the app with the store and the registry that ``settings`` name."""
    key = ApiKey(settings.api_key)  # before anything is opened: without a key nothing starts
    store = open_store(settings.store_url)
    champion = registered_champion(store, settings.tracking_uri, settings.reporting_currency)
    return create_app(store, champion, api_key=key, reporting_currency=settings.reporting_currency)


def app() -> FastAPI:
    """Build the app from the environment."""
    return built(Settings())
