"""Pace: how much is won by this point of a period, and was by the same point of earlier ones.

What counts is when a deal was won (``closed_at``) and what it brought, as known now and at today's exchange rates: so
periods differ by what was sold, not by how late it was entered or what a currency did. The same point is the same
number of days after a period's start.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from crm.fiscal import Period
from reports.forecast_deals import instant, won_in
from reports.levels import in_groups

N_EARLIER = 4
"""Quarters looked back on: the last is the same quarter a year ago."""
_DAY = pd.Timedelta(days=1)
_WEEK_DAYS = 7


@dataclass(frozen=True)
class Pace:
    """How the money came in, in this period and in earlier ones.

    Attributes
    ----------
    periods : this one first, then the earlier ones, the latest first
    elapsed_days : from the start of this period to ``as_of``
    totals : one row per group and period
        ``by_then``, won by the same point, and ``in_the_end``, NaN for this period; ``n_by_then`` and
        ``n_in_the_end`` deals. All NaN for an earlier period that began before the first deal was created.
    curves : one row per group, period and day
        ``won`` in the first ``day`` days of the period; days are whole weeks, the point reached now, and the end.
    """

    periods: Sequence[Period]
    elapsed_days: float
    totals: pd.DataFrame
    curves: pd.DataFrame


def pace(
    won: pd.DataFrame,
    period: Period,
    as_of: datetime,
    above: Mapping[str, tuple[str, ...]],
    since: pd.Timestamp,
) -> Pace:
    """Compare what is won in a period so far with earlier periods at the same point.

    Parameters
    ----------
    won
        Deals won before ``as_of``, with groups and ``cents``; see ``reports.forecast_deals.won_deals``. One without an
        amount brings nothing.
    period
        It holds ``as_of``.
    above
        The managers of each owner.
    since
        When the first deal was created: earlier periods are not known whole.
    """
    periods = [period, *period.earlier(N_EARLIER)]
    elapsed = (as_of - instant(period.start)) / _DAY
    points = [_points(one, elapsed, is_over=k > 0) for k, one in enumerate(periods)]
    aged = pd.concat([_aged(won, one, days) for one, days in zip(periods, points, strict=True)], ignore_index=True)
    rows = in_groups(aged, above)
    curves = pd.concat(
        [
            _curve(rows, one, days, is_known=one is period or instant(one.start) >= since)
            for one, days in zip(periods, points, strict=True)
        ],
        ignore_index=True,
    )
    return Pace(periods, elapsed, _totals(curves, periods, elapsed), curves)


def _points(period: Period, elapsed: float, *, is_over: bool) -> list[float]:
    """The days after which the sum is taken."""
    length = float((period.end - period.start).days)
    reached = min(elapsed, length)
    weeks = [float(day) for day in range(0, int(length) + 1, _WEEK_DAYS)]
    return sorted({*weeks, reached, length} if is_over else {*(day for day in weeks if day < reached), reached})


def _aged(won: pd.DataFrame, period: Period, days: Sequence[float]) -> pd.DataFrame:
    """The deals won in a period, with the first point by which each was won; those after the last point not at all."""
    rows = won_in(won, period)
    point = np.searchsorted(days, (rows["closed_at"] - instant(period.start)) / _DAY, side="right")
    aged = rows[["owner", "team"]].assign(period=period.name, cents=rows["cents"].fillna(0.0), point=point)
    return aged[aged["point"] < len(days)]


def _curve(rows: pd.DataFrame, period: Period, days: Sequence[float], *, is_known: bool) -> pd.DataFrame:
    """Sums and counts of every group up to each point; groups that won nothing in this period stay at 0."""
    groups = pd.MultiIndex.from_frame(rows[["level", "id"]].drop_duplicates())
    if ("whole", "") not in groups:
        groups = groups.insert(0, ("whole", ""))
    own = rows[rows["period"] == period.name].groupby(["level", "id", "point"])["cents"].agg(["sum", "count"])
    index = pd.MultiIndex.from_tuples(
        [(*group, point) for group in groups for point in range(len(days))], names=["level", "id", "point"]
    )
    sums = own.reindex(index, fill_value=0).groupby(["level", "id"], sort=False).cumsum().astype("float64")
    if not is_known:
        sums[:] = np.nan
    table = sums.reset_index()
    return pd.DataFrame({
        "period": period.name,
        "level": table["level"],
        "id": table["id"],
        "day": np.array(days)[table["point"]],
        "won": table["sum"] / 100,
        "n_won": table["count"],
    })  # fmt: skip


def _totals(curves: pd.DataFrame, periods: Sequence[Period], elapsed: float) -> pd.DataFrame:
    key = ["period", "level", "id"]
    reached = curves[curves["day"] <= elapsed].groupby(key, sort=False)[["won", "n_won"]].last(skipna=False)
    end = curves.groupby(key, sort=False)[["won", "n_won"]].last(skipna=False)
    end[end.index.get_level_values("period") == periods[0].name] = np.nan
    totals = reached.set_axis(["by_then", "n_by_then"], axis=1)
    return totals.join(end.set_axis(["in_the_end", "n_in_the_end"], axis=1)).reset_index()
