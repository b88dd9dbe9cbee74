"""What came: money won between two instants by each group of every level, as it is known now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.money import Rate
from reports.forecast_deals import won_deals
from reports.group_sums import in_all_groups
from reports.managers import managers_above


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


def won_by_group(present: pd.DataFrame, tables: Mapping[str, pd.DataFrame], rates: Mapping[str, Rate]) -> WonByGroup:
    """Return what the won deals of ``present`` brought, by the groups that they count in as known there.

    Parameters
    ----------
    tables
        ``users``, ``line_items`` and ``fx_rates``.
    rates
        Deals in currencies without one, and deals without an amount, bring nothing, as in the forecast.
    """
    won = won_deals(present, rates, tables["fx_rates"])
    won = won.assign(cents=won["cents"].fillna(0.0)).sort_values("closed_at", kind="stable", ignore_index=True)
    parts = in_all_groups(won, managers_above(tables["users"]), tables["line_items"])
    parts = parts.sort_values("row", kind="stable", ignore_index=True)
    keys = pd.MultiIndex.from_frame(parts[["level", "id"]])
    group, groups = keys.factorize()
    return WonByGroup(
        groups, pd.DatetimeIndex(won["closed_at"])[parts["row"].to_numpy()], group, parts["cents"].to_numpy()
    )
