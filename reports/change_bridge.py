"""From the forecast before to the forecast after, by cause: for the whole, and every group of every level."""

from collections.abc import Mapping, Sequence

import pandas as pd

from reports.change_causes import CAUSES, CENTS, NEW_BUSINESS, OWNER_MOVED
from reports.forecast_deals import SINGLE_LEVELS

LEVELS = ("whole", "team", "owner", "manager", *(level for level in SINGLE_LEVELS if level not in ("team", "owner")))
BEFORE, AFTER = "before", "after"
ORDER = (BEFORE, *CAUSES, AFTER)

Above = Mapping[str, Sequence[str]]
"""The managers at whom each owner's deals count."""

NewCents = Mapping[tuple[str, str], int]
"""By level and id, what is expected of deals not created yet."""


def lines(deals: pd.DataFrame, above_before: Above, above_after: Above) -> pd.DataFrame:
    """Return each deal's parts, by cause, in every group in which it counts before or after.

    Returns
    -------
    DataFrame, one row per ``level`` and ``id``, ``deal_id`` and ``cause``, with ``cents``
        For each deal and group ``before`` + all causes = ``after``; a deal that moved between groups leaves one with
        what it was, and comes into the other with that.
    """
    groups = _memberships(deals, above_before, above_after)
    rows = deals.iloc[groups["place"].to_numpy()].reset_index(drop=True)
    was, now = groups["was"], groups["now"]
    before, after = rows["before_cents"], rows["after_cents"]
    parts = [
        (BEFORE, before, was & (before != 0)),
        (rows["own_cause"], rows["own_cents"], now & (rows["own_cause"] != "")),
        *((cause, rows[name], now & (rows[name] != 0)) for cause, name in CENTS.items()),
        (OWNER_MOVED, before.where(now, -before), was != now),
        (AFTER, after, now & (after != 0)),
    ]
    told = groups[["level", "id"]].assign(deal_id=rows["deal_id"])
    every = [told.assign(cause=cause, cents=cents)[chosen] for cause, cents, chosen in parts]
    return pd.concat(every, ignore_index=True)


def bridge(found: pd.DataFrame, new_before: NewCents, new_after: NewCents) -> pd.DataFrame:
    """Return, for every group of every level, what it had, by what it changed, and what it has.

    Returns
    -------
    DataFrame, one row per ``level``, ``id`` and ``cause``, in the orders of ``LEVELS`` and ``ORDER``
        ``cents``, and ``n_deals``, how many have a part in it. ``before`` + all causes = ``after``, to the cent.
    """
    to_come = [
        (level, name, cause, cents)
        for level, name in dict.fromkeys([*new_before, *new_after])
        for was, now in [(new_before.get((level, name), 0), new_after.get((level, name), 0))]
        for cause, cents in ((BEFORE, was), (NEW_BUSINESS, now - was), (AFTER, now))
        if level in LEVELS and cents
    ]
    every = pd.concat(
        [
            found[["level", "id", "cause", "cents"]].assign(n_deals=1),
            pd.DataFrame(to_come, columns=["level", "id", "cause", "cents"]).assign(n_deals=0),
        ]
    )
    sums = every.groupby(["level", "id", "cause"], as_index=False).sum()
    place = sums["level"].map(LEVELS.index), sums["cause"].map(ORDER.index)
    order = sums.assign(level=place[0], cause=place[1]).sort_values(["level", "id", "cause"]).index
    return sums.loc[order].astype({"cents": "int64", "n_deals": "int64"}).reset_index(drop=True)


def by_group(found: pd.DataFrame, level: str) -> dict[str, dict[str, int]]:
    """Return the cents of each group of a level of a bridge, by id and cause.

    >>> rows = pd.DataFrame({"level": "team", "id": ["N", "N", "S"], "cause": ["won", "after", "after"]})
    >>> by_group(rows.assign(cents=[5, 7, 2]), "team")
    {'N': {'won': 5, 'after': 7}, 'S': {'after': 2}}
    """
    rows = found[found["level"] == level]
    groups: dict[str, dict[str, int]] = {}
    for name, cause, cents in zip(rows["id"], rows["cause"], rows["cents"].tolist(), strict=True):
        groups.setdefault(name, {})[cause] = cents
    return groups


def _memberships(deals: pd.DataFrame, above_before: Above, above_after: Above) -> pd.DataFrame:
    """One row per deal (its place) and group in which it counts, and whether it ``was`` there and is ``now``."""
    found: list[tuple[int, str, str, bool, bool]] = []
    for level in LEVELS:
        column = "owner" if level in ("whole", "manager") else level
        sides = (deals["there"].astype(str), deals[f"{column}_from"], deals[f"{column}_to"])
        for place, (there, name, new_name) in enumerate(zip(*sides, strict=True)):
            groups = _groups(level, name, above_before), _groups(level, new_name, above_after)
            # A deal that is there at one instant only moves nowhere.
            before, after = {"left_only": (groups[0],) * 2, "right_only": (groups[1],) * 2}.get(there, groups)
            found += [(place, level, one, one in before, one in after) for one in dict.fromkeys((*before, *after))]
    kinds = {"place": "int64", "level": "str", "id": "str", "was": "bool", "now": "bool"}
    return pd.DataFrame(found, columns=list(kinds)).astype(kinds)


def _groups(level: str, name: str, above: Above) -> Sequence[str]:
    if level == "manager":
        return above.get(name, ())
    return ("",) if level == "whole" else (name,)
