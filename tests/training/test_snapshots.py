"""Snapshots on disk: signals and labels side by side, whole or not at all."""

from pathlib import Path

import numpy as np
import pandas as pd

from features.signals import SIGNALS
from training.dataset import Dataset
from training.snapshots import labelled, write


def test_signals_and_labels_stand_side_by_side(dataset: Dataset) -> None:
    table = labelled(dataset)
    assert list(table.columns) == [
        *("deal_id", "as_of", "stage"), *SIGNALS, *("won", "days_to_close", "stalled", "patience_days"),
    ]  # fmt: skip
    assert len(table) == len(dataset.at)


def test_an_open_deal_has_no_outcome(dataset: Dataset) -> None:
    table = labelled(dataset)
    still_open = np.isnan(table["won"])
    assert still_open.any()
    assert table.loc[still_open, "days_to_close"].isna().all()


def test_what_is_written_is_read_back_the_same(dataset: Dataset, tmp_path: Path) -> None:
    table = labelled(dataset)
    write(table, tmp_path / "deep" / "snapshots.parquet")
    assert pd.read_parquet(tmp_path / "deep" / "snapshots.parquet").equals(table)


def test_a_second_writing_replaces_the_first_and_leaves_nothing_else(dataset: Dataset, tmp_path: Path) -> None:
    for rows in (5, 3):
        write(labelled(dataset).head(rows), tmp_path / "snapshots.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["snapshots.parquet"]
    assert len(pd.read_parquet(tmp_path / "snapshots.parquet")) == 3
