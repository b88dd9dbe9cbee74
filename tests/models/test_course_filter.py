"""Reading courses: the days they tell, and what the filter believes, held against every path by hand."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import course, traits
from models import course_filter
from models.course_filter import BACK, FORWARD, LOST, NONE, STAY, WON, Days, decoded, laws_of, read, softmax

A, B = course.TALK, course.TALK + 1
LOWER, HIGHER, SOON = bytes([course.AMOUNT]), bytes([course.AMOUNT + 1]), bytes([course.CLOSE_DATE])
CHANNEL_OF = [0 if token == A else 1 if token == B else NONE for token in range(course.N_TOKENS)]
N_STAGES, KINDS, MOODS = 3, 2, 2


def days(n: int) -> bytes:
    """The token for so many working days."""
    return bytes([n - 1])


def stage(place: int) -> bytes:
    """The token for an open stage."""
    return bytes([course.STAGE + place])


CLOSED, OTHER_OWNER = bytes([course.CLOSED]), bytes([course.OTHER_OWNER])


def told(one: bytes, closing: int = NONE) -> list[tuple[int, int, int, list[int]]]:
    """Stage, move, owner and channels of each row of one course."""
    found = decoded([one], CHANNEL_OF, N_STAGES, np.array([closing]))
    return [
        (int(found.stage[row]), int(found.move[row]), int(found.owner[row]), found.channel[first:last].tolist())
        for row, first, last in zip(
            range(found.start[0], found.end[0]),
            found.first[found.start[0] :],
            found.last[found.start[0] :],
            strict=False,
        )
    ]


@pytest.mark.parametrize(
    ("one", "rows"),
    [
        pytest.param(b"", [], id="nothing is known"),
        pytest.param(stage(0), [], id="the first day is not over"),
        pytest.param(stage(0) + days(2), [(0, STAY, 0, []), (0, STAY, 0, [])], id="two quiet days"),
        pytest.param(stage(0) + bytes([A, B, A]) + days(1), [(0, STAY, 0, [0, 1, 0])], id="a day of talk"),
        pytest.param(stage(0) + bytes([A]), [], id="talk of a day that is under way waits for its end"),
        pytest.param(
            stage(0) + days(1) + stage(1) + days(2),
            [(0, STAY, 0, []), (0, FORWARD, 0, []), (1, STAY, 0, [])],
            id="a move forward",
        ),
        pytest.param(stage(0) + days(1) + stage(1), [(0, STAY, 0, []), (0, FORWARD, 0, [])], id="a move of today"),
        pytest.param(stage(2) + days(1) + stage(1) + days(1), [(2, STAY, 0, []), (2, BACK, 0, [])], id="a move back"),
        pytest.param(stage(9) + days(1), [(N_STAGES - 1, STAY, 0, [])], id="stages beyond the last are the last"),
        pytest.param(
            stage(1) + days(1) + CLOSED + bytes([A]) + days(3) + stage(0) + days(1),
            [(1, STAY, 0, []), (0, STAY, 0, [])],
            id="a closed deal has no days, and to be opened again is no move",
        ),
        pytest.param(
            stage(0) + days(1) + OTHER_OWNER + days(1), [(0, STAY, 0, []), (0, STAY, 1, [])], id="another owner"
        ),
        pytest.param(stage(0) + bytes([course.ACTIVITY]) + days(1), [(0, STAY, 0, [])], id="a token of no channel"),
    ],
)
def test_a_course_is_read_day_by_day(one: bytes, rows: list[tuple[int, int, int, list[int]]]) -> None:
    assert told(one) == rows


@pytest.mark.parametrize(
    ("one", "amounts", "dates"),
    [
        pytest.param(stage(0) + HIGHER + days(2), [2, 0], [0, 0], id="on the first of two days"),
        pytest.param(stage(0) + days(1) + SOON + stage(1), [0, 0], [0, 1], id="with a move of today"),
        pytest.param(stage(0) + HIGHER + LOWER + SOON + days(1), [1], [1], id="the last of several"),
        pytest.param(stage(0) + days(1) + CLOSED + HIGHER + days(3) + stage(0) + days(1), [0, 0], [0, 0], id="closed"),
    ],
)
def test_changes_belong_to_the_day_on_which_they_became_known(one: bytes, amounts: list[int], dates: list[int]) -> None:
    found = decoded([one], CHANNEL_OF, N_STAGES)
    rows = slice(found.start[0], found.end[0])
    assert (found.amount[rows].tolist(), found.date[rows].tolist()) == (amounts, dates)


@pytest.mark.parametrize("closing", [WON, LOST])
def test_a_closing_ends_the_day_under_way(closing: int) -> None:
    assert told(stage(0) + days(1) + bytes([A]), closing) == [(0, STAY, 0, []), (0, closing, 0, [0])]


def test_what_a_file_carries_along_is_written_as_the_features_write_it() -> None:
    """``course_filter.py`` imports nothing of the project, so it says these once more."""
    for name in ("MOST_DAYS", "STAGE", "CLOSED", "OTHER_OWNER", "TALK", "AMOUNT", "CLOSE_DATE"):
        assert getattr(course_filter, name) == getattr(course, name)
    for name in ("FIRST_OWNER", "LATER_OWNER"):
        assert getattr(course_filter, name) == getattr(traits, name)


def _changes(rng: np.random.Generator, n_ways: int) -> list[object]:
    """Chances of each way to change something; on days without a move nothing is said of none."""
    chances = np.log(softmax(rng.normal(0, 1, (KINDS, 3, N_STAGES, 1 + n_ways))))
    chances[:, STAY, :, 0] = 0.0
    return chances.tolist()


@pytest.fixture(scope="module")
def card() -> dict[str, object]:
    """Laws drawn at random, of two kinds, two moods, three stages and two channels, each its own group."""
    rng = np.random.default_rng(5)
    rate = np.exp(rng.normal(0, 0.7, (2, KINDS, MOODS)))
    return {
        "log_rate": np.log(rate).tolist(),
        "exposure": (0.3 * rate[:, None, None] * np.ones((2, 2, N_STAGES, 1, 1))).tolist(),
        "log_move": np.log(softmax(rng.normal(0, 1, (KINDS, MOODS, N_STAGES, 5)))).tolist(),
        "switch": softmax(rng.normal(0, 1, (KINDS, 3, MOODS, MOODS))).tolist(),
        "log_amount": _changes(rng, 2),
        "log_date": _changes(rng, 1),
        "base": [0.2, -0.2],
        "traits": {"source: referral": [0.5, -0.5]},
        "first_mood": softmax(rng.normal(0, 1, (KINDS, MOODS))).tolist(),
        "logs": {"U1": [1.3, 0.8], "U2": [0.6, 1.1]},
        "chances": rng.random((3, KINDS, MOODS, N_STAGES)).tolist(),
        "channel_of": CHANNEL_OF,
    }


def by_every_path(one: bytes, text: str, card: dict[str, object]) -> list[float]:
    """The readings of one course by summing over every path of moods of every kind."""
    found = decoded([one], CHANNEL_OF, N_STAGES)
    laws, rows = laws_of(card), range(found.start[0], found.end[0])
    lines = text.split("\n")
    logit = np.array(card["base"]) + (np.array([0.5, -0.5]) if "source: referral" in lines else 0)
    owners = [line.partition(": ")[2] for line in lines if "owner" in line]
    logs = [np.array(card["logs"].get(owner, [1, 1])) for owner in owners]  # type: ignore[attr-defined]
    belief = np.zeros((KINDS, MOODS))
    for kind, path in product(range(KINDS), product(range(MOODS), repeat=len(rows) + 1)):
        chance = softmax(logit)[kind] * np.array(card["first_mood"])[kind, path[0]]
        for step, row in enumerate(rows):
            move, place, mood = found.move[row], found.stage[row], path[step]
            own = logs[found.owner[row]] if found.owner[row] < len(logs) else np.ones(2)
            rate = own * laws.exposure[:, int(move != STAY), place, kind, mood]
            chance *= np.exp(laws.log_move[kind, mood, place, move] - rate.sum())
            for channel in found.channel[found.first[row] : found.last[row]]:
                chance *= np.exp(laws.log_rate[channel, kind, mood])
            chance *= np.exp(laws.log_amount[kind, move, place, found.amount[row]])
            chance *= np.exp(laws.log_date[kind, move, place, found.date[row]])
            chance *= laws.switch[kind, min(move, BACK), mood, path[step + 1]]
        belief[kind, path[-1]] += chance
    belief /= belief.sum()
    expected = [(belief * np.array(card["chances"])[chance, :, :, found.place[0]]).sum() for chance in range(3)]
    return [*expected, belief[:, 0].sum(), belief[:, -1].sum(), *belief[:-1].sum(axis=1)]


STAGES, CHANGES = (stage(0), stage(1), stage(2), CLOSED), (LOWER, HIGHER, SOON, OTHER_OWNER)
TOKENS = st.sampled_from([days(1), days(2), bytes([A]), bytes([B]), *STAGES, *CHANGES])
COURSES = st.lists(TOKENS, max_size=9).map(lambda tokens: stage(0) + b"".join(tokens))
TEXTS = st.sampled_from(["", "source: referral", "source: web\nowner: U1", "owner: U2\nlater owner: U1", "owner: new"])


@settings(max_examples=60)
@given(one=COURSES, text=TEXTS)
def test_the_filter_believes_what_every_path_together_says(card: dict[str, object], one: bytes, text: str) -> None:
    assert read([one], [text], card)[0] == pytest.approx(by_every_path(one, text, card), abs=1e-9)


@given(some=st.lists(st.tuples(COURSES, TEXTS), max_size=8))
def test_a_deal_alone_gets_the_same_bits_as_in_the_batch(
    card: dict[str, object], some: list[tuple[bytes, str]]
) -> None:
    together = read([one for one, _ in some], [text for _, text in some], card)
    alone = [read([one], [text], card)[0] for one, text in some]
    assert together.tolist() == [row.tolist() for row in alone]


def test_more_courses_than_are_read_together(card: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    some = [stage(0) + bytes([A]) * n + days(1 + n) for n in range(7)]
    at_once = read(some, ["owner: U1"] * 7, card)
    monkeypatch.setattr(course_filter, "ROWS_TOGETHER", 3)
    assert np.array_equal(read(some, ["owner: U1"] * 7, card), at_once)


def test_days_tell_their_shape() -> None:
    found = decoded([stage(0) + days(3), stage(1)], CHANNEL_OF, N_STAGES)
    assert isinstance(found, Days)
    assert (found.end - found.start).tolist() == [3, 0]
    assert found.place.tolist() == [0, 1]
