"""The open deals as the latest scores see them, ranked, in memory: what every list and page is served from.

One view belongs to one batch of scores. It is built with pandas once, and then read without it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd

from crm.errors import UnknownCurrencyError
from crm.money import rates_at, rates_day
from crm.present import present
from crm.store import Store

Tables = dict[str, pd.DataFrame]

# Names and stages, to put words to ids; small beside the history, so they stay in memory with the view.
REFERENCE = ("accounts", "users", "stages", "calendar", "fx_rates")


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
    at_stake: float | None


@dataclass(frozen=True)
class View:
    """Everything the pages and lists need of one batch of scores.

    ``deals`` are ranked: most amount at stake first, deals without an amount last. ``without_rate`` names
    the currencies that could not be converted to ``currency`` by the rates of ``rate_day``.
    """

    as_of: datetime
    model_version: str
    currency: str
    rate_day: date
    without_rate: tuple[str, ...]
    deals: tuple[ScoredDeal, ...]
    ranks: Mapping[str, int]
    tables: Tables
    scores: pd.DataFrame

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


def build_view(store: Store, reporting_currency: str) -> View | None:
    """Read the latest scores and what was known when they were made; None when there are no scores yet."""
    scores = store.latest_scores()
    if scores.empty:
        return None
    tables = store.read_all()
    as_of = scores["as_of"].iloc[0]
    known = present(tables, as_of).merge(scores, on="deal_id", validate="one_to_one")
    still_open = known[known["closed_at"].isna()]
    rates, without_rate = _rates(tables["fx_rates"], still_open["currency"], reporting_currency, rates_day(as_of))
    deals = _ranked(_scored_deal(row, rates) for row in still_open.to_dict("records"))
    return View(
        as_of=as_of.to_pydatetime().astimezone(UTC),
        model_version=str(scores["model_version"].iloc[0]),
        currency=reporting_currency,
        rate_day=rates_day(as_of),
        without_rate=without_rate,
        deals=deals,
        ranks={deal.deal_id: rank for rank, deal in enumerate(deals, start=1)},
        tables=tables,
        scores=scores,
    )


def at_stake(amount: float | None, win_probability: float, stall_risk: float | None) -> float | None:
    """Return the amount that attention may save: amount x win probability x stall risk.

    A deal that is hardly winnable, or in no danger, needs less attention than one that is both winnable
    and in danger. Where there is no stall risk, the chance of not winning takes its place.

    Examples
    --------
    >>> at_stake(10_000, 0.5, 0.4), at_stake(10_000, 0.5, None), at_stake(None, 0.5, 0.4)
    (2000.0, 5000.0, None)
    """
    if amount is None:
        return None
    return amount * win_probability * (1 - win_probability if stall_risk is None else stall_risk)


def _rates(
    fx_rates: pd.DataFrame, currencies: Iterable[str], reporting: str, day: date
) -> tuple[dict[str, float], tuple[str, ...]]:
    """The worth of one unit of each currency, and the currencies nothing is known of: those must not stop the rest."""
    found, without = {}, []
    for currency in sorted(set(currencies)):
        try:
            found[currency] = rates_at(fx_rates, [currency], reporting, day)[currency].rate
        except UnknownCurrencyError:
            without.append(currency)
    return found, tuple(without)


def _scored_deal(row: dict[str, Any], rates: Mapping[str, float]) -> ScoredDeal:
    amount, rate = _known(row["amount"]), rates.get(row["currency"])
    converted = None if amount is None or rate is None else amount * rate
    stall_risk = _known(row["stall_risk"])
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
        amount=amount,
        close_date=None if close_date is None else date.fromisoformat(close_date),
        owner_id=_known(row["owner_id"]),
        owner_name=_known(row["owner_name"]),
        team=_known(row["team"]),
        last_interaction_at=_instant(row["last_interaction_at"]),
        win_probability=row["win_probability"],
        win_base=row["win_base"],
        win_reasons=row["win_reasons"],
        win_within=row["win_within"],
        stall_risk=stall_risk,
        stall_base=_known(row["stall_base"]),
        stall_reasons=row["stall_reasons"],
        patience_days=_known(row["patience_days"]),
        note=_known(row["note"]),
        at_stake=at_stake(converted, row["win_probability"], stall_risk),
    )


def _ranked(deals: Iterable[ScoredDeal]) -> tuple[ScoredDeal, ...]:
    def key(deal: ScoredDeal) -> tuple[bool, float, float, str]:
        danger = at_stake(1.0, deal.win_probability, deal.stall_risk) or 0.0
        return deal.at_stake is None, -(deal.at_stake or 0.0), -danger, deal.deal_id

    return tuple(sorted(deals, key=key))


def _known(value: Any) -> Any:
    return None if pd.isna(value) else value


def _instant(value: Any) -> datetime | None:
    return None if pd.isna(value) else value.to_pydatetime()
