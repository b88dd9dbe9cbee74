"""Whose number a deal counts in: its owner's if others report to them, and that of each manager above."""

from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.user_history import value_when
from reports.quality.management import in_circles


def managers_above(users: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Return, for each user, the managers whose subtree holds them, nearest first; managers are in their own.

    Who manages themselves, or others in a circle, has no manager here: sums must end somewhere. A manager
    that table ``users`` does not have is none.

    >>> users = pd.DataFrame({"user_id": ["A", "B", "C"], "manager_id": [None, "A", "B"]})
    >>> managers_above(users)
    {'A': ('A',), 'B': ('B', 'A'), 'C': ('B', 'A')}
    """
    ids = users["user_id"].tolist()
    above = pd.Index(users["user_id"]).get_indexer(users["manager_id"])
    above = np.where(above == np.arange(len(ids)), -1, above)
    above = np.where(in_circles(above), -1, above)
    leads = set(above.tolist())
    found = {}
    for user, name in enumerate(ids):
        chain = [user] if user in leads else []
        while (user := int(above[user])) >= 0:
            chain.append(user)
        found[name] = tuple(ids[place] for place in chain)
    return found


def managers_when(
    users: pd.DataFrame, changes: pd.DataFrame, owner: pd.Series, at: pd.Series, as_of: datetime
) -> list[tuple[str, ...]]:
    """Return the managers above each owner at an instant of its own, by what was known before ``as_of``.

    Parameters
    ----------
    users, changes
        Tables ``users`` and ``user_changes``.
    owner, at
        Aligned, none missing.
    """
    moves = changes[(changes["field"] == "manager_id") & (changes["known_at"] < as_of)]
    turns = np.unique(moves["changed_at"].to_numpy("datetime64[us]"))
    epoch = np.searchsorted(turns, at.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[us]"), "right")
    found: list[tuple[str, ...]] = [()] * len(owner)
    for one in np.unique(epoch):
        rows = np.flatnonzero(epoch == one)
        then = pd.Series(at.iloc[rows[0]], users.index)
        above = managers_above(
            users.assign(manager_id=value_when("manager_id", users, changes, users["user_id"], then, as_of))
        )
        for row, name in zip(rows, owner.iloc[rows], strict=True):
            found[row] = above.get(str(name), ())
    return found


def rows_by_manager(owner_id: NDArray[np.object_], above: dict[str, tuple[str, ...]]) -> dict[str, NDArray[np.int64]]:
    """Return the rows of each manager's subtree, ascending."""
    parts: dict[str, list[NDArray[np.int64]]] = {}
    for owner, rows in pd.Series(owner_id, dtype=object).groupby(owner_id).indices.items():
        for manager in above.get(str(owner), ()):
            parts.setdefault(manager, []).append(rows)
    return {manager: np.sort(np.concatenate(found)) for manager, found in parts.items()}
