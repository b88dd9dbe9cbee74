"""Boosted trees: labels between 0 and 1 are learned, and 0 and 1 as ever."""

import lightgbm as lgb
import numpy as np

from models.boosting import BoosterPlan, Examples, fit_booster, raw_scores

PLAN = BoosterPlan(min_data_in_leaf=20)


def examples(happened: np.ndarray) -> Examples:
    signals = np.random.default_rng(0).normal(size=(len(happened), 2))
    return Examples(signals, happened, np.ones(len(happened)), np.arange(len(happened)), ["a", "b"])


def test_of_zeros_and_ones_the_trees_are_those_of_a_binary_objective() -> None:
    some = examples(np.random.default_rng(1).integers(0, 2, 400).astype(float))
    binary = lgb.train(PLAN.parameters() | {"objective": "binary"}, some.dataset(1), num_boost_round=5)
    said = raw_scores(fit_booster(some, PLAN, 5), some.signals)
    assert np.abs(said - raw_scores(binary, some.signals)).max() < 1e-9


def test_shares_come_back() -> None:
    some = examples(np.full(400, 0.3))
    some.happened[some.signals[:, 0] > 0] = 0.8
    said = 1 / (1 + np.exp(-raw_scores(fit_booster(some, PLAN, 200), some.signals)))
    assert np.abs(said - some.happened).max() < 0.03
