"""The compiled part of ``models/tree_reasons.py``; numba is imported here and nowhere else in ``models/``.

Rows are taken in blocks, and a block through one tree after the other: the tree's tables and the block's columns then
stay near the processor. Inside, the innermost loop always runs over the rows of the block, in columns.
"""

import numba
import numpy as np

from models.tree_tables import TreeTables

BLOCK = 256
"""Rows of a block: with 105 signals their values and sums take 430 kB, which a second-level cache holds."""

ZERO = 1e-35
"""LightGBM reads anything this near to 0 as 0."""


@numba.njit(nogil=True)
def add_contributions(matrix: np.ndarray, tables: TreeTables, found: np.ndarray) -> None:
    """Write contributions into ``found``, shape (n_rows, n_features + 1); its last column is left alone."""
    n_rows, n_features = matrix.shape
    most_splits = 0
    for tree in range(len(tables.split_start) - 1):
        most_splits = max(most_splits, tables.split_start[tree + 1] - tables.split_start[tree])
    values = np.empty((n_features, BLOCK))
    sums = np.empty((n_features, BLOCK))
    left = np.empty((most_splits, BLOCK), np.int32)
    pattern = np.empty(BLOCK, np.int32)
    met = np.empty(BLOCK, np.int32)
    for first in range(0, n_rows, BLOCK):
        n = min(BLOCK, n_rows - first)
        for row in range(n):
            for feature in range(n_features):
                value = np.float64(matrix[first + row, feature])
                values[feature, row] = 0.0 if abs(value) <= ZERO else value
        sums[:] = 0.0
        for tree in range(len(tables.split_start) - 1):
            start = tables.split_start[tree]
            for split in range(start, tables.split_start[tree + 1]):
                _decide(values[tables.feature[split]], n, split, tables, left[split - start])
            for leaf in range(tables.leaf_start[tree], tables.leaf_start[tree + 1]):
                _match(left, n, leaf, tables, met, pattern)
                _look_up(pattern, n, leaf, tables, sums)
        for row in range(n):
            for feature in range(n_features):
                found[first + row, feature] = sums[feature, row]


@numba.njit(nogil=True)
def _decide(values: np.ndarray, n: int, split: int, tables: TreeTables, left: np.ndarray) -> None:
    """Whether each row goes left at a split, 1 or 0, as LightGBM decides it."""
    start, end = tables.words_start[split], tables.words_start[split + 1]
    if end > start:
        for row in range(n):
            left[row] = _among(values[row], tables.words[start:end])
        return
    threshold, missing_left = tables.threshold[split], tables.missing_left[split]
    if tables.zero_missing[split]:
        for row in range(n):
            value = values[row]
            left[row] = missing_left if value != value or value == 0 else value <= threshold
        return
    for row in range(n):
        value = values[row]
        left[row] = (value <= threshold) | ((value != value) & missing_left)


@numba.njit(nogil=True)
def _among(value: float, words: np.ndarray) -> bool:
    """Whether a value, its fraction cut off, is one of the categories."""
    if not -1 < value < 32 * len(words):
        return False
    category = np.int64(value)
    return bool((words[category >> 5] >> np.uint32(category & 31)) & 1)


@numba.njit(nogil=True)
def _match(left: np.ndarray, n: int, leaf: int, tables: TreeTables, met: np.ndarray, pattern: np.ndarray) -> None:
    """Which of the leaf's features each row meets, a bit each."""
    pattern[:n] = 0
    start = tables.part_start[leaf]
    for part in range(start, tables.part_start[leaf + 1]):
        met[:n] = 1
        for step in range(tables.step_start[part], tables.step_start[part + 1]):
            goes, wanted = left[tables.step_split[step]], tables.step_left[step]
            for row in range(n):
                met[row] &= goes[row] == wanted
        bit = np.int32(part - start)
        for row in range(n):
            pattern[row] |= met[row] << bit


@numba.njit(nogil=True)
def _look_up(pattern: np.ndarray, n: int, leaf: int, tables: TreeTables, sums: np.ndarray) -> None:
    """Add what the leaf gives to each of its features."""
    table = tables.table[tables.table_start[leaf] : tables.table_start[leaf + 1]]
    start = tables.part_start[leaf]
    for part in range(start, tables.part_start[leaf + 1]):
        bit = np.int32(1 << (part - start))
        odds, into = tables.part_odds[part], sums[tables.part_feature[part]]
        for row in range(n):
            met = pattern[row] & bit
            into[row] += table[pattern[row] ^ met] * (odds if met else -1.0)
