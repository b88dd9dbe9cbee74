"""What the loaded model can say beside a score: similar closed deals, and what would help.

The index of closed deals is made once per loaded model, from the history in the store, and then kept.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from crm.errors import NoModelError, PlumblineError
from crm.store import Store
from features.declared import NOTHING
from features.grid import now
from features.histories import Histories, instant
from features.pipeline import snapshot_table
from features.signals.declaration import Said
from models.course import sayings
from models.scoring import Scoring
from models.similar import SimilarDeals, sample_of_closed, similar_deals
from serving.view import Tables, View

OF_A_DEAL = ("deals", "deal_changes", "interactions")
# How often a page looks, in the background, whether another model was loaded.
LOOK_EVERY_S = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ready:
    """A loaded model with its norms, its version, and the closed deals as it sees them."""

    scoring: Scoring
    version: str
    similar: SimilarDeals


class Insight:
    """Asked for one open deal at a time.

    Parameters
    ----------
    store : where the histories are
    loaded : returns the model in use with its norms, and its version; raises ``NoModelError`` while there is none
    """

    def __init__(self, store: Store, loaded: Callable[[], tuple[Scoring, str]] | None) -> None:
        self._store, self._loaded = store, loaded
        self._ready: Ready | None = None
        self._building = threading.Lock()
        self._looked_at = float("-inf")
        self.looking = loaded is not None
        """Whether there is something to wait for: not without a model."""

    def scoring(self) -> tuple[Scoring, str]:
        """Return the model in use with its norms, and its version; raises ``NoModelError`` while there is none."""
        if self._loaded is None:
            raise NoModelError("there is no model in this process; train one with `plumbline train`")
        return self._loaded()

    def signals(self) -> Mapping[str, Said]:
        """Return what every signal says, by name; those that a company declared once a model that has them is there."""
        ready = self._ready
        return sayings(NOTHING if ready is None else ready.scoring.scorer.win.declared)

    def ready(self, view: View) -> Ready:
        """Return all there is to ask; the first caller makes it, and others wait."""
        scoring, version = self.scoring()
        with self._building:
            if self._ready is None or self._ready.scoring is not scoring:
                self._ready = Ready(scoring, version, self._index(scoring, view))
            return self._ready

    def if_ready(self, view: View) -> Ready | None:
        """Return what there is by now, None at first; a page does not wait, and begins what it would wait for."""
        if time.monotonic() - self._looked_at > LOOK_EVERY_S:
            self.warm_up(lambda: view)
        return self._ready

    def warm_up(self, view: Callable[[], View | None]) -> None:
        """Make it all before anybody asks, in the background; nothing without a model or scores."""
        self._looked_at = time.monotonic()
        if self._loaded is not None:
            threading.Thread(target=self._warm, args=(view,), name="similar deals", daemon=True).start()

    def _warm(self, view: Callable[[], View | None]) -> None:
        try:
            if (found := view()) is not None:
                self.ready(found)
            self.looking = True
        except PlumblineError as error:
            self.looking = False
            _log.warning("Similar deals cannot be looked up: %s", error)

    def _index(self, scoring: Scoring, view: View) -> SimilarDeals:
        closed = sample_of_closed(view.present)
        own = {name: self._store.read(name, deal_ids=closed["deal_id"].tolist()) for name in OF_A_DEAL}
        return similar_deals(scoring.scorer, scoring.norms, closed, view.reference | own, view.as_of)


def snapshot_of(scoring: Scoring, tables: Tables, as_of: datetime) -> pd.DataFrame:
    """Return signals and readings of the deals of ``tables`` that were open as of ``as_of``, one row each."""
    histories = Histories.from_tables(tables, scoring.norms.vocabulary)
    return scoring.scorer.read(snapshot_table(now(histories, scoring.norms, instant(as_of))))
