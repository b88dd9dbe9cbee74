"""Pace compares quarters at the same number of days after their start."""

from datetime import UTC, datetime

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.fiscal import fiscal_quarter
from reports.pace import pace

AS_OF = datetime(2026, 11, 16, tzinfo=UTC)
"""46 days into the fourth quarter."""
QUARTER = fiscal_quarter(AS_OF.date(), 1)
LONG_AGO = pd.Timestamp("2020-01-01", tz="UTC")


def won(*deals: tuple) -> pd.DataFrame:
    rows = pd.DataFrame(deals, columns=["owner", "team", "closed_at", "cents"])
    closed_at = pd.to_datetime(rows["closed_at"], utc=True, format="ISO8601").astype("datetime64[us, UTC]")
    return rows.assign(closed_at=closed_at, cents=rows["cents"].astype("float64"))


def totals(deals: pd.DataFrame, level: str = "whole", id: str = "", since: pd.Timestamp = LONG_AGO) -> dict[str, tuple]:
    found = pace(deals, QUARTER, AS_OF, {"Ann": ("Mia",)}, since).totals
    rows = found[(found["level"] == level) & (found["id"] == id)].astype(object)
    rows = rows.where(rows.notna(), None)
    return dict(zip(rows["period"], zip(rows["by_then"], rows["in_the_end"], strict=True), strict=True))


ANNS = won(
    ("Ann", "North", "2026-10-01", 100_00),
    ("Ann", "North", "2026-11-15T23:59:59", 50_00),
    ("Ann", "North", "2026-08-15T23:59:59", 30_00),  # the last second of the 46th day of the third quarter
    ("Ann", "North", "2026-08-16", 40_00),  # and the first of the next
    ("Ann", "North", "2025-12-31T23:59:59", 7_00),
    ("Ben", "South", "2026-07-01", 5_00),
)


def test_by_hand():
    assert totals(ANNS) == {
        "FY2026 Q4": (150, None),
        "FY2026 Q3": (35, 75),
        "FY2026 Q2": (0, 0),
        "FY2026 Q1": (0, 0),
        "FY2025 Q4": (0, 7),
    }


@pytest.mark.parametrize(("level", "id"), [("team", "South"), ("owner", "Ben")])
def test_every_group_has_its_own(level, id):
    found = totals(ANNS, level, id)
    assert (found["FY2026 Q4"], found["FY2026 Q3"]) == ((0, None), (5, 5))
    assert totals(ANNS, "manager", "Mia")["FY2026 Q4"] == (150, None)


def test_a_quarter_that_began_before_the_history_is_not_known():
    found = totals(ANNS, since=pd.Timestamp("2026-03-01", tz="UTC"))
    assert [period for period, figures in found.items() if figures == (None, None)] == ["FY2026 Q1", "FY2025 Q4"]
    assert totals(ANNS, since=pd.Timestamp("2026-10-02", tz="UTC"))["FY2026 Q4"] == (150, None)


def test_a_company_that_has_won_nothing_has_won_nothing():
    found = pace(won(), QUARTER, AS_OF, {}, LONG_AGO)
    assert found.totals["by_then"].tolist() == [0] * 5
    assert found.curves["won"].eq(0).all()


def test_a_deal_won_without_an_amount_counts_and_brings_nothing():
    found = pace(won(("Ann", "North", "2026-10-02", None)), QUARTER, AS_OF, {}, LONG_AGO).totals.iloc[0]
    assert (found["by_then"], found["n_by_then"]) == (0, 1)


def test_a_short_quarter_was_over_by_then():
    """Day 91 of the fourth quarter; the first one has 90."""
    end = datetime(2026, 12, 31, 12, tzinfo=UTC)
    found = pace(won(("Ann", "North", "2026-03-31T23:00", 9_00)), QUARTER, end, {}, LONG_AGO).totals
    assert found.set_index(["level", "period"]).loc[("whole", "FY2026 Q1"), "by_then"] == 9


INSTANTS = st.datetimes(datetime(2025, 9, 1), datetime(2026, 11, 15)).map(lambda at: at.isoformat())  # noqa: DTZ001
DEALS = st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from("NS"), INSTANTS, st.integers(0, 10**9)), max_size=12)


@pytest.mark.slow
@settings(max_examples=25)
@given(DEALS)
def test_curves_rise_to_what_came_and_owners_add_up(deals):
    rows = won(*deals)
    found = pace(rows, QUARTER, AS_OF, {}, LONG_AGO)
    for period in found.periods:
        curve = found.curves[(found.curves["period"] == period.name) & (found.curves["level"] == "whole")]
        assert curve["day"].is_monotonic_increasing
        assert curve["won"].is_monotonic_increasing
        first, end = (pd.Timestamp(day, tz="UTC") for day in (period.start, period.end))
        inside = rows[(rows["closed_at"] >= first) & (rows["closed_at"] < end)]
        assert round(curve["won"].iloc[-1] * 100) == inside["cents"].sum()
    sums = (
        found.totals.assign(cents=(found.totals["by_then"] * 100).round()).groupby(["period", "level"])["cents"].sum()
    )
    assert all((sums[name, "whole"] == sums.get((name, "owner"), 0)) for name in sums.index.levels[0])
