"""Labels beside a build of snapshots."""

import numpy as np

from features.facts import DAY
from training.dataset import Dataset
from training.labelled import labelled


def test_an_open_deal_has_no_outcome_and_a_closed_one_has(dataset: Dataset) -> None:
    found = labelled(dataset.snapshots, dataset.until)
    assert list(found) == ["won", "days_to_close", "stalled"]
    still_open = np.isnan(found["won"])
    assert still_open.any()
    assert not still_open.all()
    assert np.isnan(found["days_to_close"][still_open]).all()
    assert (found["days_to_close"][~still_open] >= 0).all()


def test_nothing_is_labelled_with_what_came_after_the_cutoff(dataset: Dataset) -> None:
    early = int(np.median(dataset.at))
    found = labelled(dataset.snapshots, early)
    before = dataset.at < early
    closed_at = dataset.at + found["days_to_close"] * DAY
    assert np.isnan(found["won"][before]).any()
    assert (closed_at[before & ~np.isnan(found["won"])] < early).all()
