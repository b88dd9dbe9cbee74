"""What a group of deals may bring agrees with every combination written out, with tables, and with draws."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import special, stats

from reports import money_sums
from reports.money_quantiles import MoneySum, chance_to_reach, cumulative, quantiles
from reports.money_sums import money_sum
from reports.new_business import NewBusiness
from reports.shocks import Shock, chances_given_shock, shifts

LEVELS = [0.1, 0.25, 0.5, 0.75, 0.9]


def mean_of(money: MoneySum) -> float:
    ends = money.start + money.step * np.arange(len(money.cumulative))
    return float(money.at @ money.share + np.diff(money.cumulative) @ ((ends[1:] + ends[:-1]) / 2))


def written_out(amount, chance, shock):
    """Every combination, one by one, for a reader's eye; with many more nodes than the code under test."""
    moved, weight = shifts(shock, 0.1)
    given = chances_given_shock(np.array(chance), moved, weight)
    found: dict[float, float] = {}
    for won in product([0, 1], repeat=len(amount)):
        each = np.where(np.array(won)[:, None] == 1, given, 1 - given)
        place = float(np.dot(won, amount))
        found[place] = found.get(place, 0.0) + float(each.prod(axis=0) @ weight)
    return found


def drawn(amount, chance, shock, n=200_000, spread=0.0, seed=0):
    """Draws of the sum, made without any of the code under test but the recentred chance at shock 0."""
    rng = np.random.default_rng(seed)
    moved, weight = shifts(shock, 0.1)
    middle = special.logit(chances_given_shock(np.asarray(chance), moved, weight)[:, len(weight) // 2])
    z, sums = rng.standard_normal(n) * shock.scale, np.zeros(n)
    sigma = math.sqrt(math.log1p(spread**2))
    for i, cents in enumerate(amount):
        factor = np.exp(sigma * rng.standard_normal(n) - sigma**2 / 2) if spread else 1.0
        sums += (rng.random(n) < special.expit(middle[i] + z)) * cents * factor
    return sums


def test_two_deals_by_hand():
    money = money_sum(np.array([10_000.0, 5_000.0]), np.array([0.5, 0.2]), Shock())
    assert money.at.tolist() == [0, 5_000, 10_000, 15_000]
    assert money.share == pytest.approx([0.4, 0.1, 0.4, 0.1])
    assert quantiles(money, [0.4, 0.41, 0.5, 0.51, 0.91]).tolist() == [0, 5_000, 5_000, 10_000, 15_000]
    assert [chance_to_reach(money, quota) for quota in (-1, 0, 1, 10_000, 15_001)] == pytest.approx([1, 1, 0.6, 0.5, 0])


@given(
    st.lists(st.tuples(st.integers(-500, 500), st.floats(0.01, 0.99)), min_size=1, max_size=6),
    st.sampled_from([0.0, 0.3, 1.0]),
)
@example([(1, 0.5), (1, 0.5), (1, 0.5), (1, 0.5), (1, 0.25)], 1.0)
@settings(max_examples=40)
def test_few_deals_agree_with_every_combination_written_out(deals, scale):
    amount, chance = np.array([float(a) for a, _ in deals]), np.array([p for _, p in deals])
    money, known = money_sum(amount, chance, Shock(scale)), written_out(amount, chance, Shock(scale))
    found = dict.fromkeys(known, 0.0) | dict(zip(money.at.tolist(), money.share, strict=True))
    assert found == pytest.approx(known, abs=2e-5)


def test_fourteen_deals_agree_with_every_combination_though_they_are_more_than_are_listed():
    rng = np.random.default_rng(0)
    amount, chance = np.round(rng.lognormal(13, 1, 14)), rng.uniform(0.05, 0.6, 14)
    money = money_sum(amount, chance, Shock(0.4))
    assert len(money.cumulative) > 1, "not listed"
    known = written_out(amount, chance, Shock(0.4))
    at = np.sort(np.array(list(known)))
    exact = np.cumsum([known[place] for place in at])
    # Halfway between two steps, where a smoothed step has its right height.
    gaps = np.flatnonzero(np.diff(at) > 0.004 * at[-1])
    assert cumulative(money, (at[gaps] + at[gaps + 1]) / 2) == pytest.approx(exact[gaps], abs=2e-3)
    steps = at[np.searchsorted(exact, LEVELS)]
    assert quantiles(money, LEVELS) == pytest.approx(steps, rel=0.01)


def test_a_hundred_equal_deals_are_binomial_to_the_point():
    money = money_sum(np.full(100, 12_345.0), np.full(100, 0.4), Shock())
    assert (quantiles(money, [0.1, 0.5, 0.9]) / 12_345).tolist() == [34, 40, 46]
    won = np.arange(101)
    assert cumulative(money, won * 12_345.0) == pytest.approx(stats.binom.cdf(won, 100, 0.4), abs=1e-12)
    assert chance_to_reach(money, 50 * 12_345) == pytest.approx(stats.binom.sf(49, 100, 0.4), abs=1e-12)


def test_list_prices_make_a_lattice_that_agrees_with_convolution():
    rng = np.random.default_rng(1)
    units, chance = rng.choice([1, 2, 5], 40), rng.uniform(0.05, 0.5, 40)
    known = np.ones(1)
    for unit, p in zip(units, chance, strict=True):
        known = np.append((1 - p) * known, np.zeros(unit)) + np.append(np.zeros(unit), p * known)
    money = money_sum(units * 99_000.0, chance, Shock())
    assert cumulative(money, np.arange(len(known)) * 99_000.0) == pytest.approx(np.cumsum(known), abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [0.0, 0.25, 0.6])
@pytest.mark.parametrize(("n", "most", "spread"), [(12, 0.6, 0.4), (100, 0.3, 0.0), (100, 0.3, 0.5), (1500, 0.2, 0.0)])
def test_quantiles_agree_with_draws(n, most, spread, scale):
    rng = np.random.default_rng(n)
    amount, chance = np.round(rng.lognormal(14, 1, n)), rng.uniform(0.02, most, n)
    money = money_sum(amount, chance, Shock(scale), np.full(n, spread))
    sums = drawn(amount, chance, Shock(scale), 60_000 if n > 1000 else 200_000, spread)
    reached = [(sums <= place).mean() for place in quantiles(money, LEVELS)]
    assert reached == pytest.approx(LEVELS, abs=0.007)
    assert mean_of(money) == pytest.approx(amount @ chance, rel=2e-3)


def test_fifty_thousand_deals_with_a_shock_are_as_wide_as_the_shock():
    rng = np.random.default_rng(3)
    amount, chance = np.round(rng.lognormal(14, 1, 50_000)), rng.beta(2, 18, 50_000)
    money = money_sum(amount, chance, Shock(0.25))
    z = stats.norm.ppf(LEVELS)
    # So many deals bring their mean given the shock, almost surely: quantiles are those of the shock.
    moved, weight = shifts(Shock(0.25), 0.1)
    middle = special.logit(chances_given_shock(chance, moved, weight)[:, len(weight) // 2])
    expected = [amount @ special.expit(middle + 0.25 * one) for one in z]
    assert quantiles(money, LEVELS) == pytest.approx(expected, rel=4e-3)


def test_one_deal_that_is_half_of_all_keeps_its_gap():
    """29 deals of about 1,000 and one of 30,000 at 50 %: below and above the gap, hardly anything within."""
    rng = np.random.default_rng(4)
    amount = np.append(np.round(rng.uniform(80_000, 120_000, 29)), 3_000_000.0)
    chance = np.append(np.full(29, 0.5), 0.5)
    money = money_sum(amount, chance, Shock())
    below, above = cumulative(money, np.array([2_400_000.0, 3_600_000.0]))
    assert (below, above) == pytest.approx((0.5, 0.5), abs=2e-3)
    assert quantiles(money, [0.25, 0.75]) == pytest.approx(
        np.quantile(drawn(amount, chance, Shock()), [0.25, 0.75]), rel=5e-3
    )


def test_a_single_deal_with_a_spread_amount_is_lognormal_where_it_is_won():
    money = money_sum(np.array([1_000_000.0]), np.array([0.5]), Shock(), np.array([0.3]))
    sigma = math.sqrt(math.log1p(0.09))
    expected = stats.lognorm.ppf([0.2, 0.5, 0.8], sigma, scale=1_000_000 * math.exp(-(sigma**2) / 2))
    assert quantiles(money, [0.4, 0.6, 0.75, 0.9])[[1, 2, 3]] == pytest.approx(expected, rel=0.01)
    assert quantiles(money, [0.4])[0] == pytest.approx(0, abs=20_000)


def test_credits_take_money_away():
    rng = np.random.default_rng(5)
    amount = np.round(rng.lognormal(13, 0.8, 60)) * rng.choice([1, 1, -1], 60)
    chance = rng.uniform(0.1, 0.6, 60)
    money, sums = money_sum(amount, chance, Shock(0.3)), drawn(amount, chance, Shock(0.3))
    assert [(sums <= place).mean() for place in quantiles(money, LEVELS)] == pytest.approx(LEVELS, abs=0.006)
    assert quantiles(money, [0.01])[0] < 0


def test_new_business_comes_on_top():
    rng = np.random.default_rng(6)
    new = NewBusiness(n_won=6.0, amount=500_000.0, spread=0.8)
    amount, chance = np.round(rng.lognormal(13, 0.8, 60)), rng.uniform(0.1, 0.4, 60)
    sums = drawn(amount, chance, Shock(0.3))
    sigma = math.sqrt(math.log1p(0.64))
    for _ in range(30):
        sums += (rng.poisson(0.2, len(sums))) * rng.lognormal(math.log(500_000) - sigma**2 / 2, sigma, len(sums))
    money = money_sum(amount, chance, Shock(0.3), new=new)
    assert [(sums <= place).mean() for place in quantiles(money, LEVELS)] == pytest.approx(LEVELS, abs=0.012)
    assert mean_of(money) == pytest.approx(amount @ chance + new.mean, rel=2e-3)


def test_new_business_alone_may_be_nothing():
    money = money_sum(np.empty(0), np.empty(0), Shock(0.2), new=NewBusiness(0.5, 100_000.0, 1.0))
    assert quantiles(money, [0.1, 0.6]).tolist() == [0, 0]
    assert chance_to_reach(money, 1) == pytest.approx(1 - math.exp(-0.5), abs=1e-3)


@pytest.mark.parametrize("n", [3, 200])
def test_certain_deals_are_a_single_point(n):
    chance = np.arange(n) % 2.0
    money = money_sum(np.full(n, 7_777.0), chance, Shock(0.5))
    assert money.at.tolist() == [7_777 * chance.sum()]
    assert money.share == pytest.approx([1])
    assert (quantiles(money, LEVELS) == 7_777 * chance.sum()).all()


def test_a_group_without_deals_brings_nothing():
    money = money_sum(np.empty(0), np.empty(0), Shock(0.5))
    assert (quantiles(money, LEVELS) == 0).all()
    assert (chance_to_reach(money, 0), chance_to_reach(money, 1)) == (1, 0)


def test_without_a_shock_deals_are_independent():
    assert money_sums.shifts(Shock())[0].tolist() == [0]


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.floats(-1e8, 1e9), st.floats(0, 1)), max_size=60),
    st.floats(0, 1.5),
    st.sampled_from([0.0, 0.4]),
    st.booleans(),
)
@example([(1.0, 1.0), (328.0, 0.0625)], 0.0, 0.4, False)
@example([(0.5, 1.0), (328.0, 0.02)], 0.0, 0.4, False)
def test_quantiles_are_ordered_and_a_higher_quota_is_never_likelier(deals, scale, spread, with_new):
    amount, chance = np.round([a for a, _ in deals]), np.array([p for _, p in deals], float)
    new = NewBusiness(2.0, 1e6, 0.5) if with_new else None
    money = money_sum(amount, chance, Shock(scale), np.full(len(deals), spread), new)
    found = quantiles(money, np.arange(1, 100) / 100)
    assert np.isfinite(found).all()
    assert (np.diff(found) >= 0).all()
    reach = [chance_to_reach(money, quota) for quota in np.linspace(found[0] - 1, found[-1] + 1, 30)]
    assert (np.diff(reach) <= 1e-12).all()
    assert all(0 <= one <= 1 for one in reach)
    spread_of_all = np.sqrt((chance * amount**2).sum()) + (1e6 if with_new else 0)
    assert abs(mean_of(money) - amount @ chance - (new.mean if new else 0)) <= 0.02 * spread_of_all + 1


def test_a_quantile_lies_between_zero_and_one():
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantiles(money_sum(np.ones(1), np.ones(1), Shock()), [0.5, 1.0])


def test_new_business_of_nothing_changes_nothing():
    money = money_sum(np.empty(0), np.empty(0), Shock(0.2), new=NewBusiness(0.0, 100_000.0, 1.0))
    assert (quantiles(money, LEVELS) == 0).all()


def test_a_strong_shock_on_very_many_deals_shows_no_steps():
    """Given the shock 20,000 deals hardly vary: nodes too far apart would show as steps of the distribution."""
    rng = np.random.default_rng(8)
    amount, chance = np.round(rng.lognormal(14, 1, 20_000)), rng.beta(2, 18, 20_000)
    money = money_sum(amount, chance, Shock(0.5, 8.0))
    moved, weight = shifts(Shock(0.5, 8.0), 0.05)
    middle = special.logit(chances_given_shock(chance, moved, weight)[:, len(weight) // 2])
    z = stats.t.ppf(LEVELS, 8)
    expected = [amount @ special.expit(middle + 0.5 * one) for one in z]
    assert quantiles(money, LEVELS) == pytest.approx(expected, rel=5e-3)
