"""What each deal brings to a forecast: when it may be won, and what it adds, in whole cents."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.fiscal import Period
from crm.money import Rate, cents

NO_OWNER, NO_TEAM = "(no owner)", "(no team)"
OWNER = ["team", "owner_id", "owner_name"]
MEASURES = [
    "closed",
    "open_expected",
    "open_stage_weighted",
    "n_open",
    "n_without_amount",
    "n_without_score",
    "n_without_stage_probability",
    "n_won",
    "n_won_without_amount",
]


def chances_within(win_within: pd.Series, days: Sequence[float]) -> NDArray[np.float64]:
    """Return each deal's P(won within so many days of its score), straight lines between the knots of ``win_within``.

    The chance is 0 at 0 days, does not grow beyond the last knot, and is 0 for a deal without a score.

    Returns
    -------
    array of shape (n_deals, n_days)

    Examples
    --------
    >>> chances_within(pd.Series(["[[7, 0.1], [14, 0.3]]", None]), [10.5, 365]).tolist()
    [[0.2, 0.3], [0.0, 0.0]]
    """
    knots = (np.array([[0, 0], *json.loads(text)], dtype=np.float64) for text in win_within.fillna("[]"))
    chances = [np.interp(days, knot[:, 0], knot[:, 1]) for knot in knots]
    return np.array(chances, dtype=np.float64).reshape(-1, len(days))


def chances_at_bounds(win_within: pd.Series, periods: Sequence[Period], as_of: datetime) -> NDArray[np.float64]:
    """Return each deal's P(won before the start) and P(won before the end) of each period, as seen at ``as_of``.

    The array has shape (n_deals, n_periods, 2); the difference is P(won in the part of the period still to come).
    """
    bounds = [day for period in periods for day in (period.start, period.end)]
    days = [max(0.0, (_instant(day) - as_of) / pd.Timedelta(days=1)) for day in bounds]
    return chances_within(win_within, days).reshape(-1, len(periods), 2)


def open_deals(
    present: pd.DataFrame, scores: pd.DataFrame, stages: pd.DataFrame, rates: Mapping[str, Rate]
) -> pd.DataFrame:
    """Return the open deals of ``present``, ordered by deal_id, with ``cents``, ``win_within`` and stage probability.

    ``cents`` is the amount in whole cents of the reporting currency, NaN where there is no amount or
    no rate; ``win_within`` is missing for a deal that was not scored.
    """
    rows = _with_cents(present[present["stage_category"] == "open"], rates)
    rows = rows.merge(scores[["deal_id", "win_within"]], on="deal_id", how="left")
    rows = rows.merge(stages[["pipeline_id", "stage", "default_probability"]], on=["pipeline_id", "stage"], how="left")
    return rows.sort_values("deal_id", ignore_index=True)


def won_deals(present: pd.DataFrame, rates: Mapping[str, Rate]) -> pd.DataFrame:
    """Return the won deals of ``present`` with ``cents``."""
    return _with_cents(present[present["stage_category"] == "won"], rates)


def contributions(deals: pd.DataFrame, chances: NDArray, won: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Return what each open deal, and each deal won in the period so far, adds to the period's forecast.

    ``chances`` is, for each of ``deals``, P(won in the part of the period still to come). Rounding happens
    here, deal by deal, and nowhere later: so sums agree to the cent however deals are grouped.

    Returns
    -------
    DataFrame, one row per deal
        ``team``, ``owner_id``, ``owner_name``, and ``MEASURES``: money in whole cents, counts in deals.
    """
    return pd.concat([_open_part(deals, chances, period), _won_part(won, period)], ignore_index=True)


def _open_part(deals: pd.DataFrame, chances: NDArray, period: Period) -> pd.DataFrame:
    amount = deals["cents"].fillna(0.0)
    closes_in = deals["close_date"].between(str(period.start), str(period.end), inclusive="left")
    stage_probability = deals["default_probability"]
    return deals[OWNER].assign(
        closed=0.0,
        open_expected=np.round(chances * amount),
        open_stage_weighted=np.round(stage_probability.fillna(0.0) * amount * closes_in),
        n_open=1,
        n_without_amount=deals["cents"].isna().astype(int),
        n_without_score=deals["win_within"].isna().astype(int),
        n_without_stage_probability=(closes_in & stage_probability.isna()).astype(int),
        n_won=0,
        n_won_without_amount=0,
    )


def _won_part(won: pd.DataFrame, period: Period) -> pd.DataFrame:
    rows = won[(won["closed_at"] >= _instant(period.start)) & (won["closed_at"] < _instant(period.end))]
    nothing = dict.fromkeys(MEASURES, 0)
    return rows[OWNER].assign(
        **nothing
        | {"closed": rows["cents"].fillna(0.0), "n_won": 1, "n_won_without_amount": rows["cents"].isna().astype(int)}
    )


def _with_cents(rows: pd.DataFrame, rates: Mapping[str, Rate]) -> pd.DataFrame:
    who = {
        "owner_name": rows["owner_name"].fillna(rows["owner_id"]).fillna(NO_OWNER),
        "owner_id": rows["owner_id"].fillna(NO_OWNER),
        "team": rows["team"].fillna(NO_TEAM),
    }
    return rows.assign(**who, cents=cents(rows["amount"], rows["currency"], rates))


def _instant(day: date) -> pd.Timestamp:
    return pd.Timestamp(day, tz="UTC")
