"""What the reps themselves say that a period will bring: won so far, and the open deals that they commit to."""

from datetime import datetime

import pandas as pd

from crm.fiscal import Period
from crm.tables import CATEGORY
from reports.forecast_basis import Basis
from reports.group_sums import in_groups

COMMIT = "commit"
"""What ``category`` says of a deal that its owner promises; in any case."""


def committed_deals(changes: pd.DataFrame, as_of: datetime) -> list[str] | None:
    """Return the ids of the deals whose category was commit, as known before ``as_of``; None where none had any."""
    known = changes[(changes["field"] == CATEGORY) & (changes["known_at"] < as_of)]
    if known.empty:
        return None
    last = known.sort_values(["changed_at", "seq"], kind="stable").drop_duplicates("deal_id", keep="last")
    return last.loc[last["new_value"].str.strip().str.lower() == COMMIT, "deal_id"].tolist()


def committed_cents(basis: Basis, deal_ids: list[str], period: Period) -> pd.Series:
    """Return the whole amounts of the committed open deals that are to close in a period, by level and id, in cents.

    A deal without an amount adds nothing here: nobody has committed to what is usual.
    """
    deals = basis.deals[basis.deals["deal_id"].isin(deal_ids) & ~basis.deals["imputed"]]
    deals = deals[deals["close_date"].between(str(period.start), str(period.end), inclusive="left")]
    parts = in_groups(deals.assign(cents=deals["entered_cents"]), basis.above, basis.line_items)
    return parts.groupby(["level", "id"])["cents"].sum()
