"""Deals by product: money split by what a deal's lines are worth, to the cent."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

NO_PRODUCT = "(no product)"


def product_lines(line_items: pd.DataFrame, deal_ids: pd.Series) -> pd.DataFrame:
    """Return which products each deal holds, and which share of it each is.

    Shares follow quantity x unit price. Where lines of a deal have different signs, or are all worth nothing, their
    sizes decide, or the number of lines: shares lie in [0, 1].

    Returns
    -------
    DataFrame, one row per deal and product, ordered by deal and product
        ``row``, the deal's place in ``deal_ids``; ``product``, "(no product)" for a deal without lines; ``share``;
        ``line``, the place in ``line_items``, -1 for a deal without.

    Examples
    --------
    >>> items = pd.DataFrame({"deal_id": ["D1", "D1"], "product_id": ["A", "B"], "quantity": [1, 2],
    ...     "unit_price": ["30", "5"]})
    >>> product_lines(items, pd.Series(["D1", "D2"])).to_numpy().tolist()
    [[0, 'A', 0.75, 0], [0, 'B', 0.25, 1], [1, '(no product)', 1.0, -1]]
    """
    row = pd.Index(deal_ids).get_indexer(line_items["deal_id"])
    place = np.flatnonzero(row >= 0)
    kept, row = line_items.iloc[place], row[place]
    worth = kept["quantity"].to_numpy(np.float64) * pd.to_numeric(kept["unit_price"]).to_numpy(np.float64)
    size = np.abs(np.nan_to_num(worth))
    n_deals = len(deal_ids)
    total, n_lines = np.bincount(row, size, n_deals), np.bincount(row, minlength=n_deals)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(total[row] > 0, size / total[row], 1 / n_lines[row])
    lines = pd.DataFrame({"row": row, "product": kept["product_id"].to_numpy(object), "share": share, "line": place})
    bare = np.flatnonzero(n_lines == 0)
    without = pd.DataFrame({"row": bare, "product": NO_PRODUCT, "share": 1.0, "line": -1}).astype({"product": object})
    return pd.concat([lines, without]).sort_values(["row", "product"], kind="stable", ignore_index=True)


def split(cents: NDArray[np.float64], lines: pd.DataFrame) -> NDArray[np.float64]:
    """Return each line's part of its deal's whole cents; what rounding leaves over goes to the deal's largest line.

    >>> lines = pd.DataFrame({"row": [0, 0, 0], "product": ["A", "B", "C"], "share": [1 / 3, 1 / 3, 1 / 3]})
    >>> split(np.array([100.0]), lines).tolist()
    [34.0, 33.0, 33.0]
    """
    row, share = lines["row"].to_numpy(), lines["share"].to_numpy(np.float64)
    part = np.round(share * cents[row])
    largest = lines.sort_values(["row", "share"], ascending=[True, False], kind="stable").drop_duplicates("row").index
    left = cents - np.bincount(row, part, len(cents))
    part[largest] += left[row[largest]]
    return part
