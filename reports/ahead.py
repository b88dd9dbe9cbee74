"""What lies ahead of one deal, period by period: won in it, lost in it, still open when it ends.

From what the ledger says of the days to come. Whatever the periods, the chances of being won in each and later sum
to the win probability, those of being lost to the rest; and won so far + lost so far + still open is 1 at every end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import pandas as pd

from crm.coming import months, quarters, weeks
from crm.fiscal import Period
from reports.forecast_deals import chances_within

N_WEEKS, N_MONTHS, N_QUARTERS = 4, 3, 4
"""How many are told: this one and those that follow."""


@dataclass(frozen=True)
class Chances:
    """What may become of a deal in one period; all in [0, 1].

    Attributes
    ----------
    period : None for all time after the last period
    won, lost : P(won, lost in the period), in the part of it still to come
    won_by, lost_by : P(won, lost by its end)
    open_after : P(still open at its end)
    """

    period: Period | None
    won: float
    lost: float
    won_by: float
    lost_by: float
    open_after: float


@dataclass(frozen=True)
class Ahead:
    """The coming weeks, months and fiscal quarters; each list ends with all time after it."""

    weeks: list[Chances]
    months: list[Chances]
    quarters: list[Chances]


def ahead(win: float, win_within: str, lost_within: str, as_of: datetime, calendar: pd.DataFrame) -> Ahead:
    """What lies ahead of a deal in this week and the next three, this month and the next two, this quarter and three.

    Parameters
    ----------
    win : the win probability
    win_within, lost_within : as in table ``scores``
    as_of : of the scores
    calendar : table ``calendar``
    """

    def told(periods: Sequence[Period]) -> list[Chances]:
        return chances(win, win_within, lost_within, as_of, periods)

    return Ahead(
        told(weeks(as_of, calendar, N_WEEKS)),
        told(months(as_of, N_MONTHS)),
        told(quarters(as_of, calendar, N_QUARTERS)),
    )


def chances(win: float, win_within: str, lost_within: str, as_of: datetime, periods: Sequence[Period]) -> list[Chances]:
    """What may become of a deal in each of ``periods``, which follow each other, and after the last.

    Examples
    --------
    >>> from datetime import UTC, date
    >>> week = Period("week", date(2026, 11, 16), date(2026, 11, 23))
    >>> monday = datetime(2026, 11, 16, tzinfo=UTC)
    >>> for row in chances(0.5, "[[7, 0.2], [14, 0.5]]", "[[7, 0.1], [14, 0.4]]", monday, [week]):
    ...     print(row.period and row.period.name, row.won, row.lost, round(row.open_after, 9))
    week 0.2 0.1 0.7
    None 0.3 0.4 0.0
    """
    days = [(datetime.combine(period.end, time(), UTC) - as_of) / timedelta(days=1) for period in periods]
    won, lost = chances_within(pd.Series([win_within, lost_within]), days).tolist()
    rows, before = [], (0.0, 0.0)
    for period, *by in [*zip(periods, won, lost, strict=True), (None, win, 1 - win)]:
        parts = (by[0] - before[0], by[1] - before[1], by[0], by[1], 1 - by[0] - by[1])
        rows.append(Chances(period, *(max(0.0, part) for part in parts)))  # rounding may leave -1e-17
        before = (by[0], by[1])
    return rows
