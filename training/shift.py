"""How far a column has moved: between windows of time, and against its own past.

The distance of two windows is that of Jensen and Shannon (1991; ``scipy.spatial.distance.jensenshannon``) between the
shares of cells: the deciles of the training period, and one cell for missing. It lies in [0, 1], reads numbers, flags
and missing alike, and needs no test that many deals would always fail. What is too far is told by the past: the same
distance between each window of the training period and those before it. (Evidently, which is made for this, does not
import on the pandas that this project needs; NannyML holds LightGBM at an older version. SciPy does both parts.)
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.spatial.distance import jensenshannon
from scipy.stats import t

from features.facts import BoolColumn, FloatColumn, IntColumn
from training.windows import Windows

N_CELLS = 10
MISSING_JUMP = 0.10
"""So much more (or less) missing than before, as a share, is a matter of the data."""
SMALLEST = 0.02
"""Distances below this are nothing, however still the past was."""


@dataclass(frozen=True)
class Shift:
    """How far one signal or score has moved; ``limit`` is what its own past allows.

    ``only`` is the one group of deals that has moved, such as ``source website``; empty where it is not one alone.
    """

    name: str
    distance: float
    limit: float
    mean_before: float
    mean_now: float
    missing_before: float
    missing_now: float
    only: str = ""

    @property
    def alarms(self) -> bool:
        """Whether it is further than usual."""
        return self.distance > self.limit

    @property
    def of_the_data(self) -> bool:
        """Whether it looks like a fault of the data, not like a change of the world."""
        return abs(self.missing_now - self.missing_before) > MISSING_JUMP or bool(self.only)

    @property
    def sentence(self) -> str:
        """The finding in words."""
        where = f", only in {self.only}" if self.only else ""
        missing = (
            f"; missing on {self.missing_before:.0%} before and {self.missing_now:.0%} now"
            if abs(self.missing_now - self.missing_before) > MISSING_JUMP
            else ""
        )
        return (
            f"{self.name} is {self.distance:.3f} away from the training period, {self.limit:.3f} at most is usual"
            f"{where}: mean {self.mean_before:.4g} before and {self.mean_now:.4g} now{missing}."
        )


def shift_of(name: str, values: FloatColumn, cut: Windows, groups: pd.DataFrame, false_alarms: float) -> Shift:
    """How far a column has moved; ``groups`` has the groupings of its rows by column, to say which alone has moved."""
    cell = cells(values, cut.reference)
    far = distance(cell, cut.current, cut.reference)
    most = limit(np.array([distance(cell, *pair) for pair in cut.past]), false_alarms)
    before, now = (values[rows] for rows in (cut.reference, cut.current))
    means = [float(np.nanmean(some)) if (~np.isnan(some)).any() else float("nan") for some in (before, now)]
    missing = [float(np.isnan(some).mean()) if len(some) else 0.0 for some in (before, now)]
    only = _only(cell, cut, groups, most) if far > most else ""
    return Shift(name, far, most, means[0], means[1], missing[0], missing[1], only)


def cells(values: FloatColumn, training: BoolColumn) -> IntColumn:
    """The cell of each value: which decile of the training period, even on and odd between them; 0 for missing.

    >>> cells(np.array([0.0, 0.0, 5.0, np.nan]), np.ones(4, bool)).tolist()
    [2, 2, 4, 0]
    """
    known = values[training & ~np.isnan(values)]
    shares = np.linspace(0, 1, N_CELLS + 1)
    edges = np.unique(np.quantile(known, shares, method="inverted_cdf")) if len(known) else np.empty(0)
    place = np.searchsorted(edges, values, side="left") + np.searchsorted(edges, values, side="right")
    return np.where(np.isnan(values), 0, place + 1)


def distance(cell: IntColumn, one: BoolColumn, other: BoolColumn) -> float:
    """Jensen-Shannon distance (base 2) between two sets of rows, in [0, 1]; 0 where either is empty."""
    if not (one.any() and other.any()):
        return 0.0
    n = int(cell.max()) + 1
    counts = [np.bincount(cell[rows], minlength=n) for rows in (one, other)]
    # Equal shares can come out a hair below zero, whose root is not a number.
    return float(np.nan_to_num(jensenshannon(*counts, base=2)))


def limit(past: FloatColumn, false_alarms: float) -> float:
    """The distance that one more window like those of the past stays below, but for a share of ``false_alarms``.

    An upper prediction bound for logarithms that are normal (Hahn and Meeker, 1991): ``exp(mean + t sd √(1 + 1/n))``.

    >>> bool(limit(np.array([0.04, 0.05, 0.06, 0.05, 0.05, 0.04]), 0.01) < 0.15)
    True
    """
    logs = np.log(np.maximum(past, SMALLEST / 4))
    reach = t.ppf(1 - false_alarms, len(logs) - 1) * logs.std(ddof=1) * np.sqrt(1 + 1 / len(logs))
    return float(np.clip(np.exp(logs.mean() + reach), SMALLEST, 1))


def _only(cell: np.ndarray, cut: Windows, groups: pd.DataFrame, most: float) -> str:
    """The one group without which nothing would have moved; empty where there is none, or more than one."""
    found = []
    for grouping in groups:
        for value in groups[grouping].unique():
            others = (groups[grouping] != value).to_numpy()
            share = 1 - others[cut.current].mean() if cut.current.any() else 0.0
            # A group that is most of the deals moves them all, which tells nothing of the group.
            if share < 0.7 and distance(cell, cut.current & others, cut.reference & others) <= most:
                found.append(f"{grouping} {value}")
    return found[0] if len(found) == 1 else ""
