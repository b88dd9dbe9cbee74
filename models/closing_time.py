"""When a deal closes: week by week, how likely it is won or lost, given where it stands and what week it is.

Whether it is won is the win probability's business; here only the shape over time is learned, for deals that end won
and for those that end lost. Deals still open count for as long as they were seen, so slow ones are not forgotten.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from features.facts import FloatColumn
from models.arithmetic import (
    N_CLOSE_DATE_BINS,
    PACE_SIGNALS,
    bent,
    busyness,
    close_date_bins,
    closing_shares,
    paces,
    workload,
)
from models.closing_calendar import learn_calendar
from models.line import ROUNDING

KNOTS_DAYS = (1, 2, 3, 5, 7, 10, 14, 21, 28, 35, 42, 56, 70, 91, 119, 147, 182, 273, 364, 546, 728)
"""Days between which the chance to close is learned; the curves are kept at these, and at the ends of quarters."""
MOST_PAIRS = 120_000
"""Pairs of a snapshot and an interval it is fitted on at most, drawn by the seed."""
PENALTY = 1.0
"""Ridge penalty on the terms: stages seldom seen keep near the rest."""


class ClosingTime:
    """Discrete-time competing risks: a multinomial regression over pairs of a snapshot and an interval to come.

    Parameters
    ----------
    seed : which pairs are drawn where there are more than ``MOST_PAIRS``
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(
        self,
        snapshots: pd.DataFrame,
        won: FloatColumn,
        days_to_close: FloatColumn,
        days_seen: FloatColumn,
        quarter_ends: Sequence[date] = (),
    ) -> Self:
        """Learn from snapshots; of open deals ``won`` and ``days_to_close`` are NaN, of all ``days_seen`` is known.

        ``quarter_ends`` are the first days of fiscal quarters, from before the first snapshot to years ahead.
        """
        knots = np.array(KNOTS_DAYS, np.float64)
        as_of_day = snapshots["as_of_day"].to_numpy(np.float64)
        closed_by = np.where(np.isnan(won), np.inf, days_to_close)
        calendar = learn_calendar(snapshots["stage"], as_of_day, won, closed_by, days_seen, quarter_ends)
        row, interval = self._pairs(closed_by, days_seen, knots)
        happens = closed_by[row] <= knots[interval]
        outcome = np.where(happens, np.where(won[row] == 1, 1, 2), 0)
        self.card_: dict[str, Any] = {"knots_days": list(KNOTS_DAYS), "n_seen": int(happens.sum())}
        self.card_["calendar"] = calendar
        if len(np.unique(outcome)) < 3:  # not all three of won, lost and still open were seen
            self.card_["n_seen"] = 0
            return self
        stages, place = np.unique(snapshots["stage"].to_numpy(object)[row].astype(str), return_inverse=True)
        signals = bent(snapshots[list(PACE_SIGNALS)].to_numpy(np.float64))
        center = np.nansum(signals, axis=0) / np.maximum((~np.isnan(signals)).sum(axis=0), 1)
        scale = np.sqrt(np.nan_to_num((signals - center) ** 2).mean(axis=0))
        self.card_ |= {"center": center.tolist(), "scale": np.where(scale > ROUNDING, scale, 1).tolist()}
        k = len(knots)
        sizes = (k, len(stages) * k, N_CLOSE_DATE_BINS)
        bins = close_date_bins(snapshots["days_to_close_date"].to_numpy(np.float64)[row], knots)
        columns = [interval, k + place * k + interval, k + len(stages) * k + bins[np.arange(len(row)), interval]]
        edges = np.column_stack([np.append(0.0, knots[:-1]), knots])[interval]
        busy = busyness(workload(as_of_day[row], edges, calendar), edges)[:, :, 0].T
        pace = paces(snapshots[list(PACE_SIGNALS)].to_numpy(np.float64)[row], self.card_)
        terms = _design(columns, sum(sizes), np.hstack([busy, pace]))
        # At scikit-learn's own tolerance rare outcomes stay three times as likely as they are.
        fitted = LogisticRegression(C=1 / PENALTY, max_iter=1_000, tol=1e-5).fit(terms, outcome)
        against_open = (fitted.coef_[1:] - fitted.coef_[0]).T
        interval_terms, stage, close_date, of_busy, of_pace = np.split(against_open, np.cumsum([*sizes, 2]))
        self.card_ |= {
            "stages": stages.tolist(),
            "interval": (interval_terms + (fitted.intercept_[1:] - fitted.intercept_[0])).tolist(),
            "stage": stage.reshape(len(stages), k, 2).tolist(),
            "close_date": close_date.tolist(),
            "busy": of_busy.tolist(),
            "pace": of_pace.tolist(),
        }
        return self

    def predict(self, snapshots: pd.DataFrame) -> tuple[FloatColumn, FloatColumn, FloatColumn, FloatColumn]:
        """Knots, share closed by each if won, and if lost; mean days beyond the last. See ``closing_shares``."""
        return closing_shares(
            snapshots["stage"].tolist(),
            snapshots["days_to_close_date"].to_numpy(np.float64),
            snapshots["as_of_day"].to_numpy(np.float64),
            snapshots[list(PACE_SIGNALS)].to_numpy(np.float64),
            self.card_,
        )

    def _pairs(self, closed_by: FloatColumn, days_seen: FloatColumn, knots: FloatColumn) -> tuple[Any, Any]:
        """Pairs of a snapshot and an interval at whose start it was open and whose end the cut-off lets us see.

        A closing in an interval whose end is not seen is left out too: those still open there are, so it would have
        nobody to stand beside.
        """
        n = len(closed_by) * len(knots)
        rng = np.random.default_rng(self.seed)
        drawn = np.arange(n) if n <= 4 * MOST_PAIRS else rng.integers(0, n, 4 * MOST_PAIRS)
        row, interval = np.divmod(drawn, len(knots))
        start, end = np.append(0.0, knots)[interval], knots[interval]
        kept = np.flatnonzero((closed_by[row] > start) & (days_seen[row] >= end))
        if len(kept) > MOST_PAIRS:
            kept = np.sort(rng.choice(kept, MOST_PAIRS, replace=False))
        return row[kept], interval[kept]


def _design(columns: list[Any], n_terms: int, numbers: FloatColumn) -> csr_matrix:
    """One row per pair: 1 in each of ``columns``, then the numbers."""
    n, extra = numbers.shape
    places = np.column_stack([*columns, np.broadcast_to(n_terms + np.arange(extra), (n, extra))])
    values = np.hstack([np.ones((n, len(columns))), numbers])
    width = places.shape[1]
    return csr_matrix((values.ravel(), places.ravel(), np.arange(0, n * width + 1, width)), shape=(n, n_terms + extra))
