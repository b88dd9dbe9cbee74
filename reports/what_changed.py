"""What changed in a forecast between two instants: every deal by its main cause, to the cent, at every level.

A deal's part in a period's forecast is ``P(won in the period) x expected amount``, in whole cents of the reporting
currency; of a deal won in the period it is what it brought, of a lost or deleted one nothing. What changed of
it is taken apart in this order. First the old facts are said once more as they would be said now:

1. *exchange rates*: at the rates of now;
2. *usual growth*: with what is known now of how amounts change until deals are won;
3. *new model*: by the model of now, where it was asked.

What is left is the deal's own cause, whole, under one name. What happened to the deal comes first: created, deleted,
won, lost, reopened; then its close date pulled into the period or pushed out of it, where its part went the same way;
else the larger of the effects of its amount and of its chance names it. The main cause is what happened to the deal, or
else its largest part. A change of owner moves the old part from one group to another, on top; at the whole that is
nothing. What is expected of deals not created yet is a cause beside them. At each level before + causes = after.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm.errors import SchemaError
from crm.fiscal import Period
from reports.change_bridge import Above, NewCents, bridge, lines
from reports.change_causes import CENTS, UNCHANGED, causes
from reports.change_signals import Points, by_signal
from reports.forecast_deals import SINGLE_LEVELS

REQUIRED = ("deal_id", *SINGLE_LEVELS, "stage_category", "close_date", "amount_cents", "chance", "model_version")
OF_BEFORE = {"amount_at_rates": "amount_cents", "amount_learned": "amount_at_rates", "chance_told": "chance"}
"""Columns that only ``before`` may have, and what stands in for each where it has no value."""


@dataclass(frozen=True)
class WhatChanged:
    """All that changed in the forecast of one period between two instants.

    Attributes
    ----------
    deals : one row per deal that had a part at either instant or to which something happened, largest change first
        ``cause``, the main one (``unchanged`` where nothing changed); ``cents``, by how much its part changed;
        ``own_cause`` with ``own_cents``, and ``rates_cents``, ``growth_cents`` and ``model_cents``, whose sum that
        is; and what it was and is: ``before_cents`` and ``after_cents``, and each column of the tables with
        ``_from`` and ``_to``
    by_signal : one row per deal with own cause probability and group of signals: ``cents``, which sum to ``own_cents``
    lines : one row per ``level``, ``id``, deal and cause, with ``cents``: what the bridge sums, but for deals to come
    bridge : one row per level, id and cause: ``cents`` and ``n_deals``. The causes ``before`` and ``after`` are
        the sums at the two instants; the others add up to their difference
    """

    period: Period
    deals: pd.DataFrame
    by_signal: pd.DataFrame
    lines: pd.DataFrame
    bridge: pd.DataFrame


def what_changed(
    before: pd.DataFrame,
    after: pd.DataFrame,
    period: Period,
    *,
    points: Points | None = None,
    above: tuple[Above, Above] = ({}, {}),
    new: tuple[NewCents, NewCents] = ({}, {}),
) -> WhatChanged:
    """Take apart what changed in the forecast of one period.

    Parameters
    ----------
    before, after
        One row per deal, as known at each instant, with a column for each of ``SINGLE_LEVELS``. ``stage_category``
        is open, won or lost; ``chance`` is P(won in the period), 1 for a deal won in it and 0 for one won outside or
        lost; ``amount_cents`` is what it brings once won. ``before`` may say the same once more with what is
        known at the second instant: ``amount_at_rates``, ``amount_learned``, and ``chance_told``, by its model.
    points
        By deal_id, why the win probability moved: points of it by group of signals.
    above
        At each instant, the managers at whom an owner's deals count.
    new
        At each instant, by level and id, the cents that are expected of deals not created yet.

    Raises
    ------
    SchemaError
        A column is missing, a deal is there twice, or a figure without which its part cannot be told.

    Examples
    --------
    >>> deal = dict.fromkeys(SINGLE_LEVELS, "all") | {"stage_category": "open", "close_date": "2026-12-01"}
    >>> deal |= {"amount_cents": 10_000, "chance": 0.5, "model_version": "1"}
    >>> before = pd.DataFrame([deal | {"deal_id": "D1"}, deal | {"deal_id": "D2"}])
    >>> after = pd.DataFrame([deal | {"deal_id": "D1", "stage_category": "lost", "chance": 0.0},
    ...                       deal | {"deal_id": "D2", "amount_cents": 12_000}])
    >>> from datetime import date
    >>> changed = what_changed(before, after, Period("FY2026 Q4", date(2026, 10, 1), date(2027, 1, 1)))
    >>> changed.deals[["deal_id", "cause", "cents"]].to_numpy().tolist()
    [['D1', 'lost', -5000], ['D2', 'amount up', 1000]]
    """
    deals = causes(_paired(_said_again(_checked(before, "before")), _checked(after, "after")), period)
    told = deals[["before_cents", "after_cents", *CENTS.values()]].any(axis=1) | (deals["cause"] != UNCHANGED)
    deals = deals[told]
    order = np.lexsort((deals["deal_id"], -deals["cents"].abs()))
    deals = deals.iloc[order].reset_index(drop=True)
    found = lines(deals, *above)
    return WhatChanged(period, deals, by_signal(deals, points or {}), found, bridge(found, *new))


def _checked(rows: pd.DataFrame, which: str) -> pd.DataFrame:
    """The rows with their part in cents."""
    lacking = [name for name in REQUIRED if name not in rows]
    if lacking:
        raise SchemaError(f"The deals of {which} lack {', '.join(lacking)}.")
    twice = rows["deal_id"][rows["deal_id"].duplicated()]
    if len(twice):
        raise SchemaError(f"Deal {twice.iloc[0]} is there twice {which}; there must be one row per deal.")
    numbers = {name: rows[name].astype("float64") for name in ("chance", "amount_cents")}
    for name, values in numbers.items():
        wrong = rows["deal_id"][~np.isfinite(values)]
        if len(wrong):
            raise SchemaError(f"Deal {wrong.iloc[0]} has no {name} {which}, as have {len(wrong)} of {len(rows)} deals.")
    win = rows.get("win_probability", pd.Series(np.nan, rows.index)).astype("float64")
    rows = rows.assign(**numbers, win_probability=win)
    return rows.assign(cents=cents_of(rows["chance"], rows["amount_cents"]))


def cents_of(chance: pd.Series, amount_cents: pd.Series) -> pd.Series:
    """Return deals' parts in a forecast, in whole cents."""
    return np.rint(chance * amount_cents).astype("int64")


def _said_again(rows: pd.DataFrame) -> pd.DataFrame:
    """The deals of before with their parts as they would be said now, step by step."""
    asked = pd.Series(np.nan, rows.index)
    rows = rows.assign(told_again=rows.get("chance_told", asked).notna())
    for name, otherwise in OF_BEFORE.items():
        rows[name] = rows.get(name, asked).astype("float64").fillna(rows[otherwise])
    return rows.assign(
        cents_at_rates=cents_of(rows["chance"], rows["amount_at_rates"]),
        cents_learned=cents_of(rows["chance"], rows["amount_learned"]),
        cents_told=cents_of(rows["chance_told"], rows["amount_learned"]),
    )


def _paired(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """One row per deal of either table, with ``_from`` and ``_to`` columns; ``there`` says of which."""
    sides = [
        rows.rename(columns={name: name + end for name in rows if name != "deal_id"})
        for rows, end in ((before, "_from"), (after, "_to"))
    ]
    pair = sides[0].merge(sides[1], on="deal_id", how="outer", indicator="there")
    for name in ("cents_from", "cents_at_rates_from", "cents_learned_from", "cents_told_from", "cents_to"):
        pair[name] = pair[name].fillna(0).astype("int64")
    return pair.assign(told_again_from=pair["told_again_from"].eq(True))
