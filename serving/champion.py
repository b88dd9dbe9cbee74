"""The model in use, loaded from the registry when it is first needed."""

import threading
import time
from collections.abc import Callable
from datetime import datetime

import pandas as pd

from crm.store import Store
from models.scoring import Scoring
from serving.services import Champion
from serving.view import Tables

# A new champion, and the norms of newer history, are taken up after this long.
KEEP_S = 3600.0


class _Kept:
    """A scorer with a company's norms, and its version; loaded once, by one thread, and again after a while."""

    def __init__(self, load: Callable[[], Scoring], keep_s: float) -> None:
        self._load, self._keep_s = load, keep_s
        self._loading = threading.Lock()
        self._loaded: tuple[Scoring, str] | None = None
        self._loaded_at = float("-inf")

    def get(self) -> tuple[Scoring, str]:
        with self._loading:
            if self._loaded is None or time.monotonic() - self._loaded_at > self._keep_s:
                scoring = self._load()
                # The version is a digest of the whole model: worth computing once, not per request.
                self._loaded, self._loaded_at = (scoring, scoring.scorer.version), time.monotonic()
            return self._loaded


def registered_champion(store: Store, tracking_uri: str, reporting_currency: str, keep_s: float = KEEP_S) -> Champion:
    """Return the model that the registry's alias ``champion`` points to, with the norms of the store's history.

    Nothing is loaded yet: an app can start, and say what is missing, before there is a model.
    """

    def load() -> Scoring:
        # MLflow takes seconds to import and is needed for this only.
        from models.registry import load_champion

        return Scoring.of_company(load_champion(tracking_uri), store.read_all(), reporting_currency)

    kept = _Kept(load, keep_s)

    def score(tables: Tables, as_of: datetime) -> pd.DataFrame:
        scoring, version = kept.get()
        return scoring.score(tables, as_of).assign(model_version=version)

    return Champion(score, lambda: kept.get()[1])
