"""Slips and pushes: of the deals that were to close in a past quarter, how many did not, and how often dates moved.

A deal is due in a quarter if it was open at its start and its close date, as known then, lies in it. It *slips* if it
is neither won nor lost by the quarter's end; lost ones are told apart. A *push* moves the close date later; a
deal is *pushed out* if it is moved beyond the quarter.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import pandas as pd

from crm.fiscal import Period
from crm.money import Rate, cents
from crm.tables import CLOSE_DATE
from reports.forecast_deals import instant
from reports.levels import PEOPLE, in_groups, named
from reports.past_stages import in_effect
from reports.rates import with_rate

ALL = "all"
"""Stands for all quarters together."""
LEVELS = (*PEOPLE, "stage")
_COUNTS = ("n_due", "n_won", "n_lost", "n_slipped", "n_pushes", "n_pushed_out")
_SUMS = (*_COUNTS, "pushed_days", "amount_due", "amount_slipped")
_DAY = pd.Timedelta(days=1)


def due_deals(
    then: pd.DataFrame,
    known: pd.DataFrame,
    changes: pd.DataFrame,
    periods: Sequence[Period],
    rates: Mapping[str, Rate],
    as_of: datetime,
) -> pd.DataFrame:
    """Return the deals due in each of some past quarters, and what became of them.

    Parameters
    ----------
    then
        What was known at each quarter's start; see ``reports.past_deals.open_at``.
    known
        The present of every deal as of ``as_of``.

    Returns
    -------
    DataFrame, one row per quarter and deal due in it
        ``period``, ``deal_id``, ``owner``, ``team`` and ``stage`` as of its start; of 1 and 0 ``n_due``, ``n_won``,
        ``n_lost``, ``n_slipped`` and ``n_pushed_out``; ``n_pushes`` and ``pushed_days`` within the quarter;
        ``amount_due`` and ``amount_slipped`` in whole cents at the given rates, 0 where there was no amount.
    """
    rows = then.merge(_spans(periods, then["at"].dtype), on="at")
    rows = rows[(rows["close_date"] >= rows["first_day"]) & (rows["close_date"] < rows["end_day"])]
    rows = rows.merge(known[["deal_id", "stage_category", "closed_at"]], on="deal_id")
    # What was over already, though nobody had entered it, was not due.
    rows = rows[~(rows["closed_at"] < rows["at"])]
    is_over = rows["closed_at"] < rows["end_at"]
    worth = pd.Series(cents(rows["amount"], rows["currency"], rates), rows.index).fillna(0.0)
    rows = rows.assign(
        n_due=1,
        n_won=(is_over & (rows["stage_category"] == "won")).astype(int),
        n_lost=(is_over & (rows["stage_category"] == "lost")).astype(int),
        n_slipped=(~is_over).astype(int),
        amount_due=worth,
        amount_slipped=worth.where(~is_over, 0.0),
    )
    rows = rows.merge(_pushes(rows, changes, as_of), on=["period", "deal_id"], how="left")
    rows = rows.fillna({"n_pushes": 0, "n_pushed_out": 0, "pushed_days": 0})
    return rows[["period", "deal_id", "owner", "team", "stage", *_SUMS]]


def slips(due: pd.DataFrame, users: pd.DataFrame, above: Mapping[str, tuple[str, ...]]) -> pd.DataFrame:
    """Return slip and push rates by quarter and in all, at every level of people and by stage.

    Returns
    -------
    DataFrame, one row per quarter (or ``ALL``) and group that had deals due
        The sums of ``due_deals``, money in units; ``slip_rate`` and ``push_rate`` (pushed out) as shares of the deals
        due, each with its bounds and pooled with the other groups of its level (``reports/rates.py``);
        ``days_per_push``, NaN where there was none; ``name`` and ``team``.
    """
    rows = in_groups(due, above, LEVELS)
    rows = pd.concat([rows, rows.assign(period=ALL)])
    sums = rows.groupby(["period", "level", "id"], sort=False)[list(_SUMS)].sum().reset_index()
    sums = sums.astype(dict.fromkeys(_COUNTS, "int64"))
    sums = with_rate(sums, "slip", "n_slipped", "n_due", ["period", "level"])
    sums = with_rate(sums, "push", "n_pushed_out", "n_due", ["period", "level"])
    money = {name: sums[name] / 100 for name in ("amount_due", "amount_slipped")}
    days = sums["pushed_days"] / sums["n_pushes"].where(sums["n_pushes"] > 0)
    return named(sums.assign(**money, days_per_push=days), users)


def _spans(periods: Sequence[Period], dtype: object) -> pd.DataFrame:
    """Each quarter with its start, as instant and as day, and its end."""
    bounds = {"at": [instant(one.start) for one in periods], "end_at": [instant(one.end) for one in periods]}
    return pd.DataFrame({
        "period": [one.name for one in periods],
        "first_day": [str(one.start) for one in periods],
        "end_day": [str(one.end) for one in periods],
        **{name: pd.Series(instants).astype(dtype) for name, instants in bounds.items()},
    })  # fmt: skip


def _pushes(due: pd.DataFrame, changes: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """How often, and by how many days, the close date of each deal due was moved later within the quarter."""
    dates = in_effect(changes, CLOSE_DATE, as_of)
    day = pd.to_datetime(dates["value"], format="%Y-%m-%d")
    dates["pushed_days"] = (day - day.groupby(dates["deal_id"]).shift()) / _DAY
    moved = dates.loc[dates["pushed_days"] > 0, ["deal_id", "value", "from_at", "pushed_days"]]
    pairs = due[["period", "deal_id", "at", "end_at", "end_day"]].merge(moved, on="deal_id")
    pairs = pairs[(pairs["from_at"] >= pairs["at"]) & (pairs["from_at"] < pairs["end_at"])]
    pairs["n_pushed_out"] = (pairs["value"] >= pairs["end_day"]).astype(int)
    by_deal = pairs.groupby(["period", "deal_id"])
    sums = by_deal["pushed_days"].agg(["count", "sum"]).set_axis(["n_pushes", "pushed_days"], axis=1)
    return sums.join(by_deal["n_pushed_out"].max()).reset_index()
