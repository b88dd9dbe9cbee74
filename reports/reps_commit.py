"""What the reps themselves say that a period will bring: won so far, and the open deals that they commit to."""

import pandas as pd

from crm.fiscal import Period
from crm.forecast_categories import COMMIT, categories_of
from reports.forecast_basis import Basis
from reports.group_sums import in_all_groups


def committed_cents(basis: Basis, period: Period) -> pd.Series | None:
    """Return the whole amounts of the committed open deals that are to close in a period, by level and id, in cents.

    None where no open deal has a category. One without an amount adds nothing: nobody has committed to what is usual.
    """
    if basis.deals["category"].isna().all():
        return None
    deals = basis.deals[(categories_of(basis.deals["category"]) == COMMIT) & ~basis.deals["imputed"]]
    deals = deals[deals["close_date"].between(str(period.start), str(period.end), inclusive="left")]
    parts = in_all_groups(deals.assign(cents=deals["entered_cents"]), basis.above, basis.line_items)
    return parts.groupby(["level", "id"])["cents"].sum()
