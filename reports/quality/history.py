"""Deals without history: what cannot be known of them, because the CRM did not keep it or it was not imported."""

import pandas as pd

from reports.quality.findings import Finding, finding
from reports.quality.known import Known

_DAY = pd.Timedelta(days=1)


def deals_without_history(known: Known) -> tuple[Finding, ...]:
    """Find the deals whose past is missing in part or whole; shares are of all deals."""
    deals, n = known.deals, len(known.deals)
    again = known.changes.duplicated(["deal", "field"])
    deals = deals.assign(first_stage_at=known.moves.groupby("deal")["known_at"].min())
    created = "created {created_at:%Y-%m-%d}"
    return (
        finding(
            "no_stage_change",
            "Deals that never had a stage",
            "They are neither scored nor learned from: map the deal's stage, with its history if the CRM keeps one.",
            deals[~known.has(known.moves)],
            n,
            what=created,
        ),
        finding(
            "only_first_values",
            "Deals with only the first value of every field",
            "Import the CRM's field history if it has one; if not, import daily: history grows from the first import.",
            deals[known.has(known.changes) & ~known.has(known.changes[again])],
            n,
            what=created,
        ),
        finding(
            "history_begins_late",
            "Deals first seen in a stage more than a day after their creation",
            "What came before is unknown, as in a first export: import the stage history, or wait for newer deals.",
            deals[deals["first_stage_at"] - deals["created_at"] > _DAY],
            n,
            what=created + ", first stage known {first_stage_at:%Y-%m-%d}",
        ),
        finding(
            "no_interactions",
            "Deals without interactions",
            "Import emails, calls and meetings, and check that they are linked to deals, not only to contacts.",
            deals[~known.has(known.interactions)],
            n,
            what=created,
        ),
    )
