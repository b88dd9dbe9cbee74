"""Who manages whom: nobody can be their own manager, neither at once nor by way of others."""

import numpy as np
import pandas as pd

from reports.quality.findings import Finding, finding


def impossible_management(users: pd.DataFrame) -> tuple[Finding, ...]:
    """Find the users who manage themselves, and those in a circle of two or more."""
    users = users.reset_index(drop=True)
    manager = pd.Index(users["user_id"]).get_indexer(users["manager_id"])
    oneself = manager == np.arange(len(users))
    circle = in_circles(np.where(oneself, -1, manager))
    found = (
        ("own_managers", "Users who are their own manager", users[oneself]),
        ("circles_of_managers", "Users who manage each other in a circle", users[circle]),
    )
    advice = "Leave manager_id empty for whoever has none: the sums of a team must end somewhere."
    what = "managed by {manager_id}"
    return tuple(
        finding(name, title, advice, bad, len(users), unit="users", what=what, id_column="user_id")
        for name, title, bad in found
    )


def in_circles(manager: np.ndarray) -> np.ndarray:
    """Whose chain of managers comes back to them; -1 is no manager.

    Going up as many steps as there are users leads everybody out of the hierarchy or into a circle, and
    everybody in a circle is where somebody ends up. Each round doubles the steps.
    """
    above = np.append(manager, -1)
    for _ in range(len(manager).bit_length()):
        above = above[above]
    circle = np.zeros(len(manager) + 1, bool)
    circle[above] = True
    return circle[:-1]
