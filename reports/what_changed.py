"""What changed in a forecast between two instants: every deal by its main cause, to the cent, at every level.

A deal's part in a period's forecast is ``P(won in the period) x expected amount x rate``, in whole cents; of a deal won
in the period it is what it brought, of a lost or deleted one nothing. What changed of it is taken apart in this order:

1. *exchange rates*: the old chance and amount at the new rate;
2. *new model*: the new facts under the new model, less the same facts under the old one, where that is given;
3. the deal's own cause: the rest, whole, under one name. What happened to the deal comes first (created, deleted, won,
   lost, reopened, its close date pulled into the period or pushed out of it); else the larger of the effects of
   its amount and of its chance names it.

The main cause is what happened to the deal, or else its largest part. A change of owner moves the old part
from one group to another, on top; at the whole that is nothing. So at each level before + causes = after.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm.errors import SchemaError
from crm.fiscal import Period
from reports.change_bridge import LEVELS, bridge
from reports.change_causes import causes
from reports.change_signals import by_signal

REQUIRED = (
    *("deal_id", "owner_id", "team", "stage_category", "close_date", "currency", "expected_amount", "rate"),
    *("chance", "model_version"),
)
OPTIONAL = ("deleted", "same_model_chance", "win_probability", "reasons", "same_model_reasons")


@dataclass(frozen=True)
class WhatChanged:
    """All that changed between two instants.

    Attributes
    ----------
    deals : one row per deal that was there at either instant, the largest change first; one that was deleted and
        is back counts as created
        ``cause``, the main one (``unchanged`` where nothing changed); ``cents``, by how much its part changed;
        ``own_cause`` with ``own_cents``, ``rates_cents`` and ``model_cents``, whose sum that is; and what it
        was and is: ``before_cents`` and ``after_cents``, and each column of the tables with ``_from`` and ``_to``
    by_signal : one row per deal with own cause probability and group of signals: ``cents``, which sum to ``own_cents``
    bridge : one row per level (whole, team, owner), id and cause: ``cents`` and ``n_deals``. The causes
        ``before`` and ``after`` are the sums at the two instants; the others add up to their difference
    """

    deals: pd.DataFrame
    by_signal: pd.DataFrame
    bridge: pd.DataFrame


def what_changed(before: pd.DataFrame, after: pd.DataFrame, period: Period) -> WhatChanged:
    """Take apart what changed in the forecast of one period.

    Parameters
    ----------
    before, after
        One row per deal, as known at each instant. ``stage_category`` is open, won or lost; ``chance`` is P(won in the
        period), 1 for a deal won in it and 0 for one won outside or lost; ``expected_amount`` is in ``currency``,
        and ``rate`` is what one unit of it is worth. Optional: ``deleted``; in ``after``, ``same_model_chance``, the
        chance that the model of ``before`` gives to the new facts; ``win_probability`` and ``reasons``, by group of
        signals, in points of it (in ``after`` also ``same_model_reasons``).

    Raises
    ------
    SchemaError
        A column is missing, a deal is there twice, or a figure without which its part cannot be told.

    Examples
    --------
    >>> deal = {"owner_id": "U1", "team": "North", "stage_category": "open", "close_date": "2026-12-01"}
    >>> deal |= {"currency": "EUR", "expected_amount": 100.0, "rate": 1.0, "chance": 0.5, "model_version": "1"}
    >>> before = pd.DataFrame([deal | {"deal_id": "D1"}, deal | {"deal_id": "D2"}])
    >>> after = pd.DataFrame([deal | {"deal_id": "D1", "stage_category": "lost", "chance": 0.0},
    ...                       deal | {"deal_id": "D2", "expected_amount": 120.0}])
    >>> from datetime import date
    >>> changed = what_changed(before, after, Period("FY2026 Q4", date(2026, 10, 1), date(2027, 1, 1)))
    >>> changed.deals[["deal_id", "cause", "cents"]].to_numpy().tolist()
    [['D1', 'lost', -5000], ['D2', 'amount up', 1000]]
    """
    pair = _paired(_checked(before, "before"), _checked(after, "after"))
    deals = causes(pair, period)
    order = np.lexsort((deals["deal_id"], -deals["cents"].abs()))
    deals = deals.iloc[order].reset_index(drop=True)
    return WhatChanged(deals, by_signal(deals), bridge(deals, LEVELS))


def _checked(rows: pd.DataFrame, which: str) -> pd.DataFrame:
    """The rows that count, with all columns and their part in cents."""
    lacking = [name for name in REQUIRED if name not in rows]
    if lacking:
        raise SchemaError(f"The deals of {which} lack {', '.join(lacking)}.")
    twice = rows["deal_id"][rows["deal_id"].duplicated()]
    if len(twice):
        raise SchemaError(f"Deal {twice.iloc[0]} is there twice {which}; there must be one row per deal.")
    rows = rows.reindex(columns=[*REQUIRED, *OPTIONAL])
    rows = rows[~rows.pop("deleted").astype("boolean").fillna(False).to_numpy(bool)]
    for name in ("chance", "expected_amount", "rate"):
        wrong = rows["deal_id"][~np.isfinite(rows[name].astype(np.float64))]
        if len(wrong):
            raise SchemaError(f"Deal {wrong.iloc[0]} has no {name} {which}, as have {len(wrong)} of {len(rows)} deals.")
    return rows.assign(cents=cents_of(rows["chance"], rows["expected_amount"], rows["rate"]))


def cents_of(chance: pd.Series, amount: pd.Series, rate: pd.Series) -> pd.Series:
    """Return deals' parts in a forecast, in whole cents."""
    return np.rint(chance.astype(np.float64) * amount * rate * 100).astype("int64")


def _paired(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """One row per deal of either table, with ``_from`` and ``_to`` columns; ``there`` says of which."""
    pair = before.merge(after, on="deal_id", how="outer", suffixes=("_from", "_to"), indicator="there")
    for name in ("cents_from", "cents_to"):
        pair[name] = pair[name].fillna(0).astype("int64")
    return pair
