"""Which two batches of scores to compare."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from crm.errors import NotEnoughDataError

LOOK_BACK = timedelta(days=7)
"""What changed is asked about every week."""


def compared(
    instants: Sequence[datetime], since: date | None = None, until: date | None = None
) -> tuple[datetime, datetime]:
    """Return the earlier and the later instant to compare, of those as of which there are scores.

    Parameters
    ----------
    instants
        In ascending order.
    since, until
        Days (UTC): the last scores of that day or before are meant. Where not given, ``until`` is the day of the
        latest, and ``since`` a week before the later one. The oldest are taken where none are as old as ``since``.

    Raises
    ------
    NotEnoughDataError
        There are no scores as old as ``until``, or none before those.

    Examples
    --------
    >>> days = [datetime(2026, 11, day) for day in (2, 9, 16)]
    >>> [str(instant.date()) for instant in compared(days)]
    ['2026-11-09', '2026-11-16']
    >>> [str(instant.date()) for instant in compared(days, since=date(2026, 1, 1), until=date(2026, 11, 10))]
    ['2026-11-02', '2026-11-09']
    """
    by_then = [instant for instant in instants if until is None or instant.date() <= until]
    if not by_then:
        oldest = f"; the oldest are as of {instants[0]:%Y-%m-%d}" if instants else ""
        raise NotEnoughDataError(f"There are no scores{f' of {until} or before' if until else ''}{oldest}.")
    *earlier, later = by_then
    if not earlier:
        raise NotEnoughDataError(
            f"There are no scores from before {later:%Y-%m-%d %H:%M} UTC, so there is nothing to compare with. Score"
            " again later with `plumbline score`, best every week; or score an earlier day, such as"
            f" `plumbline score --as-of {(later - LOOK_BACK):%Y-%m-%d}`."
        )
    day = since or (later - LOOK_BACK).date()
    old_enough = [instant for instant in earlier if instant.date() <= day]
    return (old_enough or earlier[:1])[-1], later
