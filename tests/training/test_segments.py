"""Groups of deals: every snapshot is in one group of each grouping, and bands say in words where they begin."""

import numpy as np

from training.dataset import Dataset
from training.segments import quarters_of, segments


def test_every_snapshot_has_its_stage_its_amount_and_its_age(small_dataset: Dataset) -> None:
    found = segments(small_dataset)
    assert len(found) == len(small_dataset.at)
    assert {"stage", "source", "size", "amount", "age"} <= set(found)
    assert not found.isna().any().any()


def test_a_band_of_age_holds_just_the_snapshots_of_that_age(small_dataset: Dataset) -> None:
    age = small_dataset.table["age_days"]
    band = segments(small_dataset)["age"]
    assert age[(band == "30 to 90 days old").to_numpy()].between(30, 90, inclusive="left").all()
    assert (band == "under 30 days old").to_numpy().tolist() == (age < 30).tolist()


def test_amounts_fall_into_four_bands_of_much_the_same_count(small_dataset: Dataset) -> None:
    counts = segments(small_dataset)["amount"].value_counts(normalize=True)
    assert len(counts) == 4
    assert counts.between(0.15, 0.35).all()


def test_the_same_amount_everywhere_makes_no_bands() -> None:
    assert quarters_of(np.full(50, 100.0)) == (100.0,)
    assert quarters_of(np.full(5, np.nan)) == ()
