"""From snapshots to the table that models learn from and score: the same code for training and for now."""

import numpy as np
import pandas as pd
from numpy.typing import DTypeLike, NDArray

from features.course import courses
from features.facts import DAY
from features.signals import signals_of
from features.snapshots import Snapshots
from features.traits import traits

BLOCK = 32_768
"""Snapshots computed at a time: columns of this length stay in the processor's cache."""


def signal_matrix(snapshots: Snapshots, kind: DTypeLike = np.float64) -> NDArray:
    """Every signal of every snapshot.

    Parameters
    ----------
    kind : what is kept of each value; half of it, where that is enough, is half the memory to write

    Returns
    -------
    array of shape (n_snapshots, n_signals)
        Columns in the order of ``signals_of(declared)``; NaN where a signal has no value.
    """
    signals = signals_of(snapshots.norms.vocabulary.declared).values()
    matrix = np.empty((len(snapshots), len(signals)), kind, order="F")
    for start in range(0, len(snapshots), BLOCK):
        rows = slice(start, start + BLOCK)
        block = snapshots.rows(rows)
        for place, signal in enumerate(signals):
            matrix[rows, place] = signal.compute(block)
    return matrix


def snapshot_table(snapshots: Snapshots) -> pd.DataFrame:
    """One row per snapshot: deal_id, as_of, stage, patience_days, as_of_day, traits, course, every signal.

    ``stage`` is its name with its pipeline; ``as_of_day`` is ``as_of`` once more, as a number: days since 1970, UTC;
    ``traits`` and ``course`` are of ``features/traits.py`` and ``features/course.py``.
    """
    vocabulary = snapshots.norms.vocabulary
    names = np.array([*vocabulary.stages.keys, ""])
    table = pd.DataFrame(signal_matrix(snapshots), columns=list(signals_of(vocabulary.declared)))
    table.insert(0, "course", courses(snapshots))
    table.insert(0, "traits", pd.Series(traits(snapshots), dtype="str"))
    table.insert(0, "as_of_day", snapshots.at / DAY)
    table.insert(0, "patience_days", snapshots.patience_days)
    table.insert(0, "stage", names[snapshots.stage])
    table.insert(0, "as_of", pd.DatetimeIndex(snapshots.at.astype("datetime64[us]"), tz="UTC"))
    table.insert(0, "deal_id", snapshots.histories.deal_ids[snapshots.deal])
    return table.astype({"deal_id": "str", "stage": "str"})
