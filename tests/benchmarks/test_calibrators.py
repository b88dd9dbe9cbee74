"""The ways to calibrate find a known distortion, and the bounds close in as deals come in."""

import numpy as np
import pytest

from benchmarks.calibrators import WAYS, bootstrap_bounds, venn_abers_bounds


def scored(n: int, seed: int = 0):
    """Scores that claim twice the log-odds there are, half a unit too high."""
    random = np.random.default_rng(seed)
    truth = random.normal(size=n)
    happened = (random.random(n) < 1 / (1 + np.exp(-truth))).astype(np.float64)
    return 2 * truth + 0.5, happened, truth


@pytest.mark.parametrize("name", [name for name in WAYS if name != "none"])
def test_a_known_distortion_is_undone(name):
    score, happened, _ = scored(20_000)
    turn = WAYS[name](score, happened, np.ones(len(score)))
    others, _, truth = scored(2_000, seed=1)
    assert np.abs(turn(others) - 1 / (1 + np.exp(-truth))).mean() < 0.02


@pytest.mark.parametrize("name", list(WAYS))
def test_probabilities_rise_with_the_score(name):
    score, happened, _ = scored(500)
    turn = WAYS[name](score, happened, np.ones(len(score)))
    said = turn(np.linspace(-6, 6, 50))
    assert (np.diff(said) >= -1e-9).all()
    assert said.min() >= 0
    assert said.max() <= 1


def test_venn_abers_is_what_isotonic_would_say_of_either_outcome():
    score, happened = np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 0.0, 1.0, 1.0])
    low, high = venn_abers_bounds(score, happened, np.ones(4))(np.array([1.0]))
    # Lost, it is one more zero among the low scores; won, it and the lost one of its score make one half.
    assert (low[0], high[0]) == pytest.approx((0.0, 0.5))


@pytest.mark.parametrize("way", ["venn_abers", "bootstrap"])
def test_bounds_close_in_as_deals_come_in(way):
    widths = []
    for n in (100, 2_000):
        score, happened, _ = scored(n)
        if way == "venn_abers":
            low, high = venn_abers_bounds(score, happened, np.ones(n))(np.zeros(1))
        else:
            low, high = bootstrap_bounds({"s": score}, happened, np.ones(n), np.arange(n), 20, 0)({"s": np.zeros(1)})
        widths.append(float((high - low)[0]))
    assert widths[1] < widths[0]
