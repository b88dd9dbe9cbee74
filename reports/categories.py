"""What the team itself says of a period's open deals: commit, best case, pipeline, omitted; and the model beside it.

*Separate*: each category alone. *Cumulative*: what is won, what is won or committed, and so on down to pipeline; what
is omitted, and what has no category, is in none of these sums.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from crm.forecast_categories import BEST_CASE, CATEGORIES, COMMIT, PIPELINE, categories_of, unknown_words
from reports.forecast_basis import Basis
from reports.forecast_deals import won_in
from reports.levels import PEOPLE, in_groups

CLOSED, NO_CATEGORY = "closed", "no category"
LINES = (CLOSED, *CATEGORIES, NO_CATEGORY)
ADDED_UP = (CLOSED, COMMIT, BEST_CASE, PIPELINE)
"""What the cumulative sums run over, in their order."""
_MEASURES = ["n_deals", "n_imputed", "amount", "expected"]


def categories(basis: Basis, forecast: pd.DataFrame) -> pd.DataFrame:
    """Sum the deals of each period by category, at every level of people.

    A deal counts in the period that holds its close date, a won one in that in which it was won.

    Parameters
    ----------
    basis, forecast
        What the forecast is made of, and its rows (``reports.forecast.forecast_rows``), which name the groups.

    Returns
    -------
    DataFrame, one row per period, group and one of ``LINES``, in their order
        ``n_deals``; ``amount`` in units of the reporting currency, where ``n_imputed`` deals have none and count with
        the usual one; ``expected``, what the model expects of these deals within the period; and ``cumulative``, the
        amounts of this line and those above it, NaN for what is omitted or has no category.
    """
    of_people = forecast[forecast["level"].isin(PEOPLE)]
    tables = []
    for k, period in enumerate(basis.periods):
        groups = of_people[of_people["period"] == period.name]
        tables.append(_with_all_lines(_deals(basis, k), basis.above, groups))
    return pd.concat(tables, ignore_index=True)


def unknown_categories(basis: Basis) -> dict[str, int]:
    """Return what open deals have for a category that is none, and how many each; they count as without."""
    return unknown_words(basis.deals["category"])


def _deals(basis: Basis, k: int) -> pd.DataFrame:
    """The open deals that are to close in the period, and those won in it: their line, and their money in cents."""
    period, deals = basis.periods[k], basis.deals
    still_open = pd.DataFrame({
        "owner": deals["owner"],
        "team": deals["team"],
        "line": categories_of(deals["category"]).fillna(NO_CATEGORY),
        "n_imputed": deals["imputed"].astype(int),
        "amount": deals["entered_cents"],
        "expected": np.round(basis.chance[:, k] * deals["cents"]),
    })[deals["close_date"].between(str(period.start), str(period.end), inclusive="left")]  # fmt: skip
    won = won_in(basis.won, period)
    brought = won["cents"].fillna(0.0)
    closed = won[["owner", "team"]].assign(line=CLOSED, n_imputed=0, amount=brought, expected=brought)
    return pd.concat([closed, still_open], ignore_index=True).assign(n_deals=1)


def _with_all_lines(deals: pd.DataFrame, above: Mapping[str, tuple[str, ...]], groups: pd.DataFrame) -> pd.DataFrame:
    """Sums by group and line, 0 where there is nothing, in the order of ``groups``."""
    sums = in_groups(deals, above).groupby(["level", "id", "line"])[_MEASURES].sum()
    rows = groups[["period", "level", "id", "name", "team"]].merge(pd.DataFrame({"line": LINES}), how="cross")
    rows = rows.merge(sums.reset_index(), on=["level", "id", "line"], how="left")
    rows = rows.fillna(dict.fromkeys(_MEASURES, 0)).astype({"n_deals": "int64", "n_imputed": "int64"})
    added = rows["line"].isin(ADDED_UP)
    running = rows["amount"].where(added, 0.0).groupby([rows["level"], rows["id"]]).cumsum()
    rows["cumulative"] = running.where(added)
    return rows.assign(**{name: rows[name] / 100 for name in ("amount", "expected", "cumulative")})
