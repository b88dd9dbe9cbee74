"""Similar deals: the closed deals that once stood where an open one stands now, and how they ended.

Alike is what counts alike for winning: the distance between two deals is that between what their signals add to the
log-odds of being won (Shapley values), so a signal that decides nothing separates nobody. A closed deal is
looked at as it stood each week, in the same stage, and appears once, as it was when it was most alike.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors

from features.facts import BoolColumn, IntColumn
from features.grid import training_grid
from features.histories import Histories, instant
from features.norms import Norms
from features.pipeline import snapshot_table
from features.snapshots import Snapshots
from models.probability import ProbabilityModel
from models.scorer import Scorer

MOST_DEALS = 2_000
"""Closed deals that are looked at; more make the list hardly more alike, and the index slow to build."""
WEEK, DAY = 7, 1


@dataclass(frozen=True)
class Similar:
    """A closed deal that was alike.

    Attributes
    ----------
    distance : in log-odds; 0 is the same in all that counts
    seen_at : the instant at which it was most alike
    days_to_close : from ``seen_at`` to its closing
    days_open : from its creation to its closing
    amount : in ``currency``, at its closing; None where it had none
    """

    deal_id: str
    name: str | None
    won: bool
    distance: float
    seen_at: datetime
    closed_at: datetime
    days_to_close: float
    days_open: float
    amount: float | None
    currency: str


class SimilarDeals:
    """An index of closed deals; made once for a model, then asked for one open deal at a time.

    Parameters
    ----------
    model : the win probability, whose contributions are the measure
    closed : rows of ``crm/present.py``, one per closed deal, by deal_id
    table : rows of ``Scorer.read`` of those deals, from the time when they were open
    """

    def __init__(self, model: ProbabilityModel, closed: pd.DataFrame, table: pd.DataFrame) -> None:
        self._model, self._closed = model, closed.set_index("deal_id")
        added = model.contributions(table)[1].astype(np.float32) if len(table) else np.empty((0, 0), np.float32)
        # A column that says the same of all says nothing; without any other there is no measure.
        self._columns = np.flatnonzero(np.ptp(added, axis=0)) if len(added) else np.empty(0, np.int64)
        known = not model.is_rate and len(self._columns) > 0
        self._moments = table[["deal_id", "as_of"]].reset_index(drop=True)
        self._rows = dict(table.reset_index(drop=True).groupby("stage", sort=True).indices) if known else {}
        self._nearest = {
            stage: NearestNeighbors(algorithm="brute").fit(added[np.ix_(rows, self._columns)])
            for stage, rows in self._rows.items()
        }

    def to(self, snapshot: pd.DataFrame, n: int = 5) -> list[Similar]:
        """The ``n`` closed deals most like the deal of ``snapshot`` (one row), nearest first.

        Never the deal itself, nor one that closed at or after the snapshot's ``as_of``. Fewer, or none, where fewer
        closed deals were in its stage, or where the model knows too little to tell what is alike.
        """
        stage, as_of = snapshot["stage"].iloc[0], snapshot["as_of"].iloc[0]
        if stage not in self._nearest:
            return []
        own = self._model.contributions(snapshot)[1][:, self._columns].astype(np.float32)
        everyone = len(self._rows[stage])
        distance, place = self._nearest[stage].kneighbors(own, n_neighbors=everyone)
        found = self._moments.iloc[self._rows[stage][place[0]]].assign(distance=distance[0].astype(np.float64))
        found = found[found["deal_id"] != snapshot["deal_id"].iloc[0]].drop_duplicates("deal_id")
        found = found[(self._closed["closed_at"].reindex(found["deal_id"]) < as_of).to_numpy()]
        return [self._similar(*row) for row in found.head(n).itertuples(index=False)]

    def _similar(self, deal_id: str, seen_at: pd.Timestamp, distance: float) -> Similar:
        deal = self._closed.loc[deal_id]
        day = pd.Timedelta(days=1)
        return Similar(
            deal_id=deal_id,
            name=None if pd.isna(deal["name"]) else deal["name"],
            won=deal["stage_category"] == "won",
            distance=distance,
            seen_at=seen_at.to_pydatetime(),
            closed_at=deal["closed_at"].to_pydatetime(),
            days_to_close=(deal["closed_at"] - seen_at) / day,
            days_open=(deal["closed_at"] - deal["created_at"]) / day,
            amount=None if pd.isna(deal["amount"]) else float(deal["amount"]),
            currency=deal["currency"],
        )


def sample_of_closed(present: pd.DataFrame, seed: int = 0, most: int = MOST_DEALS) -> pd.DataFrame:
    """The closed deals of ``present``, ordered by deal_id; where there are more than ``most``, so many, drawn."""
    closed = present[present["stage_category"].isin(["won", "lost"])]
    if len(closed) > most:
        closed = closed.sample(most, random_state=seed)
    return closed.sort_values("deal_id", ignore_index=True)


def similar_deals(
    scorer: Scorer, norms: Norms, closed: pd.DataFrame, tables: dict[str, pd.DataFrame], as_of: datetime
) -> SimilarDeals:
    """Make the index.

    Parameters
    ----------
    closed : what ``sample_of_closed`` gives, as known at ``as_of``
    tables : ``deals``, ``deal_changes`` and ``interactions`` of these deals; ``contacts`` and ``accounts`` of all
    """
    histories = Histories.from_tables(tables, norms.vocabulary)
    table = scorer.read(snapshot_table(_while_open(histories, norms, closed, instant(as_of))))
    return SimilarDeals(scorer.win, closed, table)


def _while_open(histories: Histories, norms: Norms, closed: pd.DataFrame, until: int) -> Snapshots:
    """The deals week by week while they were open; day by day where most do not see a week's end."""
    grid = training_grid(histories, norms, every_days=WEEK, until=until)
    if len(np.unique(grid.deal)) < len(closed) / 2:
        grid = training_grid(histories, norms, every_days=DAY, until=until)
    return grid.rows(_before_closing(histories, grid, closed))


def _before_closing(histories: Histories, grid: Snapshots, closed: pd.DataFrame) -> BoolColumn:
    """Whether each snapshot is from before its deal's last closing: one that was opened again had others."""
    closed_at = closed.set_index("deal_id")["closed_at"].astype("datetime64[us, UTC]").astype(np.int64)
    ends: IntColumn = closed_at.reindex(histories.deal_ids).fillna(0).to_numpy(np.int64)
    return grid.at < ends[grid.deal]
