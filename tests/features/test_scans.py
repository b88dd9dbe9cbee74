"""The compiled loops give what the slow, obvious way gives, on facts and questions in any order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import scans
from features.facts import Facts

quick = settings(max_examples=60)
pairs = st.lists(st.tuples(st.integers(0, 2), st.integers(-3, 3)), max_size=40)
marked = st.lists(st.booleans(), max_size=12)


def column(values):
    return np.array(values, dtype=np.int64)


@quick
@given(told=pairs, asked=pairs)
def test_positions_are_found_whatever_the_order_of_the_questions(told, asked):
    facts = Facts.sorted(column([g for g, _ in told]), column([t for _, t in told]), 3, {})
    found = (
        facts.before(column([g for g, _ in asked]), column([t for _, t in asked])) - facts.start[[g for g, _ in asked]]
    )
    assert found.tolist() == [sum(g == group and t < at for g, t in told) for group, at in asked]


@pytest.mark.parametrize("step", [1, -1, 7, -7])
def test_a_thousand_facts_of_one_instant_each_are_sorted_and_found_from_whatever_order(step):
    known_at = np.arange(0, 1000 * step, step) % 1000
    facts = Facts.sorted(np.zeros(1000, np.int64), known_at, 1, {"place": np.arange(1000)}, ties=(np.arange(1000),))
    assert facts.columns["place"].tolist() == np.argsort(known_at, kind="stable").tolist()
    at = np.arange(-5, 1005)[::step]
    assert facts.before(np.zeros_like(at), at).tolist() == np.clip(at, 0, 1000).tolist()


@quick
@given(marks=marked)
def test_marked_facts_are_counted_summed_and_found_on_either_side(marks):
    mask, values = np.array(marks, dtype=bool), np.arange(10, 10 + len(marks))
    before = [[i for i in range(end) if marks[i]] for end in range(len(marks) + 1)]
    assert scans.running_count(mask).tolist() == [len(some) for some in before]
    assert scans.running_total(mask, values).tolist() == [sum(10 + i for i in some) for some in before]
    assert scans.last_marked(mask).tolist() == [some[-1] if some else -1 for some in before[1:]]
    after = [[i for i in range(start, len(marks)) if marks[i]] for start in range(len(marks) + 1)]
    assert scans.next_marked(mask).tolist() == [some[0] if some else len(marks) for some in after]


@quick
@given(marks=marked, back=st.integers(0, 3))
def test_the_last_but_some_is_none_where_there_are_too_few(marks, back):
    last, end = scans.last_marked(np.array(marks, dtype=bool)), np.arange(len(marks) + 1)
    for first in range(len(marks) + 1):
        found = scans.last_before(last, np.full_like(end, first), np.maximum(end, first), back)
        before = [[i for i in range(first, stop) if marks[i]] for stop in np.maximum(end, first)]
        assert found.tolist() == [some[-1 - back] if len(some) > back else -1 for some in before]


def test_who_is_new_and_who_took_over_is_asked_within_each_group():
    group, who = column([0, 0, 0, 0, 0, 1, 1]), np.array([5, -1, 5, 2, 5, 5, 5], dtype=np.int32)
    assert scans.first_of_each(group, who, 6).tolist() == [True, False, False, True, False, True, False]
    assert scans.handed_over(group, who).tolist() == [False, False, False, True, True, False, False]


def test_a_reply_answers_the_first_unanswered_word_of_the_other_side():
    group, known_at = column([0, 0, 0, 0, 0, 1]), column([1, 2, 4, 8, 16, 32])
    side = np.array([0, 0, -1, 1, 0, 1], dtype=np.int8)
    assert scans.times_to_reply(group, known_at, side).tolist() == [-1, -1, -1, 7, 8, -1]


def test_what_cannot_be_kept_on_disk_is_compiled_all_the_same(monkeypatch):
    def njit(*_, cache=False, **__):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda loop: loop

    monkeypatch.setattr(scans.numba, "njit", njit)
    assert scans.compiled((scans.MASK,))(len)([1, 2]) == 2
