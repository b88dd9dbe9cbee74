"""When a deal closes: the hazards that made the data come back under censoring, and the close date is heard."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from models import closing_time
from models.arithmetic import (
    N_CLOSE_DATE_BINS,
    N_QUARTER_BINS,
    QUARTERS_AHEAD,
    at_days,
    close_date_bins,
    closing_shares,
    curve_knots,
    workload,
)
from models.closing_time import KNOTS_DAYS, ClosingTime

KNOTS = np.array(KNOTS_DAYS, float)
MONDAY = 20_605.0
"""2026-06-01, in days since 1970; the quarter ends in 30 days."""
ENDS = [date(year, month, 1) for year in range(2020, 2031) for month in (1, 4, 7, 10)]
MEANS = {"demo": 120.0, "proposal": 30.0}
WON_SHARE = {"demo": 0.3, "proposal": 0.7}
Seen = tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]


def in_stages(*names: str, **more: object) -> pd.DataFrame:
    """Snapshots with nothing said but their stage and what is given."""
    usual = {"days_to_close_date": np.nan, "as_of_day": MONDAY, "age_days": 20.0, "days_in_stage": 10.0}
    counts = {"forward_moves_30d": 0.0, "interactions_14d": 3.0}
    return pd.DataFrame(usual | counts | more, index=range(len(names))).assign(stage=pd.Series(names, dtype="str"))


def watched(n: int = 8_000, days: float = 200, seed: int = 2) -> Seen:
    """Deals that close by a constant hazard of their stage, won or lost by chance; watched for up to ``days``."""
    rng = np.random.default_rng(seed)
    stage = pd.Series(rng.choice(list(MEANS), n))
    takes = rng.exponential(stage.map(MEANS))
    won = (rng.random(n) < stage.map(WON_SHARE)).to_numpy(float)
    seen = rng.uniform(0, days, n)
    still_open = takes > seen
    found = in_stages(*stage, as_of_day=MONDAY - 7 * rng.integers(0, 150, n))
    return found, np.where(still_open, np.nan, won), np.where(still_open, np.nan, takes), seen


@pytest.fixture(scope="module")
def fitted() -> ClosingTime:
    """Learned from deals watched for 200 days at most."""
    return ClosingTime().fit(*watched(), ENDS)


def closed_within(model: ClosingTime, stage: str) -> np.ndarray:
    """P(closed within each knot) of a deal that is won with the stage's probability."""
    won, lost = at_knots(model, in_stages(stage))
    return WON_SHARE[stage] * won[0] + (1 - WON_SHARE[stage]) * lost[0]


def at_knots(model: ClosingTime, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Shares won and lost by each of ``KNOTS_DAYS``."""
    knots, won, lost, _ = model.predict(rows)
    won, lost = (np.array([at_days(curve, knots, np.full(len(rows), day)) for day in KNOTS]).T for curve in (won, lost))
    return won, lost


@pytest.mark.parametrize("stage", list(MEANS))
def test_the_hazards_that_made_the_data_come_back_although_many_deals_are_still_open(
    fitted: ClosingTime, stage: str
) -> None:
    known = KNOTS <= 147  # as far as more than a few deals were watched
    true = 1 - np.exp(-KNOTS / MEANS[stage])
    assert closed_within(fitted, stage)[known] == pytest.approx(true[known], abs=0.05)


def test_without_the_open_deals_deals_seem_faster_than_they_are() -> None:
    table, won, takes, seen = watched()
    closed = ~np.isnan(won)
    biased = ClosingTime().fit(table[closed], won[closed], takes[closed], seen[closed])
    place = KNOTS_DAYS.index(56)
    assert closed_within(biased, "demo")[place] > 1 - np.exp(-56 / MEANS["demo"]) + 0.15


def test_the_mean_beyond_the_last_knot_is_that_of_the_last_interval(fitted: ClosingTime) -> None:
    assert (fitted.predict(in_stages("demo"))[3] > 60).all()


def test_losses_may_come_sooner_than_wins() -> None:
    rng = np.random.default_rng(3)
    won = (rng.random(4_000) < 0.5).astype(float)
    takes = rng.exponential(np.where(won == 1, 90, 15))
    table = in_stages(*["demo"] * 4_000)
    of_won, of_lost = at_knots(ClosingTime().fit(table, won, takes, np.full(4_000, 2_000.0)), in_stages("demo"))
    true = 1 - np.exp(-28 / np.array([90, 15]))
    place = KNOTS_DAYS.index(28)
    assert [of_won[0, place], of_lost[0, place]] == pytest.approx(true, abs=0.06)


@pytest.fixture(scope="module")
def punctual() -> ClosingTime:
    """Learned from deals that close about on their close date."""
    rng = np.random.default_rng(4)
    said = rng.uniform(0, 150, 4_000)
    takes = np.maximum(said + rng.normal(0, 5, 4_000), 0.5)
    table = in_stages(*["demo"] * 4_000, days_to_close_date=said)
    return ClosingTime().fit(table, (rng.random(4_000) < 0.5).astype(float), takes, np.full(4_000, 900.0))


def test_the_close_date_moves_the_mass(punctual: ClosingTime) -> None:
    dates = np.array([10.0, 50.0, 110.0])
    won, _ = at_knots(punctual, in_stages("demo", "demo", "demo", days_to_close_date=dates))
    half_by = [KNOTS[np.searchsorted(row, 0.5)] for row in won]
    assert half_by == pytest.approx(dates, abs=20)


def test_shares_never_fall_with_days_and_never_pass_one(fitted: ClosingTime, punctual: ClosingTime) -> None:
    rng = np.random.default_rng(5)
    strange = {"age_days": rng.choice([np.nan, 0, 1e9], 60), "interactions_14d": rng.choice([np.nan, 1e12], 60)}
    dates = {"days_to_close_date": rng.choice([np.nan, -4e4, -3, 0, 5e5], 60), "as_of_day": rng.uniform(0, 3e4, 60)}
    rows = in_stages(*rng.choice(["demo", "proposal", "never seen"], 60), **strange, **dates)
    for model in (fitted, punctual):
        for shares in model.predict(rows)[1:3]:
            assert (np.diff(shares, axis=1) >= 0).all()
            assert ((shares >= 0) & (shares <= 1)).all()
        assert (model.predict(rows)[3] > 0).all()


def test_a_stage_never_seen_gets_a_time_between_the_known_ones(fitted: ClosingTime) -> None:
    won, _ = at_knots(fitted, in_stages("demo", "contract", "proposal"))
    place = KNOTS_DAYS.index(28)
    assert won[0, place] < won[1, place] < won[2, place]


def test_the_same_seed_gives_the_same_bits_also_where_pairs_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing_time, "MOST_PAIRS", 2_000)
    seen = watched(1_000)
    first, again, other = (ClosingTime(seed).fit(*seen).card_ for seed in (0, 0, 1))
    assert first == again != other


def test_the_pairs_drawn_are_alike_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing_time, "MOST_PAIRS", 20_000)
    place = KNOTS_DAYS.index(28)
    found = closed_within(ClosingTime().fit(*watched()), "demo")[place]
    assert found == pytest.approx(1 - np.exp(-28 / MEANS["demo"]), abs=0.06)


def test_a_deal_alone_gets_the_same_bits_as_in_the_batch(fitted: ClosingTime) -> None:
    rows = watched(60, seed=9)[0]
    together = fitted.predict(rows)
    for row in range(60):
        alone = fitted.predict(rows.iloc[[row]])
        assert [one[0].tolist() for one in alone] == [one[row].tolist() for one in together]


@pytest.mark.parametrize("won", [[1.0, 1.0], [0.0, 0.0], [np.nan, np.nan]])
def test_before_both_outcomes_were_seen_a_deal_is_taken_at_its_word(won: list[float]) -> None:
    days = np.where(np.isnan(won), np.nan, 20.0)
    fitted = ClosingTime().fit(in_stages("demo", "demo"), np.array(won), days, np.full(2, 300.0))
    rows = in_stages("demo", "demo", "demo", days_to_close_date=np.array([20.0, -3.0, np.nan]))
    for shares in at_knots(fitted, rows):
        assert shares.tolist() == [(KNOTS >= 20).tolist(), [1] * len(KNOTS), [1] * len(KNOTS)]


def test_no_deals_get_no_rows(fitted: ClosingTime) -> None:
    never = ClosingTime().fit(in_stages(), np.empty(0), np.empty(0), np.empty(0))
    for model in (fitted, never):
        knots, won, lost, tail_days = model.predict(in_stages())
        assert knots.shape == won.shape == lost.shape == (0, len(KNOTS) + QUARTERS_AHEAD)
        assert tail_days.shape == (0,)


def test_a_constant_pace_says_nothing(fitted: ClosingTime) -> None:
    usual, busy = in_stages("demo"), in_stages("demo", interactions_14d=300.0, age_days=9_000.0)
    assert fitted.predict(busy)[1] == pytest.approx(fitted.predict(usual)[1], abs=0.01)


def test_a_brisk_deal_closes_sooner_where_brisk_deals_did() -> None:
    rng = np.random.default_rng(6)
    brisk = rng.random(4_000) < 0.5
    table = in_stages(*["demo"] * 4_000, interactions_14d=np.where(brisk, 9.0, 1.0))
    takes = rng.exponential(np.where(brisk, 15, 90))
    fitted = ClosingTime().fit(table, (rng.random(4_000) < 0.5) * 1.0, takes, np.full(4_000, 900.0))
    won, _ = at_knots(fitted, in_stages("demo", "demo", interactions_14d=np.array([9.0, 1.0])))
    assert won[0, KNOTS_DAYS.index(28)] > won[1, KNOTS_DAYS.index(28)] + 0.3


def test_only_pairs_that_were_watched_to_their_end_are_learned_from() -> None:
    closed_by, days_seen = np.array([6.0, 4.0, np.inf, np.inf]), np.array([30.0, 4.5, 4.5, 3.0])
    row, interval = ClosingTime()._pairs(closed_by, days_seen, KNOTS)
    ends = [KNOTS[interval[row == deal]].tolist() for deal in range(4)]
    # Of the second, as of the third, the interval from 3 to 5 days was not watched to its end.
    assert ends == [[1, 2, 3, 5, 7], [1, 2, 3], [1, 2, 3], [1, 2, 3]]


def test_the_close_date_is_seen_from_each_interval() -> None:
    close_date = close_date_bins(np.array([np.nan, 10.0, -70.0]), np.array([7.0, 14.0, 28.0]))
    assert close_date[0].tolist() == [0, 0, 0]
    assert close_date[1].tolist() == [7, 6, 5]  # in 7 to 14 days, then in 0 to 7, then overdue
    assert close_date[2].tolist() == [1, 1, 1]
    assert close_date.max() < N_CLOSE_DATE_BINS


def flat(**more: object) -> dict[str, object]:
    """A calendar on which all days are alike, but for what is given."""
    usual = {"weekday": np.ones((2, 7)), "to_quarter_end": np.ones((2, N_QUARTER_BINS))}
    return {"quarter_ends": [day.isoformat() for day in ENDS]} | usual | more


def test_equal_chances_in_equal_intervals_make_a_geometric_time() -> None:
    card = {
        **{"knots_days": [1, 2, 3], "n_seen": 9, "stages": ["demo"], "center": [0] * 4, "scale": [1] * 4},
        **{"interval": np.full((3, 2), np.log(0.25 / 0.5)), "stage": np.zeros((1, 3, 2)), "pace": np.zeros((4, 2))},
        **{"close_date": np.zeros((N_CLOSE_DATE_BINS, 2)), "busy": np.zeros((2, 2)), "calendar": flat()},
    }
    knots, won, lost, tail_days = closing_shares(
        ["demo"], np.array([5.0]), np.array([MONDAY + 28.5]), np.zeros((1, 4)), card
    )
    assert knots[0].tolist() == [1, 1.5, 2, 3, 3, 3, 3]  # the quarter ends in a day and a half
    assert won[0] == pytest.approx([0.5, 0.625, 0.75, *[0.875] * 4])  # each interval closes one half
    assert lost[0] == pytest.approx(won[0])
    assert tail_days == pytest.approx([2])


def test_work_is_the_sum_of_days_by_weekday_and_how_far_the_quarters_end_is() -> None:
    week, ends = np.ones((2, 7)), np.ones((2, N_QUARTER_BINS))
    week[:, 5:], ends[0, 0] = 0.25, 3.0  # a weekend; and of wins the quarter's last day
    done = workload(np.array([MONDAY, MONDAY + 28]), np.array([[5.0, 7.0, 7.5], [1.0, 2.0, 3.0]]),
                    flat(weekday=week, to_quarter_end=ends))  # fmt: skip
    assert done[0].tolist() == [[5, 5.5, 6], [1, 4, 5]]
    assert done[1].tolist() == [[5, 5.5, 6], [1, 2, 3]]


def test_beyond_the_quarters_that_are_known_every_day_is_as_usual() -> None:
    ends = np.full((2, N_QUARTER_BINS), 3.0)
    far = float((date(2035, 1, 1) - date(1970, 1, 1)).days)
    assert workload(np.array([far]), np.array([[10.0]]), flat(to_quarter_end=ends)).tolist() == [[[10]], [[10]]]
    assert curve_knots(np.array([far]), {"knots_days": [7, 728], "calendar": flat()})[0].tolist() == [7, *[728] * 5]


@pytest.fixture(scope="module")
def pushed() -> tuple[ClosingTime, pd.DataFrame, np.ndarray]:
    """Deals that close four times as often in a quarter's last week, and never at a weekend; the days they took."""
    rng = np.random.default_rng(7)
    start = MONDAY - 7 * rng.integers(0, 200, 6_000)
    days = start[:, None] + np.arange(900)
    ends = np.array([(day - date(1970, 1, 1)).days for day in ENDS])
    left = ends[np.searchsorted(ends, days, side="right").clip(max=len(ends) - 1)] - days
    hazard = 0.02 * np.where(left <= 7, 4.0, 1.0) * ((days + 3) % 7 < 5)
    closes = rng.random(days.shape) < hazard
    takes = closes.argmax(axis=1) + 0.6
    table = in_stages(*["demo"] * 6_000, as_of_day=start)
    won = (rng.random(6_000) < 0.5).astype(float)
    return ClosingTime().fit(table, won, takes, np.full(6_000, 2_000.0), ENDS), table, takes


def test_it_learns_which_days_deals_close_on(pushed: tuple[ClosingTime, pd.DataFrame, np.ndarray]) -> None:
    days = np.array([5.0, 7.0])
    weeks = MONDAY + np.array(
        [7.0, 23.0]
    )  # one in the middle of the quarter, and its last seven days, from a Wednesday
    done = workload(weeks, np.array([[7.0]] * 2), pushed[0].card_["calendar"])[:, :, 0]
    assert (done[:, 1] / done[:, 0]).mean() == pytest.approx(4, rel=0.2)
    weekend = np.diff(workload(weeks[:1], days[None, :], pushed[0].card_["calendar"])[:, 0], axis=1)[:, 0]
    assert (weekend < 0.05 * done[:, 0]).all()


def test_as_many_close_by_the_quarters_end_as_were_said_to(
    pushed: tuple[ClosingTime, pd.DataFrame, np.ndarray],
) -> None:
    model, table, takes = pushed
    knots, won, lost, _ = model.predict(table)
    ends = np.array([(day - date(1970, 1, 1)).days for day in ENDS])
    start = table["as_of_day"].to_numpy()
    left = ends[np.searchsorted(ends, start, side="right")] - start
    assert (knots == left[:, None]).any(axis=1).all()  # no line is drawn across it
    for first, last in ((1, 7), (8, 14), (15, 21), (22, 42), (43, 91)):
        rows = (left >= first) & (left <= last)
        said = np.mean([at_days(curve, knots, left)[rows].mean() for curve in (won, lost)])
        came = (takes[rows] <= left[rows]).mean()
        assert said == pytest.approx(came, abs=0.04)


def test_in_less_than_a_year_only_weekdays_are_told_apart(pushed: tuple[ClosingTime, pd.DataFrame, np.ndarray]) -> None:
    _, table, takes = pushed
    late = (table["as_of_day"] > MONDAY - 300).to_numpy()
    won = (np.arange(len(table)) % 2).astype(float)
    seen = np.full(late.sum(), 2_000.0)
    calendar = ClosingTime().fit(table[late], won[late], takes[late], seen, ENDS).card_["calendar"]
    assert max(calendar["weekday"][0][5:]) < 0.4 < min(calendar["weekday"][0][:5])
    assert calendar["to_quarter_end"] == [pytest.approx([1.0] * N_QUARTER_BINS)] * 2


def test_where_no_quarter_is_named_all_days_are_usual() -> None:
    calendar = ClosingTime().fit(*watched(500)).card_["calendar"]
    assert calendar == {"quarter_ends": [], "weekday": [[1.0] * 7] * 2, "to_quarter_end": [[1.0] * N_QUARTER_BINS] * 2}
