"""On which days deals close: by weekday, and by how far the fiscal quarter's end is; for won and lost apart.

Deals are pushed to close just before a quarter ends, and hardly any closes on a Sunday. Of every day that a deal was
seen open it is known which kind of day it was and whether the deal closed; a Poisson regression tells the days apart
from the stages they met (Holford, 1980), and a penalty keeps the factors of few closings near 1.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import PoissonRegressor

from features.facts import FloatColumn, IntColumn
from models.arithmetic import N_QUARTER_BINS, day_cells, quarter_ends

DAYS_WATCHED = 7
"""Days looked at from each snapshot on: a week has every weekday."""
YEAR_DAYS = 364
PENALTY = 3.0
"""Ridge penalty on logarithms of factors; so many closings expected on a kind of day put its factor half-way to 1."""


def learn_calendar(
    stage: pd.Series,
    as_of_day: FloatColumn,
    won: FloatColumn,
    closed_by: FloatColumn,
    days_seen: FloatColumn,
    ends: Sequence[date],
) -> dict[str, Any]:
    """Learn what a day of each kind weighs.

    Parameters
    ----------
    stage, as_of_day, won, closed_by, days_seen
        Of each snapshot; ``as_of_day`` in days since 1970, ``closed_by`` in days from it on, infinite while open.
    ends
        Ends of fiscal quarters (first days of the next), past and to come.

    Returns
    -------
    ``quarter_ends``, and ``weekday`` and ``to_quarter_end``: two rows of factors, for won and for lost
        A day of factor 2 closes twice as many deals as is usual.
    """
    calendar: dict[str, Any] = {"quarter_ends": [end.isoformat() for end in ends]}
    stages, place = np.unique(stage.to_numpy(object).astype(str), return_inverse=True)
    shape = (len(stages), 7, N_QUARTER_BINS)
    watched, closed = np.zeros(shape), np.zeros((2, *shape))
    for ahead in range(DAYS_WATCHED):
        weekday, quarter = day_cells(np.floor(as_of_day).astype(np.int64) + ahead, quarter_ends(calendar))
        rows = (closed_by > ahead) & (days_seen >= ahead + 1) & (quarter >= 0)
        np.add.at(watched, (place[rows], weekday[rows], quarter[rows]), 1)
        for of_outcome, outcome in zip(closed, (1, 0), strict=True):
            closes = rows & (closed_by <= ahead + 1) & (won == outcome)
            np.add.at(of_outcome, (place[closes], weekday[closes], quarter[closes]), 1)
    n_days = np.ptp(as_of_day) if len(as_of_day) else 0.0
    by_weekday, by_quarter = zip(*(day_factors(of_outcome, watched, n_days) for of_outcome in closed), strict=True)
    return calendar | {"weekday": list(by_weekday), "to_quarter_end": list(by_quarter)}


def day_factors(closed: FloatColumn, watched: FloatColumn, n_days: float) -> tuple[list[float], list[float]]:
    """Factors by weekday and by distance to the quarter's end; 1 on the average day that was watched.

    In less than a year quarters cannot be told from what else changes meanwhile: then all distances are alike.

    Parameters
    ----------
    closed, watched : arrays of shape (n_groups, 7, N_QUARTER_BINS)
        Deals closed on days of each kind, and days on which one was open; groups close at rates of their own.
    n_days : from the first day watched to the last
    """
    n_groups, *sizes = closed.shape
    if n_days < YEAR_DAYS:
        closed, watched = (cells.sum(axis=2, keepdims=True) for cells in (closed, watched))
    if not closed.any():
        return [1.0] * sizes[0], [1.0] * sizes[1]
    kinds, days = np.nonzero(watched), watched[watched > 0]
    terms = np.hstack([np.eye(size)[kind] for kind, size in zip(kinds, closed.shape, strict=True)])
    model = PoissonRegressor(alpha=PENALTY / days.sum(), solver="newton-cholesky")
    model.fit(terms, closed[kinds] / days, sample_weight=days)
    _, weekday, quarter = np.split(np.exp(model.coef_), np.cumsum([n_groups, sizes[0]]))
    by_quarter = _usual(quarter, kinds[2], days)
    return _usual(weekday, kinds[1], days), by_quarter if len(by_quarter) > 1 else by_quarter * sizes[1]


def _usual(factors: FloatColumn, kind: IntColumn, days: FloatColumn) -> list[float]:
    return (factors / np.average(factors[kind], weights=days)).tolist()
