"""Amounts that became known over time, summed by group; and the instants they are asked for."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.facts import BoolColumn, Facts, IntColumn


@dataclass(frozen=True)
class Moments:
    """The instants of snapshots, microseconds since 1970 UTC; on a grid there are few distinct ones.

    ``whole`` are the moments that these are some of, with their ``place`` among its distinct ones.
    """

    at: IntColumn
    whole: "Moments | None" = None
    _place: IntColumn | None = None
    _tables: dict[Hashable, NDArray] = field(default_factory=dict, repr=False)

    @cached_property
    def _distinct(self) -> tuple[IntColumn, IntColumn]:
        return np.unique(self.at, return_inverse=True)

    def rows(self, rows: slice | BoolColumn) -> "Moments":
        """Some of the moments; what is asked of them is asked once for all of the whole."""
        whole = self.whole or self
        place = self._distinct[1] if self._place is None else self._place
        return Moments(self.at[rows], whole, place[rows])

    def asked(
        self, name: Hashable, ask: Callable[[IntColumn, IntColumn], NDArray], group: IntColumn, n_groups: int
    ) -> NDArray:
        """``ask(group, at)``, once for each group and distinct instant where those are fewer than the snapshots.

        ``name`` tells this question from others.
        """
        whole = self.whole or self
        if len(whole.at) <= n_groups:
            return ask(group, self.at)
        instants, place = whole._distinct
        if len(instants) * (n_groups + 1) >= len(whole.at):
            return ask(group, self.at)
        if name not in whole._tables:
            groups = np.append(np.arange(n_groups), -1)  # no group comes last, where -1 finds it
            answers = ask(np.repeat(groups, len(instants)), np.tile(instants, len(groups)))
            whole._tables[name] = answers.reshape(len(groups), -1)
        return whole._tables[name][group, place if self._place is None else self._place]


@dataclass(frozen=True)
class Tally:
    """Integer amounts by group, as sums before any instant.

    Running sums are kept in integers: a later fact cannot change even the rounding of an earlier answer.
    """

    facts: Facts
    totals: dict[str, IntColumn]

    @classmethod
    def of(cls, group: NDArray, known_at: NDArray, n_groups: int, **values: NDArray) -> "Tally":
        """Sum ``values`` (integers) by group; entries of no group (-1) are left out."""
        facts = Facts.sorted(group, known_at, n_groups, values)
        totals = {name: _narrow(facts.running(column)) for name, column in facts.columns.items()}
        return cls(replace(facts, columns={}), totals)

    @property
    def n_groups(self) -> int:
        """How many groups there are."""
        return self.facts.n_groups

    def before(self, group: IntColumn, at: IntColumn, *names: str) -> list[IntColumn]:
        """For each name its sum over what ``group`` had before ``at``; 0 for no group (-1)."""
        if not self.n_groups:
            return [np.zeros(len(at), np.int64) for _ in names]
        known = np.maximum(group, 0)
        end, start = self.facts.before(known, at), self.facts.start[known]
        found = ((self.totals[name][end] - self.totals[name][start]).astype(np.int64) for name in names)
        return [np.where(group >= 0, sums, 0) for sums in found]


def _narrow(total: IntColumn) -> IntColumn:
    """The same numbers in half the memory, where they fit."""
    return total.astype(np.int32) if np.abs(total).max(initial=0) < 2**31 else total
