"""Calibration: the line that made the data comes back, and a line never turns a ranking round."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calibration import Calibration, fit_calibration, log_odds, probability


def drawn(slope: float, intercept: float, n: int = 40_000) -> tuple[np.ndarray, np.ndarray]:
    """Raw log-odds, and outcomes whose true log-odds are a line of them."""
    rng = np.random.default_rng(1)
    raw = rng.normal(size=n)
    return raw, (rng.random(n) < probability(slope * raw + intercept)).astype(float)


def test_the_line_that_made_the_data_comes_back() -> None:
    raw, happened = drawn(0.6, -0.8)
    line = fit_calibration(raw, happened, np.ones(len(raw)))
    assert (line.slope, line.intercept) == pytest.approx((0.6, -0.8), abs=0.03)


def test_weights_undo_a_sample_that_took_one_half_of_the_wins() -> None:
    raw, happened = drawn(1.0, 0.3)
    weight = np.where(happened == 1, 2.0, 1.0)
    kept = (happened == 0) | (np.arange(len(raw)) % 2 == 0)
    line = fit_calibration(raw, happened, weight * kept)
    assert (line.slope, line.intercept) == pytest.approx((1.0, 0.3), abs=0.05)


def test_rows_of_no_weight_change_nothing() -> None:
    raw, happened = drawn(0.6, -0.8, 500)
    weight = np.arange(500) % 3 * 1.0
    used = weight > 0
    assert fit_calibration(raw, happened, weight) == fit_calibration(raw[used], happened[used], weight[used])


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_one_outcome_alone_leaves_the_model_as_it_is(outcome: float) -> None:
    raw = np.linspace(-1, 1, 20)
    assert fit_calibration(raw, np.full(20, outcome), np.ones(20)) == Calibration(1, 0)


def test_nothing_seen_leaves_the_model_as_it_is() -> None:
    assert fit_calibration(np.zeros(3), np.array([0.0, 1.0, 0.0]), np.zeros(3)) == Calibration(1, 0)


def test_a_line_that_would_turn_the_ranking_round_is_not_taken() -> None:
    raw, happened = drawn(-1.0, 0.0, 2_000)
    assert fit_calibration(raw, happened, np.ones(2_000)).slope == 1


@given(st.floats(1e-6, 1 - 1e-6))
def test_log_odds_and_probability_undo_each_other(value: float) -> None:
    assert probability(log_odds(np.array([value])))[0] == pytest.approx(value, rel=1e-9)


def test_log_odds_of_the_ends_are_finite() -> None:
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()
