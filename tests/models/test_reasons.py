"""Reasons: they sum with the base to the score, keep their signs, and read as sentences."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from features.declared import NOTHING
from models.arithmetic import probability
from models.course import READINGS, sayings
from models.reasons import TOP, Reason, as_documents, points, reasons
from models.scorer import Scorer
from training.dataset import Dataset

LOG_ODDS = st.floats(-8, 8)
SAYINGS = sayings(NOTHING)


@pytest.fixture(scope="module")
def some(table: pd.DataFrame) -> pd.DataFrame:
    """A few hundred snapshots."""
    return table.sample(300, random_state=3)


@pytest.fixture(scope="module")
def found(scorer: Scorer, some: pd.DataFrame) -> tuple[float, list[list[Reason]]]:
    """Their win probability's base and reasons."""
    return reasons(scorer.win, some)


@given(LOG_ODDS, arrays(float, array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.floats(-3, 3)))
def test_points_and_base_sum_to_the_probability(base: float, added: np.ndarray) -> None:
    start, shares = points(base, added)
    assert start + shares.sum(axis=1) == pytest.approx(probability(base + added.sum(axis=1)), abs=1e-9)


@given(LOG_ODDS, arrays(float, (1, 5), elements=st.floats(-3, 3)))
def test_points_keep_the_sign_of_what_was_added(base: float, added: np.ndarray) -> None:
    _, shares = points(base, added)
    assert (shares * added >= 0).all()


def test_contributions_that_cancel_out_keep_their_size_in_points() -> None:
    start, shares = points(0.0, np.array([[2.0, -2.0]]))
    assert start == 0.5
    assert shares.tolist() == [[0.5, -0.5]]


def test_every_deals_reasons_sum_with_the_base_to_its_score(
    scorer: Scorer, some: pd.DataFrame, found: tuple[np.ndarray, list[list[Reason]]]
) -> None:
    base, told = found
    sums = base + np.array([sum(reason.points for reason in of_one) for of_one in told])
    assert sums == pytest.approx(scorer.win.predict(some), abs=1e-9)


def test_the_largest_reason_comes_first_and_the_pooled_rest_last(found: tuple[np.ndarray, list[list[Reason]]]) -> None:
    for of_one in found[1]:
        sizes = [abs(reason.points) for reason in of_one if reason.signal != "other"]
        assert sizes == sorted(sizes, reverse=True)
        assert "other" not in [reason.signal for reason in of_one[:-1]]


def test_at_most_eight_reasons_are_told_one_by_one(found: tuple[np.ndarray, list[list[Reason]]]) -> None:
    assert max(len(of_one) for of_one in found[1]) == TOP + 1


def test_one_topic_makes_one_reason(found: tuple[np.ndarray, list[list[Reason]]]) -> None:
    for of_one in found[1]:
        topics = [SAYINGS[reason.signal].topic for reason in of_one if reason.signal != "other"]
        assert len(topics) == len(set(topics))


def test_what_a_course_says_is_told_as_one_reason(found: tuple[np.ndarray, list[list[Reason]]]) -> None:
    told = [[reason for reason in of_one if reason.signal in READINGS] for of_one in found[1]]
    assert {len(of_course) for of_course in told} == {0, 1}
    assert {reason.group for of_course in told for reason in of_course} == {"course"}


def test_a_topics_points_are_the_sum_of_its_signals(
    scorer: Scorer, some: pd.DataFrame, found: tuple[np.ndarray, list[list[Reason]]]
) -> None:
    _, shares = points(*scorer.win.contributions(some))
    of_topic = pd.DataFrame(shares, columns=list(scorer.win.signals)).T.groupby(lambda name: SAYINGS[name].topic).sum()
    for row, of_one in enumerate(found[1]):
        for reason in of_one[:TOP]:
            assert reason.points == pytest.approx(of_topic.loc[SAYINGS[reason.signal].topic, row], abs=1e-12)


def test_a_reason_is_told_by_a_signal_that_pulls_its_way(
    scorer: Scorer, some: pd.DataFrame, found: tuple[np.ndarray, list[list[Reason]]]
) -> None:
    _, shares = points(*scorer.win.contributions(some))
    place = {name: i for i, name in enumerate(scorer.win.signals)}
    for row, of_one in enumerate(found[1]):
        assert all(reason.points * shares[row, place[reason.signal]] > 0 for reason in of_one[:TOP])


@pytest.mark.parametrize("event", ["win", "stall"])
def test_no_sentence_says_nan_or_leaves_a_hole(event: str, scorer: Scorer, table: pd.DataFrame) -> None:
    early_and_late = pd.concat([table.sort_values("as_of").head(150), table.tail(150)])
    _, told = reasons(getattr(scorer, event), early_and_late)
    sentences = {reason.sentence for of_one in told for reason in of_one}
    assert not [said for said in sentences if "nan" in said.lower().split() or "inf" in said or "{" in said]


def test_what_is_typical_is_the_median_among_deals_won_from_the_same_stage(
    scorer: Scorer, some: pd.DataFrame, table: pd.DataFrame, dataset: Dataset
) -> None:
    won = table[dataset.labels(dataset.until).won == 1]
    medians = won.groupby("stage")[list(SAYINGS)].median().round(6)
    for event in (scorer.win, scorer.stall):
        _, told = reasons(event, some)
        for stage, of_one in zip(some["stage"], told, strict=True):
            for reason in of_one[:TOP]:
                assert reason.typical is None or reason.typical == medians.loc[stage, reason.signal]


def test_a_missing_value_is_none_and_not_nan(found: tuple[np.ndarray, list[list[Reason]]]) -> None:
    values = [document["value"] for of_one in as_documents(found[1]) for document in of_one]
    assert None in values
    assert not any(value is not None and np.isnan(value) for value in values)


def test_no_deals_have_no_reasons(scorer: Scorer, table: pd.DataFrame) -> None:
    assert reasons(scorer.win, table.head(0))[1] == []


def test_stage_rates_have_reasons_that_sum_too(stage_scorer: Scorer, some: pd.DataFrame) -> None:
    for model in (stage_scorer.win, stage_scorer.stall):
        base, told = reasons(model, some)
        sums = base + np.array([sum(reason.points for reason in of_one) for of_one in told])
        assert sums == pytest.approx(model.predict(some), abs=1e-9)


def test_a_stage_rates_reason_tells_the_rate_that_is_the_score(stage_scorer: Scorer, some: pd.DataFrame) -> None:
    _, found = reasons(stage_scorer.win, some)
    said = stage_scorer.win.predict(some)
    assert [of_one[0].value for of_one in found if of_one] == [
        pytest.approx(rate, abs=1e-6) for rate, of_one in zip(said, found, strict=True) if of_one
    ]
