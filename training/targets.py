"""What each model learns: labels and weights as they could be known before a cut-off."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from features.facts import BoolColumn, FloatColumn
from training.dataset import Dataset, censoring_weights

Event = Literal["win", "stall"]
EVENTS: tuple[Event, ...] = ("win", "stall")


@dataclass(frozen=True)
class Target:
    """Labels of 0 or 1 and their weights, one entry per snapshot; where the weight is 0 the label means nothing."""

    happened: FloatColumn
    weight: FloatColumn

    @property
    def has_both(self) -> bool:
        """Whether both outcomes were seen."""
        return len(np.unique(self.happened[self.weight > 0])) == 2


def target(dataset: Dataset, event: Event, cutoff: int, rows: BoolColumn) -> Target:
    """Labels of ``rows`` known before ``cutoff``: won against lost, or stalled against not; all others weigh 0."""
    seen = dataset.labels(cutoff)
    if event == "stall":
        return Target(np.nan_to_num(seen.stalled), (rows & ~np.isnan(seen.stalled)).astype(np.float64))
    return Target(np.nan_to_num(seen.won), censoring_weights(seen, rows))
