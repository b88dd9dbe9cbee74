"""The rungs below the trees: they give back the rates that made the data."""

import numpy as np
import pandas as pd
import pytest

from models.rungs import BaseRate, StageRate

TRUTH = {"demo": 0.2, "proposal": 0.6}


def test_the_rates_that_made_the_data_come_back() -> None:
    rng = np.random.default_rng(0)
    stage = pd.Series(rng.choice(list(TRUTH), 20_000))
    won = (rng.random(20_000) < stage.map(TRUTH)).to_numpy(float)
    assert StageRate().fit(stage, won, np.ones(20_000)).rate_ == pytest.approx(TRUTH, abs=0.02)


def test_a_weight_of_three_counts_like_three_deals() -> None:
    once = BaseRate().fit(np.array([1.0, 0.0]), np.array([3.0, 1.0]))
    thrice = BaseRate().fit(np.array([1.0, 1.0, 1.0, 0.0]), np.ones(4))
    assert once.rate_ == thrice.rate_ == 0.75


def test_a_deal_without_weight_is_not_learned_from() -> None:
    stage = pd.Series(["demo", "demo", "proposal"])
    fitted = StageRate(prior=1).fit(stage, np.array([1.0, 0.0, 1.0]), np.array([1.0, 0.0, 1.0]))
    assert fitted.predict(stage).tolist() == [1, 1, 1]


def test_a_stage_seen_three_times_is_drawn_to_the_base_rate() -> None:
    stage = pd.Series(["demo"] * 97 + ["proposal"] * 3)
    won = np.array([0.0] * 97 + [1.0] * 3)
    fitted = StageRate(prior=20).fit(stage, won, np.ones(100))
    assert fitted.rate_["proposal"] == pytest.approx((3 + 20 * 0.03) / 23)


def test_a_stage_never_seen_gets_the_base_rate() -> None:
    fitted = StageRate().fit(pd.Series(["demo", "demo"]), np.array([1.0, 0.0]), np.ones(2))
    assert fitted.predict(pd.Series(["contract"])).tolist() == [0.5]


def test_without_any_closed_deal_the_rate_is_one_half() -> None:
    fitted = StageRate().fit(pd.Series(["demo"]), np.zeros(1), np.zeros(1))
    assert fitted.predict(pd.Series(["demo"])).tolist() == [0.5]


def test_no_deals_get_no_rates() -> None:
    fitted = StageRate().fit(pd.Series(["demo"]), np.ones(1), np.ones(1))
    assert len(fitted.predict(pd.Series([], dtype="str"))) == 0


def test_a_stage_no_deal_tells_about_keeps_what_the_crm_states() -> None:
    fitted = StageRate().fit(pd.Series(["demo"]), np.array([1.0]), np.zeros(1), {"proposal": 0.4})
    assert fitted.predict(pd.Series(["proposal", "demo"])).tolist() == [0.4, 0.5]


def test_what_the_crm_states_gives_way_to_what_came() -> None:
    stage, won = pd.Series(["demo"] * 980), np.zeros(980)
    assert StageRate(prior=20).fit(stage, won, np.ones(980), {"demo": 0.5}).rate_["demo"] == pytest.approx(0.01)


def test_a_stage_without_past_deals_keeps_the_probability_that_the_crm_states() -> None:
    fitted = StageRate().fit(pd.Series(["demo", "demo"]), np.array([1.0, 0.0]), np.ones(2), {"contract": 0.9})
    assert fitted.predict(pd.Series(["contract"])).tolist() == pytest.approx([0.9])


def test_past_deals_outweigh_what_the_crm_states() -> None:
    stage, won = pd.Series(["demo"] * 2_000), np.tile([1.0, 0.0, 0.0, 0.0], 500)
    fitted = StageRate().fit(stage, won, np.ones(2_000), {"demo": 0.9})
    assert fitted.rate_["demo"] == pytest.approx(0.25, abs=0.01)
