"""Bounds hold the truth as often as they say, and know that snapshots of a deal are not independent."""

import numpy as np
import pytest

from training.bounds import losses, mean_with_bounds, metrics_with_bounds
from training.metrics import measure


def test_the_interval_holds_the_true_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        deal = np.repeat(np.arange(60), 5)
        values = rng.normal(size=60)[deal] + 0.3 * rng.normal(size=300)
        _, low, high = mean_with_bounds(values, np.ones(300), deal, seed=0)
        held += low <= 0 <= high
    assert 0.89 <= held / 200 <= 0.99


def test_weights_count() -> None:
    mean, _, _ = mean_with_bounds(np.array([0.0, 1.0]), np.array([3.0, 1.0]), np.arange(2), seed=0)
    assert mean == 0.25


def test_without_weight_there_is_no_mean_and_one_deal_has_no_bounds() -> None:
    assert np.isnan(mean_with_bounds(np.ones(2), np.zeros(2), np.arange(2), seed=0)).all()
    assert mean_with_bounds(np.ones(2), np.ones(2), np.zeros(2, int), seed=0) == (1.0, -np.inf, np.inf)


def test_every_metric_is_that_of_measure_and_lies_within_its_bounds() -> None:
    rng = np.random.default_rng(1)
    said = rng.uniform(0.05, 0.95, 400)
    happened, weight, deal = (rng.random(400) < said).astype(float), rng.uniform(0, 3, 400), np.arange(400) // 4
    weight[:10] = 0
    found = metrics_with_bounds(happened, weight, deal, {"a": said, "b": np.full(400, 0.5)}, seed=0)
    measured = measure(happened, weight, {"a": said, "b": np.full(400, 0.5)})
    for row in found.to_dict("records"):
        assert row["value"] == pytest.approx(measured[row["model"]][row["metric"]])
        if row["metric"] != "ece":  # which noise only makes larger
            assert row["low"] <= row["value"] <= row["high"]


def test_the_mean_of_losses_is_the_log_loss() -> None:
    happened, said = np.array([1.0, 0, 1, 0]), np.array([0.7, 0.2, 1.0, 0.0])
    measured = measure(happened, np.ones(4), {"a": said})["a"]["log_loss"]
    assert losses(happened, said).mean() == pytest.approx(measured)
