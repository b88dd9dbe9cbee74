"""Windows of time: the one that is looked at, what it is held against, and those that say what is usual."""

from dataclasses import dataclass

from crm.errors import NotEnoughDataError
from features.facts import DAY, BoolColumn, IntColumn

N_REFERENCE = 6
"""Windows that a window is held against."""
MINIMUM_PAST, MAXIMUM_PAST = 6, 24
"""Windows of the past whose own distances say what is usual."""


@dataclass(frozen=True)
class Windows:
    """Rows by window.

    Attributes
    ----------
    current : rows of the window that is looked at
    reference : rows it is held against: the last of the training period
    past : for each past window its rows, and those it is held against
    """

    current: BoolColumn
    reference: BoolColumn
    past: tuple[tuple[BoolColumn, BoolColumn], ...]


def windows(at: IntColumn, until: int, trained_until: int, weeks: int) -> Windows:
    """Cut time into windows of ``weeks``: the last before ``until``, and those of the training period.

    Raises
    ------
    NotEnoughDataError
        The history before is too short to say what is usual.
    """
    long, first = weeks * 7 * DAY, int(at.min(initial=until))
    end = min(trained_until, until - long)
    n_past = (end - first) // long - N_REFERENCE
    if n_past < MINIMUM_PAST:
        needed = (MINIMUM_PAST + N_REFERENCE + 1) * weeks
        raise NotEnoughDataError(
            f"to say what is usual, {needed} weeks of history are needed, "
            f"and there are {(until - first) // (7 * DAY)}; look at fewer weeks at a time, or again later"
        )

    def rows(start: int, stop: int) -> BoolColumn:
        return (at >= start) & (at < stop)

    past = tuple(
        (rows(stop - long, stop), rows(stop - (1 + N_REFERENCE) * long, stop - long))
        for stop in (end - k * long for k in range(min(n_past, MAXIMUM_PAST)))
    )
    return Windows(rows(until - long, until), rows(end - N_REFERENCE * long, end), past)
