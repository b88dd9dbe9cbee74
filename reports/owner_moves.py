"""Owners who changed team or manager since a day: what they won before counts where they were then."""

from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd

WHAT = {"team": "team", "manager_id": "manager"}


@dataclass(frozen=True)
class OwnerMove:
    """One change of one owner: ``what`` is team or manager; names, not ids; None where there was or is none."""

    owner_id: str
    name: str
    what: str
    old: str | None
    new: str | None
    on: date


def owner_moves(users: pd.DataFrame, changes: pd.DataFrame, since: date, as_of: datetime) -> list[OwnerMove]:
    """Return the changes from ``since`` on that were known before ``as_of``, the earliest first.

    >>> users = pd.DataFrame({"user_id": ["U1"], "name": ["Ann"]})
    >>> at = pd.to_datetime(["2026-11-03"], utc=True)
    >>> moved = pd.DataFrame({"user_id": "U1", "field": "team", "old_value": "North", "new_value": "South",
    ...     "changed_at": at, "known_at": at, "seq": 0})
    >>> owner_moves(users, moved, date(2026, 10, 1), datetime.fromisoformat("2026-11-16T00:00Z"))[0].new
    'South'
    """
    own = changes[(changes["changed_at"] >= pd.Timestamp(since, tz="UTC")) & (changes["known_at"] < as_of)]
    named = users.dropna(subset="name")
    names = dict(zip(named["user_id"], named["name"], strict=True))

    def called(field: str, value: str | float) -> str | None:
        if not isinstance(value, str):
            return None
        return str(names.get(value, value)) if field == "manager_id" else value

    return [
        OwnerMove(
            str(row["user_id"]),
            str(names.get(row["user_id"], row["user_id"])),
            WHAT[row["field"]],
            called(row["field"], row["old_value"]),
            called(row["field"], row["new_value"]),
            row["changed_at"].date(),
        )
        for row in own.sort_values(["changed_at", "user_id", "field", "seq"]).to_dict("records")
    ]
