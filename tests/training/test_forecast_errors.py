"""Each measure on numbers that one can check by eye."""

import numpy as np
import pandas as pd
import pytest

from training.forecast_errors import OURS, bias, crps, errors, pinball, wape

SAID, CAME = np.array([8.0, 11.0, 13.0]), np.array([10.0, 10.0, 10.0])


def test_wape_adds_errors_up_and_bias_lets_them_cancel():
    assert (wape(SAID, CAME), bias(SAID, CAME)) == (pytest.approx(6 / 30), pytest.approx(2 / 30))


def test_pinball_punishes_what_passes_a_high_quantile_nine_times_as_hard():
    assert pinball(np.array([8.0]), 0.9, np.array([10.0])) == pytest.approx(0.18)
    assert pinball(np.array([12.0]), 0.9, np.array([10.0])) == pytest.approx(0.02)


def test_crps_of_one_number_is_its_absolute_error():
    assert crps(np.tile(SAID[:, None], 20), [(k + 0.5) / 20 for k in range(20)], CAME) == pytest.approx(
        wape(SAID, CAME)
    )


def test_crps_of_a_uniform_distribution_is_the_known_integral():
    # Uniform on [0, 1], what came at 1: the integral of x^2 is 1/3.
    levels = (np.arange(200) + 0.5) / 200
    assert crps(levels[None, :], levels, np.array([1.0])) == pytest.approx(1 / 3, abs=1e-4)


def test_where_nothing_came_no_share_can_be_told():
    assert np.isnan(wape(np.array([1.0]), np.array([0.0])))


def table(**columns):
    frame = pd.DataFrame({"level": "whole", "weeks_to_go": 1, "mean": SAID, "p50": SAID, "q500": SAID, "actual": CAME})
    edges = {"p10": SAID - 2, "p90": SAID + 2, "raw_p10": SAID - 1, "raw_p90": SAID + 1}
    return frame.assign(**edges, rule=CAME + 1, never=[1.0, np.nan, 1.0], **columns).astype({"mean": float})


def test_the_table_sets_us_beside_every_rule():
    rows = errors(table() * 1, ["rule"], {"q500": 0.5}, ["level", "weeks_to_go"]).set_index("method")
    assert rows.loc[OURS, "wape"] == pytest.approx(0.2)
    assert rows.loc["rule", ["wape", "bias", "crps"]].tolist() == pytest.approx([0.1, 0.1, 0.1])
    assert np.isnan(rows.loc["rule", "coverage"])


def test_coverage_counts_both_ends_and_is_told_before_and_after_calibration():
    hundred = table()
    money = ["mean", "p50", "q500", "actual", "p10", "p90", "raw_p10", "raw_p90"]
    hundred[money] *= 100  # cents, of which one is forgiven
    ours = errors(hundred, [], {"q500": 0.5}, ["level", "weeks_to_go"]).iloc[0]
    assert (ours["coverage"], ours["raw_coverage"]) == (pytest.approx(2 / 3), pytest.approx(1 / 3))


def test_a_rule_that_is_not_there_for_all_is_not_compared_on_some():
    rows = errors(table(), ["never"], {"q500": 0.5}, ["level", "weeks_to_go"]).set_index("method")
    assert rows.loc["never", "n"] == 2
    assert np.isnan(rows.loc["never", "wape"])
