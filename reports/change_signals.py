"""By which signals the chance of a deal went up or down, in cents."""

from typing import Any

import numpy as np
import pandas as pd

from reports.change_causes import PROBABILITY_DOWN, PROBABILITY_UP

TIME_TO_CLOSE, AMOUNT, OTHER = "time to close", "amount", "other"
COLUMNS = ("deal_id", "group", "cents")


def by_signal(deals: pd.DataFrame) -> pd.DataFrame:
    """Split the own cents of deals whose chance went up or down.

    A chance in the period is the win probability times the share of it that falls into the period. The change of the
    first is split by the reasons' points; that of the second is ``time to close``. What a smaller change of
    the amount brought is ``amount``; what no reason tells is ``other``.

    Returns
    -------
    DataFrame, one row per deal and group of signals; its cents sum to the deal's ``own_cents``
    """
    rows = deals[deals["own_cause"].isin([PROBABILITY_UP, PROBABILITY_DOWN])]
    found = [
        (deal["deal_id"], group, cents) for deal in rows.to_dict("records") for group, cents in _split(deal).items()
    ]
    return pd.DataFrame(found, columns=list(COLUMNS)).astype({"cents": "int64"})


def _split(deal: dict) -> dict[str, int]:
    chance = deal["chance_from"], _first(deal["same_model_chance_to"], deal["chance_to"])
    amount = deal["expected_amount_from"], deal["expected_amount_to"]
    worth = (amount[0] + amount[1]) / 2 * deal["rate_to"] * 100
    parts: dict[str, float] = {}
    reasons = deal["reasons_from"], _first(deal["same_model_reasons_to"], deal["reasons_to"])
    won = deal["win_probability_from"], deal["win_probability_to"]
    if all(isinstance(one, dict) for one in reasons) and np.isfinite(won[0]) and won[0] > 0:
        points = {
            group: reasons[1].get(group, 0.0) - reasons[0].get(group, 0.0) for group in {**reasons[0], **reasons[1]}
        }
        moved = sum(points.values())
        later = won[0] + moved
        share = chance[0] / won[0], chance[1] / later if later > 0 else chance[0] / won[0]
        parts = {group: one * (share[0] + share[1]) / 2 * worth for group, one in sorted(points.items())}
        parts[TIME_TO_CLOSE] = (share[1] - share[0]) * (won[0] + later) / 2 * worth
    parts[OTHER] = (chance[1] - chance[0]) * worth - sum(parts.values())
    parts[AMOUNT] = deal["own_cents"] - sum(parts.values())
    return _whole(parts, int(deal["own_cents"]))


def _first(value: Any, otherwise: Any) -> Any:
    missing = value is None or (isinstance(value, float) and np.isnan(value))
    return otherwise if missing else value


def _whole(parts: dict[str, float], total: int) -> dict[str, int]:
    """Whole cents that sum to the total: the largest part takes what rounding leaves; parts of nothing are left out."""
    whole = {group: round(part) for group, part in parts.items()}
    largest = max(whole, key=lambda group: abs(whole[group]))
    whole[largest] += total - sum(whole.values())
    return {group: cents for group, cents in whole.items() if cents}
