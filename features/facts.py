"""Facts in columns sorted by (group, known_at), and how to find those known before an instant.

This is the whole of the kernel's search: a window count is the difference of two positions in a
running sum, each position found by binary search on one integer key. No loop over deals.

Looked at before writing it: Polars (rolling and as-of joins), DuckDB SQL and Featuretools give the same
figures several to a thousand times slower (``make bench-features`` measures them beside this);
Ibis disagreed with itself between engines; tsfresh and functime expect regular series; none of them takes a fact's
entry into the system apart from its taking place.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

IntColumn: TypeAlias = NDArray[np.int64]
FloatColumn: TypeAlias = NDArray[np.float64]
BoolColumn: TypeAlias = NDArray[np.bool_]

DAY = 86_400_000_000
"""Microseconds in a day; every instant of the kernel is an integer of microseconds since 1970 UTC."""


@dataclass(frozen=True)
class Keys:
    """One integer for a group and an instant, in their order, so that one binary search finds both.

    ``instants`` are the distinct instants, sorted, where a group and a time would not fit one integer; else None.
    From times it is six times as fast as from ranks of instants.
    """

    first: int
    span: int
    instants: IntColumn | None

    @classmethod
    def over(cls, known_at: IntColumn, n_groups: int) -> "Keys":
        """Keys for facts known at these instants."""
        first = int(known_at.min()) if len(known_at) else 0
        span = int(known_at.max()) - first + 2 if len(known_at) else 2
        fits = span * max(n_groups, 1) < 2**63
        return cls(first, span, None if fits else np.unique(known_at))

    def of(self, group: IntColumn, at: IntColumn) -> IntColumn:
        """The key of each pair; instants outside the facts' span are moved to its ends, which keeps the order."""
        if self.instants is None:
            return group * self.span + (np.clip(at, self.first, self.first + self.span - 1) - self.first)
        return group * (len(self.instants) + 1) + np.searchsorted(self.instants, at)

    def position(self, key: IntColumn, group: IntColumn, at: IntColumn) -> IntColumn:
        """Place in the sorted ``key`` after the last fact of each group known before ``at``."""
        return np.searchsorted(key, self.of(group, at), side="left")


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
        ties: Sequence[Any] = (),
    ) -> "Facts":
        """Sort facts by (group, known_at, ties...); facts of no group (-1) are left out.

        Parameters
        ----------
        ties : arrays of shape (n_facts,), of numpy or of Arrow, most important first
        """
        group, known_at = np.asarray(group, dtype=np.int64), np.asarray(known_at, dtype=np.int64)
        order = _order(group, known_at, n_groups, ties)
        if order is None:
            return cls(group, known_at, n_groups, {name: np.asarray(values) for name, values in columns.items()})
        taken = {name: np.asarray(values)[order] for name, values in columns.items()}
        return cls(group[order], known_at[order], n_groups, taken)

    def __len__(self) -> int:
        return len(self.group)

    @cached_property
    def keys(self) -> Keys:
        """How a group and an instant become one integer."""
        return Keys.over(self.known_at, self.n_groups)

    @cached_property
    def key(self) -> IntColumn:
        """The key of each fact, ascending."""
        return self.keys.of(self.group, self.known_at)

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
        return self.keys.position(self.key, group, at)

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


def taken(values: NDArray, position: IntColumn) -> FloatColumn:
    """``values`` at each position; NaN where the position is -1."""
    if not len(values):
        return np.full(len(position), np.nan)
    return np.where(position >= 0, values[np.maximum(position, 0)].astype(np.float64), np.nan)


def _order(group: IntColumn, known_at: IntColumn, n_groups: int, ties: Sequence[Any]) -> IntColumn | None:
    """The order of facts by (group, known_at, ties...), those of no group left out; None where it is the one given."""
    # The key of no group is below all others.
    key = Keys.over(known_at, n_groups + 1).of(group + 1, known_at)
    n_left_out = int(np.count_nonzero(group < 0))
    if not n_left_out and bool(np.all(key[1:] > key[:-1])):
        return None
    order = np.argsort(key, kind="stable")[n_left_out:]
    if ties:
        same = key[order[1:]] == key[order[:-1]]
        tied = np.flatnonzero(np.append(same, False) | np.insert(same, 0, False))
        if len(tied):  # few, as a rule: only they are compared by what may be text
            places = order[tied]
            by = [_ranks(values, places) for values in ties]
            order[tied] = places[np.lexsort((*reversed(by), key[places]))]
    return order


def _ranks(values: Any, places: IntColumn) -> IntColumn:
    """Numbers in the order of ``values`` at ``places``."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        values = values.take(pa.array(places)).to_numpy(zero_copy_only=False)
        return np.unique(values, return_inverse=True)[1]
    return values[places]
