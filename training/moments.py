"""Days and instants as they are written on the command line; where nothing is written, the clock."""

from datetime import UTC, date, datetime, time

import typer


def day_or_today(written: str) -> date:
    """A day written YYYY-MM-DD; today (UTC) where nothing is written.

    >>> day_or_today("2026-11-16")
    datetime.date(2026, 11, 16)
    """
    try:
        return date.fromisoformat(written) if written else datetime.now(UTC).date()
    except ValueError:
        raise typer.BadParameter(f"{written!r} is not a day; write it as YYYY-MM-DD, such as 2026-11-16") from None


def midnight(day: date) -> datetime:
    """The start of a day in UTC."""
    return datetime.combine(day, time(), UTC)


def instant_or_now(written: str) -> datetime:
    """An instant in ISO 8601, in UTC where it names no zone; now where nothing is written.

    >>> instant_or_now("2026-11-16T09:30").isoformat()
    '2026-11-16T09:30:00+00:00'
    """
    try:
        instant = datetime.fromisoformat(written) if written else datetime.now(UTC)
    except ValueError:
        raise typer.BadParameter(
            f"{written!r} is not an instant; write it as in ISO 8601, such as 2026-11-16T09:30Z"
        ) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
