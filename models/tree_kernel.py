"""The compiled part of ``models/tree_reasons.py``, in a file of its own so that numba is imported only to explain.

Rows are taken in blocks, and a block through one tree after the other: the tree's tables and the block's columns then
stay near the processor. Inside, the innermost loop always runs over the rows of the block, in columns.
"""

import numpy as np

from models.course_filter import compiled
from models.tree_tables import TreeTables

BLOCK = 512
"""Rows of a block: with 105 signals their values and sums take 860 kB, which a second-level cache holds."""

ZERO = float(np.float32(1e-35))
"""LightGBM reads anything this near to 0 as 0; the bound is in single precision there."""


@compiled
def write_contributions(matrix: np.ndarray, tables: TreeTables, found: np.ndarray) -> None:
    """Write contributions into ``found``, shape (n_rows, n_features + 1); its last column is left alone."""
    n_rows, n_features = matrix.shape
    size = max(1, min(BLOCK, n_rows))
    values, sums = np.empty((n_features, size)), np.empty((n_features, size))
    most_splits = 0
    for tree in range(len(tables.split_start) - 1):
        most_splits = max(most_splits, tables.split_start[tree + 1] - tables.split_start[tree])
    left = np.empty((most_splits, size), np.uint32)
    pattern, met = np.empty(size, np.uint32), np.empty(size, np.uint32)
    for first in range(0, n_rows, size):
        n = min(size, n_rows - first)
        for row in range(n):
            for feature in range(n_features):
                value = np.float64(matrix[first + row, feature])
                values[feature, row] = 0.0 if abs(value) <= ZERO else value
        sums[:] = 0.0
        for tree in range(len(tables.split_start) - 1):
            _decide(values, n, tree, tables, left)
            for leaf in range(tables.leaf_start[tree], tables.leaf_start[tree + 1]):
                _match(left, n, leaf, tables, met, pattern)
                _look_up(pattern, n, leaf, tables, sums)
        for row in range(n):
            for feature in range(n_features):
                found[first + row, feature] = sums[feature, row]


@compiled
def _decide(values: np.ndarray, n: int, tree: int, tables: TreeTables, left: np.ndarray) -> None:
    """Whether each row goes left at each split of a tree, 1 or 0, as LightGBM decides it."""
    start = tables.split_start[tree]
    for split in range(start, tables.split_start[tree + 1]):
        feature, into = tables.feature[split], split - start
        first, end = tables.words_start[split], tables.words_start[split + 1]
        threshold, missing_left = tables.threshold[split], tables.missing_left[split]
        if end > first:
            for row in range(n):
                left[into, row] = _among(values[feature, row], tables.words, first, end)
        elif tables.zero_missing[split]:
            for row in range(n):
                value = values[feature, row]
                left[into, row] = missing_left if value != value or value == 0 else value <= threshold
        else:
            for row in range(n):
                value = values[feature, row]
                left[into, row] = (value <= threshold) | ((value != value) & missing_left)


@compiled
def _among(value: float, words: np.ndarray, first: int, end: int) -> bool:
    """Whether a value, its fraction cut off, is one of the categories."""
    if not -1 < value < 32 * (end - first):
        return False
    category = np.int64(value)
    return bool((words[first + (category >> 5)] >> np.uint32(category & 31)) & 1)


@compiled
def _match(left: np.ndarray, n: int, leaf: int, tables: TreeTables, met: np.ndarray, pattern: np.ndarray) -> None:
    """Which of the leaf's features each row meets, a bit each."""
    for row in range(n):
        pattern[row] = 0
    start = tables.part_start[leaf]
    for part in range(start, tables.part_start[leaf + 1]):
        for row in range(n):
            met[row] = 1
        for step in range(tables.step_start[part], tables.step_start[part + 1]):
            split, wanted = tables.step_split[step], tables.step_left[step]
            for row in range(n):
                met[row] &= left[split, row] == wanted
        bit = np.uint32(part - start)
        for row in range(n):
            pattern[row] |= met[row] << bit


@compiled
def _look_up(pattern: np.ndarray, n: int, leaf: int, tables: TreeTables, sums: np.ndarray) -> None:
    """Add what the leaf gives to each of its features."""
    table, start = tables.table_start[leaf], tables.part_start[leaf]
    for part in range(start, tables.part_start[leaf + 1]):
        bit = np.uint32(1 << (part - start))
        odds, feature = tables.part_odds[part], tables.part_feature[part]
        for row in range(n):
            met = pattern[row] & bit
            sums[feature, row] += tables.table[table + (pattern[row] ^ met)] * (odds if met else -1.0)
