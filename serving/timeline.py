"""The history of one deal as sentences, newest first."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import pandas as pd

from crm.tables import AMOUNT, CLOSE_DATE, OWNER, STAGE
from serving.schemas import TimelineEntry

_LATE = timedelta(days=1)
_FIELD_WORDS = {STAGE: "Stage", AMOUNT: "Amount", CLOSE_DATE: "Close date", OWNER: "Owner"}
_KIND_WORDS = {"email": "Email", "call": "Call", "meeting": "Meeting", "note": "Note", "task": "Task"}
_DIRECTION_WORDS = {"inbound": " from the customer", "outbound": " to the customer"}


def timeline(
    changes: pd.DataFrame, interactions: pd.DataFrame, users: Mapping[str, str], currency: str
) -> list[TimelineEntry]:
    """Tell every change and interaction of one deal, newest first.

    Parameters
    ----------
    changes, interactions
        Rows of one deal, as the store holds them.
    users
        Names by user_id; an unknown user is called by the id.
    currency
        Of the deal, for its amounts.
    """
    told = [_change(row, users, currency) for row in changes.to_dict("records")]
    told += [_interaction(row) for row in interactions.to_dict("records")]
    return sorted(told, key=lambda entry: (entry.at, entry.known_at), reverse=True)


def _change(row: Mapping[str, Any], users: Mapping[str, str], currency: str) -> TimelineEntry:
    old, new = (None if pd.isna(row[name]) else str(row[name]) for name in ("old_value", "new_value"))
    word = _FIELD_WORDS.get(row["field"], str(row["field"]).replace("_", " ").capitalize())
    before, after = (_value(row["field"], value, users, currency) for value in (old, new))
    if after is None:
        sentence = f"{word} cleared" if before is None else f"{word} cleared, was {before}"
    elif before is None:
        sentence = f"{word} set to {after}"
    else:
        sentence = f"{word} changed from {before} to {after}{_moved(row['field'], old, new)}"
    return _entry(row["changed_at"], row["known_at"], row["field"], sentence)


def _interaction(row: Mapping[str, Any]) -> TimelineEntry:
    parts = [_KIND_WORDS[row["kind"]] + ("" if pd.isna(row["direction"]) else _DIRECTION_WORDS[row["direction"]])]
    if not pd.isna(row["duration_s"]) and row["duration_s"] >= 60:
        minutes = round(row["duration_s"] / 60)
        parts.append("1 minute" if minutes == 1 else f"{minutes} minutes")
    if not pd.isna(row["outcome"]):
        parts.append(str(row["outcome"]))
    return _entry(row["occurred_at"], row["known_at"], row["kind"], ", ".join(parts))


def _entry(at: pd.Timestamp, known_at: pd.Timestamp, kind: str, sentence: str) -> TimelineEntry:
    planned = at > known_at
    if planned:
        sentence = f"Planned: {sentence[0].lower()}{sentence[1:]}"
    elif known_at - at > _LATE:
        days = (known_at - at).days
        sentence += f" (entered {days} {'day' if days == 1 else 'days'} later)"
    return TimelineEntry(
        at=at.to_pydatetime(), known_at=known_at.to_pydatetime(), kind=kind, sentence=sentence, planned=planned
    )


def _value(field: str, value: str | None, users: Mapping[str, str], currency: str) -> str | None:
    if value is None:
        return None
    if field == OWNER:
        return users.get(value, value)
    if field == AMOUNT:
        try:
            return f"{currency} {Decimal(value):,.2f}".removesuffix(".00")
        except InvalidOperation:
            return value
    if field == CLOSE_DATE:
        day = _day(value)
        return value if day is None else f"{day.day} {day:%b %Y}"
    return value


def _moved(field: str, old: str | None, new: str | None) -> str:
    """Say by how much the close date moved; nothing for other fields."""
    before, after = (_day(value) if field == CLOSE_DATE and value else None for value in (old, new))
    if before is None or after is None or before == after:
        return ""
    days = abs((after - before).days)
    return f", {days} {'day' if days == 1 else 'days'} {'later' if after > before else 'earlier'}"


def _day(value: str) -> date | None:
    try:
        return datetime.fromisoformat(value).date()
    except ValueError:
        return None
