"""Facts in columns sorted by (group, known_at), and how to find those known before an instant.

This is the whole of the kernel's search: a window count is the difference of two positions in a running sum, each found
from the one before or by a search among the facts of the deal (``features/scans.py``).

Looked at before writing it, and measured beside it by ``make bench-features``: the same signals take Polars, with every
as-of join a merge on one 128-bit key, twice to three times as long, and DuckDB SQL and Featuretools several to hundreds
of times. Ibis disagreed with itself between engines; tsfresh and functime expect regular series. And for one deal in a
request the start of an engine costs more than the whole kernel.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features import scans

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
        ties: Sequence[Any] = (),
    ) -> "Facts":
        """Sort facts by (group, known_at, ties...); facts of no group (-1) are left out.

        Parameters
        ----------
        ties : arrays of shape (n_facts,), of numpy or of Arrow, most important first
        """
        group, known_at = _column(group), _column(known_at)
        order = _order(group, known_at, ties)
        if order is None:
            return cls(group, known_at, n_groups, {name: np.asarray(values) for name, values in columns.items()})
        taken = {name: np.asarray(values)[order] for name, values in columns.items()}
        return cls(group[order], known_at[order], n_groups, taken)

    def __len__(self) -> int:
        return len(self.group)

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
        return scans.positions(self.known_at, self.start, _column(group), _column(at))

    def only(self, mask: BoolColumn) -> "Facts":
        """The facts for which ``mask`` holds."""
        columns = {name: values[mask] for name, values in self.columns.items()}
        return Facts(self.group[mask], self.known_at[mask], self.n_groups, columns)

    def running(self, values: NDArray) -> IntColumn:
        """Running sum with a leading zero. Integers only, so that later facts cannot change a rounding."""
        if values.dtype == bool:
            return scans.running_count(values)
        total = np.zeros(len(self) + 1, np.int64)
        np.cumsum(values, out=total[1:])
        return total

    def running_last(self, mask: BoolColumn) -> IntColumn:
        """Position of the last fact at or before each one for which ``mask`` holds, -1 if none, over all groups.

        A result below ``start[group]`` belongs to an earlier group and means "none".
        """
        return scans.last_marked(mask)


def taken(values: NDArray, position: IntColumn) -> FloatColumn:
    """``values`` at each position; NaN where the position is -1."""
    return scans.taken(values, position)


def _column(values: Any) -> IntColumn:
    return np.ascontiguousarray(values, dtype=np.int64)


def _order(group: IntColumn, known_at: IntColumn, ties: Sequence[Any]) -> IntColumn | None:
    """The order of facts by (group, known_at, ties...), those of no group left out; None where it is the one given."""
    if scans.in_order(group, known_at):
        return None
    if np.all(group[1:] >= group[:-1]):
        order = scans.nearly_sorted(group, known_at)
    else:
        by_group = _by_group(group)
        order = by_group[scans.nearly_sorted(group[by_group], known_at[by_group])]
    if not len(order):
        order = np.lexsort((known_at, group))
    order = order[np.count_nonzero(group < 0) :]
    if ties:
        tied = scans.tied(order, group, known_at)
        if len(tied):  # few, as a rule: only they are compared by what may be text
            places = order[tied]
            by = [_ranks(values, places) for values in ties]
            order[tied] = places[np.lexsort((*reversed(by), known_at[places], group[places]))]
    return order


def _by_group(group: IntColumn) -> IntColumn:
    """The order of facts by group, else as given."""
    few = group.max() < 2**15  # numbers of 16 bits are sorted in one pass
    return np.argsort(group.astype(np.int16) if few else group, kind="stable")


def _ranks(values: Any, places: IntColumn) -> IntColumn:
    """Numbers in the order of ``values`` at ``places``."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        values = values.take(pa.array(places)).to_numpy(zero_copy_only=False)
        return np.unique(values, return_inverse=True)[1]
    return values[places]
