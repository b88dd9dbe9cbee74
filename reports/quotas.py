"""Quotas: what each owner is to win in a period, in the reporting currency, and rolled up."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from crm.fiscal import Period
from crm.money import Rate, cents


def owner_quotas(quotas: pd.DataFrame, rates: Mapping[str, Rate], period: Period) -> pd.Series:
    """Return each owner's quota for a period in whole cents, indexed by owner_id.

    An owner has one where their rows within the period fill it from end to end, once: three months make a quarter, two
    do not. So a row for a longer span is not split. NaN where a row's currency has no rate.

    Examples
    --------
    >>> from datetime import date
    >>> rows = pd.DataFrame({"owner_id": ["U1", "U1", "U2"], "period_start": ["2026-01-01", "2026-02-01", "2026-01-01"],
    ...     "period_end": ["2026-02-01", "2026-04-01", "2026-02-01"], "amount": ["10", "20", "5"], "currency": "EUR"})
    >>> quarter = Period("FY2026 Q1", date(2026, 1, 1), date(2026, 4, 1))
    >>> owner_quotas(rows, {"EUR": Rate("EUR", "EUR", "2026-01-01", 1.0)}, quarter).to_dict()
    {'U1': 3000.0}
    """
    start, end = str(period.start), str(period.end)
    rows = quotas[(quotas["period_start"] >= start) & (quotas["period_end"] <= end)]
    rows = rows.sort_values(["owner_id", "period_start", "period_end"], kind="stable")
    owner = rows.groupby("owner_id", sort=True)
    # Each begins where the one before it ended, the first at the start; the last ends at the end.
    follows = rows["period_start"] == owner["period_end"].shift().fillna(start)
    whole = follows.groupby(rows["owner_id"]).all() & (owner["period_end"].last() == end)
    amounts = pd.Series(cents(pd.to_numeric(rows["amount"]), rows["currency"], rates), rows.index)
    sums = amounts.groupby(rows["owner_id"]).sum(min_count=1).where(~amounts.isna().groupby(rows["owner_id"]).any())
    return sums[whole[whole].index].astype("float64")


def rolled_up(of_owner: pd.Series, owners: pd.DataFrame, above: Mapping[str, tuple[str, ...]]) -> pd.DataFrame:
    """Return the quotas of owners, teams, managers and the whole.

    Parameters
    ----------
    of_owner
        From ``owner_quotas``.
    owners
        ``owner`` and ``team`` of each owner that has deals or a quota, one row each.
    above
        The managers of each owner; see ``reports/managers.py``.

    Returns
    -------
    DataFrame, one row per group with some owner, indexed by level and id
        ``quota`` in cents, NaN where no owner has one; ``n_without_quota``, owners who have none: what they win
        counts, and the quota is only part of what is to be won.
    """
    quota = owners["owner"].map(of_owner).astype("float64")
    groups = [
        [("whole", ""), ("owner", owner), ("team", team), *(("manager", manager) for manager in above.get(owner, ()))]
        for owner, team in zip(owners["owner"], owners["team"], strict=True)
    ]
    place = np.repeat(np.arange(len(groups)), [len(own) for own in groups])
    rows = pd.DataFrame([group for own in groups for group in own], columns=["level", "id"])
    rows = rows.assign(quota=quota.to_numpy()[place], n_without_quota=quota.isna().to_numpy()[place].astype(int))
    by_group = rows.groupby(["level", "id"])
    return pd.DataFrame({
        "quota": by_group["quota"].sum(min_count=1),
        "n_without_quota": by_group["n_without_quota"].sum(),
    })  # fmt: skip
