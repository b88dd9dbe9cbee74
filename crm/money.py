"""Money in one currency: which rate holds on a day, and amounts converted to whole cents.

Sums are made of whole cents (integers), never of fractions, so that they add up however they are grouped.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True)
class Rate:
    """What one unit of ``currency`` was worth in ``reporting_currency`` on ``day`` (``YYYY-MM-DD``)."""

    currency: str
    reporting_currency: str
    day: str
    rate: float

    def __str__(self) -> str:
        return f"1 {self.currency} = {self.rate:.6g} {self.reporting_currency} on {self.day}"


def known_rates(fx_rates: pd.DataFrame, reporting_currency: str, day: date | str) -> dict[str, Rate]:
    """Return for each currency its last rate on or before ``day``, as quoted or as the inverse of a quote.

    A currency without one is not among the keys; whoever sums money says which those are.

    Examples
    --------
    >>> quotes = pd.DataFrame({"currency": ["EUR"], "quote_currency": ["USD"], "day": ["2026-11-13"], "rate": [1.25]})
    >>> print(known_rates(quotes, "EUR", "2026-11-15")["USD"])
    1 USD = 0.8 EUR on 2026-11-13
    """
    day = str(day)
    known = fx_rates[(fx_rates["day"] <= day) & (fx_rates["rate"] > 0)]
    direct = known[known["quote_currency"] == reporting_currency]
    inverse = known[known["currency"] == reporting_currency]
    inverse = inverse.assign(currency=inverse["quote_currency"], rate=1 / inverse["rate"])
    # The later day wins; of two on one day, the direct quote, which therefore comes last.
    last = pd.concat([inverse, direct]).sort_values("day", kind="stable").drop_duplicates("currency", keep="last")
    found = {
        currency: Rate(currency, reporting_currency, quoted_day, float(rate))
        for currency, quoted_day, rate in zip(last["currency"], last["day"], last["rate"], strict=True)
    }
    found[reporting_currency] = Rate(reporting_currency, reporting_currency, day, 1.0)
    return found


def rates_day(as_of: datetime) -> date:
    """Return the last day that had ended by ``as_of``: the rate of a day is not known before its end."""
    return as_of.date() - timedelta(days=1)


def cents(amounts: pd.Series, currencies: pd.Series, rates: Mapping[str, Rate]) -> NDArray[np.float64]:
    """Return amounts in the reporting currency, each rounded to whole cents; NaN where there is no amount or no rate.

    Held as float, which keeps whole cents exact up to 90 trillion units of money.

    >>> rates = {"USD": Rate("USD", "EUR", "2026-11-13", 0.8)}
    >>> cents(pd.Series([10.0, None]), pd.Series(["USD", "USD"]), rates).tolist()
    [800.0, nan]
    """
    factor = currencies.map({currency: rate.rate for currency, rate in rates.items()})
    return np.round(amounts.to_numpy(np.float64) * factor.to_numpy(np.float64) * 100)
