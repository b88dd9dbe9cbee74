"""Facts in an order that cannot be: before their deal, known before they happened, two at once, after the end."""

import pandas as pd

from crm.tables import CLOSE_DATE
from reports.quality.findings import Finding, finding
from reports.quality.known import CLOSED, Known

# These are logged afterwards; a meeting or a task may be planned, and so be known before it takes place.
_PAST_TENSE = ("email", "call", "note")
_TALK = "{kind} {interaction_id} of {occurred_at:%Y-%m-%d %H:%M}"
_CREATED = "deal created {created_at:%Y-%m-%d %H:%M}"


def interactions_out_of_order(known: Known) -> tuple[Finding, ...]:
    """Find interactions before their deal, known before they took place, or logged once the deal was closed."""
    rows, n = known.interactions, len(known.interactions)
    past = rows["kind"].isin(_PAST_TENSE)
    return (
        finding(
            "interactions_before_creation",
            "Interactions before their deal was created",
            "Correct one of the two dates. Where most deals have it, created_at may be the day of a migration.",
            rows[rows["occurred_at"] < rows["created_at"]],
            n,
            unit="interactions",
            what=f"{_TALK}, {_CREATED}",
        ),
        finding(
            "interactions_known_before_they_happened",
            "Emails, calls and notes known before they happened",
            "Check which columns are mapped to occurred_at and known_at, and their time zones.",
            rows[past & (rows["known_at"] < rows["occurred_at"])],
            int(past.sum()),
            unit="interactions",
            what=f"{_TALK}, known {{known_at:%Y-%m-%d %H:%M}}",
        ),
        finding(
            "interactions_logged_after_closing",
            "Interactions that took place before their deal was closed and were logged after",
            "No score could see them in time: log as you go, or let the CRM collect emails and calendars by itself.",
            rows[(rows["occurred_at"] < rows["closed_at"]) & (rows["known_at"] > rows["closed_at"])],
            n,
            unit="interactions",
            what=f"{_TALK}, logged {{known_at:%Y-%m-%d %H:%M}}, deal closed {{closed_at:%Y-%m-%d %H:%M}}",
        ),
    )


def changes_out_of_order(known: Known) -> tuple[Finding, ...]:
    """Find changes before their deal or known before they happened, two values at once, impossible close dates."""
    rows, n = known.changes, len(known.changes)
    change = "{field} to {new_value} on {changed_at:%Y-%m-%d %H:%M}"
    # Closings before creation are a finding of their own.
    closing = pd.MultiIndex.from_frame(rows[["pipeline_id", "new_value"]]).isin(_closing_stages(known))
    closing &= (rows["field"] == "stage").to_numpy()
    dates = rows[rows["field"] == CLOSE_DATE]
    close_date = pd.to_datetime(dates["new_value"], format="%Y-%m-%d", errors="coerce", utc=True)
    twice, n_moments = _two_values_at_once(rows)
    return (
        finding(
            "changes_before_creation",
            "Changes before their deal was created",
            "Correct the date of one of the two.",
            rows[(rows["changed_at"] < rows["created_at"]) & ~closing],
            n,
            unit="changes",
            what=f"{change}, {_CREATED}",
        ),
        finding(
            "changes_known_before_they_happened",
            "Changes known before they happened",
            "Check which columns are mapped to changed_at and known_at, and their time zones.",
            rows[rows["known_at"] < rows["changed_at"]],
            n,
            unit="changes",
            what=f"{change}, known {{known_at:%Y-%m-%d %H:%M}}",
        ),
        finding(
            "two_values_at_one_instant",
            "Two values of one field at the same instant",
            "seq says which was last: export the history with full times, or check that seq follows the CRM's order.",
            twice,
            n_moments,
            unit="instants",
            what="{field}: {one} and {other} at {changed_at:%Y-%m-%d %H:%M:%S}",
        ),
        finding(
            "close_dates_before_creation",
            "Close dates before the day their deal was created (UTC)",
            "Check which column is mapped to close_date, and the deals whose dates were never set anew.",
            dates[close_date < dates["created_at"].dt.floor("D")],
            len(dates),
            unit="close dates",
            what=f"close date {{new_value}}, {_CREATED}",
        ),
    )


def _closing_stages(known: Known) -> pd.MultiIndex:
    stages = known.tables["stages"]
    return pd.MultiIndex.from_frame(stages.loc[stages["category"].isin(CLOSED), ["pipeline_id", "stage"]])


def _two_values_at_once(rows: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """One row per field, deal and instant with more than one value, ``one`` and an ``other``; and how many in all."""
    moment = ["deal", "field", "changed_at"]
    later = rows.duplicated(moment)
    several = rows[rows.duplicated(moment, keep=False)].drop_duplicates([*moment, "new_value"])
    several = several[several.duplicated(moment, keep=False)]
    several = several.assign(new_value=several["new_value"].fillna("nothing"))
    twice = several.groupby(moment, sort=False).agg(
        deal_id=("deal_id", "first"), name=("name", "first"), one=("new_value", "first"), other=("new_value", "last")
    )
    return twice.reset_index(), int((~later).sum())
