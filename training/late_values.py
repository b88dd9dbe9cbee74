"""Values that appear only once a deal closes: seen in a table of the present, or in a history."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from crm.tables import STAGE
from features.facts import BoolColumn, FloatColumn
from training.column_power import numbers, texts
from training.luck import share_bounds

OFTENER = 2
"""A column filled so many times as often on closed deals, beyond luck, is filled in after the creation.

Values that come in step by step as a deal goes on are late too, for a column that claims to be known at creation.
"""


def filled_once_closed(column: pd.Series, won: FloatColumn) -> str | None:
    """Why the column seems to get its values only when a deal closes; None where it does not, or too few are open.

    Either it is mostly missing while a deal is open, or it is a number or flag that is 0 on every open deal.

    Parameters
    ----------
    won : 1 won, 0 lost, NaN still open; aligned with ``column``

    >>> won = np.repeat([1.0, 0.0, np.nan], 40)
    >>> filled_once_closed(pd.Series([None] * 40 + ["price"] * 40 + [None] * 40), won)
    'is filled on 40 of 80 closed deals but on 0 of 40 open ones: its values come with the closing'
    """
    closed = ~np.isnan(won)
    values = numbers(column)
    has = texts(column) != "" if values is None else ~np.isnan(values)
    if _oftener(has, closed):
        return f"is filled {_counts(has, closed)}: its values come with the closing"
    if values is None:
        return None
    # Texts and other numbers may be the same on all open deals for honest reasons, such as this year's price list.
    has = has & (values != 0)
    if not has[~closed].any() and _oftener(has, closed):
        return f"is other than 0 {_counts(has, closed)}: it is counted up to the closing"
    return None


def late_first_values(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """How often a field of closed deals got its first value at the closing or after it.

    The closing is the first change to a won or lost stage that became known. An export made after a deal closed is
    the case in point: all that it says of the deal became known too late.

    Parameters
    ----------
    tables
        ``deals``, ``deal_changes`` and ``stages``.

    Returns
    -------
    DataFrame, one row per field other than the stage, which is its index
        ``n_values``, closed deals with a value; ``n_late``, those whose first was not known before the closing.
    """
    changes = tables["deal_changes"]
    first = changes[(changes["field"] != STAGE) & changes["new_value"].notna()]
    first = first.groupby(["field", "deal_id"])["known_at"].min().reset_index()
    first = first.merge(_closings(tables), on="deal_id")
    late = (first["known_at"] >= first["closing_known_at"]).groupby(first["field"])
    return late.agg(n_values="size", n_late="sum")


def without_history(n_values: int, n_late: int) -> str | None:
    """Why a field with so many first values, so many of them late, has no history to learn from; None where it has.

    >>> without_history(200, 180)
    'got its first value on 180 of 200 closed deals only when they had closed: it has no history before'
    >>> without_history(200, 10)
    """
    if share_bounds(n_late, n_values)[0] <= 0.5:
        return None
    return (
        f"got its first value on {n_late:,} of {n_values:,} closed deals only when they had closed: "
        "it has no history before"
    )


def _closings(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """When the closing of each closed deal became known."""
    stages, changes = tables["stages"], tables["deal_changes"]
    moves = changes[changes["field"] == STAGE].merge(tables["deals"][["deal_id", "pipeline_id"]], on="deal_id")
    moves = moves.merge(
        stages[["pipeline_id", "stage", "category"]],
        left_on=["pipeline_id", "new_value"],
        right_on=["pipeline_id", "stage"],
    ).sort_values(["changed_at", "seq"], kind="stable")
    moves = moves.assign(closing=moves["category"].isin(["won", "lost"]))
    still_closed = moves.groupby("deal_id")["closing"].transform("last")
    known = moves[moves["closing"] & still_closed].groupby("deal_id")["known_at"].min()
    return known.rename("closing_known_at").reset_index()


def _oftener(has: BoolColumn, closed: BoolColumn) -> bool:
    lowest, _ = share_bounds(int(has[closed].sum()), int(closed.sum()))
    _, highest = share_bounds(int(has[~closed].sum()), int((~closed).sum()))
    return lowest > OFTENER * highest


def _counts(has: BoolColumn, closed: BoolColumn) -> str:
    return (
        f"on {has[closed].sum():,} of {closed.sum():,} closed deals but on {has[~closed].sum():,} of "
        f"{(~closed).sum():,} open ones"
    )
