"""Money of deals at every level of a forecast: each deal's cents in all the groups that it counts in."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from reports.forecast_deals import SINGLE_LEVELS
from reports.product_lines import product_lines, split


def in_groups(deals: pd.DataFrame, above: Mapping[str, tuple[str, ...]], line_items: pd.DataFrame) -> pd.DataFrame:
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
    cents = deals["cents"].to_numpy(np.float64)
    row = np.arange(len(deals))
    chains = [above.get(str(owner), ()) for owner in deals["owner"]]
    managed = np.repeat(row, [len(chain) for chain in chains])
    lines = product_lines(line_items, deals["deal_id"])
    parts = [_part("whole", row, np.full(len(deals), "", object), cents)]
    parts += [_part(level, row, deals[level].to_numpy(object), cents) for level in SINGLE_LEVELS]
    parts += [
        _part("manager", managed, np.array([name for chain in chains for name in chain], object), cents[managed]),
        _part("product", lines["row"].to_numpy(), lines["product"].to_numpy(object), split(cents, lines)),
    ]
    return pd.concat(parts, ignore_index=True)


def _part(level: str, row: np.ndarray, group: np.ndarray, cents: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"row": row, "level": level, "id": group, "cents": cents})
