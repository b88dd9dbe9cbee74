"""Deals at instants, and the questions a signal may ask of them. All answers use only what was known before."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from crm.tables import DIRECTIONS, INTERACTION_KINDS
from features.facts import DAY, BoolColumn, Facts, FloatColumn, IntColumn
from features.histories import OPEN, Histories
from features.moves import Moves, stage_moves
from features.norms import Norms, owner_of


@dataclass(frozen=True)
class Snapshots:
    """Deals at instants; one entry is deal number ``deal[i]`` of ``histories`` as of ``at[i]``.

    Parameters
    ----------
    deal : array of shape (n_snapshots,), deal numbers
    at : array of shape (n_snapshots,), microseconds since 1970 UTC
    """

    histories: Histories
    norms: Norms
    deal: IntColumn
    at: IntColumn
    _positions: dict[tuple[int, int | None], IntColumn] = field(default_factory=dict, repr=False)
    _filters: dict[tuple[str | None, ...], "Window"] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.deal)

    @cached_property
    def moves(self) -> Moves:
        """What each stage change of the histories meant."""
        return stage_moves(self.histories)

    def interactions(self, kind: str | None = None, direction: str | None = None, *, senior: bool = False) -> "Window":
        """Interactions of one kind and direction (any where not given); planned ones only once they took place."""
        key = (kind, direction, "senior" if senior else None)
        if key not in self._filters:
            columns = self.histories.interactions.columns
            mask = np.ones(len(self.histories.interactions), bool)
            if kind:
                mask = mask & (columns["kind"] == INTERACTION_KINDS.index(kind))
            if direction:
                mask = mask & (columns["direction"] == DIRECTIONS.index(direction))
            if senior:
                mask = mask & columns["senior"]
            self._filters[key] = Window(self, self.histories.interactions, mask)
        return self._filters[key]

    def window(self, facts: Facts, mask: BoolColumn) -> "Window":
        """The facts for which ``mask`` holds."""
        return Window(self, facts, mask)

    def position(self, facts: Facts, days: int | None) -> IntColumn:
        """Position after the last fact known before ``at - days``; of the first fact of the deal for None."""
        key = (id(facts), days)
        if key not in self._positions:
            self._positions[key] = (
                facts.start[self.deal] if days is None else facts.before(self.deal, self.at - days * DAY)
            )
        return self._positions[key]

    def in_effect(self, facts: Facts) -> IntColumn:
        """Position of the change in effect at each snapshot; -1 where none was known."""
        last = self.position(facts, 0) - 1
        known = last >= self.position(facts, None)
        return np.where(known, facts.columns["latest"][last], -1) if len(facts) else np.full(len(self), -1)

    def first_known(self, facts: Facts) -> IntColumn:
        """Position of the first change known of each deal; -1 where none was known."""
        start = self.position(facts, None)
        return np.where(self.position(facts, 0) > start, start, -1)

    def value(self, facts: Facts, position: IntColumn, column: str = "value") -> FloatColumn:
        """``column`` at ``position``; NaN where the position is -1."""
        if not len(facts):
            return np.full(len(self), np.nan)
        return np.where(position >= 0, facts.columns[column][np.maximum(position, 0)].astype(np.float64), np.nan)

    def days_since(self, instants: FloatColumn) -> FloatColumn:
        """Days from ``instants`` (microseconds; NaN for none) to each snapshot."""
        return (self.at - instants) / DAY

    @cached_property
    def stage(self) -> IntColumn:
        """Number of the stage each deal was in; -1 where none was known."""
        stage = self.value(self.histories.stage, self.in_effect(self.histories.stage), "new")
        return np.where(np.isnan(stage), -1, stage).astype(np.int64)

    @cached_property
    def is_open(self) -> BoolColumn:
        """Whether each deal was in an open stage, as known then."""
        return self.norms.vocabulary.stages.category[self.stage] == OPEN

    @cached_property
    def owner(self) -> IntColumn:
        """Number of each deal's owner as known then; -1 for none."""
        return owner_of(self.histories, self.deal, self.at)

    @cached_property
    def amount(self) -> FloatColumn:
        """Amount of each deal in the reporting currency; NaN where none was known."""
        facts = self.histories.amount
        return self._converted(self.value(facts, self.in_effect(facts)))

    @cached_property
    def first_amount(self) -> FloatColumn:
        """The first amount of each deal in the reporting currency, at the same rate as ``amount``."""
        facts = self.histories.amount
        return self._converted(self.value(facts, self.first_known(facts)))

    def _converted(self, amount: FloatColumn) -> FloatColumn:
        return self.norms.in_reporting_currency(amount, self.static("currency"), self.at)

    def static(self, name: str) -> IntColumn:
        """Number of a value known at creation (``source``, ``industry``, ...); -1 where missing."""
        return self.histories.static[name][self.deal]

    @cached_property
    def patience_days(self) -> FloatColumn:
        """80th percentile of past times to advance from each deal's stage, days; NaN before enough are known."""
        return self.norms.days_to_advance[0.8].before(self.stage, self.at)


@dataclass(frozen=True)
class Window:
    """Some of the facts, to be counted and dated at every snapshot."""

    at: Snapshots
    facts: Facts
    mask: BoolColumn

    @cached_property
    def _running(self) -> IntColumn:
        return self.facts.running(self.mask)

    def count(self, days: int | None = None) -> FloatColumn:
        """Facts with ``at - days <= known_at < at``; all known before ``at`` for None."""
        return self._between(self._running, days)

    def total(self, values: IntColumn, days: int | None = None) -> FloatColumn:
        """Sum of ``values`` (integers) over the facts of the same window."""
        return self._between(self.facts.running(np.where(self.mask, values, 0)), days)

    def _between(self, running: IntColumn, days: int | None) -> FloatColumn:
        first, end = self.at.position(self.facts, days), self.at.position(self.facts, 0)
        return (running[end] - running[first]).astype(np.float64)

    def last(self) -> IntColumn:
        """Position of the last fact known before each snapshot; -1 for none."""
        if not len(self.facts):
            return np.full(len(self.at), -1)
        end, start = self.at.position(self.facts, 0), self.at.position(self.facts, None)
        found = self.facts.running_last(self.mask)[end - 1]
        return np.where((end > start) & (found >= start), found, -1)

    def days_since_last(self) -> FloatColumn:
        """Days since the last fact became known; NaN where there was none."""
        if not len(self.facts):
            return np.full(len(self.at), np.nan)
        last = self.last()
        return np.where(last >= 0, (self.at.at - self.facts.known_at[np.maximum(last, 0)]) / DAY, np.nan)
