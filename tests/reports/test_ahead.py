"""What lies ahead of a deal: every list of periods sums to the same probabilities."""

import itertools
import json
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.fiscal import Period
from reports.ahead import Ahead, ahead, chances

DAYS = (1, 2, 3, 5, 7, 10, 14, 21, 28, 35, 42, 56, 70, 91, 119, 147, 182, 273, 364, 546, 728)


def calendar(**settings: str) -> pd.DataFrame:
    return pd.DataFrame({"setting": list(settings), "value": list(settings.values())}, dtype="str")


@st.composite
def ledger_rows(draw: st.DrawFn) -> tuple[float, str, str]:
    win = draw(st.floats(0, 1))
    curves = []
    for whole in (win, 1 - win):
        shares = sorted(draw(st.lists(st.floats(0, 1), min_size=len(DAYS), max_size=len(DAYS))))
        curves.append(json.dumps([[day, whole * share] for day, share in zip(DAYS, shares, strict=True)]))
    return win, curves[0], curves[1]


@pytest.mark.slow
@given(
    ledger_rows(),
    st.integers(0, 1_500 * 24).map(lambda hours: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hours)),
    st.integers(1, 12),
    st.sampled_from(["monday", "sunday"]),
)
def test_whatever_the_periods_the_parts_sum_to_the_win_probability(row, as_of, month, day) -> None:
    found = ahead(*row, as_of, calendar(fiscal_year_start_month=str(month), week_start=day))
    for rows in (found.weeks, found.months, found.quarters):
        assert sum(one.won for one in rows) == pytest.approx(row[0], abs=1e-9)
        assert sum(one.lost for one in rows) == pytest.approx(1 - row[0], abs=1e-9)
        for one in rows:
            assert one.won_by + one.lost_by + one.open_after == pytest.approx(1, abs=1e-9)
            assert min(one.won, one.lost, one.open_after) >= 0
        assert rows[-1].open_after == pytest.approx(0, abs=1e-9)


@pytest.fixture
def told() -> Ahead:
    win = json.dumps([[day, 0.4 * min(1, day / 364)] for day in DAYS])
    lost = json.dumps([[day, 0.6 * min(1, day / 364)] for day in DAYS])
    return ahead(0.4, win, lost, datetime(2026, 11, 18, 12, tzinfo=UTC), calendar(fiscal_year_start_month="4"))


def test_there_are_four_weeks_three_months_four_quarters_and_later(told: Ahead) -> None:
    names = [[one.period.name if one.period else None for one in rows] for rows in vars(told).values()]
    assert names == [
        ["16 to 22 Nov", "23 to 29 Nov", "30 Nov to 6 Dec", "7 to 13 Dec", None],
        ["Nov 2026", "Dec 2026", "Jan 2027", None],
        ["FY2027 Q3", "FY2027 Q4", "FY2028 Q1", "FY2028 Q2", None],
    ]


def test_a_period_counts_from_the_scores_on(told: Ahead) -> None:
    # From Wednesday noon to Monday are 4.5 days, of which the straight line says 4.5 / 364.
    assert told.weeks[0].won == pytest.approx(0.4 * 4.5 / 364)
    assert told.weeks[1].won == pytest.approx(0.4 * 7 / 364)


def test_periods_follow_each_other(told: Ahead) -> None:
    for rows in vars(told).values():
        periods = [one.period for one in rows if one.period]
        assert all(one.end == following.start for one, following in itertools.pairwise(periods))


def test_what_is_said_to_be_won_long_after_the_periods_is_later() -> None:
    week = Period("week", date(2026, 11, 16), date(2026, 11, 16) + timedelta(days=7))
    rows = chances(0.9, "[[728, 0.0]]", "[[728, 0.1]]", datetime(2026, 11, 16, tzinfo=UTC), [week])
    assert (rows[0].won, rows[1].won, rows[1].open_after) == (0.0, 0.9, 0.0)
