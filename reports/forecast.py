"""The forecast: what is won already, what open deals and deals to come may bring, with its range, beside the quotas."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from crm.fiscal import Period
from crm.money import Rate
from reports.forecast_basis import Basis, basis_of
from reports.forecast_deals import MEASURES, MONEY, SINGLE_LEVELS, contributions
from reports.forecast_learned import Learned
from reports.interval_calibration import Width
from reports.levels import named
from reports.money_levels import Group, sums_by_group
from reports.money_quantiles import MoneySum
from reports.product_lines import product_lines, split
from reports.ranges import NOTHING, QUANTILES, reach_probability, span

LEVELS = ("whole", "team", "owner", "manager", "pipeline", "region", "segment", "product")
COLUMNS = (
    *("period", "period_start", "period_end", "level", "id", "name", "team"),
    *("closed", "open_expected", "new_expected", "expected", *QUANTILES, "stage_weighted"),
    *("range_coverage", "range_like", "n_range_forecasts", "n_range_periods"),
    *("quota", "reach_probability", "attainment", "coverage"),
    *("n_open", "n_imputed", "n_without_rate", "n_without_score", "n_without_stage_probability"),
    *("n_won", "n_won_without_amount", "n_without_quota"),
)
_MONEY = ("closed", "open_expected", "new_expected", "expected", *QUANTILES, "stage_weighted", "quota")


def forecast(
    present: pd.DataFrame,
    scores: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    rates: Mapping[str, Rate],
    periods: Sequence[Period],
    learned: Learned | None = None,
) -> pd.DataFrame:
    """Forecast the money won in each period, as seen at the scores' ``as_of``.

    Parameters
    ----------
    present
        What was known of every deal at the scores' ``as_of``; see ``crm/present.py``.
    scores
        Rows of table ``scores``, all of one ``as_of``.
    tables
        Those that ``reports.forecast_basis.TABLES`` names; ``user_changes`` where there are any.
    rates
        The rate of each currency into the reporting currency; deals in others are counted in ``n_without_rate`` and
        add nothing. What is won counts at the rate of when it was won, from table ``fx_rates``, and in the team and
        below the managers that its owner had then.
    periods
        Each is forecast on its own; of one that has begun, what is won so far is ``closed``.
    learned
        What history says as of then. Without it amounts stay as they are, nothing is expected of deals to come,
        and deals go their ways independently of each other.

    Returns
    -------
    DataFrame, one row per period and group (``level`` and ``id``), levels in the order of ``LEVELS``
        Money in units of the reporting currency, exact to the cent: ``closed`` is won in the period before
        ``as_of``; ``open_expected`` the sum over open deals of P(won in the period) x expected final amount;
        ``new_expected`` what deals not created yet bring; ``expected`` the sum of the three. ``p10``, ``p50`` and
        ``p90`` are not exceeded with 10, 50 and 90 %. ``range_coverage`` is how often P10 to P90 held what came in a
        backtest, with as many weeks to go, of ``n_range_forecasts`` in ``n_range_periods``, at level ``range_like``;
        NaN where that was not measured. ``stage_weighted`` is ``closed`` plus the stage's default
        probability x amount of the deals whose close date lies in the period, NaN where a stage has none.
        ``quota`` is NaN where no owner has one; ``n_without_quota`` owners have none. ``reach_probability`` is
        P(total >= quota); ``attainment`` is ``closed`` / ``quota``; ``coverage`` the amounts of open deals
        that are to close in the period, over what is missing to the quota, NaN where nothing is missing.
        ``n_imputed`` open deals have no amount and got the usual one.
        Each level's money sums to the whole's, but for ``manager``: a deal counts at each manager above its owner.

    Raises
    ------
    NotEnoughDataError
        There are no scores.
    """
    return forecast_rows(basis_of(present, scores, tables, rates, periods, learned))


def forecast_rows(basis: Basis) -> pd.DataFrame:
    """Return the forecast from what it is made of; see ``forecast``."""
    every = sums_by_group(basis.money, basis.shock)
    products = sums_by_group(basis.by_product, basis.shock, with_whole=False)
    tables = [_rows(basis, k, {**every[k], **products[k]}) for k in range(len(basis.periods))]
    return pd.concat(tables, ignore_index=True)


def _rows(basis: Basis, k: int, found: Mapping[Group, MoneySum]) -> pd.DataFrame:
    """The rows of one period: sums in cents made into money, with the range of each and its quota."""
    period = basis.periods[k]
    sums = _by_group(contributions(basis.deals, basis.chance[:, k], basis.won, period), basis)
    new = pd.Series(basis.new_cents[k], dtype="float64").rename("new_expected").to_frame()
    new.index = pd.MultiIndex.from_tuples(basis.new_cents[k], names=sums.index.names) if len(new) else sums.index[:0]
    rows = sums.join(new, how="outer").join(basis.quotas[k], how="outer").reset_index()
    rows[["n_without_quota", "new_expected", *MEASURES]] = rows[["n_without_quota", "new_expected", *MEASURES]].fillna(
        0
    )
    rows["expected"] = rows["closed"] + rows["open_expected"] + rows["new_expected"]
    weighted = rows["closed"] + rows["open_stage_weighted"]
    rows["stage_weighted"] = weighted.where(rows["n_without_stage_probability"] == 0)
    money = [found.get(group, NOTHING) for group in zip(rows["level"], rows["id"], strict=True)]
    widths = [basis.width(level, k) for level in rows["level"]]
    factors = [one.factor for one in widths]
    ranges = [span(*asked) for asked in zip(money, rows["closed"], factors, strict=True)]
    rows[list(QUANTILES)] = np.round(ranges)
    rows = _beside_quotas(rows, money, factors).assign(**_measured(widths))
    rows[list(_MONEY)] /= 100
    people = pd.concat([basis.people.rename(columns={"owner": "user_id"}), basis.users]).drop_duplicates("user_id")
    rows = named(rows, people).assign(period=period.name, period_start=str(period.start), period_end=str(period.end))
    order = rows.assign(level=rows["level"].map(LEVELS.index)).sort_values(["level", "id"], kind="stable").index
    return rows.loc[order, list(COLUMNS)].astype({name: "int64" for name in COLUMNS if name.startswith("n_")})


def _by_group(deals: pd.DataFrame, basis: Basis) -> pd.DataFrame:
    """Sums of the deals' contributions in cents, indexed by level and id."""
    measures = list(MEASURES)
    levels = {"whole": deals.groupby(np.full(len(deals), "", object))[measures].sum()}
    levels |= {level: deals.groupby(level)[measures].sum() for level in SINGLE_LEVELS}
    if deals.empty:
        levels["whole"] = pd.DataFrame(0.0, index=[""], columns=measures)
    of_chain = deals.groupby("chain")[measures].sum()
    counted_in = [basis.chains[chain] for chain in of_chain.index]
    nested = of_chain.iloc[np.repeat(np.arange(len(of_chain)), [len(chain) for chain in counted_in])]
    levels["manager"] = nested.groupby(np.array([name for chain in counted_in for name in chain], object)).sum()
    levels["product"] = _of_products(deals, basis.line_items).groupby("product")[measures].sum()
    return pd.concat(levels, names=["level", "id"])


def _of_products(deals: pd.DataFrame, line_items: pd.DataFrame) -> pd.DataFrame:
    """Contributions by deal and product: money is split, and a deal counts in each of its products."""
    lines = product_lines(line_items, deals["deal_id"])
    parts = deals.iloc[lines["row"].to_numpy()][list(MEASURES)].reset_index(drop=True)
    money = {name: split(deals[name].to_numpy(np.float64), lines) for name in MONEY}
    return parts.assign(**money, product=lines["product"])


def _measured(widths: Sequence[Width]) -> dict[str, list[Any]]:
    """How often ranges so wide held, as columns."""
    found = [one.measured for one in widths]
    return {
        "range_coverage": [one.share if one else np.nan for one in found],
        "range_like": [one.level for one in widths],
        "n_range_forecasts": [one.n_forecasts if one else 0 for one in found],
        "n_range_periods": [one.n_periods if one else 0 for one in found],
    }


def _beside_quotas(rows: pd.DataFrame, money: Sequence[MoneySum], factors: Sequence[float]) -> pd.DataFrame:
    quota, left = rows["quota"], rows["quota"] - rows["closed"]
    return rows.assign(
        reach_probability=[
            reach_probability(*asked) for asked in zip(money, rows["closed"], quota, factors, strict=True)
        ],
        attainment=rows["closed"] / quota.where(quota > 0),
        coverage=rows["open_closing"] / left.where(left > 0),
    )
