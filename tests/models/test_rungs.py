"""The rungs that look at no more than the stage: they give back the rates that made the data."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.rungs import ALIKE, BaseRate, StageRate

TRUTH = {"demo": 0.2, "proposal": 0.6}


def fitted(
    stage: list[str], won: list[float], weight: list[float] | None = None, stated: dict | None = None, prior: float = 20
) -> StageRate:
    """A rate learned from deals of one snapshot each."""
    n = len(stage)
    weights = np.ones(n) if weight is None else np.array(weight)
    return StageRate(prior).fit(pd.Series(stage, dtype="str"), np.array(won), weights, np.arange(n), stated)


def of(rate: StageRate, *stage: str) -> list[float]:
    return rate.predict(pd.Series(stage, dtype="str")).tolist()


def width(rate: StageRate, stage: str) -> float:
    low, high = rate.bounds(pd.Series([stage]))
    return float(high[0] - low[0])


def test_the_rates_that_made_the_data_come_back() -> None:
    rng = np.random.default_rng(0)
    stage = pd.Series(rng.choice(list(TRUTH), 20_000))
    won = (rng.random(20_000) < stage.map(TRUTH)).to_numpy(float)
    assert fitted(stage.tolist(), won.tolist()).rate_ == pytest.approx(TRUTH, abs=0.02)


def test_a_weight_of_three_counts_like_three_deals() -> None:
    once = BaseRate().fit(np.array([1.0, 0.0]), np.array([3.0, 1.0]))
    thrice = BaseRate().fit(np.array([1.0, 1.0, 1.0, 0.0]), np.ones(4))
    assert once.rate_ == thrice.rate_ == 0.75


def test_a_deal_without_weight_is_not_learned_from() -> None:
    rate = fitted(["demo", "demo", "proposal"], [1, 0, 1], weight=[1, 0, 1], prior=1)
    assert of(rate, "demo", "demo", "proposal") == [1, 1, 1]


def test_a_stage_seen_three_times_is_drawn_to_the_base_rate() -> None:
    rate = fitted(["demo"] * 97 + ["proposal"] * 3, [0.0] * 97 + [1.0] * 3)
    assert rate.rate_["proposal"] == pytest.approx((3 + 20 * 0.03) / 23)


def test_a_stage_never_seen_gets_the_base_rate() -> None:
    assert of(fitted(["demo", "demo"], [1, 0]), "contract") == [0.5]


def test_without_any_closed_deal_the_rate_is_one_half() -> None:
    assert of(fitted(["demo"], [0], weight=[0]), "demo") == [0.5]


def test_no_deals_get_no_rates_and_no_bounds() -> None:
    rate, none = fitted(["demo"], [1]), pd.Series([], dtype="str")
    assert len(rate.predict(none)) == len(rate.bounds(none)[0]) == 0


def test_a_stage_no_deal_tells_about_keeps_what_the_crm_states() -> None:
    rate = fitted(["demo"], [1], weight=[0], stated={"proposal": 0.4})
    assert of(rate, "proposal", "demo") == [0.4, 0.5]


def test_what_the_crm_states_gives_way_to_what_came() -> None:
    rate = fitted(["demo"] * 980, [0.0] * 980, stated={"demo": 0.5})
    assert rate.rate_["demo"] == pytest.approx(0.01)


def test_an_endless_prior_makes_every_stage_alike_which_is_the_base_rate() -> None:
    rate = fitted(["demo"] * 50 + ["proposal"] * 50, [0.0] * 50 + [1.0] * 30 + [0.0] * 20, prior=ALIKE)
    assert of(rate, "demo", "proposal", "contract") == pytest.approx([0.3] * 3, abs=1e-6)
    assert (rate.rung, fitted(["demo"], [1]).rung) == ("base rate", "stage rate")


def test_snapshots_of_one_deal_count_as_one_deal_in_the_bounds() -> None:
    stage, won, weight = pd.Series(["demo"] * 40), np.tile([1.0, 0.0], 20), np.ones(40)
    apart, together = (StageRate().fit(stage, won, weight, deal) for deal in (np.arange(40), np.arange(40) % 4))
    assert (apart.n_deals_, together.n_deals_) == ({"demo": 40}, {"demo": 4})
    assert width(apart, "demo") < width(together, "demo")


@settings(max_examples=50)
@given(st.integers(0, 500), st.floats(0, 1))
def test_bounds_contain_the_rate_and_stay_between_0_and_1(n: int, share: float) -> None:
    n_won = round(n * share)
    rate = fitted(["demo"] * n, [1.0] * n_won + [0.0] * (n - n_won), prior=1)
    stage = pd.Series(["demo", "contract"])
    low, high = rate.bounds(stage)
    said = rate.predict(stage)
    assert ((low >= 0) & (low <= said) & (said <= high) & (high <= 1)).all()


def test_bounds_widen_with_fewer_deals() -> None:
    widths = [width(fitted(["demo"] * n, [1.0, 0.0] * (n // 2)), "demo") for n in (2, 20, 200, 2_000)]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 0.5
    assert widths[-1] < 0.05


def test_a_stage_never_seen_has_wider_bounds_than_one_seen_often() -> None:
    rate = fitted(["demo"] * 100, [1.0, 0.0] * 50)
    assert width(rate, "contract") > width(rate, "demo") + 0.3
