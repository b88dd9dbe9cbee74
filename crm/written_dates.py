"""Dates as people write them, read only in the formats that were declared; nothing is guessed."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

_NAIVE = r"\d{4}-\d{2}-\d{2}(?:[Tt ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)?"
_ZONED = r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:[Zz]|[+-]\d{2}:?\d{2})"


def instants(text: pd.Series, formats: Sequence[str], zone: str) -> tuple[pd.Series, pd.Series]:
    """Instants of texts in any of the formats.

    Parameters
    ----------
    formats
        Formats of ``strptime``, or ``iso`` for ISO 8601.
    zone
        The time zone of texts that name none; a day without a time is its midnight there.

    Returns
    -------
    at, why
        Instants in UTC, missing where there is none; and the reason for every text that has none.

    Examples
    --------
    >>> at, why = instants(pd.Series(["31.03.2026", "2026-03-31", "03/31/26"]), ["%d.%m.%Y", "iso"], "Europe/Berlin")
    >>> at.astype("str").tolist()[:2]
    ['2026-03-30 22:00:00+00:00', '2026-03-30 22:00:00+00:00']
    >>> why.tolist()[2]
    'fits none of the date formats %d.%m.%Y, iso; write it in one of them, or add its format under dates'
    """
    return _first_fit([_instants(text, form, zone) for form in formats], text, formats, zone)


def dates(text: pd.Series, formats: Sequence[str], zone: str) -> tuple[pd.Series, pd.Series]:
    """Days ``YYYY-MM-DD`` of texts in any of the formats; an instant counts as the day it is in ``zone``."""
    # Read as if in UTC: a day has no clock change that could make it doubtful.
    days = [_instants(text, form, "UTC", told_in=zone) for form in formats]
    day, why = _first_fit(days, text, formats, "UTC")
    return day.dt.strftime("%Y-%m-%d").astype("str"), why


def _instants(text: pd.Series, form: str, zone: str, told_in: str | None = None) -> tuple[pd.Series, np.ndarray]:
    """Instants of the texts in one format, and where a clock change makes the text doubtful."""
    if form == "iso":
        zoned, naive = text.where(text.str.fullmatch(_ZONED)), text.where(text.str.fullmatch(_NAIVE))
        form = "ISO8601"
    else:
        zoned, naive = (text, text.mask(text.notna())) if "%z" in form else (text.mask(text.notna()), text)
    at = pd.to_datetime(zoned, format=form, utc=True, errors="coerce").dt.as_unit("us")
    if told_in is not None:
        at = at.dt.tz_convert(told_in).dt.tz_localize(None).dt.tz_localize("UTC")
    local = pd.to_datetime(naive, format=form, errors="coerce").dt.as_unit("us")
    placed = local.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC")
    return at.where(at.notna(), placed), (local.notna() & placed.isna()).to_numpy()


def _first_fit(
    fits: list[tuple[pd.Series, np.ndarray]], text: pd.Series, formats: Sequence[str], zone: str
) -> tuple[pd.Series, pd.Series]:
    at, doubtful = fits[0][0], fits[0][1].copy()
    ambiguous = np.zeros(len(text), dtype=bool)
    for other, clock in fits[1:]:
        ambiguous |= (at.notna() & other.notna() & (at != other)).to_numpy()
        at = at.where(at.notna(), other)
        doubtful |= clock
    names = ", ".join(formats)
    why = pd.Series(None, index=text.index, dtype="str")
    why[(at.isna() & text.notna()).to_numpy()] = (
        f"fits none of the date formats {names}; write it in one of them, or add its format under dates"
    )
    why[doubtful & at.isna().to_numpy()] = (
        f"is skipped or comes twice when the clocks change in {zone}; write it with its offset from UTC"
    )
    why[ambiguous] = f"means different days in the formats {names}; declare the one that is meant"
    return at.mask(ambiguous), why
