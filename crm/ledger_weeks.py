"""Which points of a ledger stay: all of the latest days, and of each ISO week (UTC) before them the last.

Instants are microseconds since 1970 UTC, as the store holds them.
"""

from collections.abc import Sequence

DAY = 24 * 60 * 60 * 1_000_000
WEEK = 7 * DAY
MONDAY = 4 * DAY
"""The first Monday of 1970, at which an ISO week begins."""


def week_of(instant: int) -> int:
    """Number of the ISO week that holds an instant.

    >>> week_of(MONDAY - 1), week_of(MONDAY), week_of(MONDAY + WEEK - 1)
    (-1, 0, 0)
    """
    return (instant - MONDAY) // WEEK


def thinned(instants: Sequence[int], keep_since: int) -> list[int]:
    """Return the instants that may go: those before ``keep_since`` after which their week holds another.

    So the last of every week stays, and with it the last of all.

    >>> monday, tuesday, next_monday = MONDAY, MONDAY + DAY, MONDAY + WEEK
    >>> thinned([next_monday, monday, tuesday], keep_since=next_monday) == [monday]
    True
    """
    last_of_week = {week_of(instant): instant for instant in sorted(instants)}
    return sorted(one for one in set(instants) if one < keep_since and one != last_of_week[week_of(one)])
