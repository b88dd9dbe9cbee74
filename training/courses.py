"""Courses, read by what could be learned of them before each cut-off; learned once for all that ask."""

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from features.course import courses
from features.facts import DAY, BoolColumn, FloatColumn
from features.labels import labels
from features.snapshots import Snapshots
from features.traits import traits
from models.course import Course
from models.course_fit import Known, fit_course

if TYPE_CHECKING:
    from training.dataset import Dataset


@dataclass(frozen=True)
class Courses:
    """The courses of a data set's snapshots, or of some of them, the ``rows``."""

    dataset: "Dataset"
    rows: BoolColumn | slice
    _made: dict[tuple[int, int], tuple[Course | None, FloatColumn | None]] = field(default_factory=dict, repr=False)
    _making: Lock = field(default_factory=Lock, repr=False)

    def of(self, rows: BoolColumn) -> "Courses":
        """Those of some snapshots; what they mean is still learned from all deals."""
        chosen = np.zeros(len(self.dataset.at), bool)
        chosen[np.arange(len(chosen))[self.rows][rows]] = True
        return Courses(self.dataset, chosen, self._made, self._making)

    def learned(self, cutoff: int, seed: int) -> Course | None:
        """What courses meant as known before ``cutoff``; None where there were too few deals."""
        return self._at(cutoff, seed)[0]

    def readings(self, cutoff: int, seed: int) -> FloatColumn | None:
        """What each course says by what was learned before ``cutoff``: shape (n_rows, n_readings), 32 bits."""
        found = self._at(cutoff, seed)[1]
        return None if found is None else found[self.rows]

    def _at(self, cutoff: int, seed: int) -> tuple[Course | None, FloatColumn | None]:
        with self._making:
            if (cutoff, seed) not in self._made:
                course = fit_course(_known(self.dataset, cutoff), seed)
                read = None if course is None else course.readings(self.dataset.table).to_numpy(np.float32)
                self._made[cutoff, seed] = course, read
            return self._made[cutoff, seed]


def _known(dataset: "Dataset", cutoff: int) -> Known:
    """Every deal's course as known before ``cutoff``, up to its closing if that was known by then."""
    histories, norms = dataset.snapshots.histories, dataset.snapshots.norms
    deal = np.flatnonzero(histories.created_at < cutoff)
    created = Snapshots(histories, norms, deal, histories.created_at[deal] + 1)
    seen = labels(created, np.zeros(len(deal)), cutoff)
    open_for = np.minimum(np.nan_to_num(seen.days_to_close, nan=np.inf), seen.days_seen)
    until = Snapshots(histories, norms, deal, created.at + np.rint(np.maximum(open_for, 0) * DAY).astype(np.int64))
    return Known(courses(until), traits(until), seen.won)
