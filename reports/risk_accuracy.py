"""What became of deals that were said to be at risk: how many stalled, and how many were lost, by tenths of the risk.

A risk is about a stretch of days, the patience of the deal's stage. Judged is every score whose patience has passed:
what came of its deal is known then, so no deal is censored. Stalled means what the model learned it to mean
(``features/labels.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from crm.tables import STAGE
from features.histories import Histories, instant
from features.labels import labels
from features.norms import norms_of
from features.snapshots import Snapshots
from reports.rates import as_many_alike, rate_bounds
from reports.score_accuracy import N_BINS

TABLES = ("deals", "deal_changes", "stages", "fx_rates")
"""Tables that are read."""
COLUMNS = (
    *("from", "to", "said", "came", "came_low", "came_high"),
    *("stall_said", "stall_came", "lost_said", "lost_came", "n_scores", "n_deals"),
)
_UNREAD = ("accounts", "contacts", "users", "interactions", "calendar", "fx_rates")


@dataclass(frozen=True)
class RiskAccuracy:
    """What became of the scores that told a risk.

    Attributes
    ----------
    n_scores, n_judged : in the ledger, and how many of them had their patience pass
    bins : all that are judged, from 0 to 1, then one row per tenth of risk that holds some; see ``COLUMNS``
    """

    n_scores: int
    n_judged: int
    bins: pd.DataFrame


def risk_accuracy(scores: pd.DataFrame, tables: Mapping[str, pd.DataFrame], as_of: datetime) -> RiskAccuracy:
    """Hold what scores said of stalling and losing against what came, as known before ``as_of``.

    Parameters
    ----------
    scores
        Of table ``scores``: ``deal_id``, ``as_of``, ``stall_risk``, ``lost_in_patience`` and ``patience_days``. Those
        that tell no risk are left out.
    tables
        Those of ``TABLES``.

    Returns
    -------
    RiskAccuracy
        Of its bins ``said`` is the mean risk, ``came`` the share of scores whose deal stalled or was lost within the
        patience, with 95 % bounds, in which a deal counts once however often it was scored; the other shares are of
        the two apart.
    """
    told = scores[scores["as_of"] <= as_of].dropna(subset=["stall_risk", "lost_in_patience", "patience_days"])
    judged = _what_came(told, tables, as_of)
    tenth = np.minimum((judged["risk"] * N_BINS).astype(int), N_BINS - 1)
    bins = [_bin(place / N_BINS, (place + 1) / N_BINS, own) for place, own in judged.groupby(tenth)]
    whole = [_bin(0.0, 1.0, judged)] if len(judged) else []
    return RiskAccuracy(len(told), len(judged), pd.DataFrame([*whole, *bins], columns=list(COLUMNS)))


def _what_came(told: pd.DataFrame, tables: Mapping[str, pd.DataFrame], as_of: datetime) -> pd.DataFrame:
    """The scores whose patience has passed, with ``risk``, and ``stalled`` and ``lost`` as 0 or 1."""
    deals, changes = tables["deals"], tables["deal_changes"]
    histories = Histories.from_tables({
        **{name: pd.DataFrame() for name in _UNREAD},
        "deals": deals[deals["deal_id"].isin(told["deal_id"])],
        "deal_changes": changes[(changes["field"] == STAGE) & changes["deal_id"].isin(told["deal_id"])],
        "stages": tables["stages"],
    })  # fmt: skip
    deal = pd.Index(histories.deal_ids).get_indexer(told["deal_id"]).astype(np.int64)
    told = told[deal >= 0]  # what is no longer there can have had no end
    at = told["as_of"].dt.tz_convert(None).to_numpy("datetime64[us]").astype(np.int64)
    norms = norms_of(histories, tables["fx_rates"].head(0), "")  # which labels do not ask for amounts
    snapshots = Snapshots(histories, norms, deal[deal >= 0], at)
    patience = told["patience_days"].to_numpy(np.float64)
    seen = labels(snapshots, patience, instant(as_of))
    lost = (seen.stalled == 0) & (seen.won == 0) & (seen.days_to_close <= patience)
    risk = told["stall_risk"] + told["lost_in_patience"]
    rows = told.assign(risk=risk, stalled=seen.stalled, lost=lost.astype(np.float64))
    # Of a deal whose history was written anew since, and was not open then, nothing can be told.
    return rows[~np.isnan(seen.stalled) & snapshots.is_open]


def _bin(low: float, high: float, own: pd.DataFrame) -> dict[str, float]:
    came = float((own["stalled"] + own["lost"]).mean())
    of_deal = own.groupby("deal_id").size()
    n = as_many_alike(of_deal.to_numpy())
    low_came, high_came = rate_bounds(np.array([came * n]), np.array([n]))
    return {
        **{"from": low, "to": high, "said": float(own["risk"].mean()), "came": came},
        **{"came_low": low_came[0], "came_high": high_came[0]},
        **{"stall_said": float(own["stall_risk"].mean()), "stall_came": float(own["stalled"].mean())},
        **{"lost_said": float(own["lost_in_patience"].mean()), "lost_came": float(own["lost"].mean())},
        **{"n_scores": len(own), "n_deals": len(of_deal)},
    }
