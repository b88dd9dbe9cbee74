"""By which signals the chance of a deal went up or down, in cents."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from reports.change_causes import PROBABILITY_DOWN, PROBABILITY_UP

TIME_TO_CLOSE, AMOUNT, OTHER = "time to close", "amount", "other"
CALLED = {"own": "signals of your own", OTHER: "other signals"}
"""What groups are called where their own name says too little."""
COLUMNS = ("deal_id", "group", "cents")
_IMPOSSIBLE = 1e-9
"""Of a deal that is less likely won than this no share can be told."""

Points = Mapping[str, Mapping[str, float]]
"""By deal_id, why its win probability moved: points of it by group of signals, which sum to the move."""


def by_signal(deals: pd.DataFrame, points: Points) -> pd.DataFrame:
    """Split the own cents of deals whose chance went up or down.

    A chance in the period is the win probability times the share of it that falls into the period. The change of the
    first is split by ``points``; that of the second is ``time to close``. What a smaller change of the amount brought
    is ``amount``; what no reason tells is ``other``.

    Returns
    -------
    DataFrame, one row per deal and group of signals; its cents sum to the deal's ``own_cents``
    """
    rows = deals[deals["own_cause"].isin([PROBABILITY_UP, PROBABILITY_DOWN])]
    found = [
        (deal["deal_id"], group, cents)
        for deal in rows.to_dict("records")
        for group, cents in _split(deal, points.get(deal["deal_id"])).items()
    ]
    return pd.DataFrame(found, columns=list(COLUMNS)).astype({"cents": "int64"})


def groups_of(found: pd.DataFrame) -> dict[str, list[tuple[str, int]]]:
    """Return by deal_id its groups of signals with their cents, the largest first; from rows of ``by_signal``."""
    rows = found.iloc[(-found["cents"].abs()).argsort(kind="stable")]
    groups: dict[str, list[tuple[str, int]]] = {}
    for deal_id, group, cents in zip(rows["deal_id"], rows["group"], rows["cents"].tolist(), strict=True):
        groups.setdefault(deal_id, []).append((group, cents))
    return groups


def _split(deal: dict, points: Mapping[str, float] | None) -> dict[str, int]:
    chance = deal["chance_told_from"], deal["chance_to"]
    won = deal["win_probability_from"], deal["win_probability_to"]
    worth = (deal["amount_learned_from"] + deal["amount_cents_to"]) / 2
    parts: dict[str, float] = {}
    if points is not None and np.isfinite(won).all() and min(won) > _IMPOSSIBLE:
        share = chance[0] / won[0], chance[1] / won[1]
        parts = {group: one * (share[0] + share[1]) / 2 * worth for group, one in sorted(points.items())}
        parts[TIME_TO_CLOSE] = (share[1] - share[0]) * (won[0] + won[1]) / 2 * worth
    parts[OTHER] = parts.get(OTHER, 0.0) + (chance[1] - chance[0]) * worth - sum(parts.values())
    parts[AMOUNT] = deal["own_cents"] - sum(parts.values())
    return _whole(parts, int(deal["own_cents"]))


def _whole(parts: dict[str, float], total: int) -> dict[str, int]:
    """Whole cents that sum to the total: the largest part takes what rounding leaves; parts of nothing are left out."""
    whole = {group: round(part) for group, part in parts.items()}
    largest = max(whole, key=lambda group: abs(whole[group]))
    whole[largest] += total - sum(whole.values())
    return {group: cents for group, cents in whole.items() if cents}
