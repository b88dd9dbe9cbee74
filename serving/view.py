"""The open deals as the latest scores see them, ranked, in memory: what every list and page is served from.

One view belongs to one batch of scores. It is built with pandas once, and then read without it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

import pandas as pd

from crm.fiscal import this_and_next_quarter
from crm.money import Rate, known_rates, rates_day
from crm.present import present
from crm.store import Store
from reports.at_risk import attention
from reports.forecast import forecast_rows
from reports.forecast_basis import TABLES as FORECAST_TABLES
from reports.forecast_basis import Basis, basis_of
from reports.forecast_learned import Learned, learn
from reports.measured_widths import MeasuredWidths, widths_as_of

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
    win_low: float | None
    win_high: float | None
    win_base: float
    win_reasons: str
    win_within: str
    lost_within: str
    expected_close_date: str | None
    close_p10_date: str | None
    close_p50_date: str | None
    close_p90_date: str | None
    slip_probability: float | None
    slipped_close_date: str | None
    stall_risk: float | None
    stall_low: float | None
    stall_high: float | None
    lost_in_patience: float | None
    stall_base: float | None
    stall_reasons: str
    patience_days: float | None
    note: str | None
    money_at_risk: float | None


_NAMES = tuple(field.name for field in fields(ScoredDeal) if field.name != "account")


@dataclass(frozen=True)
class View:
    """Everything the pages and lists need of one batch of scores.

    ``deals`` are ranked as ``reports/at_risk.py`` ranks them. ``rates`` convert to ``currency``; ``without_rate``
    names the currencies for which there is none. ``present``, ``scores`` (without reasons), ``planned`` (tables) and
    ``learned`` are what the forecast is made of, and ``reference`` puts words to ids.
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
    planned: Tables
    learned: Learned

    def deal(self, deal_id: str) -> ScoredDeal | None:
        """Return the open, scored deal called ``deal_id``, or None."""
        rank = self.ranks.get(deal_id)
        return None if rank is None else self.deals[rank - 1]

    def matching(
        self, owner_id: str | None = None, team: str | None = None, stage: str | None = None
    ) -> Sequence[ScoredDeal]:
        """Return the deals of this owner, team and stage, ranked; a filter that is None lets all pass."""
        if owner_id is None and team is None and stage is None:
            return self.deals
        return [
            deal
            for deal in self.deals
            if (owner_id is None or deal.owner_id == owner_id)
            and (team is None or deal.team == team)
            and (stage is None or deal.stage == stage)
        ]

    @cached_property
    def basis(self) -> Basis:
        """What the forecast of this and the next fiscal quarter is made of. Made when first asked for."""
        periods = this_and_next_quarter(self.as_of, self.reference["calendar"])
        return basis_of(self.present, self.scores, self.planned, self.rates, periods, self.learned)

    @cached_property
    def forecast(self) -> pd.DataFrame:
        """The forecast of these quarters; see ``reports/forecast.py``. Made when first asked for."""
        return forecast_rows(self.basis)


def build_view(store: Store, reporting_currency: str) -> View | None:
    """Read the latest scores and what was known when they were made; None when there are no scores yet."""
    scores = store.latest_scores()
    if scores.empty:
        return None
    tables = store.read_all()
    as_of = scores["as_of"].iloc[0]
    known = present(tables, as_of)
    currencies = [*known["currency"].unique(), *tables["quotas"]["currency"].unique()]
    rates, without_rate = _rates(tables["fx_rates"], currencies, reporting_currency, rates_day(as_of))
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
        # Their reasons are with the deals already, and are most of their size.
        scores=scores.drop(columns=["win_reasons", "stall_reasons"]),
        reference={name: tables[name] for name in REFERENCE},
        planned={name: tables[name] for name in FORECAST_TABLES},
        learned=learn(tables, as_of.to_pydatetime(), rates, known=known, widths=widths_in(store, as_of)),
    )


def widths_in(store: Store, as_of: datetime) -> MeasuredWidths | None:
    """What the store's last backtest says of ranges as of then."""
    return widths_as_of(store.read("backtests"), as_of)


def _ranked(known: pd.DataFrame, scores: pd.DataFrame, rates: Mapping[str, Rate]) -> tuple[ScoredDeal, ...]:
    ranking = attention(known, scores, rates)[["deal_id", "money_at_risk"]]
    # A left merge keeps the order of its left side.
    rows = ranking.merge(known, on="deal_id", how="left").merge(scores, on="deal_id", how="left")
    # Column by column, because a row at a time out of pandas takes several times as long.
    columns = {name: _plain(rows[name]) for name in ("account_name", "account_id", *_NAMES)}
    return tuple(_scored_deal(dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True))


def _rates(
    fx_rates: pd.DataFrame, currencies: Iterable[str], reporting: str, day: date
) -> tuple[dict[str, Rate], tuple[str, ...]]:
    """The worth of one unit of each currency, and the currencies nothing is known of: those must not stop the rest."""
    known, wanted = known_rates(fx_rates, reporting, day), sorted(set(currencies))
    found = {currency: known[currency] for currency in wanted if currency in known}
    return found, tuple(currency for currency in wanted if currency not in known)


def _plain(column: pd.Series) -> list[Any]:
    """Values as plain Python ones, missing ones as None."""
    values = column.astype(object).where(column.notna(), None).tolist()
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return [None if value is None else value.to_pydatetime() for value in values]
    return values


def _scored_deal(row: dict[str, Any]) -> ScoredDeal:
    account_name, account_id, close_date = (row.pop(name) for name in ("account_name", "account_id", "close_date"))
    return ScoredDeal(
        account=account_name or account_id,
        close_date=None if close_date is None else date.fromisoformat(close_date),
        **row,
    )
