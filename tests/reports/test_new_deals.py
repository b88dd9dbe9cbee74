"""Business not yet created: what history does comes back, and nothing known later is read."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.new_deals import learn_creation

AS_OF = datetime(2026, 10, 1, tzinfo=UTC)
END = datetime(2027, 1, 1, tzinfo=UTC)


def history(seed: int = 0, per_day: float = 4.0, years: int = 3, win_rate: float = 0.4) -> pd.DataFrame:
    """Deals that come evenly, are decided after 30 days on average, and are worth 10,000 cents when won."""
    rng = np.random.default_rng(seed)
    n = int(per_day * 365 * years)
    created = pd.Timestamp(AS_OF) - pd.to_timedelta(rng.uniform(0, 365 * years, n), unit="D")
    closed = created + pd.to_timedelta(rng.exponential(30, n), unit="D")
    return pd.DataFrame({
        "created_at": created,
        "closed_at": closed,
        "won": rng.random(n) < win_rate,
        "cents": 10_000.0,
        "team": rng.choice(["North", "South"], n, p=[0.75, 0.25]),
    })  # fmt: skip


def test_what_comes_is_the_rate_times_the_share_won_in_time() -> None:
    new = learn_creation(history(), AS_OF).expected(AS_OF, END)
    remaining = np.arange(92) + 0.5
    assert new.n_won == pytest.approx(4 * 0.4 * (1 - np.exp(-remaining / 30)).sum(), rel=0.1)
    assert new.amount == pytest.approx(10_000)
    assert new.spread == 0


def test_a_busy_autumn_is_expected_again() -> None:
    deals = history()
    autumn = deals[deals["created_at"].dt.month >= 10]
    busy = learn_creation(pd.concat([deals, autumn, autumn], ignore_index=True), AS_OF)
    assert busy.of_month[9:].mean() > 1.8 * busy.of_month[:9].mean()


def test_open_deals_are_not_taken_for_lost() -> None:
    """Of deals created last month most are open: their share won so far is not the share that will be won."""
    deals = history(years=1)
    learned = learn_creation(deals, AS_OF)
    assert learned.won_by[120] == pytest.approx(0.4 * (1 - np.exp(-4)), abs=0.03)


def test_nothing_known_later_is_read() -> None:
    deals = history()
    early = pd.Timestamp("2026-01-01", tz="UTC")
    later = deals["closed_at"] >= early
    poisoned = deals.assign(won=deals["won"] ^ later, cents=deals["cents"].where(~later, 9e9))
    poisoned.loc[later, "closed_at"] += pd.Timedelta(days=500)
    first, again = (learn_creation(rows, early).expected(early, AS_OF) for rows in (deals, poisoned))
    assert first == again


def test_parts_of_teams_sum_to_the_whole_and_follow_what_was_won() -> None:
    learned = learn_creation(history(), AS_OF)
    whole = learned.expected(AS_OF, END)
    parts = {team: learned.part(team, whole).n_won for team in ("North", "South")}
    assert sum(parts.values()) == pytest.approx(whole.n_won)
    assert parts["North"] / whole.n_won == pytest.approx(0.75, abs=0.03)


def test_without_history_nothing_is_expected() -> None:
    assert learn_creation(history().head(0), AS_OF).expected(AS_OF, END).mean == 0


def pushed(until: datetime) -> pd.DataFrame:
    """Deals of three years that are won with 1 % on a working day, with 5 % in a quarter's last week."""
    rng, days = np.random.default_rng(3), pd.date_range("2023-10-02T00Z", until, inclusive="left")
    ends = days + pd.offsets.QuarterBegin(startingMonth=1)
    chance = np.where(days.day_of_week < 5, np.where((ends - days).days <= 7, 0.05, 0.01), 0)
    start = rng.integers(0, len(days), 6_000)
    won_on = (rng.random((6_000, len(days))) < chance) & (np.arange(len(days)) > start[:, None])
    won = won_on.any(axis=1)
    closed = (days[won_on.argmax(axis=1)] + pd.Timedelta(hours=12)).where(won)
    return pd.DataFrame({"created_at": days[start], "closed_at": closed, "won": won, "cents": 100.0, "team": "North"})


def test_of_what_comes_most_is_won_just_before_a_quarter_ends_where_deals_are_pushed_to_close_then() -> None:
    as_of = datetime(2026, 8, 3, tzinfo=UTC)
    learned = learn_creation(pushed(as_of), as_of)
    last_week, next_week = (
        learned.expected(start, start + timedelta(days=7)).n_won
        for start in (datetime(2026, 9, 24, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC))
    )
    assert last_week / next_week == pytest.approx(5, rel=0.25)
    assert max(learned.busy.weekday[5:]) < 0.1


def test_quick_deals_bring_what_quick_deals_brought() -> None:
    deals = history(win_rate=1.0)
    quick = (deals["closed_at"] - deals["created_at"]) < pd.Timedelta(days=10)
    learned = learn_creation(deals.assign(cents=np.where(quick, 1_000.0, 21_000.0)), AS_OF)
    soon, in_all = (learned.expected(AS_OF, pd.Timestamp(AS_OF) + pd.Timedelta(days=days)).amount for days in (7, 300))
    assert soon < 2_000
    assert in_all == pytest.approx(learned.amount, rel=0.2)


@settings(max_examples=20)
@given(st.integers(1, 90), st.integers(1, 90))
def test_adjoining_periods_sum_to_the_period_over_both(first: int, more: int) -> None:
    learned = learn_creation(history(per_day=1), AS_OF)
    middle, end = (pd.Timestamp(AS_OF) + pd.Timedelta(days=days) for days in (first, first + more))
    one, two, both = (learned.expected(*span) for span in ((AS_OF, middle), (middle, end), (AS_OF, end)))
    assert one.n_won + two.n_won == pytest.approx(both.n_won)
    assert one.mean + two.mean == pytest.approx(both.mean)
