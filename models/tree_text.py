"""The trees of a LightGBM booster, read from its own text: splits, leaves, and how many rows came to each."""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from features.facts import BoolColumn, FloatColumn, IntColumn

_CATEGORICAL, _DEFAULT_LEFT = 1, 2
"""Bits of LightGBM's ``decision_type``; the next two bits are the missing type: none, zero or NaN."""

_MISSING_ZERO = 1


@dataclass(frozen=True)
class Tree:
    """One tree; one entry per split or per leaf.

    Attributes
    ----------
    feature, threshold : a value goes left where it is at most the threshold
    missing_left : whether NaN goes left
    zero_missing : whether 0 goes where NaN goes
    categorical : whether the threshold is a place in ``categories`` instead: left where the value is one of them
    left, right : the next split, or ``~leaf``
    split_rows, leaf_rows : training rows that came there
    categories : for each categorical split, bits of 32 categories a word
    """

    feature: IntColumn
    threshold: FloatColumn
    missing_left: BoolColumn
    zero_missing: BoolColumn
    categorical: BoolColumn
    left: IntColumn
    right: IntColumn
    split_rows: IntColumn
    leaf_rows: IntColumn
    leaf_value: FloatColumn
    categories: list[IntColumn]


def trees_of(booster: lgb.Booster) -> list[Tree] | None:
    """The trees that the booster predicts with, up to its best iteration.

    Returns
    -------
    list of trees
        None where a prediction is more than the sum of one tree's leaf per round: several classes, averaged
        forests, linear leaves.
    """
    head, *texts = booster.model_to_string().split("\nTree=")
    fields = [_fields(text) for text in texts]
    summed = "num_tree_per_iteration=1\n" in head and "\naverage_output\n" not in head
    if not summed or any(one.get("is_linear") == "1" for one in fields):
        return None
    return [_tree(one) for one in fields]


def _fields(text: str) -> dict[str, str]:
    body = text.split("\n\n", 1)[0]
    return dict(line.split("=", 1) for line in body.splitlines() if "=" in line)


def _tree(fields: dict[str, str]) -> Tree:
    def column(name: str, kind: type) -> np.ndarray:
        return np.array(fields.get(name, "").split(), dtype=kind)

    decision, threshold = column("decision_type", np.int64), column("threshold", np.float64)
    missing = decision >> 2
    default_left = (decision & _DEFAULT_LEFT) > 0
    categorical = (decision & _CATEGORICAL) > 0
    words = np.split(column("cat_threshold", np.int64), column("cat_boundaries", np.int64)[1:-1])
    return Tree(
        feature=column("split_feature", np.int64),
        threshold=threshold,
        # Where NaN is not known as missing it is read as 0; among categories it is never one of them.
        missing_left=np.where(missing > 0, default_left, threshold >= 0) & ~categorical,
        zero_missing=(missing == _MISSING_ZERO) & ~categorical,
        categorical=categorical,
        left=column("left_child", np.int64),
        right=column("right_child", np.int64),
        split_rows=column("internal_count", np.int64),
        leaf_rows=column("leaf_count", np.int64),
        leaf_value=column("leaf_value", np.float64),
        categories=words,
    )
