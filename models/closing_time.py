"""When a deal closes if it is won: the past distribution of days to winning, by stage."""

from typing import Self

import numpy as np
import pandas as pd

from features.facts import FloatColumn

KNOTS_DAYS = (7, 14, 28, 56, 91, 182, 364)
"""Days at which the distribution is kept; between them it is a straight line."""


class ClosingTime:
    """Share of won deals that were won within each of ``KNOTS_DAYS``, by the stage they were in.

    Parameters
    ----------
    prior : float, default=50
        Snapshots' worth of all stages' distribution mixed into each stage's own.
    """

    def __init__(self, prior: float = 50) -> None:
        self.prior = prior

    def fit(self, stage: pd.Series, days_to_win: FloatColumn, weight: FloatColumn) -> Self:
        """Learn from snapshots of deals that were won; weights undo the censoring of slow ones."""
        within = (days_to_win[:, None] <= np.array(KNOTS_DAYS)) * weight[:, None]
        self.n_seen_ = int((weight > 0).sum())
        self.overall_ = within.sum(axis=0) / max(weight.sum(), 1e-9)
        table = pd.DataFrame(within).assign(weight=weight).groupby(stage.to_numpy()).sum()
        shares = (table[list(range(len(KNOTS_DAYS)))].to_numpy() + self.prior * self.overall_) / (
            table["weight"].to_numpy()[:, None] + self.prior
        )
        self.by_stage_ = {str(name): row for name, row in zip(table.index, shares, strict=True)}
        return self

    def predict(self, snapshots: pd.DataFrame) -> FloatColumn:
        """P(won within each of ``KNOTS_DAYS`` | won); shape (n, n_knots), non-decreasing along each row.

        Before any deal was seen won, a deal is taken at its word: won at its close date, or at once where that
        has passed or is missing.
        """
        if not self.n_seen_:
            days = np.nan_to_num(snapshots["days_to_close_date"].to_numpy(np.float64), nan=0.0)
            return (np.array(KNOTS_DAYS) >= days[:, None]).astype(np.float64)
        rows = [self.by_stage_.get(name, self.overall_) for name in snapshots["stage"]]
        return np.array(rows).reshape(len(rows), len(KNOTS_DAYS))
