"""Boosted trees: labels between 0 and 1 are learned, and 0 and 1 as ever; and how many trees are best."""

from dataclasses import replace

import lightgbm as lgb
import numpy as np
import pytest

from models.boosting import BoosterPlan, Examples, fit_booster, fit_boosters, raw_scores

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


def test_trees_add_to_where_they_start() -> None:
    shares = np.where(np.arange(400) % 2, 0.8, 0.3)
    known = replace(examples(shares), start=np.log(shares / (1 - shares)))
    assert np.abs(raw_scores(fit_booster(known, PLAN, 50), known.signals)).max() < 1e-9


def noisy(seed: int, n: int = 600) -> Examples:
    """Outcomes of which the first signal tells something; each seed has its own luck."""
    random = np.random.default_rng(seed)
    signals = random.normal(size=(n, 2))
    happened = (random.random(n) < 1 / (1 + np.exp(-signals[:, 0]))).astype(float)
    return Examples(signals, happened, np.ones(n), np.arange(n), ["a", "b"])


def loss(some: Examples, booster: lgb.Booster, n_rounds: int) -> float:
    said = booster.predict(some.signals, raw_score=True, num_iteration=n_rounds)
    return float(np.mean(np.logaddexp(0, said) - some.happened * said))


def test_one_number_of_rounds_is_the_best_for_all_blocks_together() -> None:
    blocks = [(noisy(seed), noisy(seed + 10), PLAN) for seed in range(3)]
    boosters, best = fit_boosters(blocks)
    most = min(booster.current_iteration() for booster in boosters)
    together = [
        np.mean([loss(later, booster, n) for booster, (_, later, _) in zip(boosters, blocks, strict=True)])
        for n in range(1, most + 1)
    ]
    assert together[best - 1] == pytest.approx(min(together), abs=1e-12)
    for booster, (_, later, _) in zip(boosters, blocks, strict=True):
        assert (
            raw_scores(booster, later.signals) == booster.predict(later.signals, raw_score=True, num_iteration=best)
        ).all()


def test_a_block_whose_trees_stopped_early_gets_as_many_as_the_others() -> None:
    learned, judge = (examples(np.random.default_rng(seed).integers(0, 2, 600).astype(float)) for seed in (1, 2))
    (alone,), _ = fit_boosters([(learned, judge, PLAN)])
    slow = replace(PLAN, learning_rate=0.01)
    boosters, best = fit_boosters([(learned, judge, PLAN), (noisy(1, 6_000), noisy(2, 6_000), slow)])
    assert alone.current_iteration() < best <= min(booster.current_iteration() for booster in boosters)
