"""The model in use, loaded from the registry when it is first needed.

While the registry cannot be reached, or what it holds is damaged, the last good copy of this machine is used, and the
log and ``/readyz`` say so.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pandas as pd

from crm.errors import PlumblineError
from crm.store import Store
from models.last_good import recall, remember
from models.scorer import Scorer
from models.scoring import Scoring
from serving.services import Champion
from serving.view import Tables

# A new champion, and the norms of newer history, are taken up after this long; after an error it is tried again sooner.
KEEP_S, TRY_AGAIN_S = 3600.0, 60.0

_log = logging.getLogger(__name__)


class Kept:
    """A scorer with a company's norms, and its version: loaded once, by one thread, and again after a while.

    While it is loaded again the others use what there is; so they do when it cannot be loaded again.

    Parameters
    ----------
    load : gives the scorer with norms, and a note: empty, or why it may not be the champion
    """

    def __init__(self, load: Callable[[], tuple[Scoring, str]], keep_s: float = KEEP_S) -> None:
        self._load, self._keep_s = load, keep_s
        self.note = ""
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
        keep_s = min(self._keep_s, TRY_AGAIN_S) if self.note else self._keep_s
        return self._loaded is None or time.monotonic() - self._loaded_at > keep_s

    def _load_again(self) -> tuple[Scoring, str]:
        try:
            scoring, self.note = self._load()
        except PlumblineError as error:
            if self._loaded is None:
                raise
            self.note = f"The champion could not be loaded again, so the one before is still used: {error}"
            _log.error("%s", self.note)
            return self._loaded
        # The version is a digest of the whole model: worth computing once, not per request.
        return scoring, scoring.scorer.version


def champion_or_last_good(tracking_uri: str, build_dir: Path) -> tuple[Scorer, str]:
    """The registry's champion, of which a copy is kept; where it cannot be loaded, that copy, and why.

    Raises
    ------
    NoModelError, RegistryError
        It cannot be loaded, and there is no copy.
    """
    # MLflow takes seconds to import and is needed for this only.
    from models.registry import load_champion

    try:
        scorer = load_champion(tracking_uri)
    except PlumblineError as error:
        kept = recall(build_dir)
        if kept is None:
            raise
        scorer, at = kept
        when = f"{scorer.version} as loaded {at:%Y-%m-%d %H:%M} UTC"
        note = f"The last good copy of the champion is used, {when}: {error}"
        _log.error("%s", note)
        return scorer, note
    try:
        remember(scorer, build_dir)
    except OSError as error:  # a folder that cannot be written is no reason not to serve
        _log.warning("No copy of the champion could be kept in %s: %s", build_dir, error.strerror)
    return scorer, ""


def registered_champion(store: Store, tracking_uri: str, reporting_currency: str, build_dir: Path) -> Champion:
    """Return the model that the registry's alias ``champion`` points to, with the norms of the store's history.

    Nothing is loaded yet: an app can start, and say what is missing, before there is a model.
    """

    def load() -> tuple[Scoring, str]:
        scorer, note = champion_or_last_good(tracking_uri, build_dir)
        return Scoring.of_company(scorer, store.read_all(), reporting_currency), note

    kept = Kept(load)

    def score(tables: Tables, as_of: datetime) -> pd.DataFrame:
        scoring, version = kept.get()
        return scoring.score(tables, as_of).assign(model_version=version)

    return Champion(score, lambda: kept.get()[1], lambda: kept.note, kept.get)
