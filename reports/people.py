"""How people's dates and commits came true in past quarters: slips, pushes and commits, per person and in all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from crm.fiscal import Period, fiscal_calendar, fiscal_period
from crm.money import Rate, cents
from crm.store import Store
from reports.commits import SCORES_AGE, commits, judged_at, judged_deals
from reports.forecast_deals import grouped, instant
from reports.managers import managers_above
from reports.past_deals import open_at
from reports.slips import due_deals, slips

N_QUARTERS = 8
"""Quarters looked back on: two years, as people change."""


@dataclass(frozen=True)
class People:
    """What past quarters (the latest first) say of people; for the tables see ``slips`` and ``commits``."""

    periods: Sequence[Period]
    slips: pd.DataFrame
    commits: pd.DataFrame


def past_quarters(as_of: datetime, calendar: pd.DataFrame) -> list[Period]:
    """Return the fiscal quarters that are looked back on, the latest first; the present one is not among them."""
    return fiscal_period(as_of.date(), "quarter", fiscal_calendar(calendar)).earlier(N_QUARTERS)


def past_scores(store: Store, as_of: datetime, calendar: pd.DataFrame) -> pd.DataFrame:
    """Read from the ledger what was said of deals when commits are judged, where scores were issued then."""
    instants = [round(at.timestamp()) * 1_000_000 for at in judged_at(past_quarters(as_of, calendar))]
    return store.past_scores(instants, SCORES_AGE // timedelta(microseconds=1), ("deal_id", "as_of", "win_within"))


def people(
    tables: Mapping[str, pd.DataFrame],
    present: pd.DataFrame,
    rates: Mapping[str, Rate],
    past_scores: pd.DataFrame,
    as_of: datetime,
) -> People:
    """Look back on the latest quarters, with what was known before ``as_of``.

    Parameters
    ----------
    tables
        ``deal_changes``, ``stages``, ``users`` and ``calendar``.
    present
        What was known of every deal at ``as_of``; see ``crm/present.py``.
    past_scores
        From the function of that name.
    """
    periods, changes, users = past_quarters(as_of, tables["calendar"]), tables["deal_changes"], tables["users"]
    known = grouped(present)
    known = known.assign(cents=cents(known["amount"], known["currency"], rates))
    starts = [instant(period.start) for period in periods]
    then = open_at(changes, present, tables["stages"], users, [*starts, *judged_at(periods)], as_of)
    above = managers_above(users)
    return People(
        periods,
        slips(due_deals(then[then["at"].isin(starts)], known, changes, periods, rates, as_of), users, above),
        commits(judged_deals(then, known, periods, rates, past_scores), users, above),
    )
