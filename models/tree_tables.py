"""What each leaf adds to a prediction's reasons, worked out once for every way a row can meet its conditions.

A leaf's path asks something of m distinct features; conditions on the same feature count as one. A row meets some
of them: a pattern of m bits. With ``z_i`` the share of training rows that pass the conditions on feature i, and v
the leaf's value, its part in the Shapley value of feature j is, as in path-dependent TreeSHAP (Lundberg et al., 2020),

    v (o_j - z_j) sum_S  |S|! (m - |S| - 1)! / m!  prod_{i in S} o_i  prod_{i not in S, i != j} z_i

over the sets S of the other features; ``o_i`` is 1 where feature i is met. With

    T(Q) = v sum_{S in Q}  |S|! (m - |S| - 1)! / m!  prod_{i not in S} z_i

that is ``(1 / z_j - 1) T(Q without j)`` for a feature that is met and ``-T(Q)`` for one that is not: one table of
2^m numbers a leaf (the idea of FastTreeSHAP v2; Yang, 2021). The factorials are the integral over [0, 1] of
``t^|S| (1 - t)^(m - |S| - 1)``, so that T is the integral of a product with one factor per feature, a polynomial
that Gauss-Legendre's rule integrates exactly.
"""

from functools import cache
from typing import NamedTuple

import lightgbm as lgb
import numpy as np

from features.facts import FloatColumn
from models.tree_text import Tree, trees_of

LARGEST_TABLES = 256 * 2**20 // 8
"""Numbers in all tables of a booster, 256 MB: more would not stay near a processor, nor in a small server's memory."""


class TreeTables(NamedTuple):
    """A booster as flat arrays, which compiled code reads; each ``*_start`` has one entry more than what it cuts.

    Attributes
    ----------
    base : expected value: the mean prediction, rows weighted as in training
    n_features : columns of a matrix to explain
    split_start : per tree, of the splits: ``feature``, ``threshold``, ``missing_left``, ``zero_missing`` as in
        ``models/tree_text.py``; ``words_start`` of their ``words``, empty where the split is by threshold
    leaf_start : per tree, of the leaves: ``table_start`` and ``part_start``
    part_start : per leaf, of its features: ``part_feature``, ``part_odds`` = 1 / z - 1
    step_start : per feature of a leaf, of its conditions: ``step_split``, counted from the tree's first, and
        ``step_left``, 1 where the row must go left there
    table : T by pattern, the bit of the first feature the lowest
    """

    base: float
    n_features: int
    split_start: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    missing_left: np.ndarray
    zero_missing: np.ndarray
    words_start: np.ndarray
    words: np.ndarray
    leaf_start: np.ndarray
    table_start: np.ndarray
    table: np.ndarray
    part_start: np.ndarray
    part_feature: np.ndarray
    part_odds: np.ndarray
    step_start: np.ndarray
    step_split: np.ndarray
    step_left: np.ndarray


class Part(NamedTuple):
    """What a path asks of one feature: the share of rows that pass, and (split, 1 for left) of each condition."""

    share: float
    steps: tuple[tuple[int, int], ...]


Path = dict[int, Part]
"""By feature."""


def tables(booster: lgb.Booster, largest: int = LARGEST_TABLES) -> TreeTables | None:
    """Tables of a booster; None where they would hold more than ``largest`` numbers, or where it is no sum of trees."""
    trees = trees_of(booster)
    if trees is None:
        return None
    paths = [paths_of(tree) for tree in trees]
    if sum(2 ** len(path) for of_tree in paths for path, _ in of_tree) > largest:
        return None
    return _flat(trees, paths, booster.num_feature())


def paths_of(tree: Tree) -> list[tuple[Path, float]]:
    """The path to each leaf, with the leaf's value; none for a tree that never splits."""
    found: list[tuple[Path, float]] = []
    waiting: list[tuple[int, Path]] = [(0, {})] if len(tree.feature) else []
    while waiting:
        node, path = waiting.pop()
        if node < 0:
            found.append((path, float(tree.leaf_value[~node])))
            continue
        feature, rows = int(tree.feature[node]), _rows(tree, node)
        share, steps = path.get(feature, Part(1.0, ()))
        for child, left in ((int(tree.right[node]), 0), (int(tree.left[node]), 1)):
            part = Part(share * _rows(tree, child) / rows, (*steps, (node, left)))
            waiting.append((child, {**path, feature: part}))
    return found


def leaf_table(shares: FloatColumn, value: float) -> FloatColumn:
    """T of every pattern.

    Parameters
    ----------
    shares : array of shape (m,), the z of each feature, above 0

    Returns
    -------
    array of shape (2^m,); the entry where all are met has no use

    Examples
    --------
    One feature, met by a quarter of the rows: a row that meets it gains (1 / 0.25 - 1) T = 0.75 of the value 1, which
    together with the expected 0.25 is 1; one that does not loses 0.25.

    >>> leaf_table(np.array([0.25]), 1.0)[0]
    np.float64(0.25)
    """
    t, weights = _rule((len(shares) + 1) // 2)
    products = (value * weights / (1 - t))[None, :]
    for share in shares:
        unmet = share * (1 - t)
        products = np.concatenate([products * unmet, products * (unmet + t)])
    return products.sum(axis=1)


@cache
def _rule(n_points: int) -> tuple[FloatColumn, FloatColumn]:
    """Gauss-Legendre's points and weights on [0, 1], exact for polynomials of degree below ``2 n_points``."""
    points, weights = np.polynomial.legendre.leggauss(n_points)
    return (points + 1) / 2, weights / 2


def _rows(tree: Tree, node: int) -> int:
    return int(tree.split_rows[node] if node >= 0 else tree.leaf_rows[~node])


def _expected(tree: Tree) -> float:
    if not len(tree.feature):
        return float(tree.leaf_value[0])
    return float(np.sum(tree.leaf_rows / tree.split_rows[0] * tree.leaf_value))


def _flat(trees: list[Tree], paths: list[list[tuple[Path, float]]], n_features: int) -> TreeTables:
    leaves = [leaf for of_tree in paths for leaf in of_tree]
    parts = [(feature, part) for path, _ in leaves for feature, part in path.items()]
    steps = [step for _, part in parts for step in part.steps]
    filled = [leaf_table(np.array([part.share for part in path.values()]), value) for path, value in leaves]
    words = [words for tree in trees for words in _words(tree)]
    return TreeTables(
        base=sum(_expected(tree) for tree in trees),
        n_features=n_features,
        split_start=_starts([len(tree.feature) for tree in trees]),
        feature=_joined([tree.feature for tree in trees], np.int32),
        threshold=_joined([tree.threshold for tree in trees], np.float64),
        missing_left=_joined([tree.missing_left for tree in trees], np.bool_),
        zero_missing=_joined([tree.zero_missing for tree in trees], np.bool_),
        words_start=_starts([len(one) for one in words]),
        words=_joined(words, np.uint32),
        leaf_start=_starts([len(of_tree) for of_tree in paths]),
        table_start=_starts([len(one) for one in filled]),
        table=_joined(filled, np.float64),
        part_start=_starts([len(path) for path, _ in leaves]),
        part_feature=np.array([feature for feature, _ in parts], np.int32),
        part_odds=np.array([1 / part.share - 1 for _, part in parts], np.float64),
        step_start=_starts([len(part.steps) for _, part in parts]),
        step_split=np.array([split for split, _ in steps], np.int32),
        step_left=np.array([left for _, left in steps], np.int32),
    )


def _words(tree: Tree) -> list[np.ndarray]:
    """Bits of the categories of each split; empty for a split by threshold."""
    none = np.empty(0, np.int64)
    return [
        tree.categories[int(place)] if categorical else none
        for place, categorical in zip(tree.threshold, tree.categorical, strict=True)
    ]


def _starts(lengths: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


def _joined(columns: list[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate([np.empty(0, kind), *columns]).astype(kind)
