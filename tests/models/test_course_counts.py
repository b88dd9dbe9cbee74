"""What each state is held to have shown: all that was seen, shared out, and no more."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.course import AMOUNT, CLOSE_DATE, STAGE, TALK
from models.course_counts import Counts, count
from models.course_filter import BACK, LOST, NONE, WON, Days, Laws, decoded, softmax

KINDS, MOODS, N_STAGES, N_CHANNELS = 2, 3, 3, 2
CHANNEL_OF = [token - TALK if TALK <= token < TALK + N_CHANNELS else NONE for token in range(256)]
TOKENS = st.sampled_from([0, 1, STAGE, STAGE + 1, STAGE + 2, TALK, TALK + 1, AMOUNT, CLOSE_DATE])
COURSES = st.lists(TOKENS, max_size=12).map(lambda tokens: bytes([STAGE, *tokens]))


@pytest.fixture(scope="module")
def laws() -> Laws:
    """Laws drawn at random; each channel is a group of its own."""
    rng = np.random.default_rng(6)
    rate = np.exp(rng.normal(0, 0.7, (N_CHANNELS, KINDS, MOODS)))
    changes = [np.log(softmax(rng.normal(0, 1, (KINDS, 3, N_STAGES, 2)))) for _ in range(2)]
    return Laws(
        np.log(rate),
        0.3 * rate[:, None, None] * np.ones((N_CHANNELS, 2, N_STAGES, 1, 1)),
        np.log(softmax(rng.normal(0, 1, (KINDS, MOODS, N_STAGES, 5)))),
        softmax(rng.normal(0, 1, (KINDS, 3, MOODS, MOODS))),
        *changes,
    )


def counted(some: list[bytes], closing: list[int], laws: Laws) -> tuple[Days, Counts, np.ndarray, float]:
    """The days of some courses, and what is counted of them."""
    days = decoded(some, CHANNEL_OF, N_STAGES, np.array(closing))
    found, first = Counts.none(laws), np.zeros((len(some), KINDS, MOODS))
    prior = np.full(first.shape, 1 / (KINDS * MOODS))
    likelihood = count(days, np.ones((len(some), 1, N_CHANNELS)), prior, laws, found, first)
    return days, found, first, likelihood


@given(some=st.lists(st.tuples(COURSES, st.sampled_from([NONE, WON, LOST])), max_size=6))
def test_everything_seen_is_shared_out_among_the_states(laws: Laws, some: list[tuple[bytes, int]]) -> None:
    days, found, first, _ = counted([one for one, _ in some], [closing for _, closing in some], laws)
    rows = np.concatenate([np.arange(*ends) for ends in zip(days.start, days.end, strict=True)] or [np.arange(0)])
    channels = np.concatenate([days.channel[days.first[row] : days.last[row]] for row in rows] or [np.arange(0)])
    open_after = rows[days.move[rows] <= BACK]
    assert found.facts.sum(axis=(1, 2)) == pytest.approx(np.bincount(channels, minlength=N_CHANNELS))
    assert found.moves.sum(axis=(0, 1, 2)) == pytest.approx(np.bincount(days.move[rows], minlength=5))
    assert found.switches.sum() == pytest.approx(len(rows))
    assert found.amounts.sum(axis=(0, 1, 2)) == pytest.approx(np.bincount(days.amount[open_after], minlength=2))
    assert found.dates.sum(axis=(0, 1, 2)) == pytest.approx(np.bincount(days.date[open_after], minlength=2))
    assert found.exposure[0].sum() == pytest.approx(len(rows))
    assert first.sum(axis=(1, 2)) == pytest.approx(1)


def test_a_deal_of_a_sure_kind_shows_nothing_of_another(laws: Laws) -> None:
    days = decoded([bytes([STAGE, TALK, 3, STAGE + 1, AMOUNT, 0])], CHANNEL_OF, N_STAGES)
    found, first = Counts.none(laws), np.zeros((1, KINDS, MOODS))
    prior = np.zeros(first.shape)
    prior[:, 0] = 1 / MOODS
    count(days, np.ones((1, 1, N_CHANNELS)), prior, laws, found, first)
    assert all((table[1] == 0).all() for table in (found.moves, found.switches, found.amounts, found.dates))


def test_likelihoods_of_deals_multiply(laws: Laws) -> None:
    some = [bytes([STAGE, TALK, 1, STAGE + 1, 2]), bytes([STAGE, 0, TALK + 1, 0])]
    apart = [counted([one], [NONE], laws)[3] for one in some]
    assert counted(some, [NONE] * 2, laws)[3] == pytest.approx(sum(apart))
