"""The cash that is to come in, month by month: from won deals, from open ones, and from deals not created yet.

Money is taken as paid on the day on which it is due (``crm/payment_terms.py``): nobody is expected to pay late, and
what was due before today is taken as paid. Of a won deal the days are known; an open deal is won on a day yet unknown,
so its receipts are its chances of being won on each day, followed by the terms of its line items.

A deal's cents of a month are the difference of two rounded sums, what is due before its end and before its start: so
months add up to the span that they cover, and deals to their groups, to the cent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.fiscal import Period
from crm.money import Rate, cents
from crm.payment_terms import due_days
from crm.working_days import Days, holidays
from reports.forecast_learned import Learned
from reports.money_levels import Group, NewPart, open_money, sums_by_group
from reports.money_quantiles import MoneySum
from reports.new_business import NewBusiness
from reports.new_deals import YEAR_DAYS
from reports.new_parts import cents_by_group
from reports.new_receipts import new_receipts
from reports.open_receipts import OpenReceipts, first_closings, open_receipts
from reports.payment_schedules import Schedules, Usual, schedules, usual_terms
from reports.ranges import NOTHING, QUANTILES, span
from reports.shocks import Shock

LEVELS = ("whole", "pipeline", "currency")
PARTS = ("received", "due", "open_expected", "new_expected")
MONEY = (*PARTS, "expected", *QUANTILES)
COLUMNS = ("period", "period_start", "period_end", "level", "id", *MONEY)


@dataclass(frozen=True)
class Receipts:
    """Expected receipts, and what they rest on.

    Attributes
    ----------
    months : one after the other
    rows : one row per month and group (``level`` and ``id``); money in units of the reporting currency
        ``received`` was due in the month before today; ``due`` is to come from deals that are won, ``open_expected``
        from open ones, ``new_expected`` from deals not created yet; ``expected`` is the sum of the four, and
        ``QUANTILES`` are its. Each level sums to the whole; ``currency`` is that of the deals.
    usual : the terms of whatever has none that are understood
    n_deals, n_by_usual : open deals, and how many are paid by the usual terms, in whole or in part
    n_imputed, n_without_rate, n_without_score : open deals without an amount (the usual one is taken), a rate, a score
    n_won_without_amount : won deals that bring nothing here, for want of an amount or a rate
    """

    months: Sequence[Period]
    rows: pd.DataFrame
    usual: Usual
    n_deals: int
    n_by_usual: int
    n_imputed: int
    n_without_rate: int
    n_without_score: int
    n_won_without_amount: int


def receipts(
    deals: pd.DataFrame,
    won: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    rates: Mapping[str, Rate],
    as_of: datetime,
    months: Sequence[Period],
    learned: Learned | None = None,
) -> Receipts:
    """Return the receipts of each month, as seen at ``as_of``.

    Parameters
    ----------
    deals, won
        Open and won deals, see ``reports/forecast_deals.py``.
    tables
        ``line_items`` and ``calendar``.
    rates
        All money counts at these, of won deals too: what is still to be paid is worth what its currency is worth now.
    months
        One after the other; the first holds ``as_of``.
    learned
        What history says of deals to come and of the common shock; without it neither is taken into account.
    """
    off, today = holidays(tables["calendar"]), np.datetime64(as_of.date())
    bounds = np.array([months[0].start, *(month.end for month in months)], "datetime64[D]")
    ahead = np.append(today, bounds[1:])
    usual = usual_terms(tables["line_items"])
    won_cents = cents(won["amount"], won["currency"], rates)
    owed = schedules(won["deal_id"], tables["line_items"], usual)
    of_won = _of_won(np.nan_to_num(won_cents), won["closed_at"], owed, np.insert(bounds, 1, today), off)
    paid = schedules(deals["deal_id"], tables["line_items"], usual)
    of_open = open_receipts(deals["win_within"], paid, first_closings(paid.dues, ahead, off), as_of)
    new = (
        [None] * len(months)
        if learned is None
        else new_receipts(learned.creation, won_cents, owed, first_closings(owed.dues, ahead, off), as_of)
    )
    parts = {} if learned is None else {"pipeline": learned.parts["pipeline"], "currency": _currencies(won, as_of)}
    open_cents = np.diff(np.round(deals["cents"].to_numpy()[:, None] * of_open.before), axis=1)
    sums = [
        _sums(
            {
                "received": (won, of_won[:, 0] * (k == 0)),
                "due": (won, of_won[:, k + 1]),
                "open_expected": (deals, open_cents[:, k]),
            },
            new[k],
            parts,
        )
        for k in range(len(months))
    ]
    shock = learned.shock.shock if learned else Shock()
    rows = [_rows(months[k], sums[k], _ranges(deals, of_open, k, new[k], parts, shock)) for k in range(len(months))]
    return Receipts(
        months,
        pd.concat(rows, ignore_index=True),
        usual,
        len(deals),
        int(paid.by_usual.sum()),
        int(deals["imputed"].sum()),
        int((~deals["rated"]).sum()),
        int(deals["win_within"].isna().sum()),
        int(np.isnan(won_cents).sum()),
    )


def _of_won(
    worth: NDArray[np.float64], closed_at: pd.Series, owed: Schedules, bounds: Days, off: Days
) -> NDArray[np.float64]:
    """Whole cents of each won deal that are due between each two bounds."""
    closed = closed_at.dt.tz_convert(None).to_numpy("datetime64[D]")
    before = np.zeros((len(worth), len(bounds)))
    for due, share in zip(owed.dues, owed.share.T, strict=True):
        before += share[:, None] * (due_days(due, closed, off)[:, None] < bounds)
    return np.diff(np.round(worth[:, None] * before), axis=1)


def _currencies(won: pd.DataFrame, as_of: datetime) -> dict[str, float]:
    """The part of new receipts in each currency: as among the deals won in the last year, or else ever."""
    recent = won[won["closed_at"] >= as_of - pd.Timedelta(days=YEAR_DAYS)]
    shares = (won if recent.empty else recent)["currency"].value_counts(normalize=True)
    return {str(name): float(share) for name, share in shares.items()}


def _sums(
    parts: Mapping[str, tuple[pd.DataFrame, NDArray[np.float64]]],
    new: NewBusiness | None,
    shares: Mapping[str, Mapping[str, float]],
) -> pd.DataFrame:
    """Cents of one month by group, indexed by level and id; a column for each of ``PARTS``."""
    found: dict[str, dict[Group, float]] = {}
    for name, (deals, each) in parts.items():
        found[name] = {("whole", ""): float(each.sum())}
        for level in LEVELS[1:]:
            of_level = pd.Series(each).groupby(deals[level].to_numpy(object)).sum()
            found[name] |= {(level, str(one)): float(value) for one, value in of_level.items()}
    total = 0 if new is None else round(new.mean)
    found["new_expected"] = {("whole", ""): total}
    for level, of_level in shares.items():
        found["new_expected"] |= {(level, one): value for one, value in cents_by_group(total, of_level).items()}
    return pd.DataFrame(found, columns=list(PARTS)).fillna(0.0)


def _ranges(
    deals: pd.DataFrame,
    expected: OpenReceipts,
    month: int,
    new: NewBusiness | None,
    shares: Mapping[str, Mapping[str, float]],
    shock: Shock,
) -> dict[Group, MoneySum]:
    """The distribution of what open deals and deals to come bring in one month, by group."""
    of_deal = 1 + np.square(deals["amount_spread"].to_numpy(np.float64))
    of_day = 1 + np.square(expected.spread[:, month])
    rows = deals.assign(
        cents=deals["cents"].to_numpy() * expected.share[:, month], amount_spread=np.sqrt(of_deal * of_day - 1)
    )
    parts = [NewPart({}, [new])] + [
        NewPart({level: name}, [new and replace(new, n_won=new.n_won * share)], in_whole=False)
        for level, of_level in shares.items()
        for name, share in of_level.items()
    ]
    return sums_by_group(open_money(rows, expected.chance[:, [month]], LEVELS[1:], parts), shock)[0]


def _rows(month: Period, sums: pd.DataFrame, ranges: Mapping[Group, MoneySum]) -> pd.DataFrame:
    rows = sums.rename_axis(["level", "id"]).reset_index()
    rows["expected"] = rows[list(PARTS)].sum(axis=1)
    known = rows["received"] + rows["due"]
    groups = zip(rows["level"], rows["id"], known, strict=True)
    rows[list(QUANTILES)] = np.round([span(ranges.get((level, name), NOTHING), sure) for level, name, sure in groups])
    rows[list(MONEY)] /= 100
    rows = rows.assign(period=month.name, period_start=str(month.start), period_end=str(month.end))
    order = rows.assign(level=rows["level"].map(LEVELS.index)).sort_values(["level", "id"], kind="stable").index
    return rows.loc[order, list(COLUMNS)]
