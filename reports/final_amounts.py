"""What a deal will have been worth when it is won: amounts change on the way, and by how much history knows.

Learned per stage from deals won before ``as_of``: the won amount over the amount at each earlier week. Stages that few
won deals have passed are drawn to all stages. A deal without an amount gets what won deals of its stage brought, and a
mark.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

PRIOR_DEALS = 20
"""How many won deals' worth of all stages each stage's figures are mixed with."""


@dataclass(frozen=True)
class FinalAmounts:
    """Figures by stage, and for all others.

    Attributes
    ----------
    factor : won amount over the amount now: sums over sums, so that large deals count by their money
    spread : standard deviation of a deal's own factor around it, relative to it
    typical_cents : mean amount of the deals won from there, for deals without one
    """

    factor: dict[str, float]
    spread: dict[str, float]
    typical_cents: dict[str, float]
    overall: tuple[float, float, float]

    def expected(self, stage: pd.Series, cents: pd.Series) -> pd.DataFrame:
        """Expected final amount of each deal.

        Returns
        -------
        DataFrame, aligned with ``stage``
            ``cents`` (whole, never missing), ``amount_spread`` (relative) and ``imputed``, a flag.
        """
        factor, spread, typical = (
            stage.map(by_stage).fillna(rest).to_numpy(np.float64)
            for by_stage, rest in zip((self.factor, self.spread, self.typical_cents), self.overall, strict=True)
        )
        imputed = cents.isna().to_numpy()
        expected = np.where(imputed, typical, cents.to_numpy(np.float64) * factor)
        return pd.DataFrame(
            {"cents": np.round(expected), "amount_spread": spread, "imputed": imputed}, index=stage.index
        )


def learn_final_amounts(past: pd.DataFrame) -> FinalAmounts:
    """Learn from snapshots of deals that were won.

    Parameters
    ----------
    past
        One row per snapshot: ``deal_id``, ``stage``, ``cents`` then (NaN where none) and ``final_cents``. Rows without
        a positive final amount tell nothing.
    """
    rows = past[past["final_cents"] > 0]
    # A deal's many weeks in one stage are one piece of evidence.
    first = rows.groupby(["deal_id", "stage"], sort=True).first().reset_index()
    known = first[first["cents"] > 0].copy()
    known["ratio"] = known["final_cents"] / known["cents"]
    overall = (_factor(known, 1.0), _spread(known, 0.0), float(first["final_cents"].mean()) if len(first) else 0.0)
    by_stage = known.groupby("stage")
    factor = {str(stage): _mixed(_factor(own, overall[0]), overall[0], len(own)) for stage, own in by_stage}
    spread = {str(stage): _mixed(_spread(own, overall[1]), overall[1], len(own)) for stage, own in by_stage}
    typical = {
        str(stage): _mixed(float(own["final_cents"].mean()), overall[2], len(own))
        for stage, own in first.groupby("stage")
    }
    return FinalAmounts(factor, spread, typical, overall)


def _factor(known: pd.DataFrame, nothing: float) -> float:
    now = known["cents"].sum()
    return float(known["final_cents"].sum() / now) if now > 0 else nothing


def _spread(known: pd.DataFrame, nothing: float) -> float:
    mean = known["ratio"].mean()
    return float(known["ratio"].std(ddof=0) / mean) if len(known) > 1 and mean > 0 else nothing


def _mixed(own: float, rest: float, n: int) -> float:
    return (own * n + rest * PRIOR_DEALS) / (n + PRIOR_DEALS)
