"""Every group that a row counts in: its owner, team and managers, and the whole; and what the groups are called."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from reports.forecast_deals import NO_TEAM

WHOLE = "Whole company"
PEOPLE = ("whole", "team", "owner", "manager")


def in_groups(rows: pd.DataFrame, above: Mapping[str, tuple[str, ...]], levels: Sequence[str] = PEOPLE) -> pd.DataFrame:
    """Repeat each row for every group it counts in.

    Parameters
    ----------
    rows
        One row per deal with ``owner``, and with a column for each other level but ``whole`` and ``manager``.
    above
        The managers of each owner; see ``reports/managers.py``.

    Returns
    -------
    DataFrame, one row per row and group, level by level
        The columns of ``rows``, with ``level`` and ``id``; the whole's id is empty.

    Examples
    --------
    >>> deals = pd.DataFrame({"owner": ["Ann"], "team": ["North"], "n": [1]})
    >>> in_groups(deals, {"Ann": ("Mia", "Hal")})[["level", "id"]].to_numpy().tolist()
    [['whole', ''], ['team', 'North'], ['owner', 'Ann'], ['manager', 'Mia'], ['manager', 'Hal']]
    """
    parts = []
    for level in levels:
        if level == "manager":
            chains = [above.get(str(owner), ()) for owner in rows["owner"]]
            below = rows.iloc[np.repeat(np.arange(len(rows)), [len(chain) for chain in chains])]
            parts.append(below.assign(level=level, id=np.array([name for chain in chains for name in chain], object)))
        else:
            parts.append(rows.assign(level=level, id="" if level == "whole" else rows[level]))
    return pd.concat(parts, ignore_index=True).astype({"level": "str", "id": "str"})


def named(rows: pd.DataFrame, users: pd.DataFrame) -> pd.DataFrame:
    """Return rows that have ``level`` and ``id`` with ``name``, and with ``team``, missing for what is in none."""
    known = users.set_index("user_id")
    is_person = rows["level"].isin(["owner", "manager"])
    name = rows["id"].map(known["name"].dropna()).astype("str").where(is_person).fillna(rows["id"])
    team = rows["id"].map(known["team"]).astype("str").where(is_person)
    team = team.mask((rows["level"] == "owner") & team.isna(), NO_TEAM).mask(rows["level"] == "team", rows["id"])
    return rows.assign(name=name.mask(rows["level"] == "whole", WHOLE).astype("str"), team=team.astype("str"))
