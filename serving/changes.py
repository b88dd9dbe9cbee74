"""What changed in the forecast between two batches of scores: worked out once for each pair, then kept for a while."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

import pandas as pd

from crm.errors import PlumblineError
from crm.fiscal import this_and_next_quarter
from crm.money import known_rates, rates_day
from crm.store import Store
from features.signals.declaration import Said
from reports.change_instants import compared
from reports.change_notes import change_notes
from reports.change_signals import groups_of
from reports.changed_forecast import ForecastAt, changed_forecast, forecast_at
from reports.what_changed import WhatChanged
from serving.insight import OF_A_DEAL
from serving.view import REFERENCE, Tables, View

_KEPT = 6
Instants = tuple[datetime, datetime]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PeriodChanges:
    """What changed in one period.

    Attributes
    ----------
    deals : ``changed.deals``, by deal_id
    notes : what could not be counted
    """

    changed: WhatChanged
    deals: pd.DataFrame
    notes: Sequence[str]

    @cached_property
    def groups(self) -> Mapping[tuple[str, str], pd.DataFrame]:
        """The deals' parts by level and id; see ``WhatChanged.lines``."""
        return {(str(level), str(name)): rows for (level, name), rows in self.changed.lines.groupby(["level", "id"])}

    @cached_property
    def by_signal(self) -> Mapping[str, list[tuple[str, int]]]:
        """By deal_id, groups of signals with their cents, the largest first."""
        return groups_of(self.changed.by_signal)


@dataclass(frozen=True)
class Changed:
    """What changed between two batches of scores, in this and the next fiscal quarter of the later one.

    ``models`` are the versions that issued them; ``names`` are those of users, by id.
    """

    instants: Instants
    models: tuple[str, str]
    currency: str
    names: Mapping[str, str]
    periods: Sequence[PeriodChanges]


class Changes:
    """Hands out what changed; a pair that is asked for again is answered from memory.

    Parameters
    ----------
    store : where the history and the ledger of scores are
    score, version : those of the model in use; see ``serving.services.Champion``
    signals : returns every signal by name
    """

    def __init__(
        self,
        store: Store,
        score: Callable[[Tables, datetime], pd.DataFrame],
        version: Callable[[], str],
        signals: Callable[[], Mapping[str, Said]],
    ) -> None:
        self._store, self._score, self._version, self._signals = store, score, version, signals
        self._kept: dict[Instants, Changed] = {}
        self._of: View | None = None
        self._working, self._looking = threading.Lock(), threading.Lock()

    def between(self, view: View, since: date | None = None, until: date | None = None) -> Changed:
        """Return what changed between the scores of two days; for the days see ``reports/change_instants.py``.

        Raises
        ------
        NotEnoughDataError
            There are no two batches of scores to compare.
        """
        instants = compared(self._store.score_instants(), since, until)
        with self._working:
            self._forget_older(view)
            if instants not in self._kept:
                self._kept[instants] = self._worked_out(view, instants)
                for oldest in list(self._kept)[:-_KEPT]:
                    del self._kept[oldest]
            return self._kept[instants]

    def if_ready(self, view: View) -> Changed | None:
        """Return what changed since a week ago if that is known by now; a page does not wait, but has it begun."""
        try:
            instants = compared(self._store.score_instants())
        except PlumblineError:  # nothing to compare with, or a store in trouble: the page has more to say than this
            return None
        if self._of is view and instants in self._kept:
            return self._kept[instants]
        self.warm_up(lambda: view)
        return None

    def warm_up(self, view: Callable[[], View | None]) -> None:
        """Work out what changed since a week ago before anybody asks, in the background; nothing without scores."""
        if self._looking.acquire(blocking=False):
            threading.Thread(target=self._warm, args=(view,), name="what changed", daemon=True).start()

    def _warm(self, view: Callable[[], View | None]) -> None:
        try:
            if (found := view()) is not None:
                self.between(found)
        except PlumblineError as error:
            _log.info("What changed is not known: %s", error)
        finally:
            self._looking.release()

    def _forget_older(self, view: View) -> None:
        """Newer scores may come with newer history, so what was worked out before them is worked out again."""
        if self._of is not view:
            self._kept, self._of = {}, view

    def _worked_out(self, view: View, instants: Instants) -> Changed:
        tables = self._store.read_all()
        after = self._later(view, tables, instants[1])
        scores = self._store.scores_at(instants[0])
        before = forecast_at(tables, scores, view.currency, after.basis.periods)

        def ask(as_of: datetime, deal_ids: Sequence[str], version: str) -> pd.DataFrame | None:
            return self._told_again(tables, as_of, deal_ids, version)

        found = changed_forecast(before, after, tables["stages"], ask, self._signals())
        users = tables["users"].dropna(subset="name")
        return Changed(
            instants,
            (before.model_version, after.model_version),
            view.currency,
            dict(zip(users["user_id"], users["name"], strict=True)),
            [
                PeriodChanges(one, one.deals.set_index("deal_id", drop=False), change_notes(before, after, k))
                for k, one in enumerate(found)
            ],
        )

    def _later(self, view: View, tables: Tables, instant: datetime) -> ForecastAt:
        """What the later forecast is made of: mostly the one that is shown, which is at hand."""
        scores = self._store.scores_at(instant)
        if (instant, scores["model_version"].iloc[0]) != (view.as_of, view.model_version):
            return forecast_at(tables, scores, view.currency, this_and_next_quarter(instant, tables["calendar"]))
        fx_rates, final = view.reference["fx_rates"], view.learned.final
        rates = known_rates(fx_rates, view.currency, rates_day(view.as_of))
        return ForecastAt(view.as_of, view.model_version, scores, view.present, rates, fx_rates, final, view.basis)

    def _told_again(
        self, tables: Tables, as_of: datetime, deal_ids: Sequence[str], version: str
    ) -> pd.DataFrame | None:
        """What the model in use says of earlier facts, if it is the one asked for; the ledger is left as it is."""
        try:
            if self._version() != version:
                return None
        except PlumblineError:  # without a model its part cannot be told apart, that is all
            return None
        own = {name: tables[name][tables[name]["deal_id"].isin(deal_ids)] for name in OF_A_DEAL}
        return self._score({name: tables[name] for name in REFERENCE} | own, as_of)
