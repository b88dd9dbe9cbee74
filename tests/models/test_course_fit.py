"""Learning what courses mean: laws that were drawn from are found again, and the same ones each time."""

import numpy as np
import pytest

from features.course import AMOUNT, STAGE, TALK
from models.course import READINGS, Course
from models.course_filter import FORWARD
from models.course_fit import FEWEST_DEALS, KINDS, Known, _channels, _Learner, fit_course

pytestmark = pytest.mark.slow

N_DEALS = 1_500
WON_A_DAY, LOST_A_DAY = (0.03, 0.004), (0.005, 0.03)
TALK_A_DAY = (0.9, 0.3)


def drawn(n_deals: int, seed: int) -> tuple[Known, np.ndarray]:
    """Deals of two kinds: the second talks less and is lost more; half a year at most; and each deal's kind."""
    rng = np.random.default_rng(seed)
    kinds, texts, courses, won = rng.integers(2, size=n_deals), [], [], np.full(n_deals, np.nan)
    for deal, kind in enumerate(kinds):
        texts.append(f"source: {'referral' if rng.random() < (0.7, 0.3)[kind] else 'web'}\nowner: U{deal % 5}")
        told = bytearray([STAGE])
        for _ in range(120):
            told += bytes([TALK]) * rng.poisson(TALK_A_DAY[kind])
            ends = rng.random()
            if ends < WON_A_DAY[kind] + LOST_A_DAY[kind]:
                won[deal] = float(ends < WON_A_DAY[kind])
                break
            told.append(0)
        courses.append(bytes(told))
    return Known(np.array(courses, object), np.array(texts, object), won), kinds


@pytest.fixture(scope="module")
def known() -> tuple[Known, np.ndarray]:
    return drawn(N_DEALS, seed=3)


@pytest.fixture(scope="module")
def course(known: tuple[Known, np.ndarray]) -> Course:
    found = fit_course(known[0], seed=0)
    assert found
    return found


def test_a_deals_chance_is_told_from_its_days(course: Course) -> None:
    from models.course_filter import read

    new, kinds = drawn(600, seed=4)
    early = [one[:40] for one in new.courses]
    said = read(early, new.traits.tolist(), course.card)[:, 0]
    share = np.array(WON_A_DAY) / (np.array(WON_A_DAY) + LOST_A_DAY)
    assert said[kinds == 0].mean() > 0.65
    assert said[kinds == 1].mean() < 0.35
    # No better answer is known than the mean of the two kinds' chances, weighed by how likely each is.
    assert said.min() > share[1] - 0.1
    assert said.max() < share[0] + 0.1


def test_a_trait_of_one_kind_is_found(course: Course) -> None:
    first, *_, last = np.argsort(-np.array(course.card["chances"])[0][:, :, 0].mean(axis=1))
    referral = np.array(course.card["traits"]["source: referral"])
    assert referral[first] > referral[last]


def test_a_kind_whose_amount_falls_is_found(known: tuple[Known, np.ndarray]) -> None:
    """Nothing else tells these kinds apart than what becomes of the amount when a deal moves on."""
    rng, (told, _) = np.random.default_rng(8), known
    falls = rng.random(N_DEALS) < 0.5
    moved, lower = bytes([STAGE + 1]), bytes([AMOUNT])
    courses = [
        one[:1] + b"\0" + moved + lower * fell + one[1:] for one, fell in zip(told.courses, falls.tolist(), strict=True)
    ]
    won = np.where(np.isnan(told.won), np.nan, np.where(falls, 0.0, 1.0))
    found = fit_course(Known(np.array(courses, object), told.traits, won), seed=0)
    assert found
    held, fell = (np.exp(np.array(found.card["log_amount"])[:, FORWARD, 0, way]) for way in (0, 1))
    assert held[0] > 0.9
    assert fell[-1] > 0.9


def test_kinds_come_from_the_one_most_often_won(course: Course) -> None:
    win = np.array(course.card["chances"])[0][:, :, 0].mean(axis=1)
    assert (np.diff(win) <= 0).all()
    assert len(win) == KINDS


def test_chances_are_chances(course: Course) -> None:
    chances = np.array(course.card["chances"])
    assert ((chances >= 0) & (chances <= 1)).all()
    assert (chances[1] + chances[2] <= 1 + 1e-9).all(), "forward and lost exclude each other"
    assert np.array(course.card["switch"]).sum(axis=-1) == pytest.approx(1)
    assert np.exp(course.card["log_move"]).sum(axis=-1) == pytest.approx(1)


def test_the_same_deals_and_seed_give_the_same_laws(known: tuple[Known, np.ndarray], course: Course) -> None:
    again = fit_course(known[0], seed=0)
    assert again == course


def test_each_round_makes_what_was_seen_likelier(known: tuple[Known, np.ndarray]) -> None:
    channel_of, group = _channels(known[0].courses.tolist())
    learner = _Learner(known[0], channel_of, group, seed=1)
    seen = []
    for _ in range(12):
        learner.learn(1)
        seen.append(learner.likelihood)
    # What is known beforehand may cost the likelihood a little where rounds change hardly anything.
    assert (np.diff(seen) > -1e-6 * abs(seen[0])).all()
    assert seen[-1] > seen[0] + 10


def test_an_owner_who_logs_twice_as_much_is_told_apart(known: tuple[Known, np.ndarray]) -> None:
    twice = known[0].courses.copy()
    for deal in range(0, N_DEALS, 5):
        twice[deal] = twice[deal].replace(bytes([TALK]), bytes([TALK, TALK]))
    found = fit_course(Known(twice, known[0].traits, known[0].won), seed=0)
    assert found
    logs = {owner: max(of_owner) for owner, of_owner in found.card["logs"].items()}
    assert logs["U0"] > 1.4 * max(logs[owner] for owner in ("U1", "U2", "U3", "U4"))


@pytest.mark.parametrize("n_deals", [0, 1, FEWEST_DEALS - 1])
def test_too_few_deals_tell_no_kinds(n_deals: int) -> None:
    assert fit_course(drawn(n_deals, seed=1)[0], seed=0) is None


def test_deals_of_one_outcome_tell_no_kinds(known: tuple[Known, np.ndarray]) -> None:
    one = Known(known[0].courses, known[0].traits, np.where(known[0].won == 1, np.nan, known[0].won))
    assert fit_course(one, seed=0) is None


def test_courses_without_any_talk_are_no_error(known: tuple[Known, np.ndarray]) -> None:
    silent = np.array([one.replace(bytes([TALK]), b"") for one in known[0].courses], object)
    assert fit_course(Known(silent, known[0].traits, known[0].won), seed=0)


def test_a_reading_for_each_column(course: Course) -> None:
    assert course.card["readings"] == list(READINGS)
