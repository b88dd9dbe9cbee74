"""Users' teams and managers over time: table ``users`` holds the present ones, ``user_changes`` how they came about.

Exports tell the present only. So what an import says of a user is compared with what held until then, and a difference
becomes a change as of the export: a company's reorganisations are known from its second import on.
"""

from datetime import datetime

import numpy as np
import pandas as pd

from crm.kinds import INSTANT

FIELDS = ("team", "manager_id")
"""What of a user has a history."""
_ORDER = ["user_id", "changed_at", "seq"]
NO_CHANGES = pd.DataFrame({
    **dict.fromkeys(("user_id", "field", "old_value", "new_value"), pd.Series(dtype="str")),
    **dict.fromkeys(("changed_at", "known_at"), pd.Series(dtype=INSTANT)),
    "seq": pd.Series(dtype="int64"),
})  # fmt: skip
"""For tables that come without a history of users."""


def users_at(users: pd.DataFrame, changes: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """Return ``users`` with the teams and managers that were in effect at ``as_of``, by what was known before it.

    >>> users = pd.DataFrame({"user_id": ["U1"], "team": ["South"], "manager_id": ["M2"]})
    >>> moved = pd.DataFrame({"user_id": ["U1"], "field": ["team"], "old_value": ["North"], "new_value": ["South"],
    ...     "changed_at": pd.to_datetime(["2026-03-01"], utc=True), "seq": [0]})
    >>> moved["known_at"] = moved["changed_at"]
    >>> users_at(users, moved, pd.Timestamp("2026-02-01", tz="UTC"))["team"].tolist()
    ['North']
    """
    if changes.empty:
        return users
    at = pd.Series(pd.Timestamp(as_of), users.index, dtype=INSTANT)
    return users.assign(**{field: value_when(field, users, changes, users["user_id"], at, as_of) for field in FIELDS})


def value_when(
    field: str,
    users: pd.DataFrame,
    changes: pd.DataFrame,
    user_ids: pd.Series,
    at: pd.Series,
    as_of: datetime | None = None,
) -> pd.Series:
    """Return one field of users at instants, as known before ``as_of`` or ever; a change counts from its instant on.

    Parameters
    ----------
    user_ids, at
        Aligned; the value is missing where the user is missing or unknown.
    """
    own = changes[changes["field"] == field].sort_values(["changed_at", "seq"], kind="stable")
    # Before its first change a field was what that change replaced, whatever table users says today.
    first = own.drop_duplicates("user_id").set_index("user_id")["old_value"]
    today = users.set_index("user_id")[field]
    base = pd.concat([first, today[~today.index.isin(first.index)]])
    found = pd.Series(base.reindex(user_ids).to_numpy(object), user_ids.index, dtype=object)
    known = own if as_of is None else own[own["known_at"] < as_of]
    asked = pd.DataFrame({"user_id": user_ids, "at": at}).dropna().sort_values("at", kind="stable")
    if len(known) and len(asked):
        asked["at"], spans = asked["at"].astype(INSTANT), known[["user_id", "changed_at", "new_value"]]
        spans = spans.astype({"changed_at": INSTANT})
        last = pd.merge_asof(asked, spans, left_on="at", right_on="changed_at", by="user_id")
        changed = last["changed_at"].notna().to_numpy()
        found.loc[asked.index[changed]] = last["new_value"].to_numpy(object)[changed]
    return found.astype("str")


def changes_seen(
    now: pd.DataFrame, users: pd.DataFrame, changes: pd.DataFrame, exported_at: datetime
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare the users that an export tells of with what held until then.

    Parameters
    ----------
    now
        Rows of ``users`` as exported, perhaps without ``team`` or ``manager_id``.
    users, changes
        What is stored of users and their changes.

    Returns
    -------
    users, changes
        The users to store, and the changes to add, known at the export. An export older than a stored change leaves
        the present as the later one told it.
    """
    seen = now[now["user_id"].isin(users["user_id"])]
    at = pd.Series(pd.Timestamp(exported_at), seen.index, dtype=INSTANT)
    found = []
    for field in FIELDS:
        if field in seen:
            before = value_when(field, users, changes, seen["user_id"], at)
            differs = (seen[field].fillna("") != before.fillna("")).to_numpy()
            found.append(_as_changes(field, seen[differs], before[differs], at[differs], changes))
    new = pd.concat(found, ignore_index=True) if found else changes.iloc[:0]
    every = pd.concat([changes, new], ignore_index=True) if len(changes) else new
    return _present(now, every), new


def _as_changes(
    field: str, rows: pd.DataFrame, before: pd.Series, at: pd.Series, changes: pd.DataFrame
) -> pd.DataFrame:
    same = changes[(changes["field"] == field) & changes["changed_at"].isin(at)]
    n_then = rows["user_id"].map(same.groupby("user_id").size()).fillna(0).astype("int64")
    return pd.DataFrame({
        "user_id": rows["user_id"],
        "field": field,
        "changed_at": at,
        "seq": n_then,
        "old_value": before,
        "new_value": rows[field],
        "known_at": at,
    })  # fmt: skip


def _present(now: pd.DataFrame, changes: pd.DataFrame) -> pd.DataFrame:
    """The users with the last value of each field that has a history."""
    last = changes.sort_values(_ORDER, kind="stable").drop_duplicates(["user_id", "field"], keep="last")
    for field in (field for field in FIELDS if field in now):
        values = last[last["field"] == field].set_index("user_id")["new_value"]
        told = now["user_id"].isin(values.index)
        if told.any():
            newest = values.reindex(now["user_id"]).set_axis(now.index)
            now = now.assign(**{field: np.where(told, newest.to_numpy(object), now[field].to_numpy(object))})
            now[field] = now[field].astype("str")
    return now
