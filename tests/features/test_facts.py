"""Facts and their search."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from features.facts import DAY, Facts

instants = st.integers(-3, 3)
pairs = st.lists(st.tuples(st.integers(-1, 2), instants), max_size=12)
quick = settings(max_examples=60)


def facts_of(pairs, n_groups=3):
    group, known_at = (np.array([pair[i] for pair in pairs], dtype=np.int64) for i in (0, 1))
    return Facts.sorted(group, known_at, n_groups, {"given": np.arange(len(pairs))})


@quick
@given(pairs=pairs, group=st.integers(0, 2), at=st.integers(-5, 5))
def test_before_counts_the_facts_of_one_group_known_earlier(pairs, group, at):
    facts = facts_of(pairs)
    position = facts.before(np.array([group]), np.array([at]))[0]
    assert position - facts.start[group] == sum(g == group and known_at < at for g, known_at in pairs)


@quick
@given(pairs=pairs)
def test_facts_are_sorted_by_group_and_entry_and_ties_keep_their_order(pairs):
    facts = facts_of(pairs)
    expected = sorted((g, known_at, place) for place, (g, known_at) in enumerate(pairs) if g >= 0)
    found = zip(facts.group.tolist(), facts.known_at.tolist(), facts.columns["given"].tolist(), strict=True)
    assert list(found) == expected


@quick
@given(pairs=pairs, step=st.sampled_from([DAY, 10**15, 3 * 10**18]))
def test_instants_far_apart_are_told_apart(pairs, step):
    """One fact in the year 9999 among many groups is no reason to fail."""
    facts = facts_of([(g, t * step) for g, t in pairs], n_groups=10**5)
    for g, t in pairs:
        if g >= 0:
            position = facts.before(np.array([g]), np.array([t * step]))[0]
            assert position - facts.start[g] == sum(a == g and b < t for a, b in pairs)


def test_a_group_without_facts_starts_where_it_ends():
    facts = facts_of([(0, 1), (2, 1)])
    assert facts.start.tolist() == [0, 1, 1, 2]
    assert facts.before(np.array([1]), np.array([99])).tolist() == [1]


def test_no_facts_at_all_are_no_error():
    facts = facts_of([])
    assert facts.before(np.array([0, 2]), np.array([0, 5])).tolist() == [0, 0]
    assert facts.running(np.array([], dtype=bool)).tolist() == [0]
    assert facts.running_last(np.array([], dtype=bool)).tolist() == []


def test_the_last_marked_fact_is_found_at_or_before_each():
    facts = facts_of([(0, 1), (0, 2), (0, 3), (1, 1)])
    assert facts.running_last(np.array([False, True, False, False])).tolist() == [-1, 1, 1, 1]
