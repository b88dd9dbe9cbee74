"""From the forecast before to the forecast after, by cause: for the whole, every team and every owner."""

from collections.abc import Mapping

import pandas as pd

from reports.change_causes import CAUSES, NEW_MODEL, OWNER_MOVED, RATES

LEVELS = {"whole": None, "team": "team", "owner": "owner_id"}
"""Levels, and the column that says to which group of it a deal belongs."""

NOBODY = {"team": "(no team)", "owner": "(no owner)"}
BEFORE, AFTER = "before", "after"
ORDER = (BEFORE, *CAUSES, AFTER)


def bridge(deals: pd.DataFrame, levels: Mapping[str, str | None]) -> pd.DataFrame:
    """Return, for every group of every level, what it had, by what it changed, and what it has.

    Returns
    -------
    DataFrame, one row per ``level``, ``id`` and ``cause`` that has a deal, in the order of ``ORDER``
        ``cents``, and ``n_deals``, how many have a part in it. ``before`` + all causes = ``after``, to the cent.
    """
    tables = [_of_level(deals, level, column) for level, column in levels.items()]
    return pd.concat(tables, ignore_index=True)


def _of_level(deals: pd.DataFrame, level: str, column: str | None) -> pd.DataFrame:
    was, now = _groups(deals, level, column)
    moved = was != now
    lines = [
        _lines(was, BEFORE, deals["before_cents"], deals["stage_category_from"].notna()),
        _lines(now, deals["own_cause"], deals["own_cents"], deals["own_cause"] != ""),
        _lines(now, RATES, deals["rates_cents"], deals["rates_cents"] != 0),
        _lines(now, NEW_MODEL, deals["model_cents"], deals["model_cents"] != 0),
        _lines(was, OWNER_MOVED, -deals["before_cents"], moved),
        _lines(now, OWNER_MOVED, deals["before_cents"], moved),
        _lines(now, AFTER, deals["after_cents"], deals["stage_category_to"].notna()),
    ]
    sums = (
        pd.concat(lines).groupby(["id", "cause"], as_index=False).agg(cents=("cents", "sum"), n_deals=("cents", "size"))
    )
    place = sums["cause"].map({cause: number for number, cause in enumerate(ORDER)})
    return sums.assign(level=level, place=place).sort_values(["id", "place"])[
        ["level", "id", "cause", "cents", "n_deals"]
    ]


def _groups(deals: pd.DataFrame, level: str, column: str | None) -> tuple[pd.Series, pd.Series]:
    """The group of each deal before and after; of one that was or is not there, the other's."""
    if column is None:
        whole = pd.Series("", deals.index)
        return whole, whole
    was_there, is_there = deals["stage_category_from"].notna(), deals["stage_category_to"].notna()
    was, now = deals[column + "_from"].fillna(NOBODY[level]), deals[column + "_to"].fillna(NOBODY[level])
    return was.where(was_there, now), now.where(is_there, was)


def _lines(group: pd.Series, cause: str | pd.Series, cents: pd.Series, chosen: pd.Series | None = None) -> pd.DataFrame:
    lines = pd.DataFrame({"id": group, "cause": cause, "cents": cents})
    return lines if chosen is None else lines[chosen]
