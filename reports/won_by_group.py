"""What came: money won between two instants by each group of every level, as it is known now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.money import Rate
from crm.user_history import NO_CHANGES
from reports.forecast_deals import won_deals
from reports.group_sums import in_all_groups
from reports.managers import managers_when


@dataclass(frozen=True)
class WonByGroup:
    """Won deals in the order of their closing, each once for every group that it counts in.

    Attributes
    ----------
    groups : level and id of each group
    closed_at : ascending, UTC
    group : place in ``groups``
    cents : what the deal brought the group
    """

    groups: pd.MultiIndex
    closed_at: pd.DatetimeIndex
    group: NDArray[np.int64]
    cents: NDArray[np.float64]

    def between(self, start: datetime, end: datetime) -> pd.Series:
        """Cents won from ``start`` to ``end`` (excluded) by every group, 0 where it won nothing."""
        first, last = self.closed_at.searchsorted(pd.DatetimeIndex([start, end]))
        part = slice(first, last)
        return pd.Series(np.bincount(self.group[part], self.cents[part], len(self.groups)), self.groups)


def won_by_group(
    present: pd.DataFrame, tables: Mapping[str, pd.DataFrame], rates: Mapping[str, Rate], as_of: datetime
) -> WonByGroup:
    """Return what the won deals of ``present`` brought, by the groups that they count in as known there.

    Parameters
    ----------
    tables
        ``users``, ``line_items`` and ``fx_rates``; ``user_changes`` where there are any.
    rates
        Deals in currencies without one, and deals without an amount, bring nothing, as in the forecast.
    as_of
        A deal counts for the managers whom a forecast of this instant counts it for: those its owner had when it was
        won, and where it was not won yet, those the owner had then.
    """
    won = won_deals(present, rates, tables["fx_rates"])
    won = won.assign(cents=won["cents"].fillna(0.0)).sort_values("closed_at", kind="stable", ignore_index=True)
    moves, at = tables.get("user_changes", NO_CHANGES), won["closed_at"].clip(upper=pd.Timestamp(as_of))
    chains = managers_when(tables["users"], moves, won["owner"], at, as_of)
    parts = pd.concat([in_all_groups(won, {}, tables["line_items"]), _of_managers(won, chains)], ignore_index=True)
    parts = parts.sort_values("row", kind="stable", ignore_index=True)
    keys = pd.MultiIndex.from_frame(parts[["level", "id"]])
    group, groups = keys.factorize()
    return WonByGroup(
        groups, pd.DatetimeIndex(won["closed_at"])[parts["row"].to_numpy()], group, parts["cents"].to_numpy()
    )


def _of_managers(won: pd.DataFrame, chains: Sequence[tuple[str, ...]]) -> pd.DataFrame:
    """Every deal once for each of its managers."""
    row = np.repeat(np.arange(len(won)), [len(chain) for chain in chains])
    managers = [name for chain in chains for name in chain]
    return pd.DataFrame({"row": row, "level": "manager", "id": managers, "cents": won["cents"].to_numpy()[row]})
