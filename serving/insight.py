"""What the loaded model can say beside a score: similar closed deals, and what would help.

The index of closed deals is made once per loaded model, from the history in the store, and then kept.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime

import pandas as pd

from crm.errors import NoModelError, PlumblineError
from crm.store import Store
from features.grid import now
from features.histories import Histories, instant
from features.pipeline import snapshot_table
from features.signals import SIGNALS, Signal, signals_of
from models.scoring import Scoring
from models.similar import SimilarDeals, sample_of_closed, similar_deals
from serving.view import Tables, View

OF_A_DEAL = ("deals", "deal_changes", "interactions")

_log = logging.getLogger(__name__)


class Insight:
    """Asked for one open deal at a time.

    Parameters
    ----------
    store : where the histories are
    loaded : returns the model in use with its norms, and its version; raises ``NoModelError`` while there is none
    """

    def __init__(self, store: Store, loaded: Callable[[], tuple[Scoring, str]] | None) -> None:
        self._store, self._loaded = store, loaded
        self._index: tuple[Scoring, SimilarDeals] | None = None
        self._building = threading.Lock()

    def scoring(self) -> tuple[Scoring, str]:
        """Return the model in use with its norms, and its version; raises ``NoModelError`` while there is none."""
        if self._loaded is None:
            raise NoModelError("there is no model in this process; train one with `plumbline train`")
        return self._loaded()

    def signals(self) -> dict[str, Signal]:
        """Return every signal by name; without those that a company declared while there is no model."""
        try:
            return signals_of(self.scoring()[0].scorer.win.declared)
        except PlumblineError:
            return SIGNALS

    def snapshot(self, tables: Tables, as_of: datetime) -> pd.DataFrame:
        """Return the signals of the deals of ``tables`` that were open as of ``as_of``, one row each."""
        norms = self.scoring()[0].norms
        return snapshot_table(now(Histories.from_tables(tables, norms.vocabulary), norms, instant(as_of)))

    def similar(self, view: View) -> SimilarDeals:
        """Return the index of closed deals; the first caller makes it, others wait, and only then."""
        scoring = self.scoring()[0]
        with self._building:
            if self._index is None or self._index[0] is not scoring:
                self._index = (scoring, self._built(scoring, view))
            return self._index[1]

    def similar_if_ready(self, view: View) -> SimilarDeals | None:
        """Return the index, or None while it is being made, which this begins; a page does not wait for it."""
        held = self._index
        if held is None or held[0] is not self.scoring()[0]:
            self.warm_up(lambda: view)
        return None if held is None else held[1]

    def warm_up(self, view: Callable[[], View | None]) -> None:
        """Make the index before anybody asks, in the background; nothing without a model or scores."""
        if self._loaded is not None and not self._building.locked():
            threading.Thread(target=self._warm, args=(view,), name="similar deals", daemon=True).start()

    def _warm(self, view: Callable[[], View | None]) -> None:
        try:
            if (found := view()) is not None:
                self.similar(found)
        except PlumblineError as error:
            _log.warning("Similar deals cannot be looked up: %s", error)

    def _built(self, scoring: Scoring, view: View) -> SimilarDeals:
        closed = sample_of_closed(view.present)
        own = {name: self._store.read(name, deal_ids=closed["deal_id"].tolist()) for name in OF_A_DEAL}
        return similar_deals(scoring.scorer.win, scoring.norms, closed, view.reference | own, view.as_of)
