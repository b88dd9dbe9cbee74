"""Money of deals at every level of a forecast: each deal's cents in all the groups that it counts in."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from reports.forecast_deals import SINGLE_LEVELS
from reports.levels import in_groups
from reports.product_lines import product_lines, split


def in_all_groups(deals: pd.DataFrame, above: Mapping[str, tuple[str, ...]], line_items: pd.DataFrame) -> pd.DataFrame:
    """Return every deal once for each group that it counts in.

    Parameters
    ----------
    deals
        Grouped (``reports/forecast_deals.py``), with ``deal_id`` and whole ``cents``, none missing.
    above
        The managers of each owner; see ``reports/managers.py``.

    Returns
    -------
    DataFrame
        ``row`` (the deal's place in ``deals``), ``level``, ``id``, and ``cents``: all of them at each level, but for
        products, among which they are split. Sums by level and id are those of a forecast, to the cent.
    """
    kept = ["row", "level", "id", "cents"]
    whole = in_groups(deals.assign(row=np.arange(len(deals))), above, ("whole", *SINGLE_LEVELS, "manager"))[kept]
    lines = product_lines(line_items, deals["deal_id"])
    split_up = pd.DataFrame({"row": lines["row"], "level": "product", "id": lines["product"]})
    return pd.concat(
        [whole, split_up.assign(cents=split(deals["cents"].to_numpy(np.float64), lines))], ignore_index=True
    )
