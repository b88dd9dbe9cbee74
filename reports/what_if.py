"""What if this deal is lost, or won in this period? The forecast of those it counts for, before and after."""

from typing import Literal

import pandas as pd

from reports.forecast_basis import Basis
from reports.money_levels import money_if
from reports.ranges import QUANTILES, reach_probability, span

Outcome = Literal["won", "lost"]
FIGURES = ("expected", *QUANTILES, "reach_probability")


def what_if(basis: Basis, rows: pd.DataFrame, deal_id: str, outcome: Outcome, period: str) -> pd.DataFrame:
    """Return the forecast of a deal's owner, team, managers and of the whole, if the deal goes that way for certain.

    No other deal's chance changes: one deal's fate is not taken as a sign of how the others will go.

    Parameters
    ----------
    rows
        The forecast as it is, ``reports.forecast.forecast_rows(basis)``.
    deal_id
        An open deal with a rate.
    period
        Name of one of the basis's periods; "won" is within it.

    Returns
    -------
    DataFrame, one row per group
        ``level``, ``id``, ``name``, and each of ``FIGURES`` as it is and, with ``_if`` behind its name, as it would be.
    """
    k = next(n for n, one in enumerate(basis.periods) if one.name == period)
    place = int((basis.deals["deal_id"] == deal_id).to_numpy().nonzero()[0][0])
    deal = basis.deals.iloc[place]
    would_bring = deal["cents"] if outcome == "won" else 0.0
    more = would_bring - round(basis.chance[place, k] * deal["cents"])
    of_period = rows[rows["period"] == period].set_index(["level", "id"])
    managers = (("manager", name) for name in basis.above.get(deal["owner"], ()))
    found = []
    for level, name in (("owner", deal["owner"]), ("team", deal["team"]), *managers, ("whole", "")):
        now = of_period.loc[(level, name)]
        closed, quota = round(100 * now["closed"]), 100 * now["quota"]
        money = money_if(basis.money, (level, name), k, basis.shock, **{outcome: [deal_id]})
        factor = basis.width(level, k).factor
        then = [round(place) / 100 for place in span(money, closed, factor)]
        found.append({
            **{"level": level, "id": name, "name": now["name"], **now[list(FIGURES)].to_dict()},
            "expected_if": (round(100 * now["expected"]) + more) / 100,
            **dict(zip((f"{name}_if" for name in QUANTILES), then, strict=True)),
            "reach_probability_if": reach_probability(money, closed, quota, factor),
        })  # fmt: skip
    return pd.DataFrame(found)
