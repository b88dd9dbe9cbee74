"""Rates of few deals: bounds that hold, and pooling that pulls no further than chance explains."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.rates import rate_bounds, shrunken, with_rate

COUNTS = st.integers(0, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS)
def test_the_rate_lies_within_its_bounds_and_these_within_0_and_1(counts):
    hits, n = (np.array([float(count)]) for count in counts)
    low, high = rate_bounds(hits, n)
    assert 0 <= low[0] <= high[0] <= 1
    if counts[1]:
        assert low[0] <= counts[0] / counts[1] <= high[0]


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.8])
@pytest.mark.parametrize("n", [15, 100])
def test_the_bounds_hold_nineteen_times_in_twenty(rate, n):
    hits = np.random.default_rng(0).binomial(n, rate, 4_000).astype(float)
    low, high = rate_bounds(hits, np.full(4_000, float(n)))
    assert 0.925 < ((low <= rate) & (rate <= high)).mean() < 0.985


@given(st.lists(COUNTS, min_size=1, max_size=8))
def test_a_pooled_rate_lies_between_the_groups_own_and_the_usual_one(groups):
    hits, n = (np.array(column, float) for column in zip(*groups, strict=True))
    pooled = shrunken(hits, n)
    if n.sum() == 0:
        assert np.isnan(pooled).all()
        return
    usual = hits.sum() / n.sum()
    own = np.divide(hits, n, out=np.full(len(n), usual), where=n > 0)
    assert (pooled >= np.minimum(own, usual) - 1e-12).all()
    assert (pooled <= np.maximum(own, usual) + 1e-12).all()


def test_groups_that_differ_by_chance_are_pulled_together_and_others_are_left_apart():
    rng, n = np.random.default_rng(1), np.full(40, 50.0)
    alike = shrunken(rng.binomial(50, 0.3, 40).astype(float), n)
    differing = rng.binomial(50, np.repeat([0.1, 0.5], 20)).astype(float)
    assert alike.max() - alike.min() < 0.1
    assert np.abs(shrunken(differing, n) - differing / 50).max() < 0.04


def test_pooled_rates_are_nearer_to_the_truth_than_rates_of_few_deals():
    rng = np.random.default_rng(2)
    truth = rng.beta(6, 14, 200)
    hits = rng.binomial(12, truth).astype(float)
    off = [np.abs(rates - truth).mean() for rates in (shrunken(hits, np.full(200, 12.0)), hits / 12)]
    assert off[0] < 0.8 * off[1]


def test_rows_are_pooled_within_their_level_and_nothing_is_said_of_nothing():
    rows = pd.DataFrame({"level": ["owner", "owner", "team"], "hits": [0, 9, 3], "n": [0, 10, 4]})
    found = with_rate(rows, "slip", "hits", "n", ["level"])
    assert found.iloc[0][["slip_rate", "slip_low", "slip_high", "slip_pooled"]].isna().all()
    assert found["slip_rate"].tolist()[1:] == [0.9, 0.75]
    assert found["slip_pooled"].tolist()[1:] == [0.9, 0.75]
