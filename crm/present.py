"""The present of every deal: what was known of it before an instant, one row per deal."""

from collections.abc import Mapping
from datetime import datetime

import pandas as pd

from crm.tables import AMOUNT, CATEGORY, CLOSE_DATE, OWNER, STAGE
from crm.user_history import NO_CHANGES, users_at, value_when

COLUMNS = (
    "deal_id",
    "name",
    "account_id",
    "account_name",
    "region",
    "segment",
    "pipeline_id",
    "source",
    "currency",
    "created_at",
    "stage",
    "stage_category",
    "stage_since",
    "amount",
    "close_date",
    "category",
    "owner_id",
    "owner_name",
    "team",
    "closed_at",
    "last_interaction_at",
)


def present(tables: Mapping[str, pd.DataFrame], as_of: datetime) -> pd.DataFrame:
    """Return each deal as it was known before ``as_of``.

    A fact counts when ``known_at < as_of``; of a field's known changes the last in effect holds
    (by ``changed_at``, then ``seq``), so one entered late does not replace a newer one.

    Parameters
    ----------
    tables
        ``deals``, ``deal_changes``, ``interactions``, ``accounts``, ``users`` and ``stages``; ``user_changes`` where
        there are any.

    Returns
    -------
    DataFrame, one row per deal that was created before ``as_of`` and had a stage by then, ordered by deal_id
        ``amount`` is a number in the deal's ``currency``, NaN where none was known; ``category`` is as the CRM writes
        it (``crm/forecast_categories.py`` reads it); ``region`` is the account's, ``segment`` its size;
        ``stage_category`` is open, won or lost, missing for a stage that table ``stages`` does not have;
        ``closed_at`` is NaT while open; ``last_interaction_at`` leaves planned interactions out. ``team`` is the one
        the owner is in, and of a closed deal the one that the owner was in when it closed.
    """
    changes = tables["deal_changes"]
    known = changes[changes["known_at"] < as_of].sort_values(["changed_at", "seq"], kind="stable")
    deals = tables["deals"]
    rows = deals[deals["created_at"] < as_of].merge(_last(known, STAGE, since="stage_since"), on="deal_id")
    for field in (AMOUNT, CLOSE_DATE, CATEGORY, OWNER):
        rows = rows.merge(_last(known, field), on="deal_id", how="left")
    rows["amount"] = pd.to_numeric(rows["amount"]).astype("float64")
    rows = _named(rows, tables, as_of).merge(_last_interaction(tables["interactions"], as_of), on="deal_id", how="left")
    rows["closed_at"] = rows["stage_since"].where(rows["stage_category"].isin(["won", "lost"]))
    rows["team"] = rows["team"].mask(rows["closed_at"].notna(), _team_then(rows, tables, as_of))
    return rows[list(COLUMNS)].sort_values("deal_id", ignore_index=True)


def _last(known: pd.DataFrame, field: str, since: str | None = None) -> pd.DataFrame:
    """The value in effect of one field, by deal, and since when."""
    last = known[known["field"] == field].drop_duplicates("deal_id", keep="last")
    names = {"deal_id": "deal_id", "new_value": field} | ({"changed_at": since} if since else {})
    return last[list(names)].rename(columns=names)


def _named(rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame], as_of: datetime) -> pd.DataFrame:
    """The rows with the names and categories that their ids stand for."""
    of_account = {"name": "account_name", "region": "region", "size": "segment"}
    accounts = tables["accounts"][["account_id", *of_account]].rename(columns=of_account)
    users = users_at(tables["users"], tables.get("user_changes", NO_CHANGES), as_of)[["user_id", "name", "team"]]
    users = users.rename(columns={"user_id": OWNER, "name": "owner_name"})
    stages = tables["stages"][["pipeline_id", "stage", "category"]].rename(columns={"category": "stage_category"})
    rows = rows.merge(accounts, on="account_id", how="left")
    return rows.merge(users, on=OWNER, how="left").merge(stages, on=["pipeline_id", "stage"], how="left")


def _team_then(rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame], as_of: datetime) -> pd.Series:
    """The team each deal's owner was in when it closed."""
    users, changes = tables["users"], tables.get("user_changes", NO_CHANGES)
    if changes.empty:
        return rows["team"]
    return value_when("team", users, changes, rows[OWNER], rows["closed_at"], as_of)


def _last_interaction(interactions: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    happened = interactions[(interactions["known_at"] < as_of) & (interactions["occurred_at"] < as_of)]
    last = happened.groupby("deal_id", sort=False)["occurred_at"].max()
    return last.rename("last_interaction_at").reset_index()
