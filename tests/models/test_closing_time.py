"""When a won deal closes: the distribution that made the data comes back, slow deals not forgotten."""

import numpy as np
import pandas as pd
import pytest

from models.closing_time import KNOTS_DAYS, ClosingTime

MEANS = {"demo": 120.0, "proposal": 30.0}


def seen_of(n: int = 60_000, watched_days: float = 2_000) -> tuple[pd.Series, np.ndarray, np.ndarray]:
    """Stage, days to winning and weight of the wins seen, when watching began evenly over ``watched_days``."""
    rng = np.random.default_rng(2)
    stage = pd.Series(rng.choice(list(MEANS), n))
    days = rng.exponential(stage.map(MEANS))
    seen = days <= rng.uniform(0, watched_days, n)
    return stage[seen], days[seen], 1 / (1 - days[seen] / watched_days)


def test_the_distribution_comes_back_although_slow_deals_are_seen_less() -> None:
    stage, days, weight = seen_of()
    fitted = ClosingTime().fit(stage, days, weight)
    for name, mean in MEANS.items():
        assert fitted.by_stage_[name] == pytest.approx(1 - np.exp(-np.array(KNOTS_DAYS) / mean), abs=0.015)


def test_without_the_weights_deals_seem_faster_than_they_are() -> None:
    stage, days, weight = seen_of(watched_days=300)
    plain, weighted = (ClosingTime().fit(stage, days, w).overall_[3] for w in (np.ones(len(days)), weight))
    assert plain > weighted + 0.05


def in_stages(*names: str) -> pd.DataFrame:
    return pd.DataFrame({"stage": pd.Series(names, dtype="str")})


def test_shares_never_fall_with_days_and_never_pass_one() -> None:
    stage, days, weight = seen_of(500)
    shares = ClosingTime().fit(stage, days, weight).predict(in_stages("demo", "proposal", "never seen"))
    assert (np.diff(shares, axis=1) >= 0).all()
    assert ((shares >= 0) & (shares <= 1)).all()


def test_a_deal_won_on_the_last_day_of_a_knot_is_within_it() -> None:
    fitted = ClosingTime(prior=0).fit(pd.Series(["demo"]), np.array([28.0]), np.ones(1))
    assert fitted.by_stage_["demo"].tolist() == [0, 0, 1, 1, 1, 1, 1]


def test_a_stage_never_seen_gets_all_stages_distribution() -> None:
    stage, days, weight = seen_of(500)
    fitted = ClosingTime().fit(stage, days, weight)
    assert fitted.predict(in_stages("contract"))[0] == pytest.approx(fitted.overall_)


def test_a_rare_stage_is_drawn_to_all_stages_distribution() -> None:
    stage = pd.Series(["demo"] * 100 + ["proposal"])
    fitted = ClosingTime(prior=50).fit(stage, np.array([100.0] * 100 + [1.0]), np.ones(101))
    assert fitted.by_stage_["proposal"][0] < 0.05


def test_before_the_first_win_a_deal_is_taken_at_its_close_date() -> None:
    fitted = ClosingTime().fit(pd.Series([], dtype="str"), np.empty(0), np.empty(0))
    open_deals = pd.DataFrame({"stage": ["demo"] * 3, "days_to_close_date": [20.0, -3.0, np.nan]})
    assert fitted.predict(open_deals).tolist() == [[0, 0, 1, 1, 1, 1, 1], [1] * 7, [1] * 7]


def test_no_deals_get_no_rows() -> None:
    stage, days, weight = seen_of(500)
    assert ClosingTime().fit(stage, days, weight).predict(in_stages()).shape == (0, len(KNOTS_DAYS))
