"""Whose number a deal counts in: its owner's if others report to them, and that of each manager above."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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


def rows_by_manager(owner_id: NDArray[np.object_], above: dict[str, tuple[str, ...]]) -> dict[str, NDArray[np.int64]]:
    """Return the rows of each manager's subtree, ascending."""
    parts: dict[str, list[NDArray[np.int64]]] = {}
    for owner, rows in pd.Series(owner_id, dtype=object).groupby(owner_id).indices.items():
        for manager in above.get(str(owner), ()):
            parts.setdefault(manager, []).append(rows)
    return {manager: np.sort(np.concatenate(found)) for manager, found in parts.items()}
