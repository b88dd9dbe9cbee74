"""Whether what was issued came true: scores of the ledger, once they are old enough to be held against it.

A score says how likely the deal is to be won within some days. When so many days have passed, it is known of every
deal whether it was: no deal is censored, so none needs to be weighted or left out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from crm.present import present
from features.facts import DAY, BoolColumn, FloatColumn
from models.scorer import Scorer
from training.dataset import Dataset

HORIZON_DAYS = 28


@dataclass(frozen=True)
class Matured:
    """How many deals of a window were to be won within ``HORIZON_DAYS``, as the scores sum up, and how many were.

    ``spread`` is the standard deviation that the luck of single deals gives the difference.
    """

    n_deals: int
    said: float
    came: float
    spread: float

    @property
    def z(self) -> float:
        """The difference in units of that luck; 0 where nothing was said."""
        return (self.came - self.said) / self.spread if self.spread > 0 else 0.0


def matured(said: FloatColumn, came: FloatColumn) -> Matured:
    """Sum up; one entry per deal.

    >>> matured(np.full(100, 0.5), np.ones(100)).z
    10.0
    """
    return Matured(len(said), float(said.sum()), float(came.sum()), float(np.sqrt((said * (1 - said)).sum())))


def matured_scores(scores: pd.DataFrame, tables: Mapping[str, pd.DataFrame], until: datetime, weeks: int) -> Matured:
    """Scores of the last ``weeks`` that have matured before ``until``, the first of each deal, and what came.

    Parameters
    ----------
    scores : rows of table ``scores``, of any scorer
    """
    last = pd.Timestamp(until) - pd.Timedelta(HORIZON_DAYS, "D")
    rows = scores[(scores["as_of"] <= last) & (scores["as_of"] > last - pd.Timedelta(7 * weeks, "D"))]
    rows = rows.sort_values("as_of").drop_duplicates("deal_id").reset_index(drop=True)
    now = present(tables, until).set_index("deal_id").reindex(rows["deal_id"])
    within = now["closed_at"].to_numpy() <= (rows["as_of"] + pd.Timedelta(HORIZON_DAYS, "D")).to_numpy()
    came = ((now["stage_category"] == "won").to_numpy() & within).astype(np.float64)
    said = rows["win_within"].map(_within_horizon).to_numpy(np.float64)
    return matured(said[~np.isnan(said)], came[~np.isnan(said)])


def usual_spread(scorer: Scorer, dataset: Dataset, past: tuple[BoolColumn, ...]) -> float:
    """How much wider outcomes spread in the windows of the training period than by the luck of single deals; 1 or more.

    Deals of one season share their luck: budgets, prices, a competitor.
    """
    seen = dataset.labels(dataset.until)
    deal, found = dataset.snapshots.deal, []
    came = (seen.won == 1) & (seen.days_to_close <= HORIZON_DAYS)
    old = dataset.at + HORIZON_DAYS * DAY <= dataset.until
    for rows in past:
        _, first = np.unique(np.where(rows & old, deal, -1), return_index=True)
        first = first[(rows & old)[first]]
        if len(first):
            said = scorer.predictions(dataset.table.iloc[first].reset_index(drop=True))[f"won_within_{HORIZON_DAYS}d"]
            found.append(matured(said.to_numpy(np.float64), came[first].astype(np.float64)).z)
    # Around their own mean: a scorer that is off by a constant in its own past has another fault.
    return max(float(np.std(found, ddof=1)), 1.0) if len(found) > 1 else 1.0


def _within_horizon(text: str) -> float:
    return float(dict(json.loads(text)).get(HORIZON_DAYS, np.nan))
