"""Facts in columns sorted by (deal, known_at), and how to find those known before an instant.

This is the whole of the kernel's search: a window count is the difference of two positions in a
running sum, each position found by binary search on one integer key. No loop over deals.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

IntColumn: TypeAlias = NDArray[np.int64]
FloatColumn: TypeAlias = NDArray[np.float64]
BoolColumn: TypeAlias = NDArray[np.bool_]

DAY = 86_400_000_000
"""Microseconds in a day; every instant of the kernel is an integer of microseconds since 1970 UTC."""


@dataclass(frozen=True)
class Facts:
    """Facts that each belong to one group (a deal, an owner, a stage) and became known at one instant.

    Parameters
    ----------
    group : array of shape (n_facts,), group number
    known_at : array of shape (n_facts,), microseconds since 1970 UTC
        Sorted by (group, known_at); ties keep the order in which they were given.
    n_groups : int
    columns : what is known, by name; each of shape (n_facts,)
    """

    group: IntColumn
    known_at: IntColumn
    n_groups: int
    columns: dict[str, NDArray] = field(default_factory=dict)

    @classmethod
    def sorted(
        cls,
        group: NDArray,
        known_at: NDArray,
        n_groups: int,
        columns: dict[str, NDArray],
        ties: tuple[NDArray, ...] = (),
    ) -> "Facts":
        """Sort facts by (group, known_at, ties...); facts of no group (-1) are left out."""
        order = np.lexsort((*reversed(ties), known_at, group))
        order = order[np.asarray(group)[order] >= 0]
        return cls(
            np.asarray(group, dtype=np.int64)[order],
            np.asarray(known_at, dtype=np.int64)[order],
            n_groups,
            {name: np.asarray(values)[order] for name, values in columns.items()},
        )

    def __len__(self) -> int:
        return len(self.group)

    @cached_property
    def _first_instant(self) -> int:
        return int(self.known_at.min()) if len(self) else 0

    @cached_property
    def _span(self) -> int:
        return int(self.known_at.max()) - self._first_instant + 2 if len(self) else 2

    @cached_property
    def _instants(self) -> IntColumn | None:
        """The distinct instants, sorted, where a group and a time would not fit one key; else None."""
        return np.unique(self.known_at) if self._span * max(self.n_groups, 1) >= 2**63 else None

    def _keys(self, group: IntColumn, at: IntColumn) -> IntColumn:
        """One integer for group and instant, in their order. Six times as fast from times as from ranks of instants."""
        if self._instants is None:
            first = self._first_instant
            return group * self._span + (np.clip(at, first, first + self._span - 1) - first)
        return group * (len(self._instants) + 1) + np.searchsorted(self._instants, at)

    @cached_property
    def _key(self) -> IntColumn:
        return self._keys(self.group, self.known_at)

    @cached_property
    def start(self) -> IntColumn:
        """Position of the first fact of each group, and the number of facts at the end; shape (n_groups + 1,)."""
        return np.searchsorted(self.group, np.arange(self.n_groups + 1))

    def before(self, group: IntColumn, at: IntColumn) -> IntColumn:
        """Position after the last fact of ``group`` with ``known_at < at``.

        Returns
        -------
        array of shape (n,), positions
            ``start[group]`` where nothing was known yet.
        """
        return np.searchsorted(self._key, self._keys(group, at), side="left")

    def running(self, values: NDArray) -> IntColumn:
        """Running sum with a leading zero. Integers only, so that later facts cannot change a rounding."""
        total = np.zeros(len(self) + 1, dtype=np.int64)
        np.cumsum(values, out=total[1:])
        return total

    def running_last(self, mask: BoolColumn) -> IntColumn:
        """Position of the last fact at or before each one for which ``mask`` holds, -1 if none, over all groups.

        A result below ``start[group]`` belongs to an earlier group and means "none".
        """
        return np.maximum.accumulate(np.where(mask, np.arange(len(self)), -1)) if len(self) else np.empty(0, np.int64)
