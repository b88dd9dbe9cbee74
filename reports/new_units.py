"""What a won deal holds of each product, as the last year's deals tell: for deals that are not created yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from reports.new_deals import PRIOR_WON, YEAR_DAYS


@dataclass(frozen=True)
class OfProduct:
    """One product in the deals that are won.

    Attributes
    ----------
    share : of the won deals that hold it
    units : how many each of these holds on average
    spread : standard deviation of that, relative to ``units``
    """

    share: float
    units: float
    spread: float


NewUnits = Mapping[str, OfProduct]


def learn_units(present: pd.DataFrame, line_items: pd.DataFrame, as_of: datetime) -> dict[str, OfProduct]:
    """Learn from the deals created in the year before ``as_of`` (from all of them, where there were none).

    The share is that of the won deals, drawn to that of all created ones where few were won. Deals without line items
    count as holding nothing: what is expected of deals to come is what will be written down of them.

    Parameters
    ----------
    present
        What was known of every deal, see ``crm/present.py``.

    Examples
    --------
    >>> deals = pd.DataFrame({"deal_id": ["D1", "D2"], "stage_category": ["won", "won"],
    ...     "created_at": pd.to_datetime(["2026-03-01", "2026-04-01"], utc=True)})
    >>> items = pd.DataFrame({"deal_id": ["D1"], "product_id": ["A"], "quantity": [4.0]})
    >>> learn_units(deals, items, pd.Timestamp("2026-11-16", tz="UTC"))
    {'A': OfProduct(share=0.5, units=4.0, spread=0.0)}
    """
    recent = present[present["created_at"] >= as_of - pd.Timedelta(days=YEAR_DAYS)]
    recent = present if recent.empty else recent
    won = recent.loc[recent["stage_category"] == "won", "deal_id"]
    lines = line_items[line_items["deal_id"].isin(recent["deal_id"])]
    found = {}
    for product, held in lines.groupby("product_id"):
        of_won = held[held["deal_id"].isin(won)]
        share = (len(of_won) + PRIOR_WON * len(held) / len(recent)) / (len(won) + PRIOR_WON)
        quantity = (of_won if len(of_won) else held)["quantity"].to_numpy(np.float64)
        units = float(quantity.mean())
        spread = float(quantity.std()) / abs(units) if units else 0.0
        found[str(product)] = OfProduct(float(share), units, spread)
    return found
