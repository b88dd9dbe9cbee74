"""Why a score moved: the parts sum to the move, and each is what its signal did."""

from datetime import UTC, datetime
from math import fsum

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.declared import NOTHING
from features.signals import SIGNALS
from models.course import sayings
from models.moved import Cause, Issued, moved
from models.reasons import as_documents, points, reasons
from models.scorer import Scorer

MONDAY, NEXT = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC)
NAMES = ("calls", "emails", "meetings", "age", "other")


def issued(added: dict[str, float], base: float = -0.5, version: str = "1", at: datetime = MONDAY) -> Issued:
    """A score as the scorer issues it, from log-odds by signal."""
    start, shares = points(base, np.array([list(added.values())]).reshape(1, -1))
    told = [
        {"signal": name, "points": share, "value": 1.0, "sentence": f"{name} of {added[name]:.3f}; usual"}
        for name, share in zip(added, shares[0].tolist(), strict=True)
    ]
    return Issued(at, version, float(start[0] + shares.sum()), float(start[0]), told)


def total(causes: list[Cause]) -> float:
    return fsum(cause.points for cause in causes)


@st.composite
def scores(draw: st.DrawFn) -> Issued:
    told = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    return issued({name: draw(st.floats(-3, 3)) for name in told}, draw(st.floats(-4, 4)), draw(st.sampled_from("12")))


@given(scores(), scores(), st.none() | scores())
def test_the_causes_sum_to_the_move(before: Issued, after: Issued, same_facts: Issued | None) -> None:
    causes = moved(before, after, {}, same_facts)
    assert total(causes) == pytest.approx(after.probability - before.probability, abs=1e-12)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_they_sum_for_any_probability_even_a_certain_one(p: float, q: float, base: float, other: float) -> None:
    before = Issued(MONDAY, "1", p, base, [{"signal": "calls", "points": p - base, "sentence": "a"}])
    after = Issued(NEXT, "1", q, other, [{"signal": "calls", "points": q - other, "sentence": "b"}])
    assert total(moved(before, after, {})) == pytest.approx(q - p, abs=1e-12)


def test_a_signal_that_did_nothing_did_nothing_however_far_the_score_went() -> None:
    before, after = issued({"calls": -2.0, "emails": 0.7}), issued({"calls": 1.0, "emails": 0.7}, at=NEXT)
    assert [(cause.signal, cause.kind) for cause in moved(before, after, {})] == [("calls", "signal")]


def test_a_signal_keeps_the_sign_of_what_it_did() -> None:
    before = issued({"calls": 0.5, "emails": -1.0, "age": 0.2})
    after = issued({"calls": 1.5, "emails": -1.4, "age": -0.4}, at=NEXT)
    assert {cause.signal: cause.points > 0 for cause in moved(before, after, {})} == {
        "calls": True,
        "emails": False,
        "age": False,
    }


def test_the_largest_cause_comes_first_and_the_rest_last() -> None:
    before = issued({"calls": 0.1, "emails": 0.1, "age": 0.1, "other": 0.1})
    after = issued({"calls": 0.2, "emails": -1.0, "age": 0.5, "other": 0.9}, at=NEXT)
    assert [cause.signal or cause.kind for cause in moved(before, after, {})] == ["emails", "age", "calls", "rest"]


def test_a_topic_told_once_says_how_far_off_it_may_be() -> None:
    before = issued({"calls": 0.8, "other": 0.05})
    after = issued({"calls": 0.8, "emails": -0.6, "other": 0.02}, at=NEXT)
    cause = moved(before, after, {})[0]
    assert cause.signal == "emails"
    assert 0 < cause.off_by < 0.25  # no more than the smallest told before, calls
    assert cause.sentence == "emails of -0.600; it weighed little before"
    whole = moved(issued({"calls": 0.8}), after, {})[0]
    assert whole.off_by == 0  # nothing was pooled then, so it was nothing


def test_signals_of_one_topic_are_one_cause() -> None:
    before, after = issued({"meetings_7d": 0.2}), issued({"meetings_30d": -0.3}, at=NEXT)
    (cause,) = moved(before, after, SIGNALS)
    assert (cause.topic, cause.signal, cause.before, cause.after) == ("meetings", "meetings_30d", None, None)
    assert cause.sentence == "meetings_30d of -0.300; before: meetings_7d of 0.200"


def test_what_a_new_model_did_is_told_apart_where_it_scored_the_old_facts() -> None:
    before, after = issued({"calls": 0.4}), issued({"calls": 0.9}, -0.1, "2", NEXT)
    old_facts_new_model = issued({"calls": 0.3}, -0.1, "2")
    model, calls = moved(before, after, {}, old_facts_new_model)
    assert (model.kind, calls.kind) == ("model", "signal")
    assert model.points == old_facts_new_model.probability - before.probability
    assert calls.points == pytest.approx(after.probability - old_facts_new_model.probability, abs=1e-12)


def test_the_old_model_on_the_new_facts_serves_as_well() -> None:
    before, after = issued({"calls": 0.4}), issued({"calls": 0.9}, -0.1, "2", NEXT)
    new_facts_old_model = issued({"calls": 1.1}, at=NEXT)
    model, calls = moved(before, after, {}, new_facts_old_model)
    assert model.points == after.probability - new_facts_old_model.probability
    assert calls.points == pytest.approx(new_facts_old_model.probability - before.probability, abs=1e-12)


def test_without_it_only_the_average_deals_part_is_told_apart() -> None:
    before, after = issued({"calls": 0.4}), issued({"calls": 0.9}, -0.1, "2", NEXT)
    base, both = moved(before, after, {})
    assert (base.kind, both.kind) == ("base", "model and facts")
    assert base.points == after.base - before.base
    assert base.sentence == "An average deal starts at 47.5% with the new model, at 37.8% with the one before"


def test_a_real_scorers_scores_of_two_weeks_sum_and_name_real_topics(scorer: Scorer, table: pd.DataFrame) -> None:
    table = table.sort_values(["deal_id", "as_of"])
    pairs = table[table.groupby("deal_id").cumcount() < 2]
    pairs = pairs[pairs.groupby("deal_id")["as_of"].transform("size") == 2].head(200)
    said = _issued_by(scorer, pairs)
    for before, after in zip(said[::2], said[1::2], strict=True):
        causes = moved(before, after, sayings(NOTHING))
        assert total(causes) == pytest.approx(after.probability - before.probability, abs=1e-12)
        assert len({cause.topic for cause in causes}) == len(causes)


def _issued_by(scorer: Scorer, table: pd.DataFrame) -> list[Issued]:
    base, told = reasons(scorer.win, table)
    rows = zip(table["as_of"], scorer.win.predict(table), base.tolist(), as_documents(told), strict=True)
    return [Issued(at, scorer.version, float(win), start, documents) for at, win, start, documents in rows]
