"""Business not yet created, as history tells it: how many deals come, how many of them are won how soon, for how much.

Everything is learned from what was known before ``as_of``. The whole is learned first; a group (team, segment) takes a
part of it, by its part of what was won before, drawn to its part of the deals created where it has won little.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.fiscal import USUAL
from crm.fiscal_years import FiscalCalendar
from reports.busy_days import BusyDays, learn_busy_days
from reports.new_business import NewBusiness

YEAR_DAYS = 364
"""Whole weeks, so that each weekday counts as often as any other."""
PRIOR_OF_MONTH = 30
"""How many deals' worth of an even year each month's number is mixed with."""
PRIOR_WON = 10
"""How many won deals' worth a group's part is mixed with its part of the created, and a band's amount with all."""
N_BANDS = 5
"""Bands of days from creation to winning in which amounts are told apart."""
_DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class Creation:
    """What was learned of deals to come.

    Attributes
    ----------
    per_day : deals created a day, on average over the last year (or since the first, where that is later)
    of_month : factor on it by calendar month, January first; 1 on average
    won_by : P(won within so many days of creation), from 0 days on, one element a day
    amount, spread : mean of what a won deal brought, in cents, and its standard deviation relative to that
    parts : part of the won money by group; sums to 1
    busy : on which days deals are won
    amount_by : mean of what a deal brought that was won so many days after its creation; ``amount`` beyond
    """

    as_of: datetime
    per_day: float
    of_month: NDArray[np.float64]
    won_by: NDArray[np.float64]
    amount: float
    spread: float
    parts: dict[Hashable, float]
    busy: BusyDays = field(default_factory=BusyDays)
    amount_by: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def expected(self, start: datetime, end: datetime) -> NewBusiness:
        """What deals created after ``as_of`` bring by being won from ``start`` to ``end`` (excluded).

        The number is the sum over each day of the period and each day of creation before it: deals expected to be
        created x P(won at that age) x how busy the day is. Quick deals may bring other amounts than slow ones.
        """
        n_days = max(int(np.ceil((end - self.as_of) / _DAY)), 0)
        if not n_days:
            return NewBusiness(0.0, self.amount, self.spread)
        created = pd.date_range(self.as_of, periods=n_days, freq="D")
        expected = self.per_day * self.of_month[created.month.to_numpy() - 1]
        at_age = np.diff(np.interp(np.arange(-1, n_days) + 0.5, np.arange(len(self.won_by)), self.won_by, left=0.0))
        brings = np.append(self.amount_by, np.full(n_days, self.amount))[:n_days]  # a deal comes at noon on average
        inside = np.clip((end - created) / _DAY, 0, 1) - np.clip((start - created) / _DAY, 0, 1)
        weight = inside * self.busy.factors(self.as_of, n_days)
        n_won, money = (float(weight @ np.convolve(expected, kernel)[:n_days]) for kernel in (at_age, at_age * brings))
        return NewBusiness(n_won, money / n_won if n_won > 0 else self.amount, self.spread)

    def part(self, group: Hashable, whole: NewBusiness) -> NewBusiness:
        """What the group takes of ``whole``; all groups' parts sum to it."""
        return replace(whole, n_won=whole.n_won * self.parts.get(group, 0.0))


def learn_creation(
    deals: pd.DataFrame, as_of: datetime, group: str = "team", fiscal: FiscalCalendar = USUAL
) -> Creation:
    """Learn from the deals known before ``as_of``.

    Parameters
    ----------
    deals
        One row per deal: ``created_at``, ``closed_at`` (NaT while open), ``won`` (a flag), ``cents`` (what it is worth,
        NaN where not known) and the column ``group``. Rows created, and closings, at or after ``as_of`` are not read.
    """
    known = deals[deals["created_at"] < as_of]
    closed = known["closed_at"] < as_of
    won = closed & known["won"].astype(bool)
    age = (as_of - known["created_at"]) / _DAY
    span = float(min(max(age.max(), 1.0), YEAR_DAYS)) if len(known) else 1.0
    worth = known.loc[won, "cents"].dropna()
    amount = float(worth.mean()) if len(worth) else 0.0
    days_to_close = ((known["closed_at"] - known["created_at"]) / _DAY).where(closed)
    return Creation(
        as_of=as_of,
        per_day=float((age <= span).sum() / span),
        of_month=_of_month(known["created_at"], as_of),
        won_by=_won_by(age, days_to_close, won),
        amount=amount,
        spread=float(worth.std(ddof=0) / amount) if amount > 0 else 0.0,
        parts=_parts(known[group], known[group][won]),
        busy=learn_busy_days(known.assign(closed_at=known["closed_at"].where(closed), won=won), as_of, fiscal),
        amount_by=_amount_by(days_to_close[worth.index], worth, amount),
    )


def _of_month(created_at: pd.Series, as_of: datetime) -> NDArray[np.float64]:
    """Deals of each month against an even year, over the whole years before ``as_of``; even where there is not one."""
    n_years = int(((as_of - created_at.min()) / _DAY) // 365.25) if len(created_at) else 0
    if n_years == 0:
        return np.ones(12)
    recent = created_at[created_at >= as_of - pd.Timedelta(days=365.25 * n_years)]
    counts = recent.dt.month.value_counts().reindex(range(1, 13), fill_value=0).to_numpy(np.float64)
    even = counts.sum() / 12
    factor = (counts + PRIOR_OF_MONTH) / (even + PRIOR_OF_MONTH)
    return factor / factor.mean()


def _won_by(age: pd.Series, days_to_close: pd.Series, won: pd.Series) -> NDArray[np.float64]:
    """Cumulative incidence of being won, by days since creation; open deals count for as long as they were seen.

    The estimator of Aalen and Johansen (1978): ``sum over days of S(day) * won(day) / at risk(day)``.
    """
    longest = int(age.max()) + 1 if len(age) else 1
    ended = days_to_close.fillna(age).clip(0, longest - 1).astype(int)
    at_risk = len(ended) - np.append(0, np.cumsum(np.bincount(ended, minlength=longest)))[:-1]
    n_won, n_closed = (np.bincount(ended[which], minlength=longest) for which in (won, days_to_close.notna()))
    safe = np.maximum(at_risk, 1)
    still_open = np.cumprod(1 - n_closed / safe)
    before = np.append(1.0, still_open[:-1])
    return np.append(0.0, np.cumsum(before * n_won / safe))


def _amount_by(days_to_close: pd.Series, worth: pd.Series, amount: float) -> NDArray[np.float64]:
    """Mean amount by whole days from creation to winning: in bands of as many won deals, few drawn to all."""
    if worth.empty:
        return np.empty(0)
    days = days_to_close.clip(lower=0)
    edges = np.unique(np.quantile(days, np.arange(1, N_BANDS) / N_BANDS))
    band = np.searchsorted(edges, days, side="right")
    count, total = np.bincount(band, minlength=len(edges) + 1), np.bincount(band, worth, len(edges) + 1)
    mean = (total + PRIOR_WON * amount) / (count + PRIOR_WON)
    return mean[np.searchsorted(edges, np.arange(int(days.max()) + 1), side="right")]


def _parts(created: pd.Series, won: pd.Series) -> dict[Hashable, float]:
    if not len(created):
        return {}
    of_created = created.value_counts(normalize=True, dropna=False)
    n_won = won.value_counts(dropna=False).reindex(of_created.index, fill_value=0)
    mixed = (n_won + PRIOR_WON * of_created) / (n_won.sum() + PRIOR_WON)
    return {group: float(part) for group, part in mixed.items()}
