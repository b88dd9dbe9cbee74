"""Rates of exchange to the reporting currency, as known before any instant."""

import numpy as np
import pandas as pd

from features.facts import DAY, Facts, FloatColumn, IntColumn

ALWAYS = -(10**16)
"""Long before any instant of the contract: the reporting currency is worth one of itself, and always was."""


def rates_of(fx_rates: pd.DataFrame, currencies: list[str], reporting_currency: str) -> Facts:
    """Rates as quoted, or as the inverse of a quote; one group per entry of ``currencies``, column ``rate``.

    A day's rate is known at the day's last microsecond, as in ``crm/money.py``.
    """
    given = fx_rates[(fx_rates["rate"] > 0) & (fx_rates["currency"] != fx_rates["quote_currency"])]
    direct = given[given["quote_currency"] == reporting_currency]
    inverse = given[given["currency"] == reporting_currency]
    inverse = inverse.assign(currency=inverse["quote_currency"], rate=1 / inverse["rate"])
    # Of two on one day the direct quote holds, which therefore comes last.
    both = pd.concat([inverse, direct])
    day = pd.to_datetime(both["day"], format="%Y-%m-%d").to_numpy("datetime64[us]").astype(np.int64)
    code = pd.Index(currencies, dtype=object).get_indexer([*both["currency"], reporting_currency])
    known_at = np.append(day + DAY - 1, ALWAYS)
    rate = np.append(both["rate"].to_numpy(np.float64), 1.0)
    return Facts.sorted(code, known_at, len(currencies), {"rate": rate})


def rates_before(rates: Facts, currency: IntColumn, at: IntColumn) -> FloatColumn:
    """The last rate of each currency (its number, -1 for none) known before ``at``; NaN where there is none."""
    if not len(rates):
        return np.full(len(at), np.nan)
    known = np.maximum(currency, 0)
    last = rates.before(known, at) - 1
    found = (currency >= 0) & (last >= rates.start[known])
    return np.where(found, rates.columns["rate"][np.maximum(last, 0)], np.nan)


def in_reporting_currency(rates: Facts, amount: FloatColumn, currency: IntColumn, at: IntColumn) -> FloatColumn:
    """Convert amounts with the last rate known before ``at``; NaN where there is none."""
    return amount * rates_before(rates, currency, at)
