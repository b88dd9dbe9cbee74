"""Intervals keep their word: widths learn from earlier periods only, and eight of ten come within."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reports.interval_calibration import (
    BUCKETS,
    IntervalCalibration,
    Width,
    calibrate,
    held,
    learn_factors,
    measured_coverage,
    needed_factor,
    scaled,
)
from reports.money_levels import money_table, open_money, sums_by_group
from reports.shocks import Shock, chances_given_shock, shifts

REACH = stats.norm.ppf(0.9)


def history(true_spread: float, n_periods: int = 40, n_groups: int = 8, seed: int = 0) -> pd.DataFrame:
    """Forecasts of 10,000 +/- 1,000 in each of 13 weeks; what came has ``true_spread`` times that spread."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(n_periods):
        start = date(2020, 1, 6) + timedelta(weeks=13 * number)
        for week in range(13):
            came = 10_000 + 1_000 * true_spread * rng.standard_normal(n_groups)
            rows.append(
                pd.DataFrame(
                    {
                        "period": str(start),
                        "end": pd.Timestamp(start) + pd.Timedelta(weeks=13),
                        "as_of": pd.Timestamp(start, tz="UTC") + pd.Timedelta(weeks=week),
                        "weeks_to_go": 13 - week,
                        "level": "team",
                        "id": [f"T{k}" for k in range(n_groups)],
                        "p10": 10_000 - REACH * 1_000,
                        "p50": 10_000.0,
                        "p90": 10_000 + REACH * 1_000,
                        "won": 0.0,
                        "settled": came,
                        "actual": came,
                    }
                )
            )
    return pd.concat(rows, ignore_index=True)


@pytest.mark.slow
@pytest.mark.parametrize("true_spread", [0.5, 1.0, 2.0])
def test_too_wide_or_too_narrow_coverage_comes_to_eight_of_ten(true_spread):
    past = history(true_spread)
    found = calibrate(past, [])
    late = found["n_earlier"] >= 10
    assert held(past.assign(**found))[late].mean() == pytest.approx(0.8, abs=0.03)
    assert found.loc[late, "factor"].mean() == pytest.approx(true_spread, rel=0.1)


def few_quarters(true_spread: float, seed: int) -> pd.DataFrame:
    """Nine quarters of six teams and the whole; what a week gets wrong, the next week of the quarter still does."""
    rng, parts = np.random.default_rng(seed), []
    for number in range(9):
        start = pd.Timestamp("2020-01-06", tz="UTC") + pd.Timedelta(weeks=13 * number)
        to_come = np.cumsum(rng.standard_normal((13, 6)), axis=0)  # row k: of the last k + 1 weeks
        missed = 100 * np.column_stack([to_come, to_come.sum(axis=1)])
        half = 100 * REACH * np.sqrt(np.arange(1, 14))[:, None] * np.array([1] * 6 + [6**0.5]) / true_spread
        parts.append(
            pd.DataFrame(
                {
                    **{"period": str(number), "end": start.tz_localize(None) + pd.Timedelta(weeks=13)},
                    **{"weeks_to_go": np.repeat(np.arange(1, 14), 7), "id": [*"ABCDEF", ""] * 13, "won": -1e9},
                    **{"level": (["team"] * 6 + ["whole"]) * 13, "p50": 0.0},
                    **{"p10": -half.ravel(), "p90": half.ravel(), "settled": missed.ravel(), "actual": missed.ravel()},
                }
            ).assign(as_of=lambda rows, start=start: start + pd.to_timedelta(7 * (13 - rows["weeks_to_go"]), unit="D"))
        )
    return pd.concat(parts, ignore_index=True)


@pytest.mark.slow
@pytest.mark.parametrize("true_spread", [0.75, 1.35])
def test_nine_quarters_hold_eight_of_ten_on_average(true_spread):
    """And in the single company they scatter: by a standard deviation of three to six points."""
    shares = []
    for seed in range(10):
        past = few_quarters(true_spread, seed)
        found = calibrate(past, [])
        shares.append(held(past.assign(**found))[found["n_earlier"] >= 2].mean())
    assert np.mean(shares) == pytest.approx(0.8, abs=0.03)
    assert 0.03 < np.std(shares) < 0.06


def test_a_well_specified_forecast_of_money_holds_eight_of_ten():
    rng = np.random.default_rng(4)
    deals = pd.DataFrame({"deal_id": [f"D{i}" for i in range(120)], "cents": np.round(rng.lognormal(12, 0.8, 120))})
    chance = rng.uniform(0.05, 0.6, 120)
    money, shock = open_money(deals, chance[:, None], []), Shock(0.3)
    said = money_table(money, sums_by_group(money, shock), {"p10": 0.1, "p90": 0.9}).iloc[0]
    moved, weight = shifts(shock)
    node = rng.choice(len(moved), 4_000, p=weight)
    given = chances_given_shock(chance, moved, weight)
    came = (rng.random((4_000, 120)) < given[:, node].T) @ deals["cents"].to_numpy()
    assert ((came >= said["p10"]) & (came <= said["p90"])).mean() == pytest.approx(0.8, abs=0.02)


def test_later_periods_change_nothing_of_earlier_intervals():
    past = history(2.0, n_periods=6)
    cut = past["period"].unique()[4]
    poisoned = past.assign(settled=past["settled"].where(past["period"] < cut, 1e9))
    earlier = past["period"] <= cut
    pd.testing.assert_frame_equal(calibrate(past, [])[earlier], calibrate(poisoned, [])[earlier])


def test_the_first_period_is_left_as_it_was():
    found = calibrate(history(2.0, n_periods=2), [])
    first = found["n_earlier"] == 0
    assert first.sum() == 13 * 8
    assert (found.loc[first, "factor"] == 1).all()


def test_one_period_moves_widths_a_little():
    factors = learn_factors(history(3.0, n_periods=1, n_groups=1))
    assert all(1 < factor < 1.6 for factor in factors.values())


def test_the_factor_needed_is_told_by_the_half_on_which_it_came():
    low, middle, high = (np.array([value] * 4) for value in (80.0, 100.0, 110.0))
    assert needed_factor(low, middle, high, np.array([90.0, 115.0, 100.0, 60.0])).tolist() == [0.5, 1.5, 0.0, 2.0]
    assert needed_factor(middle, middle, middle, np.array([100.0, 99.0, 100.0, 101.0])).tolist() == [
        0,
        np.inf,
        0,
        np.inf,
    ]


def test_no_interval_begins_below_what_is_won_already():
    wide = scaled(np.array([[90.0, 100.0, 130.0]]), np.array([100.0]), np.array([3.0]), np.array([85.0]))
    assert wide.tolist() == [[85.0, 100.0, 190.0]]


def test_a_credit_may_still_bring_it_below():
    assert scaled(np.array([[70.0]]), np.array([100.0]), np.array([1.0]), np.array([85.0])).tolist() == [[70.0]]


def test_what_was_learned_and_measured_is_kept_as_plain_values():
    past = history(1.5, n_periods=4)
    kept = IntervalCalibration(learn_factors(past), measured_coverage(past))
    assert IntervalCalibration.of_document(kept.document()) == kept
    assert str(kept.coverage["team", 0]).endswith("of 64 past forecasts (4 periods) came within")
    assert len(kept.factors) == len(BUCKETS)


def test_a_level_takes_its_own_width_or_that_of_teams_or_that_of_the_whole():
    team, whole = history(1.5, n_periods=4), history(0.5, n_periods=4, n_groups=1).assign(level="whole")
    for past, owners_like in ((pd.concat([team, whole]), "team"), (whole, "whole")):
        kept = IntervalCalibration(learn_factors(past), measured_coverage(past))
        assert kept.width("owner", 5) == kept.width(owners_like, 5)
        assert (kept.width("owner", 5).level, kept.width("whole", 5).level) == (owners_like, "whole")
        assert kept.width("whole", 5).measured == kept.coverage["whole", 2]


def test_a_distance_never_forecast_from_is_widened_and_not_said_to_be_measured():
    past = history(2.0)
    far = IntervalCalibration(learn_factors(past), measured_coverage(past)).width("team", 20)
    assert far.factor > 1.5
    assert far.measured is None


def test_before_a_backtest_a_width_is_as_computed():
    assert IntervalCalibration({}, {}).width("team", 5) == Width()
