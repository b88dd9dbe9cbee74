"""What stage deals were in, at which amount, at instants of the past: from changes, as they were known then."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from crm.tables import AMOUNT, STAGE


def in_effect(changes: pd.DataFrame, field: str, as_of: datetime) -> pd.DataFrame:
    """Return each value of one field with the span in which it was the last one known.

    A change entered late that was overtaken before it became known never was in effect.

    Returns
    -------
    DataFrame, one row per value in effect, ordered by ``from_at``
        ``deal_id``, ``value``, ``from_at`` (included) and ``until_at`` (excluded, NaT for the last before ``as_of``):
        as of an instant the value holds whose ``from_at`` is before it and whose ``until_at`` is not.
    """
    known = changes.loc[
        (changes["field"] == field) & (changes["known_at"] < as_of),
        ["deal_id", "new_value", "changed_at", "seq", "known_at"],
    ].sort_values(["deal_id", "known_at", "changed_at", "seq"], kind="stable")
    known = known[known["changed_at"] == known.groupby("deal_id", sort=False)["changed_at"].cummax()]
    spans = pd.DataFrame({
        "deal_id": known["deal_id"],
        "value": known["new_value"],
        "from_at": known["known_at"],
        "until_at": known.groupby("deal_id", sort=False)["known_at"].shift(-1),
    })  # fmt: skip
    spans = spans[~(spans["until_at"] == spans["from_at"])]
    return spans.sort_values("from_at", kind="stable", ignore_index=True)


def stage_entries(changes: pd.DataFrame, deal_ids: pd.Series, as_of: datetime) -> pd.DataFrame:
    """Return each stage these deals were in with the amount in effect when it was entered.

    Returns
    -------
    DataFrame, one row per deal and stage in effect
        ``deal_id``, ``stage``, ``from_at`` and ``amount``, a number in the deal's currency, NaN where there was none.
    """
    own = changes[changes["deal_id"].isin(deal_ids)]
    stages = in_effect(own, STAGE, as_of).rename(columns={"value": "stage"})
    return _with_amount(stages[["deal_id", "stage", "from_at"]], in_effect(own, AMOUNT, as_of), exact=True)


def stages_at(changes: pd.DataFrame, instants: Sequence[datetime], as_of: datetime) -> pd.DataFrame:
    """Return what stage each deal was in as of each of ``instants``, and its amount then.

    Returns
    -------
    DataFrame, one row per instant and deal that had a stage by then
        ``from_at`` (the instant), ``deal_id``, ``stage`` and ``amount``.
    """
    spans = in_effect(changes, STAGE, as_of)
    rows = [
        spans[(spans["from_at"] < at) & ~(spans["until_at"] < at)][["deal_id", "value"]].assign(from_at=at)
        for at in sorted(instants)
    ]
    stages = pd.concat(rows, ignore_index=True).rename(columns={"value": "stage"})
    stages["from_at"] = stages["from_at"].astype(spans["from_at"].dtype)
    return _with_amount(stages, in_effect(changes, AMOUNT, as_of), exact=False)


def _with_amount(stages: pd.DataFrame, amounts: pd.DataFrame, *, exact: bool) -> pd.DataFrame:
    """The rows with the amount known at (``exact``) or before each ``from_at``."""
    if stages.empty or amounts.empty:
        return stages.assign(amount=np.nan)
    amount = amounts[["deal_id", "from_at"]].assign(amount=pd.to_numeric(amounts["value"]).astype("float64"))
    return pd.merge_asof(stages, amount, on="from_at", by="deal_id", allow_exact_matches=exact)
