"""The outlook: whatever the parts say, the whole adds up."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.closing_time import KNOTS_DAYS
from models.outlook import Outlook, outlook

KNOTS = np.array(KNOTS_DAYS, float)
K = len(KNOTS)


@dataclass(frozen=True)
class Parts:
    """What the models say, each on its own."""

    win: np.ndarray
    knots: np.ndarray
    won: np.ndarray
    lost: np.ndarray
    tail_days: np.ndarray
    stalled: np.ndarray
    patience_days: np.ndarray

    @property
    def whole(self) -> Outlook:
        return outlook(self.win, (self.knots, self.won, self.lost, self.tail_days), self.stalled, self.patience_days)


@st.composite
def parts(draw: Callable, n: int = 3) -> Parts:
    """Any probabilities, any shares that do not fall, any patience; two quarters end anywhere, also on a knot."""
    chances = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1))
    ends = draw(arrays(float, (n, 2), elements=st.one_of(st.just(91.0), st.floats(0.5, 727))))
    knots = np.sort(np.hstack([np.tile(KNOTS, (n, 1)), ends]), axis=1)
    won, lost = (np.sort(draw(arrays(float, (n, K + 2), elements=chances)), axis=1) for _ in range(2))
    win, stalled = (draw(arrays(float, n, elements=chances)) for _ in range(2))
    days = draw(arrays(float, n, elements=st.floats(0.5, 90)))
    return Parts(win, knots, won, lost, draw(arrays(float, n, elements=st.floats(0.1, 5_000))), stalled, days)


def exponential(win: float = 0.4, mean: float = 60, stalled: float = 0.3, patience: float = 30) -> Parts:
    """A deal that closes by a constant hazard."""
    shares = 1 - np.exp(-KNOTS / mean)[None, :]
    return Parts(
        *(np.array([win]), KNOTS[None, :], shares, shares, np.array([mean]), np.array([stalled]), np.array([patience]))
    )


@settings(max_examples=50)
@given(parts())
def test_within_its_patience_a_deal_is_lost_stalls_or_moves(given_parts: Parts) -> None:
    ahead = given_parts.whole
    total = ahead.moved + ahead.stalled + ahead.lost_in_patience
    assert total == pytest.approx(np.ones(3), abs=1e-9)
    assert (ahead.moved >= 0).all()
    assert (ahead.lost_in_patience >= 0).all()
    assert ahead.stalled.tolist() == given_parts.stalled.tolist()


@settings(max_examples=50)
@given(parts())
def test_who_stalls_is_open_when_the_patience_ends(given_parts: Parts) -> None:
    ahead = given_parts.whole
    assert (ahead.open_after(given_parts.patience_days) >= ahead.stalled - 1e-9).all()


@settings(max_examples=50)
@given(parts())
def test_won_and_lost_rise_up_to_their_probabilities(given_parts: Parts) -> None:
    ahead = given_parts.whole
    assert ahead.win.tolist() == given_parts.win.tolist()
    for within, most in ((ahead.won_within, ahead.win), (ahead.lost_within, 1 - ahead.win)):
        assert (np.diff(within, axis=1) >= -1e-12).all()
        assert (within >= 0).all()
        assert (within <= most[:, None] + 1e-12).all()


@settings(max_examples=50)
@given(parts(), st.lists(st.floats(0, 728), max_size=6))
def test_any_spans_and_the_rest_sum_to_the_win_probability(given_parts: Parts, bounds: list[float]) -> None:
    ahead = given_parts.whole
    days = [0.0, *sorted(bounds), 728.0]
    spans = [ahead.won_between(start, end) for start, end in pairwise(days)]
    later = ahead.win - ahead.won_within[:, -1]
    assert sum(spans) + later == pytest.approx(ahead.win, abs=1e-9)
    assert (np.array(spans) >= -1e-12).all()


@settings(max_examples=50)
@given(parts())
def test_quantiles_of_the_closing_are_in_order(given_parts: Parts) -> None:
    ahead = given_parts.whole
    p10, p50, p90 = (ahead.days_by(share) for share in (0.1, 0.5, 0.9))
    assert (p10 >= 0).all()
    assert (p10 <= p50).all()
    assert (p50 <= p90).all()


@settings(max_examples=50)
@given(parts(), st.floats(0.01, 0.99))
def test_days_by_inverts_the_chance_to_be_open(given_parts: Parts, share: float) -> None:
    ahead = given_parts.whole
    days = ahead.days_by(share)
    # Where the chance jumps from one instant to the next it is passed, not met.
    assert (ahead.open_after(days * (1 - 1e-9)) >= 1 - share - 1e-6).all()
    assert (ahead.open_after(days * (1 + 1e-9) + 1e-9) <= 1 - share + 1e-6).all()


@settings(max_examples=50)
@given(parts(), st.lists(st.floats(0, 5_000), min_size=2, max_size=5))
def test_the_chance_to_be_open_falls_from_one(given_parts: Parts, days: list[float]) -> None:
    ahead = given_parts.whole
    still = np.array([ahead.open_after(np.full(3, day)) for day in [0.0, *sorted(days)]])
    assert still[0] == pytest.approx(np.ones(3))
    assert (np.diff(still, axis=0) <= 1e-12).all()
    assert (still >= 0).all()


@settings(max_examples=50)
@given(parts(), st.floats(0, 3_000))
def test_the_expected_closing_lies_ahead_also_of_what_has_passed(given_parts: Parts, after: float) -> None:
    ahead = given_parts.whole
    assert (ahead.expected_days() >= 0).all()
    assert (ahead.expected_days(np.full(3, after)) >= after).all()


@settings(max_examples=50)
@given(parts())
def test_nothing_yields_where_the_parts_agreed_already(given_parts: Parts) -> None:
    apart = Parts(**vars(given_parts) | {"stalled": np.zeros(3)}).whole
    enough = np.maximum(apart.open_after(given_parts.patience_days) - 1e-9, 0)
    ahead = Parts(**vars(given_parts) | {"stalled": np.minimum(given_parts.stalled, enough)}).whole
    assert ahead.won_within == pytest.approx(apart.won_within, abs=1e-15)
    assert ahead.lost_within == pytest.approx(apart.lost_within, abs=1e-15)


@settings(max_examples=50)
@given(parts())
def test_an_unknown_risk_of_stalling_leaves_the_rest_as_it_is(given_parts: Parts) -> None:
    ahead = Parts(**vars(given_parts) | {"stalled": np.full(3, np.nan)}).whole
    assert np.isnan([ahead.stalled, ahead.lost_in_patience, ahead.moved]).all()
    assert ahead.won_within == pytest.approx(given_parts.win[:, None] * given_parts.won, abs=1e-15)
    assert np.isfinite(ahead.expected_days()).all()


@pytest.mark.slow
@settings(max_examples=50)
@given(parts())
def test_a_deal_alone_gets_the_same_bits_as_among_others(given_parts: Parts) -> None:
    together = given_parts.whole
    for row in range(3):
        alone = Parts(**{name: values[[row]] for name, values in vars(given_parts).items()}).whole
        assert alone.won_within.tolist() == together.won_within[[row]].tolist()
        assert alone.expected_days().tolist() == together.expected_days()[[row]].tolist()


def test_closing_times_yield_just_as_far_as_they_must() -> None:
    given_parts = exponential(mean=10, stalled=0.5, patience=28)
    assert np.exp(-2.8) < 0.07  # so much would be open
    ahead = given_parts.whole
    assert ahead.open_after(np.array([28.0])) == pytest.approx([0.5], abs=1e-9)
    assert ahead.lost_in_patience == pytest.approx([0.3])
    assert ahead.moved == pytest.approx([0.2])


def test_a_constant_hazards_numbers_worked_out_by_hand() -> None:
    ahead = exponential(mean=60).whole
    assert ahead.expected_days() == pytest.approx([60], rel=0.02)
    assert ahead.expected_days(np.array([91.0])) == pytest.approx([91 + 60], rel=0.03)
    assert ahead.days_by(0.5) == pytest.approx([60 * np.log(2)], rel=0.02)
    assert ahead.open_after(np.array([28.0])) == pytest.approx(np.exp([-28 / 60]), rel=1e-9)
    assert ahead.won_between(28, 56) == pytest.approx([0.4 * (np.exp(-28 / 60) - np.exp(-56 / 60))])


def test_beyond_the_last_knot_the_same_rate_goes_on() -> None:
    ahead = exponential(mean=1_000).whole
    assert ahead.days_by(0.9) == pytest.approx([1_000 * np.log(10)], rel=0.01)
    assert ahead.expected_days() == pytest.approx([1_000], rel=0.02)
    assert ahead.expected_days(np.array([2_000.0])) == pytest.approx([3_000], rel=0.01)
    assert ahead.open_after(np.array([2_000.0])) == pytest.approx(np.exp([-2]), rel=0.01)


def test_no_deals_have_an_empty_outlook() -> None:
    none = Parts(**{name: values[:0] for name, values in vars(exponential()).items()}).whole
    for found in (none.moved, none.expected_days(), none.days_by(0.5), none.won_between(0, 9)):
        assert found.shape == (0,)
