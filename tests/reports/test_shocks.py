"""The common shock leaves means alone, and its size comes back from the past that it made."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from reports.money_quantiles import quantiles
from reports.money_sums import money_sum
from reports.shock_fit import fit_shock
from reports.shocks import COARSE, Shock, chances_given_shock, shifts


@given(st.lists(st.floats(0, 1), max_size=20), st.floats(0, 2), st.sampled_from([2.5, 5.0, math.inf]))
@settings(max_examples=60)
def test_every_deal_keeps_its_chance_over_the_shock(chances, scale, degrees):
    for spacing in (COARSE, 0.2):
        moved, weight = shifts(Shock(scale, degrees), spacing)
        found = chances_given_shock(np.array(chances), moved, weight)
        assert found @ weight == pytest.approx(np.array(chances), rel=1e-12, abs=1e-300)
        assert ((found >= 0) & (found <= 1)).all()
        assert (np.diff(found, axis=1) >= -1e-12).all()


def test_eleven_nodes_agree_with_gauss_and_hermite():
    z, share = np.polynomial.hermite_e.hermegauss(61)
    moved, weight = shifts(Shock(0.5))
    for middle in (-3, -1, 1):
        for power in (1, 2, 5):
            exact = special.expit(middle + 0.5 * z) ** power @ share / share.sum()
            assert special.expit(middle + moved) ** power @ weight == pytest.approx(exact, abs=2e-6)


def test_few_degrees_of_freedom_widen_the_shock():
    moved, weight = shifts(Shock(0.3, 6), 0.1)
    assert weight @ moved**2 == pytest.approx(0.3**2 * 6 / 4, rel=0.01)


@pytest.mark.parametrize("wrong", [(-0.1, math.inf), (math.nan, math.inf), (0.2, 2.0)])
def test_a_shock_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match="shock"):
        Shock(*wrong)


def past(scale, n_periods, seed, n_deals=400):
    """Periods of deals that all felt one shock: what was expected, its luck, what came, and the response."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(n_periods):
        amount, chance = rng.lognormal(10, 0.8, n_deals), rng.beta(2, 6, n_deals)
        moved, weight = shifts(Shock(scale), 0.2)
        middle = special.logit(chances_given_shock(chance, moved, weight)[:, len(weight) // 2])
        won = rng.random(n_deals) < special.expit(middle + scale * rng.standard_normal())
        luck = chance * (1 - chance)
        rows.append((chance @ amount, luck @ amount**2, won @ amount, luck @ amount / (chance @ amount)))
    return np.array(rows).T


@pytest.mark.parametrize("scale", [0.15, 0.35, 0.6])
def test_the_scale_that_made_the_past_comes_back(scale):
    fit = fit_shock(*past(scale, 200, seed=3))
    assert fit.scale == pytest.approx(scale, rel=0.15)
    assert fit.low < fit.scale < fit.high
    assert fit.shock.degrees_of_freedom > 30


def test_mere_luck_is_not_taken_for_a_shock():
    assert fit_shock(*past(0.0, 200, seed=2)).scale < 0.06


def test_few_periods_lean_on_the_prior_and_widen_the_forecast():
    few, many = fit_shock(*past(0.3, 4, seed=3)), fit_shock(*past(0.3, 100, seed=3))
    none = fit_shock([], [], [])
    assert few.high - few.low > 2 * (many.high - many.low)
    assert few.shock.degrees_of_freedom < many.shock.degrees_of_freedom
    assert none.scale == pytest.approx(0.3 * stats.halfnorm.median(), abs=0.002)
    assert none.n_periods == 0


def test_periods_of_which_nothing_was_expected_say_nothing():
    told = past(0.3, 5, seed=4)
    with_empty = np.column_stack([told, [0, 0, 0, 1]])
    assert fit_shock(*with_empty) == fit_shock(*told)


def test_a_missing_figure_names_its_period():
    with pytest.raises(ValueError, match="Period 1 "):
        fit_shock([1, 2], [1, 1], [1, np.nan])


def test_ranges_from_eight_past_periods_hold_what_comes():
    """Scales drawn from the prior, eight periods to learn from: the next one falls within P10 to P90 in 80 %."""
    rng, inside, n = np.random.default_rng(5), 0, 400
    for seed in range(n):
        scale = abs(0.3 * rng.standard_normal())
        shock = fit_shock(*past(scale, 8, seed, n_deals=150)).shock
        amount, chance = rng.lognormal(10, 0.8, 150).round(), rng.beta(2, 6, 150)
        moved, weight = shifts(Shock(scale), 0.2)
        middle = special.logit(chances_given_shock(chance, moved, weight)[:, len(weight) // 2])
        came = (rng.random(150) < special.expit(middle + scale * rng.standard_normal())) @ amount
        low, high = quantiles(money_sum(amount, chance, shock), [0.1, 0.9])
        inside += low <= came <= high
    assert inside / n == pytest.approx(0.8, abs=0.05)
