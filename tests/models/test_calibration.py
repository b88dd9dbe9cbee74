"""Calibration: how much each member counts comes back, none counts negatively, the level is the members' own.

Bounds know how little is known, and how far apart periods lie.
"""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from models.calibration import Calibration, fit_calibration, log_odds

Raw = Mapping[str, np.ndarray]


def drawn(slopes: Mapping[str, float], intercept: float, n: int = 40_000) -> tuple[Raw, np.ndarray, np.ndarray]:
    """Raw log-odds of each member, outcomes whose true log-odds are their sum, and a deal of its own for each row."""
    rng = np.random.default_rng(1)
    raw = {name: rng.normal(size=n) for name in slopes}
    true = intercept + sum(slope * raw[name] for name, slope in slopes.items())
    return raw, (rng.random(n) < expit(true)).astype(float), np.arange(n)


def fitted(raw: Raw, happened: np.ndarray, deal: np.ndarray, period: np.ndarray | None = None) -> Calibration:
    """Every row with the same weight; of one period where nothing else is said."""
    return fit_calibration(
        raw, happened, np.ones(len(happened)), deal, np.zeros_like(deal) if period is None else period
    )


def periods(
    rng: np.random.Generator, levels: np.ndarray, n_each: int
) -> tuple[Raw, np.ndarray, np.ndarray, np.ndarray]:
    """As ``drawn``, of one member that is right but for the level of each period; last, the period of each row."""
    raw, period = rng.normal(size=len(levels) * n_each), np.repeat(np.arange(len(levels)), n_each)
    happened = (rng.random(len(raw)) < expit(raw + levels[period])).astype(float)
    return {"lightgbm": raw}, happened, np.arange(len(raw)), period


@pytest.mark.parametrize("slopes", [{"lightgbm": 0.6}, {"logistic": 0.4, "lightgbm": 0.7}])
def test_the_slopes_that_made_the_data_come_back(slopes: dict[str, float]) -> None:
    found = fitted(*drawn(slopes, -0.8))
    assert found.slopes == pytest.approx(slopes, abs=0.04)


@pytest.mark.parametrize("level", [-0.8, 0.8])
def test_the_level_is_kept_at_which_the_members_are_whatever_the_periods_before_were_at(level: float) -> None:
    raw, happened, deal = drawn({"logistic": 0.4, "lightgbm": 0.7}, level)
    raw = {"logistic": raw["logistic"] - 1, "lightgbm": raw["lightgbm"] - 2}
    found = fitted(raw, happened, deal)
    own = (expit(raw["logistic"]).mean() + expit(raw["lightgbm"]).mean()) / 2
    assert expit(found.log_odds(raw)).mean() == pytest.approx(own, abs=1e-9)


def test_scores_that_part_won_from_lost_without_error_leave_doubt() -> None:
    raw = {"lightgbm": np.linspace(-2, 2, 40)}
    found = fitted(raw, (raw["lightgbm"] > 0).astype(float), np.arange(40))
    said = expit(found.log_odds(raw))
    assert ((said > 0) & (said < 1)).all()
    assert np.isfinite(found.bounds(raw)).all()


def test_weights_undo_a_sample_that_took_one_half_of_the_surprises() -> None:
    raw, happened, deal = drawn({"lightgbm": 1.0}, 0.0)
    is_surprise = (happened == 1) != (raw["lightgbm"] > 0)
    kept = ~is_surprise | (deal % 2 == 0)
    found = fit_calibration(raw, happened, np.where(is_surprise, 2.0, 1.0) * kept, deal, 0 * deal)
    assert found.slopes["lightgbm"] == pytest.approx(1.0, abs=0.05)


def test_rows_of_no_weight_change_nothing() -> None:
    raw, happened, deal = drawn({"logistic": 0.6, "lightgbm": 0.3}, -0.8, 500)
    weight = np.arange(500) % 3 * 1.0
    used = weight > 0
    only = {name: column[used] for name, column in raw.items()}
    period = deal // 100
    assert fit_calibration(raw, happened, weight, deal, period) == fit_calibration(
        only, happened[used], weight[used], deal[used], period[used]
    )


def test_a_member_that_would_count_negatively_is_left_out() -> None:
    raw, happened, deal = drawn({"logistic": -0.5, "lightgbm": 0.8}, 0.2, 5_000)
    found = fitted(raw, happened, deal)
    assert found == fitted({"lightgbm": raw["lightgbm"]}, happened, deal)
    assert list(found.slopes) == ["lightgbm"]


def test_members_that_would_turn_the_ranking_round_do_not_count() -> None:
    assert fitted(*drawn({"lightgbm": -1.0}, 0.0, 2_000)).slopes == {}
    assert fitted(*drawn({"logistic": -1.0, "lightgbm": -0.5}, 0.0, 2_000)).slopes == {}


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_one_outcome_alone_tells_nothing_of_the_members(outcome: float) -> None:
    raw = {"logistic": np.linspace(-1, 1, 20), "lightgbm": np.linspace(-1, 1, 20)}
    assert fitted(raw, np.full(20, outcome), np.arange(20)) == Calibration()


def test_nothing_seen_tells_nothing_of_the_members() -> None:
    raw = {"lightgbm": np.zeros(3)}
    found = fit_calibration(raw, np.array([0.0, 1.0, 0.0]), np.zeros(3), np.arange(3), np.zeros(3, np.int64))
    assert found == Calibration()


def test_over_many_samples_the_slope_varies_as_claimed_and_the_bounds_hold() -> None:
    rng, at = np.random.default_rng(2), {"lightgbm": np.array([-1.0, 0.0, 1.5])}
    found, held, true = [], [], expit(at["lightgbm"])
    for _ in range(60):
        raw, happened, deal, _ = periods(rng, np.zeros(1), 300)
        found.append(fitted(raw, happened, deal))
        low, high = found[-1].bounds(at)
        held.append((low <= true) & (true <= high))
    claimed = np.mean([one.covariance[0][0] for one in found])
    assert np.sqrt(claimed) == pytest.approx(np.std([one.slopes["lightgbm"] for one in found]), rel=0.25)
    assert np.mean(held) > 0.77


@pytest.mark.parametrize("apart", [0.0, 0.2, 0.5])
def test_how_far_periods_lie_apart_comes_back(apart: float) -> None:
    rng = np.random.default_rng(3)
    found = fitted(*periods(rng, rng.normal(scale=apart, size=60), 2_000))
    assert np.sqrt(found.covariance[-1][-1]) == pytest.approx(apart, abs=max(0.15 * apart, 0.05))


def test_the_bounds_hold_in_the_period_to_come_however_many_deals_there_were() -> None:
    rng, at = np.random.default_rng(4), {"lightgbm": np.array([-1.0, 0.0, 1.5])}
    held = []
    for _ in range(100):
        levels = rng.normal(scale=0.3, size=13)
        low, high = fitted(*periods(rng, levels[:-1], 200)).bounds(at)
        coming = expit(at["lightgbm"] + levels[-1])
        held.append((low <= coming) & (coming <= high))
    assert np.mean(held) == pytest.approx(0.8, abs=0.07)


def test_a_shape_that_no_line_fits_widens_the_bounds() -> None:
    rng = np.random.default_rng(5)
    raw = rng.normal(size=20_000)
    wavy = (rng.random(len(raw)) < expit(raw + 0.5 * np.sin(4 * raw))).astype(float)
    straight = (rng.random(len(raw)) < expit(raw)).astype(float)
    deal, period = np.arange(len(raw)), np.arange(len(raw)) % 20
    spread = [np.sqrt(fitted({"lightgbm": raw}, one, deal, period).covariance[-1][-1]) for one in (straight, wavy)]
    assert spread[0] < 0.1
    assert spread[1] > 0.2


def test_of_few_periods_that_happen_to_be_alike_no_certainty_follows() -> None:
    raw, happened, deal = drawn({"lightgbm": 1.0}, 0.0)
    found = [fitted(raw, happened, deal, deal % n_periods) for n_periods in (1, 3, 30)]
    spread = [np.sqrt(one.covariance[-1][-1]) for one in found]
    assert spread == sorted(spread, reverse=True)
    assert 0.1 < spread[0] < 0.2


def test_the_covariance_shrinks_as_deals_come_in() -> None:
    raw, happened, deal = drawn({"logistic": 0.4, "lightgbm": 0.7}, 0.0, 8_000)
    few = fitted({name: column[:500] for name, column in raw.items()}, happened[:500], deal[:500])
    ratio = np.diag(few.covariance) / np.diag(fitted(raw, happened, deal).covariance)
    assert ratio[:2] == pytest.approx(16, rel=0.4)


def test_copies_of_few_deals_are_not_more_evidence() -> None:
    raw, happened, deal = drawn({"lightgbm": 0.7}, 0.0, 300)
    copies = ({name: np.tile(column, 10) for name, column in raw.items()}, np.tile(happened, 10))
    once, ten_times = fitted(raw, happened, deal), fitted(*copies, np.tile(deal, 10))
    assert np.array(ten_times.covariance) == pytest.approx(np.array(once.covariance), rel=1e-2)
    claimed_apart = fitted(*copies, np.arange(3_000))
    assert ten_times.covariance[0][0] == pytest.approx(10 * claimed_apart.covariance[0][0], rel=1e-2)


def test_bounds_contain_the_middle_and_widen_as_data_shrink() -> None:
    raw, happened, deal = drawn({"logistic": 0.4, "lightgbm": 0.7}, 0.0, 4_000)
    widths = []
    for n in (4_000, 400, 40):
        part = {name: column[:n] for name, column in raw.items()}
        found = fitted(part, happened[:n], deal[:n])
        low, high = found.bounds(raw)
        middle = expit(found.log_odds(raw))
        assert ((low >= 0) & (low <= middle) & (middle <= high) & (high <= 1)).all()
        widths.append((high - low).mean())
    assert widths[0] < widths[1] < widths[2]


@settings(max_examples=50)
@given(st.floats(1e-6, 1 - 1e-6))
def test_log_odds_and_probability_undo_each_other(value: float) -> None:
    assert expit(log_odds(np.array([value])))[0] == pytest.approx(value, rel=1e-9)


def test_log_odds_of_the_ends_are_finite() -> None:
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()
