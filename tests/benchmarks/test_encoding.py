"""Win rates in place of names: shrunken, and never of the row's own outcome."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.encoding import WinRates


def test_a_rate_is_mixed_with_twenty_deals_of_all():
    columns = pd.DataFrame({"region": ["north"] * 20 + ["south"] * 20})
    happened = np.repeat([1.0, 0.0], 20)
    rates = WinRates().fit(columns, happened)
    assert rates.transform(columns)[[0, -1], 0].tolist() == pytest.approx([0.75, 0.25])


def test_a_name_never_seen_has_the_base_rate():
    rates = WinRates().fit(pd.DataFrame({"region": ["north", "south"]}), np.array([1.0, 0.0]))
    assert rates.transform(pd.DataFrame({"region": ["west"]})).tolist() == [[0.5, 0.0]]


def test_a_row_is_not_told_its_own_outcome():
    columns = pd.DataFrame({"region": [str(number) for number in range(200)]})
    happened = (np.arange(200) % 3 == 0).astype(float)
    found = WinRates().fit_transform(columns, happened, np.arange(200))[:, 0]
    # Each name is its deal's own: what is left is the base rate of the others.
    assert np.ptp(found) < 0.05


def test_numbers_stay_as_they_are():
    columns = pd.DataFrame({"amount": [1.0, 2.0], "region": ["a", "b"]})
    rates = WinRates().fit(columns, np.array([0.0, 1.0]))
    assert rates.transform(columns)[:, 0].tolist() == [1.0, 2.0]
    assert rates.names(columns) == ["amount", "region_win_rate", "region_seen"]
