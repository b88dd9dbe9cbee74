"""From snapshots to the table that models learn from and score: the same code for training and for now."""

import numpy as np
import pandas as pd

from features.facts import FloatColumn
from features.signals import SIGNALS
from features.snapshots import Snapshots


def signal_matrix(snapshots: Snapshots) -> FloatColumn:
    """Every signal of every snapshot.

    Returns
    -------
    array of shape (n_snapshots, n_signals)
        Columns in the order of ``SIGNALS``; NaN where a signal has no value.
    """
    columns = [signal.compute(snapshots) for signal in SIGNALS.values()]
    return np.column_stack(columns) if len(snapshots) else np.empty((0, len(columns)))


def snapshot_table(snapshots: Snapshots) -> pd.DataFrame:
    """One row per snapshot: deal_id, as_of, stage (its name with its pipeline), then every signal."""
    stages = snapshots.norms.vocabulary.stages
    names = np.array([*stages.keys, ""])
    table = pd.DataFrame(signal_matrix(snapshots), columns=list(SIGNALS))
    table.insert(0, "stage", names[snapshots.stage])
    table.insert(0, "as_of", pd.DatetimeIndex(snapshots.at.astype("datetime64[us]"), tz="UTC"))
    table.insert(0, "deal_id", snapshots.histories.deal_ids[snapshots.deal])
    return table.astype({"deal_id": "str", "stage": "str"})
