"""What it costs to explain a score: exact TreeSHAP walks every leaf of every tree along its path."""

from typing import Any

import lightgbm as lgb

from models.scorer import Scorer


def explanation_cost(scorer: Scorer) -> int:
    """Sum over all trees of the scorer of leaves times depth; 0 where it has no trees."""
    texts = [text for name, text in scorer.files().items() if name.endswith(".txt")]
    return sum(booster_cost(lgb.Booster(model_str=text)) for text in texts)


def booster_cost(booster: lgb.Booster) -> int:
    """Sum over the trees of leaves times depth (splits on the longest path)."""
    trees = booster.dump_model()["tree_info"]
    return sum(int(tree["num_leaves"]) * _depth(tree["tree_structure"]) for tree in trees)


def _depth(node: dict[str, Any]) -> int:
    if "left_child" not in node:
        return 0
    return 1 + max(_depth(node["left_child"]), _depth(node["right_child"]))
