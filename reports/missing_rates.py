"""Exchange rates that are needed for what is won, and were not known when it was."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from crm.fiscal import Period
from crm.money import rates_day
from reports.forecast_deals import won_in


@dataclass(frozen=True)
class MissingRate:
    """A currency without a rate on ``day`` (``YYYY-MM-DD``) or before it, and how many deals won then need it."""

    currency: str
    day: str
    n_deals: int


def missing_rates(won: pd.DataFrame, periods: Sequence[Period]) -> list[MissingRate]:
    """Return, for each currency, the last day for which a rate is missing; ordered by currency.

    Parameters
    ----------
    won
        From ``reports.forecast_deals.won_deals``; those of the periods are looked at.
    """
    rows = pd.concat([won_in(won, period) for period in periods])
    rows = rows[rows["amount"].notna() & rows["cents"].isna()]
    return [
        MissingRate(str(currency), str(rates_day(own["closed_at"].max())), len(own))
        for currency, own in rows.groupby("currency")
    ]
