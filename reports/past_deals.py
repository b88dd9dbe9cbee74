"""What was known at past instants of the deals open then: stage, owner, amount, close date and category."""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from crm.tables import AMOUNT, CATEGORY, CLOSE_DATE, OWNER, STAGE
from reports.forecast_deals import NO_OWNER, NO_TEAM, stage_key
from reports.past_stages import in_effect, stages_at

FIELDS = (STAGE, OWNER, AMOUNT, CLOSE_DATE, CATEGORY)
"""The fields of ``deal_changes`` that are read."""


def open_at(
    changes: pd.DataFrame,
    present: pd.DataFrame,
    stages: pd.DataFrame,
    users: pd.DataFrame,
    instants: Sequence[datetime],
    as_of: datetime,
) -> pd.DataFrame:
    """Return what was known of each open deal before each of some past instants.

    Parameters
    ----------
    changes, stages, users
        Tables ``deal_changes``, ``stages`` and ``users``; teams are those of today.
    present
        Of every deal as of ``as_of``; see ``crm/present.py``.

    Returns
    -------
    DataFrame, one row per instant and deal open then, ordered by instant
        ``at``, ``deal_id``, ``pipeline_id``, ``currency``, ``stage``, ``owner``, ``team``, ``amount`` (a number in the
        deal's currency, NaN for none), ``close_date`` and ``category``. Where there is more than one pipeline
        ``stage`` names it too.
    """
    rows = stages_at(changes, instants, as_of).merge(present[["deal_id", "pipeline_id", "currency"]], on="deal_id")
    still_open = stages.loc[stages["category"] == "open", ["pipeline_id", "stage"]]
    rows = rows.merge(still_open, on=["pipeline_id", "stage"]).sort_values("from_at", kind="stable", ignore_index=True)
    for field in (OWNER, CLOSE_DATE, CATEGORY):
        rows = _with_value(rows, changes, field, as_of)
    if stages["pipeline_id"].nunique() > 1:
        rows["stage"] = stage_key(rows)
    team = rows[OWNER].map(users.set_index("user_id")["team"])
    rows = rows.rename(columns={"from_at": "at", OWNER: "owner"})
    return rows.assign(owner=rows["owner"].fillna(NO_OWNER), team=team.astype("str").fillna(NO_TEAM))


def _with_value(rows: pd.DataFrame, changes: pd.DataFrame, field: str, as_of: datetime) -> pd.DataFrame:
    """The rows with the value of one field in effect before each ``from_at``."""
    spans = in_effect(changes, field, as_of)[["deal_id", "from_at", "value"]].rename(columns={"value": field})
    if rows.empty or spans.empty:
        return rows.assign(**{field: pd.Series(pd.NA, rows.index, dtype="str")})
    return pd.merge_asof(rows, spans, on="from_at", by="deal_id", allow_exact_matches=False)
