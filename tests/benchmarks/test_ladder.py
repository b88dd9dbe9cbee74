"""The ladder on a plain table: it climbs as far as the rows carry, and no further."""

import numpy as np
import pytest

from benchmarks.ladder import BASE, BOTH, climb, folds_in_order, folds_of_groups
from models.boosting import BoosterPlan, Examples
from models.members import LINE, TREES, Members

PLAN = BoosterPlan(max_rounds=40, learning_rate=0.1, min_data_in_leaf=20)


def rows(n: int, log_odds, seed: int = 0) -> Examples:
    """Three signals that are normal, and outcomes with those log-odds of the signals."""
    random = np.random.default_rng(seed)
    signals = random.normal(size=(n, 3)).astype(np.float32)
    happened = (random.random(n) < 1 / (1 + np.exp(-log_odds(signals)))).astype(np.float64)
    return Examples(signals, happened, np.ones(n), np.arange(n), ["a", "b", "c"])


def test_noise_is_not_taken_for_more_than_it_is():
    examples = rows(400, lambda signals: 0 * signals[:, 0])
    ladder = climb(examples, folds_of_groups(examples.deal, 5), [PLAN])
    later = rows(4_000, lambda signals: 0 * signals[:, 0], seed=1)
    assert np.abs(ladder.predict(later.signals) - 0.5).mean() < 0.05


def test_members_that_turn_the_ranking_round_leave_it_on_the_ground():
    examples = rows(600, lambda signals: 2 * signals[:, 0])
    early = np.arange(600) < 300
    signals = np.where(early[:, None], examples.signals, -examples.signals)
    turned = Examples(signals, examples.happened, examples.weight, examples.deal, examples.names)
    ladder = climb(turned, [(early, ~early)], [PLAN])
    assert (ladder.rung, ladder.members) == (BASE, Members())
    assert np.ptp(ladder.predict(signals)) == 0


def test_a_line_is_found_and_calibrated():
    examples = rows(2_000, lambda signals: 2 * signals[:, 0])
    ladder = climb(examples, folds_of_groups(examples.deal, 5), [PLAN])
    assert LINE in ladder.rung
    later = rows(4_000, lambda signals: 2 * signals[:, 0], seed=1)
    said = ladder.predict(later.signals)
    for part in np.array_split(np.argsort(said), 5):
        assert said[part].mean() == pytest.approx(later.happened[part].mean(), abs=0.05)


def test_what_no_line_fits_takes_trees():
    examples = rows(3_000, lambda signals: 3 * np.sign(signals[:, 0] * signals[:, 1]))
    ladder = climb(examples, folds_of_groups(examples.deal, 3), [PLAN])
    assert ladder.rung in (TREES, BOTH)


def test_blocks_learn_from_what_came_before_them():
    order = np.random.default_rng(0).permutation(100).astype(float)
    for learn, judge in folds_in_order(order):
        assert order[learn].max() < order[judge].min()


def test_a_group_is_never_on_both_sides():
    group = np.repeat(np.arange(30), 3)
    for learn, judge in folds_of_groups(group, 5):
        assert not set(group[learn]) & set(group[judge])


def test_rows_of_no_weight_teach_nothing():
    examples = rows(400, lambda signals: 2 * signals[:, 0])
    turned = examples.happened.copy()
    turned[:100] = 1 - turned[:100]
    weight = np.where(np.arange(400) < 100, 0.0, 1.0)
    folds = folds_of_groups(examples.deal, 4)
    said = [
        climb(Examples(examples.signals, happened, weight, examples.deal, examples.names), folds, [PLAN]).predict(
            examples.signals
        )
        for happened in (examples.happened, turned)
    ]
    np.testing.assert_array_equal(*said)
