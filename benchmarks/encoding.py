"""Categories as numbers: past win rates, shrunken as the product's norms are, and never of the row's own outcome."""

from typing import Self

import numpy as np
import pandas as pd

from benchmarks.ladder import folds_of_groups
from features.facts import FloatColumn, IntColumn
from features.norms import PRIOR_DEALS

N_PARTS = 10


class WinRates:
    """Two numbers per category, its win rate and how often it is seen; numbers stay as they are."""

    def fit(self, columns: pd.DataFrame, happened: FloatColumn) -> Self:
        """Learn from outcomes of 0 or 1."""
        self.base_ = float(happened.mean())
        self.rates_: dict[str, pd.DataFrame] = {}
        for name in _categories(columns):
            found = pd.Series(happened).groupby(columns[name].to_numpy()).agg(["sum", "count"])
            rate = (found["sum"] + PRIOR_DEALS * self.base_) / (found["count"] + PRIOR_DEALS)
            self.rates_[name] = pd.DataFrame({"rate": rate, "seen": found["count"] / len(columns)})
        return self

    def transform(self, columns: pd.DataFrame) -> np.ndarray:
        """The numbers, float32; a category never seen has the base rate."""
        made = []
        for name in columns:
            if name in self.rates_:
                found = self.rates_[name].reindex(columns[name].to_numpy())
                made += [found["rate"].fillna(self.base_), found["seen"].fillna(0.0)]
            else:
                made.append(columns[name])
        return np.column_stack([one.to_numpy(np.float64) for one in made]).astype(np.float32)

    def fit_transform(self, columns: pd.DataFrame, happened: FloatColumn, group: IntColumn) -> np.ndarray:
        """Learn from all rows; each row's own numbers are of the other parts, groups kept whole."""
        found = self.fit(columns, happened).transform(columns)
        for learn, part in folds_of_groups(group, N_PARTS):
            found[part] = WinRates().fit(columns[learn], happened[learn]).transform(columns[part])
        return found

    def names(self, columns: pd.DataFrame) -> list[str]:
        """What the numbers are called."""
        return [
            called
            for name in columns
            for called in ([f"{name}_win_rate", f"{name}_seen"] if name in self.rates_ else [name])
        ]


def _categories(columns: pd.DataFrame) -> list[str]:
    return [name for name in columns if not pd.api.types.is_numeric_dtype(columns[name])]
