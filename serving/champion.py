"""The model in use, loaded from the registry when it is first needed."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

import pandas as pd

from crm.errors import PlumblineError
from crm.store import Store
from models.scoring import Scoring
from serving.services import Champion
from serving.view import Tables

# A new champion, and the norms of newer history, are taken up after this long.
KEEP_S = 3600.0

_log = logging.getLogger(__name__)


class Kept:
    """A scorer with a company's norms, and its version: loaded once, by one thread, and again after a while.

    While it is loaded again the others use what there is; so they do when it cannot be loaded again.
    """

    def __init__(self, load: Callable[[], Scoring], keep_s: float = KEEP_S) -> None:
        self._load, self._keep_s = load, keep_s
        self._loading = threading.Lock()
        self._loaded: tuple[Scoring, str] | None = None
        self._loaded_at = float("-inf")

    def get(self) -> tuple[Scoring, str]:
        """Return the scorer with norms and its version; raises ``NoModelError`` while there is none."""
        if self._is_due() and self._loading.acquire(blocking=self._loaded is None):
            try:
                if self._is_due():
                    self._loaded = self._load_again()
                    self._loaded_at = time.monotonic()
            finally:
                self._loading.release()
        assert self._loaded is not None  # noqa: S101 (loaded, or the loading raised)
        return self._loaded

    def _is_due(self) -> bool:
        return self._loaded is None or time.monotonic() - self._loaded_at > self._keep_s

    def _load_again(self) -> tuple[Scoring, str]:
        try:
            scoring = self._load()
        except PlumblineError as error:
            if self._loaded is None:
                raise
            _log.error("The champion could not be loaded again, so the one before is still used: %s", error)
            return self._loaded
        # The version is a digest of the whole model: worth computing once, not per request.
        return scoring, scoring.scorer.version


def registered_champion(store: Store, tracking_uri: str, reporting_currency: str) -> Champion:
    """Return the model that the registry's alias ``champion`` points to, with the norms of the store's history.

    Nothing is loaded yet: an app can start, and say what is missing, before there is a model.
    """

    def load() -> Scoring:
        # MLflow takes seconds to import and is needed for this only.
        from models.registry import load_champion

        return Scoring.of_company(load_champion(tracking_uri), store.read_all(), reporting_currency)

    kept = Kept(load)

    def score(tables: Tables, as_of: datetime) -> pd.DataFrame:
        scoring, version = kept.get()
        return scoring.score(tables, as_of).assign(model_version=version)

    return Champion(score, lambda: kept.get()[1])
