"""Units to deliver, by product and period: of deals that are won, of open ones, and of deals not created yet.

Counted from line items in whole thousandths of a unit, for quantities may be broken. A deal's units of a period are the
difference of two rounded sums, what is won by its end and by its start: so periods add up to the span that they
cover, and deals to their product, to the thousandth. Deals without line items add nothing, and are counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm.fiscal import Period
from reports.forecast_basis import Basis
from reports.forecast_deals import instant, won_in
from reports.forecast_learned import Learned
from reports.money_levels import Group, NewPart, open_money, sums_by_group
from reports.money_quantiles import MoneySum
from reports.new_business import NewBusiness
from reports.new_units import NewUnits
from reports.product_lines import product_lines
from reports.ranges import NOTHING, QUANTILES, span

SCALE = 1000
"""Thousandths are what units are counted in, as money is in cents."""
UNITS = ("won", "open_expected", "new_expected")
COLUMNS = (
    *("period", "period_start", "period_end", "product", *UNITS, "expected", *QUANTILES),
    *("n_open", "n_won"),
)


@dataclass(frozen=True)
class PlannedUnits:
    """Units by product, and what they leave out.

    Attributes
    ----------
    periods : one after the other
    rows : one row per period and product; none of a product of which nothing is expected
        In units, exact to the thousandth: ``won`` in the period so far, ``open_expected`` the sum over open deals of
        P(won in the period) x quantity, ``new_expected`` of deals not created yet, ``expected`` their sum, and
        its ``QUANTILES``. ``n_open`` open deals hold the product, and ``n_won`` of those won in the period so far.
    n_open, n_without_lines, n_without_score : open deals; how many have no line items; how many have no score
    n_won_without_lines : deals won in one of the periods so far, without line items
    """

    periods: Sequence[Period]
    rows: pd.DataFrame
    n_open: int
    n_without_lines: int
    n_without_score: int
    n_won_without_lines: int


def planned_units(basis: Basis, learned: Learned | None = None, new_units: NewUnits | None = None) -> PlannedUnits:
    """Return the units of each period of ``basis``, whose periods follow each other; the first holds the present.

    Parameters
    ----------
    learned
        The numbers of deals to come and the common shock; without it neither is taken into account.
    new_units
        What a won deal usually holds, see ``reports/new_units.py``; as for ``learned``.
    """
    lines = _lines(basis.deals, basis.line_items)
    won_by = np.column_stack([np.zeros(len(lines)), np.cumsum(basis.chance, axis=1)[lines["row"]]])
    expected = np.diff(np.round(lines["units"].to_numpy()[:, None] * won_by), axis=1)
    held = lines.assign(deal_id=basis.deals["deal_id"].to_numpy()[lines["row"]], cents=lines["units"])
    new = [_new(period, learned, new_units) for period in basis.periods]
    products = sorted({name for of_period in new for name in of_period})
    parts = [NewPart({"product": name}, [one.get(name) for one in new], in_whole=False) for name in products]
    money = open_money(held, basis.chance[lines["row"]], ["product"], parts)
    ranges = sums_by_group(money, basis.shock, with_whole=False)
    tables = [
        _rows(period, held.assign(open_expected=expected[:, k]), _lines(won_in(basis.won, period), basis.line_items),
              new[k], ranges[k])
        for k, period in enumerate(basis.periods)
    ]  # fmt: skip
    won = pd.concat([won_in(basis.won, period) for period in basis.periods])
    with_lines = basis.line_items["deal_id"]
    return PlannedUnits(
        basis.periods,
        pd.concat(tables, ignore_index=True),
        len(basis.deals),
        int((~basis.deals["deal_id"].isin(with_lines)).sum()),
        int(basis.deals["win_within"].isna().sum()),
        int((~won["deal_id"].isin(with_lines)).sum()),
    )


def _lines(deals: pd.DataFrame, line_items: pd.DataFrame) -> pd.DataFrame:
    """Line items of these deals: ``row`` of the deal, ``product``, and ``units`` in whole thousandths."""
    lines = product_lines(line_items, deals["deal_id"])
    lines = lines[lines["line"] >= 0].reset_index(drop=True)
    quantity = line_items["quantity"].to_numpy(np.float64)[lines["line"]]
    return lines.assign(units=np.round(SCALE * quantity))


def _new(period: Period, learned: Learned | None, new_units: NewUnits | None) -> dict[str, NewBusiness]:
    """Of deals to come, by product: how many that are won hold it, and how many units each then holds."""
    if learned is None or new_units is None:
        return {}
    n_won = learned.creation.expected(instant(period.start), instant(period.end)).n_won
    every = {name: NewBusiness(n_won * one.share, SCALE * one.units, one.spread) for name, one in new_units.items()}
    return {name: new for name, new in every.items() if round(new.mean) != 0}


def _rows(
    period: Period,
    held: pd.DataFrame,
    won: pd.DataFrame,
    new: dict[str, NewBusiness],
    ranges: dict[Group, MoneySum],
) -> pd.DataFrame:
    of_open, of_won = held.groupby("product"), won.groupby("product")
    found = pd.DataFrame({
        "won": of_won["units"].sum(),
        "open_expected": of_open["open_expected"].sum(),
        "new_expected": pd.Series({name: float(round(one.mean)) for name, one in new.items()}, dtype="float64"),
        "n_open": of_open.size(),
        "n_won": of_won.size(),
    })  # fmt: skip
    rows = found.fillna(0.0).rename_axis("product").reset_index().sort_values("product", ignore_index=True)
    rows["expected"] = rows[list(UNITS)].sum(axis=1)
    sure = zip(rows["product"], rows["won"], strict=True)
    spans: Sequence[list[float]] = [span(ranges.get(("product", name), NOTHING), won) for name, won in sure]
    rows[list(QUANTILES)] = np.round(np.array(spans, np.float64).reshape(len(rows), len(QUANTILES)))
    rows[[*UNITS, "expected", *QUANTILES]] /= SCALE
    rows = rows.assign(period=period.name, period_start=str(period.start), period_end=str(period.end))
    return rows[list(COLUMNS)].astype({"n_open": "int64", "n_won": "int64"})
