"""Deals at instants, and the questions a signal may ask of them. All answers use only what was known before."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from crm.tables import DIRECTIONS, INTERACTION_KINDS
from features.facts import DAY, BoolColumn, Facts, FloatColumn, IntColumn, taken
from features.histories import Histories, in_force
from features.moves import Moves, stage_moves
from features.norms import PATIENCE, Norms
from features.selection import Selection, Window
from features.tally import Moments
from features.vocabulary import OPEN


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
    _moments: Moments | None = field(default=None, repr=False)
    _made: dict[Hashable, NDArray] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.deal)

    def rows(self, rows: slice | BoolColumn) -> "Snapshots":
        """Some of the snapshots."""
        return Snapshots(self.histories, self.norms, self.deal[rows], self.at[rows], self.moments.rows(rows))

    @cached_property
    def moments(self) -> Moments:
        """The instants, to ask norms for."""
        return self._moments or Moments(self.at)

    @property
    def moves(self) -> Moves:
        """What each stage change of the histories meant."""
        return self.histories.once("moves", lambda: stage_moves(self.histories))

    def once(self, name: Hashable, make: Callable[[], NDArray]) -> NDArray:
        """What ``make`` gives, worked out for the signal that asks first and kept for others that build on it."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def interactions(self, kind: str | None = None, direction: str | None = None) -> Window:
        """Interactions of one kind and direction (any where not given); planned ones only once they took place."""
        facts = self.histories.interactions

        def mask() -> BoolColumn:
            chosen = np.ones(len(facts), bool)
            if kind:
                chosen &= facts.columns["kind"] == INTERACTION_KINDS.index(kind)
            if direction:
                chosen &= facts.columns["direction"] == DIRECTIONS.index(direction)
            return chosen

        return Window(self, self.histories.once((kind, direction), lambda: Selection(facts, mask())))

    def where(self, facts: Facts, name: str, mask: Callable[[], BoolColumn]) -> Window:
        """The facts for which the mask holds, which is made once; ``name`` tells this selection of them from others."""
        return Window(self, self.histories.once((id(facts), name), lambda: Selection(facts, mask())))

    def changes(self, facts: Facts) -> Window:
        """All changes of a field."""
        return self.where(facts, "changes", lambda: np.ones(len(facts), bool))

    def position(self, facts: Facts, days: int | None) -> IntColumn:
        """Position after the last fact known before ``at - days``; of the first fact of the deal for None."""
        if days is None:
            return self.once((id(facts), None), lambda: facts.start[self.deal])
        return self.once((id(facts), days), lambda: facts.before(self.deal, self.at - days * DAY))

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
        return taken(facts.columns[column], position)

    def days_since(self, instants: FloatColumn) -> FloatColumn:
        """Days from ``instants`` (microseconds; NaN for none) to each snapshot."""
        return (self.at - instants) / DAY

    @cached_property
    def stage(self) -> IntColumn:
        """Number of the stage each deal was in; -1 where none was known."""
        return self.number(self.histories.stage, "new")

    def number(self, facts: Facts, column: str = "value") -> IntColumn:
        """A name's number, as in effect at each snapshot; -1 where none was known."""
        place = self.in_effect(facts)
        if not len(facts):
            return place
        return np.where(place >= 0, facts.columns[column][np.maximum(place, 0)], -1)

    @cached_property
    def is_open(self) -> BoolColumn:
        """Whether each deal was in an open stage, as known then."""
        return self.norms.vocabulary.stages.category[self.stage] == OPEN

    @cached_property
    def owner(self) -> IntColumn:
        """Number of each deal's owner as known then; -1 for none."""
        return in_force(self.histories.owner, "value", self.deal, self.at)

    @cached_property
    def amount(self) -> FloatColumn:
        """Amount of each deal in the reporting currency; NaN where none was known."""
        facts = self.histories.amount
        return self.value(facts, self.in_effect(facts)) * self.rate

    @cached_property
    def first_amount(self) -> FloatColumn:
        """The first amount of each deal in the reporting currency, at the same rate as ``amount``."""
        facts = self.histories.amount
        return self.value(facts, self.first_known(facts)) * self.rate

    @cached_property
    def rate(self) -> FloatColumn:
        """The last rate of each deal's currency to the reporting currency; NaN where there was none."""
        return self.norms.rate(self.static("currency"), self.moments)

    def static(self, name: str) -> IntColumn:
        """What was known at creation: the number of a name (``source``, ``industry``, ...); -1 where missing."""
        return self.histories.static[name][self.deal]

    @cached_property
    def patience_days(self) -> FloatColumn:
        """80th percentile of past times to advance from each deal's stage, days; NaN before enough are known."""
        return self.norms.usual_days(self.norms.days_to_advance[PATIENCE], self.stage, self.moments)
