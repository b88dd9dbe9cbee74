"""The range and the chance to reach a quota are read off one distribution, however wide a backtest makes it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.interval_calibration import scaled
from reports.money_quantiles import steps
from reports.ranges import reach_probability, span

FACTORS = st.floats(0.25, 4)
CLOSED = st.integers(-500, 500).map(float)


@st.composite
def outcomes(draw) -> tuple[np.ndarray, np.ndarray]:
    """What may come, credits among it, and how likely each is."""
    at = draw(st.lists(st.integers(-300, 3_000), min_size=1, max_size=12, unique=True))
    weight = np.array(draw(st.lists(st.integers(1, 9), min_size=len(at), max_size=len(at))), float)
    return np.array(at, float), weight / weight.sum()


def total(at: np.ndarray, share: np.ndarray, closed: float, factor: float) -> np.ndarray:
    """Every outcome, made wider one by one."""
    middle = span(steps(at, share), closed)[1]
    return np.maximum(middle + factor * (at + closed - middle), np.minimum(at + closed, closed))


@given(outcomes(), CLOSED, FACTORS, st.integers(-1_000, 9_000))
def test_the_chance_to_reach_a_quota_is_the_share_of_widened_outcomes_that_do(drawn, closed, factor, quota):
    at, share = drawn
    found = total(at, share, closed, factor)
    if np.abs(found - quota).min() > 1e-6:  # just on a step rounding decides
        expected = share[found >= quota].sum()
        assert reach_probability(steps(at, share), closed, quota, factor) == pytest.approx(expected, abs=1e-9)


@given(outcomes(), CLOSED, FACTORS)
def test_the_range_holds_the_widened_outcomes_that_it_says(drawn, closed, factor):
    at, share = drawn
    found = total(at, share, closed, factor)
    low, _, high = span(steps(at, share), closed, factor)
    assert share[found < low - 1e-6].sum() <= 0.1 + 1e-9
    assert share[found > high + 1e-6].sum() <= 0.1 + 1e-9


@given(outcomes(), CLOSED, FACTORS)
def test_a_backtest_scales_as_the_live_forecast_does(drawn, closed, factor):
    money = steps(*drawn)
    low, middle, high = span(money, closed)
    backtested = scaled(np.array([[low, middle, high]]), np.array([middle]), np.array([factor]), np.array([closed]))
    assert backtested[0] == pytest.approx(span(money, closed, factor))


def test_without_a_quota_there_is_no_chance_to_reach_it():
    assert np.isnan(reach_probability(steps(np.zeros(1), np.ones(1)), 5.0, np.nan, 1.5))
