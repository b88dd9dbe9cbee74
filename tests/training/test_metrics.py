"""Metrics: worked out by hand, and blind to what has no weight."""

import math

import numpy as np
import pytest

from training.metrics import METRICS, calibration_error, measure, reliability

ONE = {"model": np.array([0.8, 0.4, 0.6, 0.1])}
CAME = np.array([1.0, 0.0, 0.0, 0.0])


def test_two_deals_worked_out_by_hand() -> None:
    said = measure(np.array([1.0, 0.0]), np.ones(2), {"model": np.array([0.8, 0.4])})["model"]
    assert said["log_loss"] == pytest.approx(-(math.log(0.8) + math.log(0.6)) / 2)
    assert said["brier"] == pytest.approx((0.2**2 + 0.4**2) / 2)
    assert said["ece"] == pytest.approx((0.2 + 0.4) / 2)
    assert said["auc"] == 1


def test_the_auc_is_the_share_of_pairs_in_the_right_order() -> None:
    came = np.array([1.0, 1.0, 0.0, 0.0])
    assert measure(came, np.ones(4), ONE)["model"]["auc"] == 0.75


@pytest.mark.parametrize("metric", ["log_loss", "brier", "auc"])
def test_a_weight_of_two_counts_like_two_deals(metric: str) -> None:
    said, twice = ONE["model"], [0, 1, 1, 2, 3]
    weighted = METRICS[metric](CAME, said, np.array([1.0, 2.0, 1.0, 1.0]))
    assert weighted == pytest.approx(METRICS[metric](CAME[twice], said[twice], np.ones(5)))


@pytest.mark.parametrize("metric", list(METRICS))
def test_a_deal_without_weight_is_not_judged(metric: str) -> None:
    came, weight = np.append(CAME, 1.0), np.append(np.ones(4), 0.0)
    with_it = measure(came, weight, {"model": np.append(ONE["model"], 0.01)})
    assert with_it["model"][metric] == measure(CAME, np.ones(4), ONE)["model"][metric]


def test_a_perfectly_calibrated_coin_has_hardly_any_calibration_error() -> None:
    rng = np.random.default_rng(0)
    said = rng.random(50_000)
    came = (rng.random(50_000) < said).astype(float)
    assert calibration_error(came, said, np.ones(50_000)) < 0.01


def test_a_boaster_has_the_calibration_error_of_the_boast() -> None:
    came = np.tile([0.0, 1.0], 500)
    assert calibration_error(came, np.full(1_000, 0.9), np.ones(1_000)) == pytest.approx(0.4)


def test_a_bin_is_as_heavy_as_its_deals() -> None:
    bins = reliability(np.array([0.0, 1.0]), np.array([0.2, 0.7]), np.array([1.0, 3.0]))
    assert bins == pytest.approx(np.array([[0.2, 0, 1], [0.7, 1, 3]]))


def test_no_deals_make_no_bins() -> None:
    assert reliability(np.empty(0), np.empty(0), np.empty(0)).shape == (0, 3)


def test_certainty_that_proves_wrong_costs_much_but_not_everything() -> None:
    said = measure(np.array([1.0, 0.0]), np.ones(2), {"model": np.array([0.0, 0.0])})["model"]
    assert 5 < said["log_loss"] < 20


@pytest.mark.parametrize("came", [np.ones(4), np.zeros(4)])
def test_one_outcome_alone_tells_nothing(came: np.ndarray) -> None:
    assert measure(came, np.ones(4), ONE) == {}
