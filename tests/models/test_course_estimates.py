"""From counts to laws: shares and rates that few facts draw only as far as they tell."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.course_estimates import Logit, drawn_shares, factored, of_changes, rates, shares
from models.course_filter import STAY, softmax

RNG = np.random.default_rng(2)


def test_factors_that_multiply_are_found_again() -> None:
    kinds, moods = np.array([0.5, 1.0, 2.0]), np.array([0.2, 1.5])
    expected = RNG.uniform(1_000, 5_000, (4, 3, 2))
    came = expected * kinds[:, None] * moods
    assert factored(came, expected, (1, 2)) == pytest.approx(came / expected, rel=1e-3)


def test_what_no_factors_give_is_only_drawn_to() -> None:
    expected, came = np.full((2, 2), 100.0), np.array([[300.0, 50.0], [50.0, 300.0]])
    by_weight = [rates(came, expected, (0, 1), weight)[0, 0] for weight in (0.0, 100.0, 1e9)]
    assert by_weight == pytest.approx([3.0, (300 + 100 * 1.75) / 200, 1.75], rel=1e-2)


def test_no_facts_give_the_usual_shares() -> None:
    usual = shares(RNG.uniform(0.1, 1, (5, 4)))
    assert drawn_shares(np.zeros((3, 5, 4)), usual, (0, 1), 10.0) == pytest.approx(np.tile(usual, (3, 1, 1)))


def test_many_facts_give_their_own_shares() -> None:
    usual, own = (shares(RNG.uniform(0.1, 1, (3, 5, 4))) for _ in range(2))
    assert drawn_shares(own * 1e9, usual[0], (0, 1), 10.0) == pytest.approx(own, abs=1e-6)


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 1e4))
def test_shares_are_shares(seed: int, weight: float) -> None:
    rng = np.random.default_rng(seed)
    usual, counts = shares(rng.uniform(0.01, 1, (5, 4))), rng.poisson(3, (3, 5, 4)).astype(float)
    found = drawn_shares(counts, usual, (0, 1), weight)
    assert (found >= 0).all()
    assert found.sum(axis=-1) == pytest.approx(1)


def test_on_days_without_a_move_nothing_is_said_of_whether_something_changes() -> None:
    found = of_changes(RNG.uniform(1, 10, (2, 3, 4, 5)))
    assert (found[:, STAY, :, 0] == 1).all()
    assert found[:, STAY, :, 1:].sum(axis=-1) == pytest.approx(1)
    assert found[:, STAY + 1 :].sum(axis=-1) == pytest.approx(1)


def test_a_logit_is_found_again() -> None:
    given_ones, truth = RNG.integers(0, 2, (5_000, 2)).astype(float), np.array([[0.3, -0.3], [0.8, -0.8], [-0.5, 0.5]])
    wanted = softmax(truth[0] + given_ones @ truth[1:])
    found = Logit(given_ones, n_kinds=2, ridge=0.1)
    for _ in range(60):
        found.learn(wanted)
    apart = found.coefficients[:, 0] - found.coefficients[:, 1]
    assert apart == pytest.approx(truth[:, 0] - truth[:, 1], abs=0.01)
    assert found.said() == pytest.approx(wanted, abs=0.01)
