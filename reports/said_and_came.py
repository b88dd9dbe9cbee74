"""Every forecast whose period has ended: what we said, what reps and simple rules said, and what came.

Said is read from the ledger, as it was issued. Came is what the deals known now brought, each at the rate of the day on
which it was won, and for the managers whom the forecast counted it for. What came by itself is no forecast of ours, so
the rules may use it: *run rate* is what was won so far and the pace of the latest days, as many as the period has;
*last period* the last one that had ended, *last year* the same period of the year before.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pandas as pd

from crm.fiscal import Period, fiscal_calendar
from crm.money import known_rates, rates_day
from crm.replayed import replayed
from crm.user_history import NO_CHANGES
from reports.won_by_group import WonByGroup, won_by_group

TABLES = ("users", "user_changes", "line_items", "fx_rates", "calendar")
"""Tables that are read, besides the present."""
RULES = ("stage_weighted", "committed", "run_rate", "last_period", "last_year")
"""What stands beside our forecast; those after the second are computed, not issued."""
SAID = ("closed", "expected", "p10", "p50", "p90", "stage_weighted", "committed")
COLUMNS = (
    *("period", "period_start", "period_end", "as_of", "weeks_to_go", "model_version", "replayed", "level"),
    *("id", "name"),
    *(*SAID, *RULES[2:], "came"),
)
_WEEK = timedelta(weeks=1)


def said_and_came(
    ledger: pd.DataFrame, present: pd.DataFrame, tables: Mapping[str, pd.DataFrame], currency: str, as_of: datetime
) -> pd.DataFrame:
    """Put beside each other what was said of every period that ended by ``as_of``, and what came.

    Of each period and week to go only the last forecast counts, so that days with many do not count more.

    Parameters
    ----------
    ledger
        Rows of table ``forecasts`` in ``currency``, one model's for each instant.
    present
        What is known of every deal at ``as_of``; see ``crm/present.py``.
    tables
        Those of ``TABLES``.

    Returns
    -------
    DataFrame, one row per period, week to go and group, in the columns of ``COLUMNS``
        Money in units of the reporting currency. ``replayed``: whether it was issued later than it is of, see
        ``crm/replayed.py``. ``weeks_to_go`` counts begun weeks: 1 in the period's last. A rule
        is NaN where it says nothing: no stage probabilities, no categories, no deal before that period began.
    """
    issued = _last_of_week(ledger, as_of)
    calendar = fiscal_calendar(tables["calendar"])
    rates = known_rates(tables["fx_rates"], currency, rates_day(as_of))
    won_as_of: dict[int, WonByGroup] = {}
    found = []
    for (name, start, end), rows in issued.groupby(["period", "period_start", "period_end"], sort=False):
        period = Period(name, date.fromisoformat(start), date.fromisoformat(end), calendar=calendar)
        for said_at, of_one in rows.groupby("as_of"):
            # Until owners move again, the same deals count for the same managers.
            n_moves = _n_moves(tables, said_at)
            if n_moves not in won_as_of:
                won_as_of[n_moves] = won_by_group(present, tables, rates, said_at)
            found.append(_beside(of_one, period, won_as_of[n_moves], present))
    if not found:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(found, ignore_index=True)[list(COLUMNS)]


def first_end(ledger: pd.DataFrame, as_of: datetime) -> tuple[str, date] | None:
    """Return the name and the end of the first period in the ledger that has not ended; None without any."""
    to_come = ledger[ledger["period_end"] > str(as_of.date())]
    if to_come.empty:
        return None
    first = to_come.sort_values("period_end", kind="stable").iloc[0]
    return str(first["period"]), date.fromisoformat(first["period_end"])


def _last_of_week(ledger: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """The forecasts to judge: of periods that have ended, the last issued in each week to go, money as numbers."""
    rows = ledger[ledger["period_end"] <= str(as_of.date())]
    left = pd.to_datetime(rows["period_end"], utc=True) - rows["as_of"]
    rows = rows.assign(weeks_to_go=-(-left // _WEEK), **{name: pd.to_numeric(rows[name]) for name in SAID})
    rows = rows[left > timedelta(0)]
    last = rows.groupby(["period", "weeks_to_go"])["as_of"].transform("max")
    return rows[rows["as_of"] == last].sort_values(["period_start", "as_of"], kind="stable")


def _n_moves(tables: Mapping[str, pd.DataFrame], said_at: datetime) -> int:
    """How many changes of managers were known and in effect at an instant."""
    moves = tables.get("user_changes", NO_CHANGES)
    own = (moves["field"] == "manager_id") & (moves["known_at"] < said_at) & (moves["changed_at"] <= said_at)
    return int(own.sum())


def _beside(rows: pd.DataFrame, period: Period, won: WonByGroup, present: pd.DataFrame) -> pd.DataFrame:
    """The rows of one period and instant with what came, and what the rules said then."""
    as_of = rows["as_of"].iloc[0].to_pydatetime()
    first = present["created_at"].min().to_pydatetime() if len(present) else as_of
    groups = pd.MultiIndex.from_frame(rows[["level", "id"]])

    def of_groups(cents: pd.Series | None) -> np.ndarray | float:
        return np.nan if cents is None else cents.reindex(groups, fill_value=0.0).round().to_numpy() / 100

    return rows.assign(
        replayed=replayed(rows["as_of"], rows["issued_at"]),
        came=of_groups(won.between(_midnight(period.start), _midnight(period.end))),
        run_rate=rows["closed"] + of_groups(_pace(won, period, as_of, first)),
        last_period=of_groups(_won_in(won, _last_ended(period, as_of), first)),
        last_year=of_groups(_won_in(won, _year_before(period), first)),
    )


def _pace(won: WonByGroup, period: Period, as_of: datetime, first: datetime) -> pd.Series:
    """What the rest of the period brings at the pace of the latest days, as many as it has and history reaches back."""
    seen = max(min(period.end - period.start, as_of - first), timedelta(days=1))
    to_come = _midnight(period.end) - max(as_of, _midnight(period.start))
    return won.between(as_of - seen, as_of) * (to_come / seen)


def _won_in(won: WonByGroup, past: Period, first: datetime) -> pd.Series | None:
    """What an earlier period brought; None where it began before the first deal was created."""
    start = _midnight(past.start)
    return None if start < first else won.between(start, _midnight(past.end))


def _last_ended(period: Period, as_of: datetime) -> Period:
    past = period.before()
    while _midnight(past.end) > as_of:
        past = past.before()
    return past


def _year_before(period: Period) -> Period:
    return period.before().before().before().before()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
