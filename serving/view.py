"""The open deals as the latest scores see them, ranked, in memory: what every list and page is served from.

One view belongs to one batch of scores. It is built with pandas once, and then read without it.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

import pandas as pd

from crm.errors import UnknownCurrencyError
from crm.fiscal import this_and_next_quarter
from crm.money import Rate, rates_at, rates_day
from crm.present import present
from crm.store import Store
from reports.at_risk import attention
from reports.forecast import forecast

Tables = dict[str, pd.DataFrame]

# Names and stages, to put words to ids; small beside the history, so they stay in memory with the view.
REFERENCE = ("accounts", "contacts", "users", "stages", "calendar", "fx_rates")


@dataclass(frozen=True, slots=True)
class ScoredDeal:
    """One open deal: what was known of it, and its scores; JSON columns are parsed only when shown."""

    deal_id: str
    name: str | None
    account: str | None
    pipeline_id: str
    stage: str
    stage_since: datetime | None
    created_at: datetime
    currency: str
    amount: float | None
    close_date: date | None
    owner_id: str | None
    owner_name: str | None
    team: str | None
    last_interaction_at: datetime | None
    win_probability: float
    win_base: float
    win_reasons: str
    win_within: str
    stall_risk: float | None
    stall_base: float | None
    stall_reasons: str
    patience_days: float | None
    note: str | None
    money_at_risk: float | None


@dataclass(frozen=True)
class View:
    """Everything the pages and lists need of one batch of scores.

    ``deals`` are ranked as ``reports/at_risk.py`` ranks them. ``rates`` convert to ``currency``; ``without_rate``
    names the currencies for which there is none. ``present`` and ``scores`` are what reports are made of, and
    ``reference`` puts words to ids.
    """

    as_of: datetime
    model_version: str
    currency: str
    rates: Mapping[str, Rate]
    without_rate: tuple[str, ...]
    deals: tuple[ScoredDeal, ...]
    ranks: Mapping[str, int]
    present: pd.DataFrame
    scores: pd.DataFrame
    reference: Tables

    def deal(self, deal_id: str) -> ScoredDeal | None:
        """Return the open, scored deal called ``deal_id``, or None."""
        rank = self.ranks.get(deal_id)
        return None if rank is None else self.deals[rank - 1]

    def matching(
        self, owner_id: str | None = None, team: str | None = None, stage: str | None = None
    ) -> list[ScoredDeal]:
        """Return the deals of this owner, team and stage, ranked; a filter that is None lets all pass."""
        return [
            deal
            for deal in self.deals
            if (owner_id is None or deal.owner_id == owner_id)
            and (team is None or deal.team == team)
            and (stage is None or deal.stage == stage)
        ]

    @cached_property
    def forecast(self) -> pd.DataFrame:
        """The forecast of this and the next fiscal quarter; see ``reports/forecast.py``. Made when first asked for."""
        periods = this_and_next_quarter(self.as_of, self.reference["calendar"])
        return forecast(self.present, self.scores, self.reference["stages"], self.rates, periods)


def build_view(store: Store, reporting_currency: str) -> View | None:
    """Read the latest scores and what was known when they were made; None when there are no scores yet."""
    scores = store.latest_scores()
    if scores.empty:
        return None
    tables = store.read_all()
    as_of = scores["as_of"].iloc[0]
    known = present(tables, as_of)
    rates, without_rate = _rates(tables["fx_rates"], known["currency"], reporting_currency, rates_day(as_of))
    deals = _ranked(known, scores, rates)
    return View(
        as_of=as_of.to_pydatetime().astimezone(UTC),
        model_version=str(scores["model_version"].iloc[0]),
        currency=reporting_currency,
        rates=rates,
        without_rate=without_rate,
        deals=deals,
        ranks={deal.deal_id: rank for rank, deal in enumerate(deals, start=1)},
        present=known,
        scores=scores,
        reference={name: tables[name] for name in REFERENCE},
    )


def _ranked(known: pd.DataFrame, scores: pd.DataFrame, rates: Mapping[str, Rate]) -> tuple[ScoredDeal, ...]:
    ranking = attention(known, scores, rates)[["deal_id", "money_at_risk"]]
    # A left merge keeps the order of its left side.
    rows = ranking.merge(known, on="deal_id", how="left").merge(scores, on="deal_id", how="left")
    return tuple(_scored_deal(row) for row in rows.to_dict("records"))


def _rates(
    fx_rates: pd.DataFrame, currencies: Iterable[str], reporting: str, day: date
) -> tuple[dict[str, Rate], tuple[str, ...]]:
    """The worth of one unit of each currency, and the currencies nothing is known of: those must not stop the rest."""
    found: dict[str, Rate] = {}
    without: list[str] = []
    for currency in sorted(set(currencies)):
        try:
            found |= rates_at(fx_rates, [currency], reporting, day)
        except UnknownCurrencyError:
            without.append(currency)
    return found, tuple(without)


def _scored_deal(row: dict[Hashable, Any]) -> ScoredDeal:
    close_date = _known(row["close_date"])
    return ScoredDeal(
        deal_id=row["deal_id"],
        name=_known(row["name"]),
        account=_known(row["account_name"]) or _known(row["account_id"]),
        pipeline_id=row["pipeline_id"],
        stage=row["stage"],
        stage_since=_instant(row["stage_since"]),
        created_at=row["created_at"].to_pydatetime(),
        currency=row["currency"],
        amount=_known(row["amount"]),
        close_date=None if close_date is None else date.fromisoformat(close_date),
        owner_id=_known(row["owner_id"]),
        owner_name=_known(row["owner_name"]),
        team=_known(row["team"]),
        last_interaction_at=_instant(row["last_interaction_at"]),
        win_probability=row["win_probability"],
        win_base=row["win_base"],
        win_reasons=row["win_reasons"],
        win_within=row["win_within"],
        stall_risk=_known(row["stall_risk"]),
        stall_base=_known(row["stall_base"]),
        stall_reasons=row["stall_reasons"],
        patience_days=_known(row["patience_days"]),
        note=_known(row["note"]),
        money_at_risk=_known(row["money_at_risk"]),
    )


def _known(value: Any) -> Any:
    return None if pd.isna(value) else value


def _instant(value: Any) -> datetime | None:
    return None if pd.isna(value) else value.to_pydatetime()
