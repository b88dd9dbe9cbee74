"""How much there is: deals and their states, facts, people, the span of time, and whether it is enough to train."""

from dataclasses import dataclass

import pandas as pd

from reports.quality.known import Known

MINIMUM_CLOSED, MINIMUM_OF_EACH = 40, 5
"""Closed deals needed, in all and of each outcome, before training learns more than rates, as ``training.plan.Plan``
has it; a test compares the two."""

_WEEK, _MONDAY = pd.Timedelta(days=7), pd.Timestamp("1970-01-05", tz="UTC")


@dataclass(frozen=True)
class Extent:
    """What was known before an instant, in numbers.

    Attributes
    ----------
    n_without_stage : deals that never had a stage that their pipeline has
    n_won_to_learn_from, n_lost_to_learn_from : closed deals that were known to be open at a week's start, so that
        training has a snapshot of them
    first_created_at, last_known_at : instants in ISO 8601: the first deal's creation, and the last fact's entry;
        None where there is nothing
    days_since_last_fact : from ``last_known_at`` to the report's instant
    n_left_out : changes and interactions that became known at the instant or later, or whose deal is not known
    """

    n_deals: int
    n_open: int
    n_won: int
    n_lost: int
    n_without_stage: int
    n_won_to_learn_from: int
    n_lost_to_learn_from: int
    needed_closed: int
    needed_of_each: int
    n_changes: int
    n_interactions: int
    n_users: int
    n_accounts: int
    n_contacts: int
    first_created_at: str | None
    last_known_at: str | None
    span_days: float | None
    days_since_last_fact: float | None
    n_left_out: int

    @property
    def enough_to_train(self) -> bool:
        """Whether training would learn more than rates."""
        won, lost = self.n_won_to_learn_from, self.n_lost_to_learn_from
        return won + lost >= self.needed_closed and min(won, lost) >= self.needed_of_each


def extent(known: Known) -> Extent:
    """Count what is known."""
    category = known.deals["category"]
    learnable = category[_seen_open_at_a_week_start(known.deals)]
    first, last = known.deals["created_at"].min(), _last_known_at(known)
    day = pd.Timedelta(days=1)
    return Extent(
        n_deals=len(category),
        n_open=int((category == "open").sum()),
        n_won=int((category == "won").sum()),
        n_lost=int((category == "lost").sum()),
        n_without_stage=int(category.isna().sum()),
        n_won_to_learn_from=int((learnable == "won").sum()),
        n_lost_to_learn_from=int((learnable == "lost").sum()),
        needed_closed=MINIMUM_CLOSED,
        needed_of_each=MINIMUM_OF_EACH,
        n_changes=len(known.changes),
        n_interactions=len(known.interactions),
        **{f"n_{name}": len(known.tables[name]) for name in ("users", "accounts", "contacts")},
        first_created_at=None if pd.isna(first) else first.isoformat(),
        last_known_at=None if pd.isna(last) else last.isoformat(),
        span_days=None if pd.isna(first) else (last - first) / day,
        days_since_last_fact=None if pd.isna(last) else (known.as_of - last) / day,
        n_left_out=known.n_left_out,
    )


def _seen_open_at_a_week_start(deals: pd.DataFrame) -> pd.Series:
    """Closed deals with a Monday, 00:00 UTC, after they were known to be open and not after their closing was known."""
    monday = (deals["closing_known_at"] - _MONDAY) // _WEEK * _WEEK + _MONDAY
    return deals["first_open_at"] < monday


def _last_known_at(known: Known) -> pd.Timestamp:
    facts = (known.deals["created_at"], known.changes["known_at"], known.interactions["known_at"])
    return pd.Series([times.max() for times in facts], dtype="datetime64[us, UTC]").max()
