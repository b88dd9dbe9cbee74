"""The open deals as the latest scores see them, ranked, in memory: what every list and page is served from.

One view belongs to one batch of scores. It is built with pandas once, and then read without it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from functools import cached_property, lru_cache
from typing import Any

import pandas as pd

from crm.coming import fiscal_periods, months
from crm.fiscal import Unit
from crm.money import Rate, known_rates, rates_day
from crm.present import present
from crm.store import Store
from reports.at_risk import attention
from reports.categories import categories, unknown_categories
from reports.forecast import forecast_rows
from reports.forecast_basis import TABLES as FORECAST_TABLES
from reports.forecast_basis import Basis, basis_of
from reports.forecast_learned import Learned, learn
from reports.measured_widths import MeasuredWidths, widths_as_of
from reports.missing_rates import MissingRate, missing_rates
from reports.new_units import learn_units
from reports.owner_moves import OwnerMove, owner_moves
from reports.pace import Pace, pace
from reports.past_deals import FIELDS
from reports.people import People, past_scores, people
from reports.planned_units import PlannedUnits, planned_units
from reports.receipts import Receipts, receipts

Tables = dict[str, pd.DataFrame]

# Names and stages, to put words to ids; small beside the history, so they stay in memory with the view.
REFERENCE = ("accounts", "contacts", "users", "user_changes", "stages", "calendar", "fx_rates")
# Forecasts of other periods than the usual two quarters that are kept, for each of them takes a while to make.
_KEPT_FORECASTS = 6
USUAL_PERIODS, MOST_PERIODS = 6, 12
"""How many periods planning figures are made for: each takes a while, and few ask for more than half a year."""


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
class Forecast:
    """What a forecast of some periods is made of, and its rows; see ``reports/forecast.py``.

    Beside it the rates that what is won lacks, and the owners who moved since the first period began.
    """

    basis: Basis
    rows: pd.DataFrame
    missing_rates: Sequence[MissingRate]
    owner_moves: Sequence[OwnerMove]


@dataclass(frozen=True, eq=False)
class View:
    """Everything the pages and lists need of one batch of scores.

    ``deals`` are ranked as ``reports/at_risk.py`` ranks them. ``rates`` convert to ``currency``; ``without_rate``
    names the currencies for which there is none. ``present``, ``scores`` (without reasons), ``planned`` (tables) and
    ``learned`` are what the forecast is made of, and ``reference`` puts words to ids. ``changes`` (of the fields that
    are looked back on) and ``past_scores`` tell how dates and commits came true.
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
    changes: pd.DataFrame
    past_scores: pd.DataFrame

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
        return self._basis("quarter", 2)

    @cached_property
    def forecast(self) -> pd.DataFrame:
        """The forecast of these quarters; see ``reports/forecast.py``. Made when first asked for."""
        return forecast_rows(self.basis)

    @cached_property
    def categories(self) -> pd.DataFrame:
        """Open deals of these quarters by category; see ``reports/categories.py``."""
        return categories(self.basis, self.forecast)

    @cached_property
    def unknown_categories(self) -> dict[str, int]:
        """What open deals have for a category that is none."""
        return unknown_categories(self.basis)

    @cached_property
    def pace(self) -> Pace:
        """How this quarter comes in beside earlier ones; see ``reports/pace.py``."""
        basis, since = self.basis, self.present["created_at"].min()
        return pace(basis.won, basis.periods[0], self.as_of, basis.above, since)

    @cached_property
    def people(self) -> People:
        """How dates and commits of past quarters came true; see ``reports/people.py``."""
        tables = self.reference | {"deal_changes": self.changes}
        return people(tables, self.present, self.rates, self.past_scores, self.as_of)

    @cached_property
    def every_rate(self) -> dict[str, Rate]:
        """The rate of every currency that has one: calls may be in others than deals are."""
        return known_rates(self.reference["fx_rates"], self.currency, rates_day(self.as_of))

    def warm_up(self) -> None:
        """Make what pages show before anybody asks."""
        _ = self.categories, self.pace, self.people

    def forecast_of(self, unit: Unit, n: int) -> Forecast:
        """Return the forecast of ``n`` fiscal periods of a kind, the first of which holds ``as_of``."""
        return self._usual if (unit, n) == ("quarter", 2) else self._others(unit, n)

    @cached_property
    def _usual(self) -> Forecast:
        return self._forecast(self.basis, self.forecast)

    @cached_property
    def _others(self) -> Callable[[Unit, int], Forecast]:
        @lru_cache(maxsize=_KEPT_FORECASTS)
        def made(unit: Unit, n: int) -> Forecast:
            basis = self._basis(unit, n)
            return self._forecast(basis, forecast_rows(basis))

        return made

    def _forecast(self, basis: Basis, rows: pd.DataFrame) -> Forecast:
        users, changes = self.reference["users"], self.reference["user_changes"]
        moves = owner_moves(users, changes, basis.periods[0].start, self.as_of)
        return Forecast(basis, rows, missing_rates(basis.won, basis.periods), moves)

    def units(self, unit: Unit, n: int) -> PlannedUnits:
        """Return the units of ``n`` fiscal periods or more, this one first; see ``reports/planned_units.py``."""
        return self._units(unit, _made_for(n))

    @cached_property
    def _units(self) -> Callable[[Unit, int], PlannedUnits]:
        @lru_cache
        def planned(unit: Unit, n: int) -> PlannedUnits:
            usual = learn_units(self.present, self.planned["line_items"], self.as_of)
            return planned_units(self._basis(unit, n), self.learned, usual)

        return planned

    def receipts(self, n: int) -> Receipts:
        """Return the receipts of ``n`` calendar months or more, this one first; see ``reports/receipts.py``."""
        return self._receipts(_made_for(n))

    @cached_property
    def _receipts(self) -> Callable[[int], Receipts]:
        @lru_cache
        def planned(n: int) -> Receipts:
            deals, won, ahead = self.basis.deals, self.basis.won, months(self.as_of, n)
            tables = {"line_items": self.planned["line_items"], "calendar": self.reference["calendar"]}
            return receipts(deals, won, tables, self.rates, self.as_of, ahead, self.learned)

        return planned

    def _basis(self, unit: Unit, n: int) -> Basis:
        periods = fiscal_periods(self.as_of, self.reference["calendar"], unit, n)
        return basis_of(self.present, self.scores, self.planned, self.rates, periods, self.learned)


def build_view(store: Store, reporting_currency: str) -> View | None:
    """Read the latest scores and what was known when they were made; None when there are no scores yet."""
    scores = store.latest_scores()
    if scores.empty:
        return None
    tables = store.read_all()
    as_of = scores["as_of"].iloc[0]
    known, changes = present(tables, as_of), tables["deal_changes"]
    currencies = [*known["currency"].unique(), *tables["quotas"]["currency"].unique(), reporting_currency]
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
        changes=changes[changes["field"].isin(FIELDS)].drop(columns=["old_value", "changed_by"]),
        past_scores=past_scores(store, as_of.to_pydatetime(), tables["calendar"]),
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


def _made_for(n: int) -> int:
    return USUAL_PERIODS if n <= USUAL_PERIODS else MOST_PERIODS


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
