"""Exact contributions of every signal to a booster's score (path-dependent TreeSHAP), many deals a second.

The same numbers as LightGBM's ``pred_contrib``, looked up in tables made once per booster instead of worked out anew
for every deal.
"""

import lightgbm as lgb
import numpy as np

from features.facts import FloatColumn
from models.tree_tables import TreeTables


def explain(booster: lgb.Booster, tables: TreeTables | None, matrix: FloatColumn) -> FloatColumn:
    """Contributions by the booster's tables; by LightGBM's own slower way where there are none."""
    if tables is None and len(matrix):
        return np.asarray(booster.predict(matrix, pred_contrib=True))
    return contributions(tables, matrix)


def contributions(tables: TreeTables, matrix: FloatColumn) -> FloatColumn:
    """Contributions of each signal.

    Parameters
    ----------
    matrix : array of shape (n, n_signals), float32 or float64; NaN where missing

    Returns
    -------
    array of shape (n, n_signals + 1), in the score's own unit (log-odds)
        The last column is the base, the same for all rows; a row sums to the booster's raw score.
    """
    # numba takes half a second to import and the kernel longer to compile: who explains nothing does not wait for it.
    from models.tree_kernel import add_contributions

    found = np.empty((len(matrix), tables.n_features + 1))
    found[:, -1] = tables.base
    add_contributions(np.ascontiguousarray(matrix), tables, found)
    return found
