"""The view of the latest scores, rebuilt in the background when newer ones appear in the store.

One view is in the currency that is configured, and is always there; a few more are in currencies that were asked for.
"""

import logging
import threading
import time
from collections import OrderedDict

from crm.errors import PlumblineError
from crm.store import Store
from serving.problems import Problem
from serving.view import View, build_view, widths_in

# How often to look for newer scores; each look is one small query, outside any request.
CHECK_EVERY_S = 2.0
MOST_CURRENCIES = 3
"""Views in other currencies that are kept: each holds every deal."""
_LOOKED_AT = 5

_log = logging.getLogger(__name__)


class Latest:
    """Hands out the current view; nobody waits for a newer one, only for the first and for another currency.

    Parameters
    ----------
    store : where the scores are
    reporting_currency : ISO 4217, for sums where no other is asked for
    check_every_s : seconds between looks for newer scores
    """

    def __init__(self, store: Store, reporting_currency: str, check_every_s: float = CHECK_EVERY_S) -> None:
        self._store, self.currency, self._check_every_s = store, reporting_currency, check_every_s
        self._view: View | None = None
        self._in_others: OrderedDict[str, View] = OrderedDict()
        self._checked_at = float("-inf")
        self._building, self._looking = threading.Lock(), threading.Lock()

    def view(self, currency: str | None = None) -> View | None:
        """Return the view of the latest scores, in the configured currency or another; None when there are none yet."""
        if self._view is None:
            self._build_first()
        elif time.monotonic() - self._checked_at >= self._check_every_s and self._looking.acquire(blocking=False):
            threading.Thread(target=self._look, name="latest scores", daemon=True).start()
        if self._view is None or currency in (None, self.currency):
            return self._view
        return self._in_other(currency, self._view)

    def required(self, currency: str | None = None) -> View:
        """Return the view of the latest scores; answers 503 when there are none yet."""
        view = self.view(currency)
        if view is None:
            raise Problem(
                503,
                "No deal has been scored yet.",
                "Run `plumbline train` and then `plumbline score`; the scores appear here by themselves.",
                more={"missing": ["scores"]},
            )
        return view

    def warm_up(self) -> None:
        """Build the view and what its pages show before anybody asks, in the background."""
        threading.Thread(target=self._warm, name="warm up", daemon=True).start()

    def _build_first(self) -> None:
        with self._building:
            if self._view is None:
                self._view = build_view(self._store, self.currency)
                self._checked_at = time.monotonic()

    def _in_other(self, currency: str, view: View) -> View | None:
        """The view in another currency, of the same scores; the currencies asked for longest ago are given up."""
        with self._building:
            kept = self._in_others.get(currency)
            if kept is None or (kept.as_of, kept.model_version) != (view.as_of, view.model_version):
                kept = build_view(self._store, currency)
                if kept is None:
                    return None
                self._in_others[currency] = kept
            self._in_others.move_to_end(currency)
            while len(self._in_others) > MOST_CURRENCIES:
                self._in_others.popitem(last=False)
            return kept

    def _look(self) -> None:
        try:
            if self._view is not None and self._is_old(self._view):
                newer = build_view(self._store, self.currency)
                if newer is not None:
                    # The slowest part; made now, so that nobody waits for it.
                    newer.warm_up()
                    self._view = newer
        except PlumblineError as error:
            _log.error("The latest scores could not be read, so older ones are still served: %s", error)
        finally:
            self._checked_at = time.monotonic()
            self._looking.release()

    def _warm(self) -> None:
        try:
            view = self.view()
            if view is not None:
                view.warm_up()
        except PlumblineError as error:
            _log.error("The latest scores cannot be read: %s", error)

    def _is_old(self, view: View) -> bool:
        """Look at a few deals only: in a newer batch they have other scores, or none because they closed.

        A newer backtest has measured other ranges.
        """
        deal_ids = [deal.deal_id for deal in view.deals[:_LOOKED_AT]]
        now = self._store.latest_scores(deal_ids)
        same = (now["as_of"] == view.as_of) & (now["model_version"] == view.model_version)
        return now.empty or not bool(same.all()) or widths_in(self._store, view.as_of) != view.learned.widths
