"""What a team would forecast without us: five rules, each from the same book as our forecast.

All of them start from what is won already where the rule looks at the pipeline; none looks past the book's instant.
"""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from crm.fiscal import Period
from training.book import Sums, by_group, of_groups, won_in
from training.moments import midnight
from training.periods import moved, year_before

STAGE_WEIGHTED, LAST_YEAR, LAST_PERIOD, RUN_RATE, COMMIT = (
    "stage_weighted",
    "last_year",
    "last_period",
    "run_rate",
    "commit",
)
NAIVE = (STAGE_WEIGHTED, LAST_YEAR, LAST_PERIOD, RUN_RATE, COMMIT)


def naive_forecasts(
    book: pd.DataFrame, period: Period, as_of: datetime, stage_rate: pd.Series, *, has_commits: bool
) -> pd.DataFrame:
    """Every rule's forecast of the money won in ``period``, in cents.

    Parameters
    ----------
    book : what was known at ``as_of``; see ``Past.book``
    stage_rate : by deal number, the past win rate of each open deal's stage, for stages without a default probability
    has_commits : whether reps say what they commit to

    Returns
    -------
    DataFrame, one row per group (level and id), a column for each of ``NAIVE``
        0 where a rule finds nothing of a group; NaN where a rule cannot be used: no year of history, no commits.
    """
    rules: dict[str, Sums | None] = {
        STAGE_WEIGHTED: stage_weighted(book, period, stage_rate),
        LAST_YEAR: won_of_past(book, year_before(period), as_of),
        LAST_PERIOD: won_of_past(book, last_ended(period, as_of), as_of),
        RUN_RATE: run_rate(book, period, as_of),
        COMMIT: committed(book, period) if has_commits else None,
    }
    groups = by_group(book.assign(nothing=0.0), "nothing")
    table = pd.DataFrame(list(groups), columns=["level", "id"])
    for name, sums in rules.items():
        table[name] = np.nan if sums is None else of_groups(sums, table)
    return table


def stage_weighted(book: pd.DataFrame, period: Period, stage_rate: pd.Series) -> Sums:
    """Won so far + default probability x amount of open deals whose close date lies in the period.

    A deal without a close date counts as closing in it: some CRMs keep none.
    """
    rows = book[book["is_open"] & (_closes_in(book, period) | book["close_day"].isna())]
    chance = rows["chance"].fillna(stage_rate.reindex(rows.index)).fillna(0.0)
    worth = rows.assign(worth=chance * rows["cents"].fillna(0.0))
    return _added(by_group(won_in(book, period), "cents"), by_group(worth, "worth"))


def committed(book: pd.DataFrame, period: Period) -> Sums:
    """Won so far + the whole amount of open deals that reps commit to and that close in the period."""
    rows = book[book["is_open"] & book["is_commit"] & _closes_in(book, period)]
    worth = rows.assign(cents=rows["cents"].fillna(0.0))
    return _added(by_group(won_in(book, period), "cents"), by_group(worth, "cents"))


def won_of_past(book: pd.DataFrame, past: Period, as_of: datetime) -> Sums | None:
    """What an earlier period brought; None where it began before the first deal, or has not ended."""
    if book.empty or midnight(past.start) < book["created_at"].min() or midnight(past.end) > as_of:
        return None
    return by_group(won_in(book, past), "cents")


def last_ended(period: Period, as_of: datetime) -> Period:
    """The last period before ``period`` that had ended."""
    past = moved(period, -1)
    while midnight(past.end) > as_of:
        past = moved(past, -1)
    return past


def run_rate(book: pd.DataFrame, period: Period, as_of: datetime) -> Sums:
    """Won so far + the pace of the latest days, as many as the period has, for each day of it still to come."""
    if book.empty:
        return {}
    length = period.end - period.start
    seen = min(length, as_of - book["created_at"].min())
    latest = book[book["won"] & (book["closed_at"] >= as_of - seen) & (book["closed_at"] < as_of)]
    to_come = (midnight(period.end) - max(as_of, midnight(period.start))) / max(seen, timedelta(days=1))
    pace = latest.assign(cents=latest["cents"].fillna(0.0) * to_come)
    return _added(by_group(won_in(book, period), "cents"), by_group(pace, "cents"))


def _closes_in(book: pd.DataFrame, period: Period) -> pd.Series:
    first, end = ((midnight(day) - midnight(day.replace(1970, 1, 1))).days for day in (period.start, period.end))
    return book["close_day"].between(first, end, inclusive="left")


def _added(one: Sums, other: Sums) -> Sums:
    return {group: one.get(group, 0.0) + other.get(group, 0.0) for group in one | other}
