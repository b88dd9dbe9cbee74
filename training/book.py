"""What a company knew of all its deals at any past instant: the book that forecasts are made from and judged by.

Money won is converted at the rate of the day on which it was won, money still open at the last rate known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from crm.fiscal import Period
from crm.forecast_categories import COMMIT, categories_of
from crm.tables import CATEGORY
from features.arrow import arrow
from features.facts import BoolColumn, IntColumn
from features.histories import instant
from features.snapshots import Snapshots
from features.tally import Moments
from features.vocabulary import LOST, OPEN, WON
from reports.forecast_deals import NO_TEAM
from reports.money_levels import WHOLE
from training.dataset import Dataset
from training.moments import midnight

Sums = dict[tuple[str, str], float]
"""Money by group: level and id."""
LEVEL = "team"
"""The level below the whole."""


@dataclass(frozen=True)
class Past:
    """A company's whole history, to be asked for what was known at an instant.

    Attributes
    ----------
    dataset : every weekly snapshot with its signals
    commits : changes of ``category``: ``deal``, ``known_at`` and ``is_commit``, as they took effect; None without any
    """

    dataset: Dataset
    commits: pd.DataFrame | None

    def book(self, as_of: datetime) -> pd.DataFrame:
        """Every deal created before ``as_of``, as known then.

        Returns
        -------
        DataFrame, one row per deal, indexed by its number
            ``created_at``, ``closed_at`` (NaT while open), ``is_open``, ``won``, ``cents`` (whole, NaN where no amount
            or no rate was known), ``close_day`` (days since 1970, NaN for none), ``team``, ``chance`` (the stage's
            default probability, NaN for none) and ``is_commit``.
        """
        whole, at = self.dataset.snapshots, instant(as_of)
        histories, vocabulary = whole.histories, whole.norms.vocabulary
        deal = np.flatnonzero(histories.created_at < at)
        now = Snapshots(histories, whole.norms, deal, np.full(len(deal), at))
        category = vocabulary.stages.category[now.stage]
        closed = (category == WON) | (category == LOST)
        closed_at = now.value(histories.stage, now.in_effect(histories.stage), "changed_at")
        valued_at = np.where(closed, np.minimum(np.nan_to_num(closed_at), at), at)
        rate = whole.norms.rate(now.static("currency"), Moments(valued_at.astype(np.int64)))
        amount = now.value(histories.amount, now.in_effect(histories.amount))
        teams = np.array([*vocabulary.names["team"], NO_TEAM], dtype=object)
        return pd.DataFrame(
            {
                "created_at": _instants(histories.created_at[deal]),
                "closed_at": _instants(np.nan_to_num(closed_at)).where(closed),
                "is_open": category == OPEN,
                "won": category == WON,
                "cents": np.round(amount * rate * 100),
                "close_day": now.value(histories.close_date, now.in_effect(histories.close_date)),
                "team": teams[vocabulary.groups_of_owner["team"][now.owner]],
                "chance": vocabulary.stages.default_probability[now.stage],
                "is_commit": self._committed(deal, at),
            },
            index=pd.Index(deal, name="deal"),
        )

    def _committed(self, deal: IntColumn, at: int) -> BoolColumn:
        flags = np.zeros(len(self.dataset.snapshots.histories), bool)
        if self.commits is not None:
            known = self.commits[self.commits["known_at"] < at]
            flags[known["deal"].to_numpy()] = known["is_commit"].to_numpy()  # of several the last in effect stays
        return flags[deal]


def past_of(dataset: Dataset, tables: Mapping[str, Any]) -> Past:
    """A company's history, with what its reps committed to where table ``deal_changes`` tells of it."""
    changes = arrow(tables, "deal_changes").select(["deal_id", "field", "changed_at", "seq", "new_value", "known_at"])
    says = changes.to_pandas()
    says = says[says["field"] == CATEGORY].sort_values(["changed_at", "seq"], kind="stable")
    place = pd.Index(dataset.snapshots.histories.deal_ids).get_indexer(says["deal_id"])
    commits = pd.DataFrame({
        "deal": place,
        "known_at": _microseconds(says["known_at"]),
        "is_commit": (categories_of(says["new_value"]) == COMMIT).to_numpy(bool),
    })  # fmt: skip
    commits = commits[commits["deal"] >= 0]
    return Past(dataset, commits if commits["is_commit"].any() else None)


def won_in(book: pd.DataFrame, period: Period) -> pd.DataFrame:
    """The deals of ``book`` that were won in the period; without an amount they bring nothing."""
    start, end = midnight(period.start), midnight(period.end)
    rows = book[book["won"] & (book["closed_at"] >= start) & (book["closed_at"] < end)]
    return rows.assign(cents=rows["cents"].fillna(0.0))


def by_group(rows: pd.DataFrame, column: str) -> Sums:
    """Sums of a column, of the whole and of each team.

    >>> by_group(pd.DataFrame({"team": ["North", "South", "North"], "cents": [1.0, 2.0, 3.0]}), "cents")
    {('whole', ''): 6.0, ('team', 'North'): 4.0, ('team', 'South'): 2.0}
    """
    sums = rows.groupby(LEVEL)[column].sum()
    return {WHOLE: float(rows[column].sum())} | {(LEVEL, str(name)): float(one) for name, one in sums.items()}


def of_groups(sums: Sums, table: pd.DataFrame) -> list[float]:
    """The sum of each row's group, named by its ``level`` and ``id``; 0 where it has none."""
    return [sums.get(group, 0.0) for group in zip(table["level"], table["id"], strict=True)]


def _instants(microseconds: Any) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(np.asarray(microseconds).astype("datetime64[us]"), tz="UTC")


def _microseconds(instants: pd.Series) -> IntColumn:
    return instants.dt.tz_convert("UTC").astype("datetime64[us, UTC]").astype(np.int64).to_numpy()
