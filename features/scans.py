"""The loops of the kernel: each one pass over facts sorted by (group, known_at), compiled by numba.

Each says which types it takes, so everything is compiled when this module is first imported, which takes some seconds
once for an installation, and nothing in the middle of a request. None holds Python's lock: threads run side by side.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba import types
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., Any])


def _column(of: Any) -> Any:
    """A column that is only read, such as one that lies in a file or belongs to Arrow."""
    return types.Array(of, 1, "C", readonly=True)


POSITION, COUNT, CODE = map(_column, (types.int64, types.int32, types.int8))
MASK, NUMBER = map(_column, (types.boolean, types.float64))
"""Types of columns: positions, instants and numbers of groups; counts and names; kinds; masks; and floats."""


def compiled(*signatures: tuple) -> Callable[[F], F]:
    """Compile a loop for these types of arguments; kept on disk where that can be written, else made anew."""

    def compile_now(loop: F) -> F:
        try:
            return cast(F, numba.njit(list(signatures), nogil=True, cache=True)(loop))
        except RuntimeError:  # an installation that may not be written to, of a user without a home
            return cast(F, numba.njit(list(signatures), nogil=True)(loop))

    return compile_now


@compiled((POSITION, POSITION, POSITION, POSITION))
def positions(known_at: NDArray, start: NDArray, group: NDArray, at: NDArray) -> NDArray:
    """After the last fact of each ``group`` known before ``at``; goes on from the last answer where it can."""
    found = np.empty(len(group), np.int64)
    for i in range(len(group)):
        low, end = start[group[i]], start[group[i] + 1]
        if i and group[i] == group[i - 1] and at[i] >= at[i - 1]:
            low = found[i - 1]
        near = min(low + 16, end)
        while low < near and known_at[low] < at[i]:
            low += 1
        high = end if low == near else low
        while low < high:
            middle = (low + high) // 2
            if known_at[middle] < at[i]:
                low = middle + 1
            else:
                high = middle
        found[i] = low
    return found


@compiled((MASK,))
def running_count(mask: NDArray) -> NDArray:
    """How many facts are marked before each position; one entry more than there are facts."""
    count = np.zeros(len(mask) + 1, np.int32)
    for i in range(len(mask)):
        count[i + 1] = count[i] + mask[i]
    return count


@compiled((MASK, POSITION))
def running_total(mask: NDArray, values: NDArray) -> NDArray:
    """The sum of ``values`` of the marked facts before each position; one entry more than there are facts."""
    total = np.zeros(len(mask) + 1, np.int64)
    for i in range(len(mask)):
        total[i + 1] = total[i] + (values[i] if mask[i] else 0)
    return total


@compiled((MASK,))
def last_marked(mask: NDArray) -> NDArray:
    """Position of the last marked fact at or before each, over all groups; -1 for none."""
    found, last = np.empty(len(mask), np.int32), -1
    for i in range(len(mask)):
        if mask[i]:
            last = i
        found[i] = last
    return found


@compiled((MASK,))
def next_marked(mask: NDArray) -> NDArray:
    """Position of the first marked fact at or after each position, the end included; the number of facts for none."""
    found, following = np.empty(len(mask) + 1, np.int32), len(mask)
    found[-1] = following
    for i in range(len(mask) - 1, -1, -1):
        if mask[i]:
            following = i
        found[i] = following
    return found


@compiled((COUNT, POSITION, POSITION), (POSITION, POSITION, POSITION))
def between(running: NDArray, first: NDArray, end: NDArray) -> NDArray:
    """What a running sum grew by from position to position."""
    found = np.empty(len(end), np.float64)
    for i in range(len(end)):
        found[i] = running[end[i]] - running[first[i]]
    return found


@compiled((COUNT, POSITION, POSITION, types.int64))
def last_before(last: NDArray, first: NDArray, end: NDArray, back: int) -> NDArray:
    """The last marked fact before ``end``, or the one ``back`` before it; -1 where there is none from ``first`` on.

    ``last`` is what ``last_marked`` gave.
    """
    found = np.empty(len(end), np.int64)
    for i in range(len(end)):
        place = end[i]
        for _ in range(back + 1):
            place = last[place - 1] if place > first[i] else -1
        found[i] = place if place >= first[i] else -1
    return found


@compiled((POSITION, POSITION), (NUMBER, POSITION), (CODE, POSITION))
def taken(values: NDArray, position: NDArray) -> NDArray:
    """``values`` at each position; NaN where the position is -1."""
    found = np.full(len(position), np.nan)
    for i in range(len(position)):
        if position[i] >= 0:
            found[i] = values[position[i]]
    return found


@compiled((POSITION, POSITION, types.int64), (POSITION, COUNT, types.int64))
def first_of_each(group: NDArray, who: NDArray, n_who: int) -> NDArray:
    """Whether a fact is the first of its group with its ``who`` (a contact, a user); those with none (-1) are not."""
    first, seen = np.zeros(len(group), np.bool_), np.full(n_who, -1)
    for i in range(len(group)):
        if who[i] >= 0 and seen[who[i]] != group[i]:
            seen[who[i]] = group[i]
            first[i] = True
    return first


@compiled((POSITION, COUNT))
def handed_over(group: NDArray, who: NDArray) -> NDArray:
    """Whether a fact's ``who`` is another than that of its group's last fact that names one."""
    other, last, of = np.zeros(len(group), np.bool_), -1, -1
    for i in range(len(group)):
        if who[i] >= 0:
            other[i] = of == group[i] and last != who[i]
            last, of = who[i], group[i]
    return other


@compiled((POSITION, POSITION, CODE))
def times_to_reply(group: NDArray, known_at: NDArray, side: NDArray) -> NDArray:
    """After how long a fact answered the other side's first unanswered word; -1 where it answers nothing.

    A reply is the first word of one side after words of the other; ``side`` is -1 for a fact of neither.
    """
    reply, first = np.full(len(group), -1), -1
    for i in range(len(group)):
        if side[i] < 0:
            continue
        same = first >= 0 and group[first] == group[i]
        if same and side[first] != side[i]:
            reply[i] = known_at[i] - known_at[first]
        if not same or side[first] != side[i]:
            first = i
    return reply


@compiled((POSITION, POSITION))
def in_order(group: NDArray, known_at: NDArray) -> bool:
    """Whether facts are in the order of (group, known_at), without ties, and each of some group."""
    for i in range(len(group)):
        if group[i] < 0 or (
            i and (group[i] < group[i - 1] or (group[i] == group[i - 1] and known_at[i] <= known_at[i - 1]))
        ):
            return False
    return True


@compiled((POSITION, POSITION))
def nearly_sorted(group: NDArray, known_at: NDArray) -> NDArray:
    """The order of facts by (group, known_at), ties as given; none of them where they are far from it.

    Insertion, because tables come by deal and nearly by time.
    """
    n = len(group)
    order, steps_left = np.arange(n), 8 * n
    for i in range(1, n):
        place = i
        while place and (
            group[order[place - 1]] > group[i]
            or (group[order[place - 1]] == group[i] and known_at[order[place - 1]] > known_at[i])
        ):
            order[place] = order[place - 1]
            place -= 1
        order[place] = i
        steps_left -= i - place
        if steps_left < 0:
            return order[:0]
    return order


@compiled((POSITION, POSITION, POSITION))
def tied(order: NDArray, group: NDArray, known_at: NDArray) -> NDArray:
    """Places in ``order`` of the facts that share group and instant with a neighbour."""
    found, n = np.empty(len(order), np.int64), 0
    for i in range(1, len(order)):
        one, other = order[i], order[i - 1]
        if group[one] == group[other] and known_at[one] == known_at[other]:
            if not n or found[n - 1] != i - 1:
                found[n] = i - 1
                n += 1
            found[n] = i
            n += 1
    return found[:n]


@compiled((types.Array(types.int64, 2, "C", readonly=True), types.int64, types.int64))
def quantile_bins(counted: NDArray, percent: int, minimum: int) -> NDArray:
    """After each week, the smallest bin that ``percent`` of 100 do not exceed; -1 while fewer than ``minimum`` are in.

    ``counted`` is how many came into each bin (a column) in each week (a row).
    """
    n_weeks, n_bins = counted.shape
    found, so_far, total = np.full(n_weeks, -1), np.zeros(n_bins, np.int64), 0
    for week in range(n_weeks):
        for place in range(n_bins):
            so_far[place] += counted[week, place]
            total += counted[week, place]
        if total >= minimum:
            up_to, place = so_far[0], 0
            while 100 * up_to < percent * total:
                place += 1
                up_to += so_far[place]
            found[week] = place
    return found
