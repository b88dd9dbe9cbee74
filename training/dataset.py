"""The training data: every snapshot of the grid with its signals, ready to be labelled at any cut-off."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import pandas as pd

from features.declared import NOTHING, Declared
from features.facts import BoolColumn, FloatColumn, IntColumn
from features.grid import training_grid
from features.histories import Histories, instant
from features.labels import Labels, Patience, labels
from features.norms import norms_of
from features.pipeline import snapshot_table
from features.signals import signals_of
from features.snapshots import Snapshots
from features.vocabulary import Vocabulary
from models.censoring import weights_of_closed
from training.courses import Courses


@dataclass(frozen=True)
class Dataset:
    """Snapshots, their signals (one row each) and their patience in days."""

    snapshots: Snapshots
    patience_days: FloatColumn
    until: int

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per snapshot: deal_id, as_of, stage, then every signal."""
        return snapshot_table(self.snapshots)

    @cached_property
    def matrix(self) -> FloatColumn:
        """The signals as models read them: shape (n_snapshots, n_signals), 32 bits, NaN where missing."""
        return self.table[self.signals].to_numpy(np.float32)

    @cached_property
    def courses(self) -> Courses:
        """What each snapshot's course says."""
        return Courses(self, slice(None))

    @property
    def declared(self) -> Declared:
        """What the company declared of its own."""
        return self.snapshots.norms.vocabulary.declared

    @property
    def signals(self) -> list[str]:
        """Names of the signals, in the order of the table's columns."""
        return list(signals_of(self.declared))

    @property
    def at(self) -> IntColumn:
        """Instants of the snapshots, microseconds since 1970 UTC."""
        return self.snapshots.at

    def of(self, rows: BoolColumn) -> "Dataset":
        """Some of the snapshots, with the signals they have, and courses as read beside all others."""
        part = self._part(rows, self.until)
        vars(part)["courses"] = self.courses.of(rows)
        return part

    def before(self, cutoff: int) -> "Dataset":
        """The data set as it was at ``cutoff``: earlier snapshots, whose signals are the same, and no later label."""
        return self._part(self.at < cutoff, cutoff)

    def _part(self, rows: BoolColumn, until: int) -> "Dataset":
        part = Dataset(self.snapshots.rows(rows), self.patience_days[rows], until)
        vars(part)["table"] = self.table[rows].reset_index(drop=True)  # computed already; kept as the property would
        return part

    def labels(self, cutoff: int) -> Labels:
        """Labels as they could be known before ``cutoff``."""
        return labels(self.snapshots, self.patience_days, cutoff)


def build_dataset(
    tables: Mapping[str, pd.DataFrame],
    *,
    until: datetime,
    every_days: int,
    patience: Patience,
    reporting_currency: str,
    declared: Declared = NOTHING,
) -> Dataset:
    """Build the snapshots of all deals before ``until`` (excluded)."""
    histories = Histories.from_tables(tables, Vocabulary.from_tables(tables, declared))
    norms = norms_of(histories, tables["fx_rates"], reporting_currency)
    grid = training_grid(histories, norms, every_days=every_days, until=instant(until))
    return Dataset(grid, patience.of(grid), instant(until))


def censoring_weights(seen: Labels, used: BoolColumn) -> FloatColumn:
    """Weights that let closed deals stand for those like them that were still open at the cut-off.

    Returns
    -------
    array of shape (n_snapshots,)
        0 where not used or still open; otherwise as in ``models/censoring.py``.
    """
    weights = np.zeros(len(used))
    days_to_close = np.where(np.isnan(seen.won), np.nan, seen.days_to_close)
    weights[used] = weights_of_closed(days_to_close[used], seen.days_seen[used])
    return weights
