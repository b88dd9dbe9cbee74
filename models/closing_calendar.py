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
    watched, closed = np.zeros(np.prod(shape)), np.zeros((2, np.prod(shape)))
    for ahead in range(DAYS_WATCHED):
        weekday, quarter = day_cells(np.floor(as_of_day).astype(np.int64) + ahead, quarter_ends(calendar))
        rows = (closed_by > ahead) & (days_seen >= ahead + 1) & (quarter >= 0)
        cell = np.ravel_multi_index((place[rows], weekday[rows], quarter[rows]), shape)
        watched += np.bincount(cell, minlength=len(watched))
        for k, outcome in enumerate((1, 0)):
            closes = (closed_by[rows] <= ahead + 1) & (won[rows] == outcome)
            closed[k] += np.bincount(cell[closes], minlength=len(watched))
    by_weekday, by_quarter = zip(*(_factors(of_outcome, watched, shape) for of_outcome in closed), strict=True)
    return calendar | {"weekday": list(by_weekday), "to_quarter_end": list(by_quarter)}


def _factors(closed: FloatColumn, watched: FloatColumn, shape: tuple[int, ...]) -> tuple[list[float], list[float]]:
    """Factors by weekday and by distance to the quarter's end; 1 on the average day that was watched."""
    if not closed.any():
        return [1.0] * shape[1], [1.0] * shape[2]
    seen = np.flatnonzero(watched)
    kinds = np.unravel_index(seen, shape)
    terms = np.hstack([np.eye(size)[kind] for kind, size in zip(kinds, shape, strict=True)])
    model = PoissonRegressor(alpha=PENALTY / watched.sum(), solver="newton-cholesky")
    model.fit(terms, closed[seen] / watched[seen], sample_weight=watched[seen])
    _, weekday, quarter = np.split(np.exp(model.coef_), np.cumsum(shape)[:-1])
    return _usual(weekday, kinds[1], watched[seen]), _usual(quarter, kinds[2], watched[seen])


def _usual(factors: FloatColumn, kind: IntColumn, watched: FloatColumn) -> list[float]:
    return (factors / np.average(factors[kind], weights=watched)).tolist()  # type: ignore[no-any-return]
