"""Which part of the business to come each owner, team, region or product takes: learned from the last year's deals."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pandas as pd

from reports.forecast_deals import NO_TEAM, SINGLE_LEVELS
from reports.new_deals import PRIOR_WON, YEAR_DAYS
from reports.product_lines import product_lines

LEVELS = tuple(level for level in SINGLE_LEVELS if level != "team")


def parts_by_level(
    deals: pd.DataFrame, users: pd.DataFrame, line_items: pd.DataFrame, as_of: datetime
) -> dict[str, dict[str, float]]:
    """Return, by level, the part of new business that each group takes; teams and managers take their owners' parts.

    By its part of the deals won among those created in the year before ``as_of`` (in all of time, where there
    were none), drawn to its part of the created ones where few were won. What owners brought who have left is
    shared out among those of their team who have not.

    Parameters
    ----------
    deals
        Grouped (``reports/forecast_deals.py``), with ``created_at`` and the flag ``won``.
    """
    recent = deals[deals["created_at"] >= as_of - pd.Timedelta(days=YEAR_DAYS)]
    recent = (deals if recent.empty else recent).reset_index(drop=True)
    if recent.empty:
        return {level: {} for level in (*LEVELS, "product")}
    weight = _weights(recent["won"])
    parts = {level: _parts(recent[level], weight) for level in LEVELS}
    parts["owner"] = _without_those_who_left(parts["owner"], users)
    lines = product_lines(line_items, recent["deal_id"])
    of_deal = weight.to_numpy()[lines["row"]] * lines["share"].to_numpy()
    return parts | {"product": _parts(lines["product"], pd.Series(of_deal, lines.index))}


def cents_by_group(total: int, parts: Mapping[str, float]) -> dict[str, int]:
    """Share out whole cents; what rounding leaves over goes to the largest part, so that they sum to ``total``.

    >>> cents_by_group(100, {"A": 1 / 3, "B": 2 / 3})
    {'A': 33, 'B': 67}
    """
    found = {group: round(total * part) for group, part in parts.items()}
    if found:
        largest = max(parts, key=lambda group: parts[group])
        found[largest] += total - sum(found.values())
    return found


def _weights(won: pd.Series) -> pd.Series:
    """What each deal adds to its groups' parts; they sum to 1."""
    n_won = won.sum()
    return (won.astype(float) + PRIOR_WON / len(won)) / (n_won + PRIOR_WON)


def _parts(group: pd.Series, weight: pd.Series) -> dict[str, float]:
    return {str(name): float(part) for name, part in weight.groupby(group.to_numpy()).sum().items()}


def _without_those_who_left(parts: dict[str, float], users: pd.DataFrame) -> dict[str, float]:
    of_owner = users.set_index("user_id").reindex(list(parts))
    part = pd.Series(parts)
    team = of_owner["team"].fillna(NO_TEAM)
    stays = ~of_owner["active"].eq(False).to_numpy(bool)
    kept = part.where(stays, 0.0)
    of_team, kept_of_team = part.groupby(team).transform("sum"), kept.groupby(team).transform("sum")
    shared = np.where(kept_of_team > 0, kept * of_team / kept_of_team.where(kept_of_team > 0, 1.0), part)
    return {owner: float(share) for owner, share in zip(parts, shared, strict=True) if share > 0}
