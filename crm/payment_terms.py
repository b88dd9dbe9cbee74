"""What ``payment_terms`` of a line item say: which part of its money is due how long after the deal is won.

The grammar, in any case; whatever fits none of it is not understood, and whoever forecasts says what it takes instead:

=============================================== ====================================================================
written                                         due
=============================================== ====================================================================
``net 30``, ``n/30``, ``30 days``, ``30``       all of it, 30 days after the closing day
``net 30 EOM``, ``30 days end of month``        all of it, on the last day of the month in which those 30 days end
``EOM``                                         all of it, on the last day of the closing's month
``due on receipt``, ``in advance``, ``upfront`` all of it, on the closing day
``2/10 net 30``                                 all of it, net: whether a customer takes the discount is not known
``50% upfront, 50% net 60``                     each share by its own terms; shares sum to 100 %
``monthly``, ``quarterly``, ``yearly``          a year's worth: 12, 4, 1 equal parts, the first on the closing day
``6 monthly payments``, ``3 instalments``       equal parts, one a month, the first on the closing day
=============================================== ====================================================================

What is due on a day that is not worked is due on the next one that is (``crm/working_days.py``).
"""

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from crm.working_days import Days, next_working_days

AT_ONCE = frozenset({
    *("at once", "cash", "cash in advance", "due immediately", "due on receipt", "due upon receipt", "immediate"),
    *("immediately", "in advance", "on receipt", "on signing", "prepaid", "up front", "upfront", "upon receipt"),
})  # fmt: skip
YEAR_DAYS = 365
PARTS_A_YEAR = {"monthly": 12, "quarterly": 4, "yearly": 1, "annually": 1, "annual": 1}
_END_OF_MONTH = r"(?P<eom>\s*(?:eom|end of (?:the )?month))"
_DISCOUNT = re.compile(r"\d+(?:\.\d+)?\s*%?\s*/\s*\d{1,3}\s*,?\s*(?=n)")
_NET = re.compile(rf"(?:net|n/|within|in)?\s*(?P<days>\d{{1,3}})\s*(?:days?|d)?(?:\s*net)?{_END_OF_MONTH}?")
_MONTH_END = re.compile(rf"(?:net|due)?{_END_OF_MONTH}")
_PARTS = re.compile(r"(?:in )?(?P<n>\d{1,2}) (?:equal )?(?P<every>\w+ )?(?:instal?lments?|payments?)")
_SHARE = re.compile(r"(?P<percent>\d+(?:\.\d+)?)\s*% (?P<terms>.+)")
_BETWEEN = re.compile(r"\s*(?:[,;+]|\band\b)\s*")


@dataclass(frozen=True)
class Due:
    """When money is due: so many days after the closing day, or on the last day of the month in which they end."""

    days: int
    end_of_month: bool = False


Terms = tuple[tuple[float, Due], ...]
"""Shares, which sum to 1, and when each is due."""


@lru_cache(maxsize=4096)
def parsed_terms(text: str) -> Terms | None:
    """Return what payment terms say, by the grammar above; None for what is not understood.

    >>> parsed_terms("Net 30"), parsed_terms("30 days EOM")
    (((1.0, Due(days=30, end_of_month=False)),), ((1.0, Due(days=30, end_of_month=True)),))
    >>> [(share, due.days) for share, due in parsed_terms("50% upfront, 50% net 60")]
    [(0.5, 0), (0.5, 60)]
    >>> parsed_terms("on delivery") is None
    True
    """
    text = " ".join(text.lower().replace("-", " ").split()).strip(" .")
    return _whole(text) or _shares(text)


def due_days(due: Due, closed: Days, holidays: Days) -> Days:
    """Return the day on which money is due, for each closing day; a later closing is never due earlier.

    >>> due_days(Due(30), np.array(["2026-11-18", "2026-11-19"], "M8[D]"), np.array(["2026-12-18"], "M8[D]")).tolist()
    [datetime.date(2026, 12, 21), datetime.date(2026, 12, 21)]
    """
    days: Days = closed + np.timedelta64(due.days, "D")
    if due.end_of_month:
        next_month = days.astype("datetime64[M]").astype(np.int64) + 1
        first = next_month.astype("datetime64[M]").astype("datetime64[D]")
        days = (first.astype(np.int64) - 1).astype("datetime64[D]")
    return next_working_days(days, holidays)


def _whole(text: str) -> Terms | None:
    """All of the money by one rule, or in equal parts."""
    if text in AT_ONCE:
        return ((1.0, Due(0)),)
    if text in PARTS_A_YEAR:
        return _equal_parts(PARTS_A_YEAR[text], text)
    if found := _PARTS.fullmatch(text):
        every = (found["every"] or "monthly").strip()
        return _equal_parts(int(found["n"]), every) if every in PARTS_A_YEAR and int(found["n"]) else None
    if found := _MONTH_END.fullmatch(text):
        return ((1.0, Due(0, end_of_month=True)),)
    if found := _NET.fullmatch(_DISCOUNT.sub("", text, count=1)):
        return ((1.0, Due(int(found["days"]), found["eom"] is not None)),)
    return None


def _equal_parts(n: int, every: str) -> Terms:
    days = np.round(np.arange(n) * YEAR_DAYS / PARTS_A_YEAR[every]).astype(int)
    return tuple((1 / n, Due(int(day))) for day in days)


def _shares(text: str) -> Terms | None:
    """Several shares, each by a rule of its own."""
    total, found = 0.0, list[tuple[float, Due]]()
    for part in _BETWEEN.split(text):
        written = _SHARE.fullmatch(part)
        terms = _whole(written["terms"]) if written else None
        if written is None or terms is None:
            return None
        share = float(written["percent"]) / 100
        total += share
        found += [(share * of_part, due) for of_part, due in terms]
    return tuple(found) if abs(total - 1) < 1e-9 else None
