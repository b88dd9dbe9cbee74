"""How much one column alone tells of the outcome."""

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from features.facts import FloatColumn
from models.rungs import StageRate
from training.luck import auc_by_luck

HONEST_AUC = 0.80
"""No column known before the closing is likely to tell more by itself.

On 448 real deals with 22 honest attributes the best one reaches 0.73 and all together 0.82; on 78,025 with ten
columns known at entry, 0.72 and 0.74. Columns that the outcome has written reach 0.85 to 1.
"""

N_FOLDS = 5
MAXIMUM_BINS, DEALS_PER_BIN = 20, 10
_DAY = pd.Timedelta(1, "D")


def column_power(column: pd.Series, won: FloatColumn, seed: int = 0) -> float:
    """AUC of the column's own win rates on closed deals, each rate learned on other deals than it is judged by.

    Numbers are cut at their quantiles, where a value so common that it is a quantile stays by itself; missing is a
    value too. Rates are mixed with the base rate, so that a text that never comes twice tells nothing.

    Parameters
    ----------
    won : 1 or 0, aligned with ``column``

    Returns
    -------
    float in [0, 1]
        1 tells all, 0.5 nothing; NaN where only one outcome was seen.

    >>> won = np.tile([1.0, 0.0], 50)
    >>> column_power(pd.Series(["yes", "no"] * 50), won)
    1.0
    >>> column_power(pd.Series(range(100)), won) < 0.7
    True
    """
    if len(np.unique(won)) < 2:
        return np.nan
    cells = pd.Series(_cells(column))
    fold = _folds(won, seed)
    said = np.empty(len(won))
    for judged in (fold == number for number in range(N_FOLDS)):
        rate = StageRate().fit(cells[~judged], won[~judged], np.ones((~judged).sum()), np.flatnonzero(~judged))
        # Against the base rate of the same deals, which is a little lower where the fold took more of the won ones.
        said[judged] = rate.predict(cells[judged]) - rate.base_
    return float(roc_auc_score(won, said.round(9)))


def highest_honest_auc(won: FloatColumn) -> float:
    """The AUC that an honest column may well show on these closed deals; above 1 where they are too few to tell."""
    return auc_by_luck(HONEST_AUC, int(won.sum()), int((1 - won).sum()))


def numbers(column: pd.Series) -> FloatColumn | None:
    """The column as numbers, NaN where missing: flags as 0 and 1, instants as days since 1970; None where it is text.

    >>> numbers(pd.Series([True, None], dtype=object))
    array([ 1., nan])
    >>> numbers(pd.Series(["a", None])) is None
    True
    """
    typed = column.convert_dtypes() if column.dtype == object else column
    if isinstance(typed.dtype, pd.DatetimeTZDtype) or pd.api.types.is_datetime64_dtype(typed):
        return ((typed - pd.Timestamp(0, tz=typed.dt.tz)) / _DAY).to_numpy(np.float64)
    if pd.api.types.is_timedelta64_dtype(typed):
        return (typed / _DAY).to_numpy(np.float64)
    if pd.api.types.is_numeric_dtype(typed):
        return typed.to_numpy(np.float64, na_value=np.nan)
    return None


def texts(column: pd.Series) -> np.ndarray:
    """The column as texts without blanks around them; "" where missing.

    >>> texts(pd.Series([" a", None])).tolist()
    ['a', '']
    """
    return column.astype(object).where(column.notna(), "").astype(str).str.strip().to_numpy(object)


def _cells(column: pd.Series) -> np.ndarray:
    """What each deal has in the column, as one of few texts."""
    values = numbers(column)
    if values is None:
        return texts(column)
    known = values[~np.isnan(values)]
    if not len(known):
        return np.full(len(values), "", object)
    n_bins = int(np.clip(len(known) // DEALS_PER_BIN, 2, MAXIMUM_BINS))
    edges = np.unique(np.quantile(known, np.linspace(0, 1, n_bins + 1), method="inverted_cdf"))
    # Even between two edges, odd on an edge: the zeros of a column that is often zero are not lumped with others.
    place = np.searchsorted(edges, values, side="left") + np.searchsorted(edges, values, side="right")
    return np.where(np.isnan(values), "", place.astype(str)).astype(object)


def _folds(won: FloatColumn, seed: int) -> np.ndarray:
    """A fold for every deal, each with its part of the won and of the lost."""
    order = np.lexsort((np.random.default_rng(seed).random(len(won)), won))
    fold = np.empty(len(won), int)
    fold[order] = np.arange(len(won)) % N_FOLDS
    return fold
