"""Business not yet created, as history tells it: how many deals come, how many of them are won how soon, for how much.

Everything is learned from what was known before ``as_of``. The whole is learned first; a group (team, segment) takes a
part of it, by its part of what was won before, drawn to its part of the deals created where it has won little.
"""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.new_business import NewBusiness

YEAR_DAYS = 364
"""Whole weeks, so that each weekday counts as often as any other."""
PRIOR_OF_MONTH = 30
"""How many deals' worth of an even year each month's number is mixed with."""
PRIOR_WON = 10
"""How many won deals' worth of its part of the created ones a group's part is mixed with."""
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
    """

    as_of: datetime
    per_day: float
    of_month: NDArray[np.float64]
    won_by: NDArray[np.float64]
    amount: float
    spread: float
    parts: dict[Hashable, float]

    def expected(self, start: datetime, end: datetime) -> NewBusiness:
        """What deals created after ``as_of`` bring by being won from ``start`` to ``end`` (excluded).

        The number is the sum over each day to come of the deals expected on it, times P(won in the period | created
        on that day).
        """
        days = int(np.ceil((end - self.as_of) / _DAY))
        created = pd.date_range(self.as_of, periods=max(days, 0), freq="D")
        expected = self.per_day * self.of_month[created.month.to_numpy() - 1]
        until_end = (end - created) / _DAY - 0.5  # on average a deal comes at noon
        until_start = (start - created) / _DAY - 0.5
        n_won = float((expected * (self._won_by(until_end) - self._won_by(until_start))).sum())
        return NewBusiness(n_won, self.amount, self.spread)

    def part(self, group: Hashable, whole: NewBusiness) -> NewBusiness:
        """What the group takes of ``whole``; all groups' parts sum to it."""
        return replace(whole, n_won=whole.n_won * self.parts.get(group, 0.0))

    def _won_by(self, days: pd.Index) -> NDArray[np.float64]:
        places = np.arange(len(self.won_by))
        return np.interp(np.asarray(days, np.float64), places, self.won_by, left=0.0)


def learn_creation(deals: pd.DataFrame, as_of: datetime, group: str = "team") -> Creation:
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
    return Creation(
        as_of=as_of,
        per_day=float((age <= span).sum() / span),
        of_month=_of_month(known["created_at"], as_of),
        won_by=_won_by(age, ((known["closed_at"] - known["created_at"]) / _DAY).where(closed), won),
        amount=amount,
        spread=float(worth.std(ddof=0) / amount) if amount > 0 else 0.0,
        parts=_parts(known[group], known[group][won]),
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


def _parts(created: pd.Series, won: pd.Series) -> dict[Hashable, float]:
    if not len(created):
        return {}
    of_created = created.value_counts(normalize=True, dropna=False)
    n_won = won.value_counts(dropna=False).reindex(of_created.index, fill_value=0)
    mixed = (n_won + PRIOR_WON * of_created) / (n_won.sum() + PRIOR_WON)
    return {group: float(part) for group, part in mixed.items()}
