"""What one currency was worth in another on each of many days, from the quotes of table ``fx_rates``.

A quote counts both ways, and two quotes lead from one currency over a third to another. Of several ways the one whose
quotes are the latest wins, its older quote deciding; of two as late, the quote itself before its inverse, and both
before a way over a third currency.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Days = NDArray[np.datetime64]
NEVER = np.datetime64("0001-01-01", "D")
"""Before any quote."""


@dataclass(frozen=True)
class Worth:
    """By day asked for: what one unit was worth, NaN where no quote was known, and of which day the older quote is."""

    rate: NDArray[np.float64]
    quoted: Days


class Quotes:
    """The quotes of table ``fx_rates``, by pair of currencies; those that are not above 0 are left out.

    >>> rows = [("USD", "EUR", "2026-11-02", 0.8), ("GBP", "EUR", "2026-11-03", 1.2)]
    >>> quotes = Quotes(pd.DataFrame(rows, columns=["currency", "quote_currency", "day", "rate"]))
    >>> found = quotes.worth("GBP", "USD", np.array(["2026-11-02", "2026-11-15"], "M8[D]"))
    >>> found.rate.round(6).tolist(), str(found.quoted[1])
    ([nan, 1.5], '2026-11-02')
    """

    def __init__(self, fx_rates: pd.DataFrame) -> None:
        rows = fx_rates[(fx_rates["rate"] > 0) & (fx_rates["currency"] != fx_rates["quote_currency"])]
        rows = rows.sort_values("day", kind="stable")
        self._of_pair = {
            (str(one), str(other)): (
                own["day"].to_numpy(object).astype("datetime64[D]"),
                own["rate"].to_numpy(np.float64),
            )
            for (one, other), own in rows.groupby(["currency", "quote_currency"], sort=False)
        }
        self.currencies = sorted({name for pair in self._of_pair for name in pair})

    def worth(self, currency: str, other: str, days: Days) -> Worth:
        """Return what one unit of ``currency`` was worth in ``other``, by what was quoted on or before each day."""
        if currency == other:
            return Worth(np.ones(len(days)), days)
        best = self._quoted(currency, other, days)
        for third in self.currencies:
            if third not in (currency, other):
                first, second = self._quoted(currency, third, days), self._quoted(third, other, days)
                best = _later(best, Worth(first.rate * second.rate, np.minimum(first.quoted, second.quoted)))
        return best

    def _quoted(self, currency: str, other: str, days: Days) -> Worth:
        """The last quote of the pair, or the inverse of the last the other way round."""
        direct, inverse = self._last(currency, other, days), self._last(other, currency, days)
        return _later(direct, Worth(1 / inverse.rate, inverse.quoted))

    def _last(self, currency: str, other: str, days: Days) -> Worth:
        quoted, rate = self._of_pair.get((currency, other), (np.empty(0, "M8[D]"), np.empty(0)))
        place = np.searchsorted(quoted, days, side="right")
        return Worth(np.append(np.nan, rate)[place], np.append(NEVER, quoted)[place])


def _later(one: Worth, other: Worth) -> Worth:
    """Of each day the one whose quote is later; the first where they are of one day."""
    better = other.quoted > one.quoted
    return Worth(np.where(better, other.rate, one.rate), np.where(better, other.quoted, one.quoted))
