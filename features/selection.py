"""Some of a set's facts, counted, summed and dated at any snapshot."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from features import scans
from features.facts import DAY, BoolColumn, Facts, FloatColumn, IntColumn, taken

if TYPE_CHECKING:
    from features.snapshots import Snapshots


@dataclass(frozen=True)
class Selection:
    """The facts for which ``mask`` holds; its running sums are made once, however many snapshots ask."""

    facts: Facts
    mask: BoolColumn
    _totals: dict[str, IntColumn] = field(default_factory=dict, repr=False)

    @cached_property
    def running(self) -> IntColumn:
        """How many there are before each position; shape (n_facts + 1,)."""
        return self.facts.running(self.mask)

    def running_total(self, name: str, values: IntColumn) -> IntColumn:
        """Sum of integers over those before each position; shape (n_facts + 1,). ``name`` tells them from others."""
        if name not in self._totals:
            self._totals[name] = scans.running_total(self.mask, values)
        return self._totals[name]

    @cached_property
    def running_last(self) -> IntColumn:
        """Position of the last one at or before each position; see ``Facts.running_last``."""
        return self.facts.running_last(self.mask)

    @cached_property
    def next(self) -> IntColumn:
        """Position of the first one at or after each position, the end included; the number of facts for none."""
        return scans.next_marked(self.mask)


@dataclass(frozen=True)
class Window:
    """A selection as seen from snapshots; every answer has one entry per snapshot."""

    at: "Snapshots"
    some: Selection

    def count(self, days: int | None = None) -> FloatColumn:
        """Facts with ``at - days <= known_at < at``; all known before ``at`` for None."""
        return self._between(self.some.running, days)

    def total(self, name: str, values: IntColumn, days: int | None = None) -> FloatColumn:
        """Sum of integers, one per fact, over the facts of the same window; ``name`` tells them from others."""
        return self._between(self.some.running_total(name, values), days)

    def mean(self, column: str) -> FloatColumn:
        """Mean of a column of integers over the facts known before each snapshot; NaN where there were none."""
        count, total = self.count(), self.total(column, self.some.facts.columns[column])
        return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)

    def _between(self, running: IntColumn, days: int | None) -> FloatColumn:
        first, end = self.at.position(self.some.facts, days), self.at.position(self.some.facts, 0)
        return scans.between(running, first, end)

    def last(self, back: int = 0) -> IntColumn:
        """Position of the last fact known before each snapshot, or of the one ``back`` before it; -1 for none."""
        facts = self.some.facts
        return scans.last_before(
            self.some.running_last, self.at.position(facts, None), self.at.position(facts, 0), back
        )

    def value(self, column: str, back: int = 0) -> FloatColumn:
        """``column`` of the last fact, or of the one ``back`` before it; NaN where there is none."""
        return taken(self.some.facts.columns[column], self.last(back))

    def known_at(self, back: int = 0) -> FloatColumn:
        """When the last fact, or the one ``back`` before it, became known, microseconds; NaN where there is none."""
        return taken(self.some.facts.known_at, self.last(back))

    def days_since_last(self) -> FloatColumn:
        """Days since the last fact became known; NaN where there was none."""
        return (self.at.at - self.known_at()) / DAY

    def gap_days(self, back: int = 0) -> FloatColumn:
        """Days between the last fact and the one before it, or ``back`` facts earlier; NaN where there were too few."""
        return (self.known_at(back) - self.known_at(back + 1)) / DAY
