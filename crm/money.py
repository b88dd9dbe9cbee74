"""Money in one currency: which rate holds on a day, and amounts converted to whole cents.

Sums are made of whole cents (integers), never of fractions, so that they add up however they are grouped.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.exchange import Quotes


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
    """Return for each currency its last rate on or before ``day``, by the ways that ``crm/exchange.py`` knows.

    A currency without one is not among the keys; whoever sums money says which those are. The reporting currency is.

    Examples
    --------
    >>> quotes = pd.DataFrame({"currency": ["EUR"], "quote_currency": ["USD"], "day": ["2026-11-13"], "rate": [1.25]})
    >>> print(known_rates(quotes, "EUR", "2026-11-15")["USD"])
    1 USD = 0.8 EUR on 2026-11-13
    """
    quotes, on = Quotes(fx_rates), np.array([str(day)], "datetime64[D]")
    found = {reporting_currency: Rate(reporting_currency, reporting_currency, str(day), 1.0)}
    for currency in quotes.currencies:
        worth = quotes.worth(currency, reporting_currency, on)
        if currency != reporting_currency and np.isfinite(worth.rate[0]):
            found[currency] = Rate(currency, reporting_currency, str(worth.quoted[0]), float(worth.rate[0]))
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


def cents_when(
    amounts: pd.Series, currencies: pd.Series, at: pd.Series, fx_rates: pd.DataFrame, reporting_currency: str
) -> NDArray[np.float64]:
    """Return amounts in whole cents, each at the last rate that was known at its own instant; NaN as in ``cents``.

    What was won is worth what it was worth then: it does not change any more when rates do.

    >>> quotes = pd.DataFrame({"currency": "USD", "quote_currency": "EUR", "day": ["2026-11-02", "2026-11-09"],
    ...     "rate": [0.8, 0.9]})
    >>> at = pd.to_datetime(pd.Series(["2026-11-09T12:00", "2026-11-10"]), utc=True, format="ISO8601")
    >>> cents_when(pd.Series([10.0, 10.0]), pd.Series(["USD", "USD"]), at, quotes, "EUR").tolist()
    [800.0, 900.0]
    """
    quotes, rate = Quotes(fx_rates), np.full(len(amounts), np.nan)
    # As in rates_day: of the day before, which is the last one that had ended.
    days = at.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[D]") - np.timedelta64(1, "D")
    for currency, rows in currencies.groupby(currencies.to_numpy(object)).indices.items():
        rate[rows] = quotes.worth(str(currency), reporting_currency, days[rows]).rate
    return np.round(amounts.to_numpy(np.float64) * rate * 100)


def reporting_currency_of(rates: Mapping[str, Rate]) -> str:
    """Return the currency into which ``rates`` convert; every mapping of ``known_rates`` names at least that one."""
    return next(iter(rates.values())).reporting_currency
