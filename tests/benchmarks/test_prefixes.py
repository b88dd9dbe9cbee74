"""Prefixes of cases as snapshots: each sees its own events and no other, also where several share an instant."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.bpic2012_prefix import blocks, learned, weighted_auc
from benchmarks.prefixes import Prefixes, prefixes_of

STEPS = ["A_SUBMITTED", "A_PARTLYSUBMITTED", "A_PREACCEPTED", "A_ACCEPTED", "O_SELECTED", "A_FINALIZED", "O_CREATED"]
ENDS = [["O_SENT", "A_APPROVED", "O_ACCEPTED"], ["O_SENT", "O_CANCELLED", "A_CANCELLED"], ["O_DECLINED", "A_DECLINED"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Ten cases, one a day; the fifth and sixth event of each share an instant, and so do the last two."""
    rows = []
    for case in range(10):
        steps = STEPS + ENDS[case % 3]
        for place, activity in enumerate(steps):
            minute = {5: 4, len(steps) - 1: len(steps) - 2}.get(place, place)
            at = pd.Timestamp("2011-10-01", tz="UTC") + pd.Timedelta(days=case, minutes=minute)
            # The eighth case, the last to train on, is decided only after the first test case has begun.
            late = pd.Timedelta(days=5) if case == 7 and place >= len(STEPS) else pd.Timedelta(0)
            rows.append((str(case), place, activity, "COMPLETE", at + late, "112"))
    events = pd.DataFrame(rows, columns=["case_id", "event_idx", "activity", "lifecycle", "timestamp", "resource"])
    path = tmp_path_factory.mktemp("log")
    events.to_csv(path / "bpic2012_events.csv.gz", index=False)
    cases = pd.DataFrame({"case_id": events["case_id"].unique(), "amount_req": 1_000})
    cases.to_csv(path / "bpic2012_cases.csv.gz", index=False)
    return path


@pytest.fixture(scope="module")
def found(folder) -> tuple[Prefixes, int, int]:
    return prefixes_of(folder)


def column(prefixes: Prefixes, name: str) -> np.ndarray:
    return prefixes.signals[:, prefixes.names.index(name)]


def test_a_prefix_sees_exactly_its_own_events(found):
    prefixes, _, _ = found
    np.testing.assert_array_equal(column(prefixes, "field_event_changes"), prefixes.length)


def test_what_happened_in_training_cases_after_the_split_is_dropped(found):
    prefixes, n_train, split = found
    is_training = prefixes.case < n_train
    assert n_train == 8
    assert (prefixes.at[is_training] <= split).all()
    assert prefixes.length[prefixes.case == 7].max() == len(STEPS)


def test_a_prefix_is_decided_from_its_deciding_event_on(found):
    prefixes, _, _ = found
    accepted = prefixes.case == 0
    assert prefixes.decided[accepted].tolist() == [False] * 8 + [True, True]


def test_strictly_only_ends_known_at_the_split_teach(found):
    prefixes, n_train, split = found
    train = prefixes.rows(prefixes.case < n_train)
    strict, published = (learned(train, "O_CANCELLED", split, strict=strict) for strict in (True, False))
    assert (strict.weight[(train.case == 7) | train.decided] == 0).all()
    assert (strict.weight[(train.case < 7) & ~train.decided] >= 1).all()
    assert (published.weight == 1).all()


@pytest.mark.parametrize("strict", [True, False])
def test_blocks_learn_from_cases_begun_and_events_known_before(found, strict):
    prefixes, n_train, _ = found
    train = prefixes.rows(prefixes.case < n_train)
    for learn, judge in blocks(train, strict=strict):
        begins = train.at[judge & (train.length == 1)].min()
        assert (train.at[learn] <= begins).all()
        assert not set(train.case[learn]) & set(train.case[judge])
        if strict:
            assert (train.closed_at[learn] < begins).all()


def test_the_weighted_auc_weighs_a_length_by_its_cases():
    length = np.array([1, 1, 1, 1, 2, 2])
    empty = np.zeros(6)
    prefixes = Prefixes(empty, length, empty, empty, empty, empty, empty, [])
    happened, said = np.array([1.0, 0, 1, 0, 1, 0]), np.array([0.9, 0.1, 0.8, 0.2, 0.1, 0.9])
    assert weighted_auc(prefixes, happened, said) == pytest.approx((4 * 1 + 2 * 0) / 6)
