"""Categories as numbers: past win rates, shrunken as the product's norms are, and never of the row's own outcome."""

import numpy as np
import pandas as pd

from benchmarks.ladder import folds_of_groups
from features.facts import BoolColumn, FloatColumn, IntColumn
from features.norms import PRIOR_DEALS

N_PARTS = 10


def encoded(
    columns: pd.DataFrame, happened: FloatColumn, training: BoolColumn, group: IntColumn
) -> tuple[np.ndarray, list[str]]:
    """Two numbers per category (its win rate, how often it is seen), numbers as they are; float32.

    Rates are of the training rows: all of them for a row outside, those of the other parts for one of them.
    """
    made: dict[str, FloatColumn] = {}
    for name, values in columns.items():
        if pd.api.types.is_numeric_dtype(values):
            made[str(name)] = values.to_numpy(np.float64)
            continue
        rate, seen = _rates(values, happened, training)
        for learn, part in folds_of_groups(group, N_PARTS):
            rate[training & part] = _rates(values, happened, training & learn)[0][training & part]
        made |= {f"{name}_win_rate": rate, f"{name}_seen": seen}
    return np.column_stack(list(made.values())).astype(np.float32), list(made)


def _rates(values: pd.Series, happened: FloatColumn, learn: BoolColumn) -> tuple[FloatColumn, FloatColumn]:
    """Shrunken win rate and share of the rows of each row's value; the base rate and 0 for one never seen."""
    named = values.astype("str")
    base = happened[learn].mean()
    by_value = pd.Series(happened[learn]).groupby(named.to_numpy()[learn]).agg(["sum", "count"])
    rate = (by_value["sum"] + PRIOR_DEALS * base) / (by_value["count"] + PRIOR_DEALS)
    seen = named.map(by_value["count"] / learn.sum()).fillna(0.0)
    return named.map(rate).fillna(base).to_numpy(np.float64), seen.to_numpy(np.float64)
