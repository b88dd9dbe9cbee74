"""What goes into the ledger of forecasts: this and the next fiscal quarter, at every level, as seen at one instant."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from crm.digests import digest
from crm.fiscal import this_and_next_quarter
from crm.money import known_rates, rates_day
from crm.present import present
from crm.tables import TABLES
from reports.forecast import forecast_rows
from reports.forecast_basis import Basis, basis_of
from reports.forecast_deals import SINGLE_LEVELS
from reports.forecast_learned import learn
from reports.measured_widths import MeasuredWidths
from reports.money_levels import Group
from reports.reps_commit import committed_cents

N_LARGEST = 3
"""How many of a group's open deals are named, those that the forecast rests on most."""
COLUMNS = tuple(name for name in TABLES["forecasts"].names if name != "issued_at")
_COUNTS = ("n_won", "n_imputed", "n_without_rate", "n_without_score", "n_without_quota")


def ledger_forecasts(
    tables: Mapping[str, pd.DataFrame],
    scores: pd.DataFrame,
    reporting_currency: str,
    widths: MeasuredWidths | None = None,
) -> pd.DataFrame:
    """Forecast from what was known before the scores' ``as_of``; no row without scores.

    Quotas, users, accounts, stages and line items have no history in the contract: they are taken as they are.

    Parameters
    ----------
    tables
        Every table of the contract but the ledgers, with all that is known by now.
    scores
        Rows of table ``scores``, all of one ``as_of``.
    widths
        By how much ranges are made wider; as they are computed where not given.

    Returns
    -------
    DataFrame in the columns of table ``forecasts``, but for when it is issued
        Money as decimals with two places, missing where there is none. ``committed`` is ``closed`` and the whole
        amounts of open deals with the category commit that are to close in the period; missing where no deal
        has a category. ``reasons`` counts what the figures rest on and names the ``largest`` open deals, each with
        what it adds to ``open_expected``.
    """
    if scores.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    as_of = scores["as_of"].iloc[0].to_pydatetime()
    known = present(tables, as_of)
    rates = known_rates(tables["fx_rates"], reporting_currency, rates_day(as_of))
    periods = this_and_next_quarter(as_of, tables["calendar"])
    basis = basis_of(known, scores, tables, rates, periods, learn(tables, as_of, rates, known=known, widths=widths))
    rows = _with_commits(forecast_rows(basis), basis)
    rows = rows.assign(
        as_of=scores["as_of"].iloc[0],
        model_version=scores["model_version"].iloc[0],
        reporting_currency=reporting_currency,
        inputs_digest=_inputs(basis),
        width_factor=_factors(rows, basis),
        reasons=_compositions(rows, basis),
    )
    money = [column.name for column in TABLES["forecasts"].columns if column.kind == "decimal"]
    return rows.assign(**{name: _decimals(rows[name]) for name in money})[list(COLUMNS)]


def _factors(rows: pd.DataFrame, basis: Basis) -> list[float]:
    """By how much each range was made wider; NaN where no backtest had measured any."""
    place = {period.name: k for k, period in enumerate(basis.periods)}
    asked = zip(rows["level"], rows["period"].map(place), strict=True)
    return [basis.width(level, k).factor if basis.widths else np.nan for level, k in asked]


def _with_commits(rows: pd.DataFrame, basis: Basis) -> pd.DataFrame:
    by_period = {period.name: committed_cents(basis, period) for period in basis.periods}
    if any(cents is None for cents in by_period.values()):
        return rows.assign(committed=np.nan)
    cents = pd.concat(by_period).reindex(pd.MultiIndex.from_frame(rows[["period", "level", "id"]])).fillna(0.0)
    return rows.assign(committed=(np.round(100 * rows["closed"]) + cents.to_numpy()) / 100)


def _compositions(rows: pd.DataFrame, basis: Basis) -> list[str]:
    """What each row rests on, as JSON."""
    largest = {period.name: _largest(basis, k) for k, period in enumerate(basis.periods)}
    return [_composition(row, largest[row["period"]]) for row in rows.to_dict("records")]


def _composition(row: Mapping[Any, Any], largest: Mapping[Group, list[list[str]]]) -> str:
    counts = {name: row[name] for name in _COUNTS if row[name]}
    return json.dumps(counts | {"largest": largest.get((row["level"], row["id"]), [])})


def _largest(basis: Basis, k: int) -> dict[Group, list[list[str]]]:
    """The open deals that add most to each group that holds a deal whole, with what they add."""
    cents = np.round(basis.chance[:, k] * basis.deals["cents"])
    deals = basis.deals[["deal_id", *SINGLE_LEVELS]].assign(cents=cents, whole="")
    deals = deals[cents > 0].sort_values(["cents", "deal_id"], ascending=[False, True])
    found: dict[Group, list[list[str]]] = {}
    for level in ("whole", *SINGLE_LEVELS):
        first = deals.groupby(level).head(N_LARGEST)
        for group, deal_id, part in zip(first[level], first["deal_id"], first["cents"], strict=True):
            found.setdefault((level, str(group)), []).append([deal_id, f"{part / 100:.2f}"])
    return found


def _inputs(basis: Basis) -> str:
    """A digest of all that the figures are computed from."""
    entered = ["cents", "entered_cents", "amount_spread", "imputed", "rated", "close_date", "default_probability"]
    tables = [
        basis.deals[["deal_id", *SINGLE_LEVELS, *entered]],
        pd.DataFrame(basis.chance),
        basis.won[["deal_id", *SINGLE_LEVELS, "closed_at", "cents"]],
        pd.DataFrame({"product": basis.by_product.groups["product"], "cents": basis.by_product.amount}),
        *(quotas.reset_index() for quotas in basis.quotas),
    ]
    above = {owner: basis.above.get(owner) for owner in basis.people["owner"]}
    to_come = (basis.new_cents, basis.money.new, basis.by_product.new)
    return digest(tables, repr((basis.periods, above, to_come, basis.shock, basis.widths)))


def _decimals(money: pd.Series) -> pd.Series:
    """Money to the cent as text, missing where there is none."""
    return (money + 0.0).map("{:.2f}".format).where(money.notna()).astype("str")
