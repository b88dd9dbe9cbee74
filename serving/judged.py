"""How right we were, for the view of the latest scores: the ledger is read once for each."""

import threading

from crm.store import Store
from reports.accuracy import Accuracy, accuracy_of
from serving.view import View


class Judged:
    """The accuracy of what a store's ledgers hold, worked out when first asked for and kept with its view."""

    def __init__(self, store: Store) -> None:
        self._store, self._working = store, threading.Lock()
        self._last: tuple[View, Accuracy] | None = None

    def of(self, view: View) -> Accuracy:
        """Return how right we were by what was known at the view's ``as_of``; others wait for the first to ask."""
        with self._working:
            if self._last is None or self._last[0] is not view:
                tables = view.reference | view.planned
                found = accuracy_of(self._store, view.present, tables, view.currency, view.as_of)
                self._last = (view, found)
            return self._last[1]
