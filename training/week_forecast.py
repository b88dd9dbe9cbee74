"""One week's forecast of one period, replayed: from the book of that week, with what had been learned by then."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.fiscal import Period
from features.facts import DAY
from features.histories import instant
from models.scorer import Scorer
from reports.final_amounts import FinalAmounts, learn_final_amounts
from reports.interval_calibration import weeks_to_go
from reports.money_levels import NewPart, money_table, open_money, sums_by_group
from reports.new_deals import learn_creation
from reports.shocks import Shock
from training.book import LEVEL, Past, by_group, of_groups, won_in
from training.moments import midnight
from training.naive_forecasts import naive_forecasts

RANGE = {"p10": 0.1, "p50": 0.5, "p90": 0.9}
MIDPOINTS = {f"q{1000 * (k + 0.5) / 20:03.0f}": (k + 0.5) / 20 for k in range(20)}
"""Quantiles at the middle of 20 equal parts: together they stand for the whole distribution (q025 is 2.5 %)."""
QUANTILES = RANGE | MIDPOINTS
MONEY = ("won", "open", "new", "mean", *QUANTILES)


@dataclass(frozen=True)
class Learned:
    """What a forecast uses that was learned from what was known before ``since``."""

    since: datetime
    scorer: Scorer
    amounts: FinalAmounts
    shock: Shock


@dataclass(frozen=True)
class OpenDeals:
    """Deals open at an instant, by number, with their expected final amounts and P(won from now to the period's end).

    The chance leaves out what is won before the period starts.
    """

    table: pd.DataFrame
    chance: NDArray[np.float64]

    @property
    def luck(self) -> tuple[float, float, float]:
        """Mean of what they bring, its variance by luck alone, and its response to a shock; see ``fit_shock``."""
        amount, spread = self.table["cents"].to_numpy(), self.table["amount_spread"].to_numpy()
        mean = float(self.chance @ amount)
        variance = self.chance * amount**2 * (1 + spread**2) - (self.chance * amount) ** 2
        moved = float((self.chance * (1 - self.chance)) @ amount)
        return mean, float(variance.sum()), moved / mean if mean else 0.0


def final_amounts(past: Past, since: datetime) -> FinalAmounts:
    """How amounts changed until deals were won, from all that were won before ``since``."""
    data, book = past.dataset, past.book(since)
    final = book["cents"].where(book["won"]).reindex(np.arange(len(data.snapshots.histories))).to_numpy()
    deal = data.snapshots.deal
    rows = (data.at < instant(since)) & (final[deal] > 0)
    return learn_final_amounts(
        pd.DataFrame(
            {
                "deal_id": deal[rows],
                "stage": data.table["stage"].to_numpy()[rows],
                "cents": np.round(100 * data.snapshots.amount[rows]),
                "final_cents": final[deal[rows]],
            }
        )
    )


def open_deals_at(past: Past, learned: Learned, book: pd.DataFrame, as_of: datetime, period: Period) -> OpenDeals:
    """The deals of ``book`` that are open, scored; ``as_of`` is a Monday of the grid."""
    rows = past.dataset.at == instant(as_of)
    table, deal = past.dataset.table[rows], past.dataset.snapshots.deal[rows]
    known = book.loc[deal]
    worth = learned.amounts.expected(
        pd.Series(table["stage"].to_numpy(), known.index), pd.Series(known["cents"].to_numpy(), known.index)
    )
    start, end = ((instant(midnight(day)) - instant(as_of)) / DAY for day in (period.start, period.end))
    chance = learned.scorer.outlook(table).won_between(max(start, 0.0), end) if len(deal) else np.zeros(0)
    return OpenDeals(worth.assign(deal_id=deal, team=known["team"]), np.clip(chance, 0, 1))


def forecast_at(past: Past, learned: Learned, as_of: datetime, period: Period) -> pd.DataFrame:
    """Our forecast of the money won in ``period`` and every naive one, as of one Monday.

    Returns
    -------
    DataFrame, one row per group: the whole, and each team
        ``period``, ``start``, ``end``, ``as_of``, ``trained_until``, ``weeks_to_go``, ``level``, ``id``; in cents
        ``won`` so far, ``open``, ``new`` and ``mean`` (their sum), the quantiles, and the naive rules' columns.
    """
    book = past.book(as_of)
    deals = open_deals_at(past, learned, book, as_of, period)
    money = open_money(deals.table, deals.chance[:, None], (LEVEL,), _new(past, book, as_of, period))
    table = money_table(money, sums_by_group(money, learned.shock), QUANTILES)
    table["won"] = of_groups(by_group(won_in(book, period), "cents"), table)
    table = table.rename(columns={"open_cents": "open", "new_cents": "new"})
    table["mean"] = table["won"] + table["open"] + table["new"]
    table[list(QUANTILES)] = table[list(QUANTILES)].add(table["won"], axis=0)
    said = learned.scorer.win.stage_rate.predict(past.dataset.table["stage"][past.dataset.at == instant(as_of)])
    rate = pd.Series(said, deals.table["deal_id"].to_numpy())
    naive = naive_forecasts(book, period, as_of, rate, has_commits=past.commits is not None)
    keys = {
        **{"period": period.name, "start": pd.Timestamp(period.start), "end": pd.Timestamp(period.end)},
        **{"as_of": pd.Timestamp(as_of), "trained_until": pd.Timestamp(learned.since)},
        "weeks_to_go": weeks_to_go(as_of, period.end),
    }
    found = table[["level", "id", *MONEY]].merge(naive, on=["level", "id"], how="left")
    for place, (name, value) in enumerate(keys.items()):
        found.insert(place, name, value)
    return found


def _new(past: Past, book: pd.DataFrame, as_of: datetime, period: Period) -> list[NewPart]:
    creation = learn_creation(book, as_of, LEVEL, past.dataset.snapshots.norms.vocabulary.fiscal)
    whole = creation.expected(max(as_of, midnight(period.start)), midnight(period.end))
    parts = {str(name): creation.part(name, whole) for name in creation.parts}
    return [NewPart({LEVEL: name}, [part if part.mean else None]) for name, part in parts.items()]
