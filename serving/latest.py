"""The view of the latest scores, rebuilt when newer ones appear in the store."""

import threading
import time

from crm.store import Store
from serving.problems import Problem
from serving.view import View, build_view

# How long newer scores may go unseen; each look costs one small query.
CHECK_EVERY_S = 2.0
_LOOKED_AT = 5


class Latest:
    """Hands out the current view; one thread rebuilds it while the others are served the one before.

    Parameters
    ----------
    store : where the scores are
    reporting_currency : ISO 4217, for sums
    check_every_s : seconds between looks for newer scores
    """

    def __init__(self, store: Store, reporting_currency: str, check_every_s: float = CHECK_EVERY_S) -> None:
        self._store, self._currency, self._check_every_s = store, reporting_currency, check_every_s
        self._view: View | None = None
        self._checked_at = float("-inf")
        self._building = threading.Lock()

    def view(self) -> View | None:
        """Return the view of the latest scores, or None when there are none yet."""
        if time.monotonic() - self._checked_at < self._check_every_s:
            return self._view
        # Only those who have nothing to show wait for the thread that builds.
        if self._building.acquire(blocking=self._view is None):
            try:
                self._refresh()
            finally:
                self._building.release()
        return self._view

    def required(self) -> View:
        """Return the view of the latest scores; answers 503 when there are none yet."""
        view = self.view()
        if view is None:
            raise Problem(
                503,
                "No deal has been scored yet.",
                "Run `plumbline train` and then `plumbline score`; the scores appear here by themselves.",
                more={"missing": ["scores"]},
            )
        return view

    def _refresh(self) -> None:
        if time.monotonic() - self._checked_at < self._check_every_s:
            return
        if self._view is None or self._is_old(self._view):
            self._view = build_view(self._store, self._currency)
        self._checked_at = time.monotonic()

    def _is_old(self, view: View) -> bool:
        """Look at a few deals only: in a newer batch they have other scores, or none because they closed."""
        deal_ids = [deal.deal_id for deal in view.deals[:_LOOKED_AT]]
        now = self._store.latest_scores(deal_ids)
        same = (now["as_of"] == view.as_of) & (now["model_version"] == view.model_version)
        return now.empty or not bool(same.all())
