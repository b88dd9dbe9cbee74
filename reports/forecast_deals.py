"""What each deal brings to a forecast: when it may be won, and what it adds, in whole cents."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.fiscal import Period
from crm.money import Rate, cents, cents_when, reporting_currency_of
from reports.final_amounts import FinalAmounts

NO_OWNER, NO_TEAM, NO_REGION, NO_SEGMENT = "(no owner)", "(no team)", "(no region)", "(no segment)"
SINGLE_LEVELS = ("owner", "team", "pipeline", "region", "segment")
"""Levels at which a deal counts in one group."""
AS_THEY_ARE = FinalAmounts({}, {}, {}, (1.0, 0.0, 0.0))
"""Before anything is learned amounts are taken as they are."""
MONEY = ("closed", "open_expected", "open_stage_weighted", "open_closing")
MEASURES = (
    *MONEY,
    *("n_open", "n_imputed", "n_without_rate", "n_without_score", "n_without_stage_probability"),
    *("n_won", "n_won_without_amount"),
)
_BARE = str.maketrans("", "", "[]")
_WHO = ("deal_id", "owner_name", "chain", *SINGLE_LEVELS)


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
    texts = win_within.fillna("[]")
    n_knots = (texts.str.count(",").to_numpy(np.int64) + 1) // 2
    # Numbers in a row are read five times as fast as documents.
    numbers = ",".join(texts[n_knots > 0]).translate(_BARE)
    values = np.fromstring(numbers, np.float64, sep=",") if numbers else np.empty(0)
    if len(values) != 2 * n_knots.sum():
        raise ValueError(f"win_within must be [[days, probability], ...]; {len(values)} numbers were read of it.")
    ends, chances = 2 * np.cumsum(n_knots), np.zeros((len(texts), len(days)))
    for length in np.unique(n_knots[n_knots > 0]):
        deals = np.flatnonzero(n_knots == length)
        places = ends[deals, None] - 2 * length + np.arange(2 * length)
        chances[deals] = _interpolated(values[places].reshape(-1, length, 2), days)
    return chances


def _interpolated(knots: NDArray[np.float64], days: Sequence[float]) -> NDArray[np.float64]:
    """Read off lines through (0, 0) and each deal's knots, all deals of one number of knots at once."""
    knots = np.concatenate([np.zeros((len(knots), 1, 2)), knots], axis=1)
    place, height = knots[:, :, 0], knots[:, :, 1]
    deal, found = np.arange(len(knots)), np.empty((len(knots), len(days)))
    for n, day in enumerate(days):
        right = np.clip((place <= day).sum(axis=1), 1, place.shape[1] - 1)
        before, after = place[deal, right - 1], place[deal, right]
        part = np.clip((day - before) / np.maximum(after - before, 1e-12), 0, 1)
        low = height[deal, right - 1]
        found[:, n] = low + part * (height[deal, right] - low)
    return found


def chances_at_bounds(win_within: pd.Series, periods: Sequence[Period], as_of: datetime) -> NDArray[np.float64]:
    """Return each deal's P(won before the start) and P(won before the end) of each period, as seen at ``as_of``.

    The array has shape (n_deals, n_periods, 2); the difference is P(won in the part of the period still to come).
    """
    bounds = [day for period in periods for day in (period.start, period.end)]
    days = [max(0.0, (instant(day) - as_of) / pd.Timedelta(days=1)) for day in bounds]
    return chances_within(win_within, days).reshape(-1, len(periods), 2)


def chances_in(win_within: pd.Series, periods: Sequence[Period], as_of: datetime) -> NDArray[np.float64]:
    """Return each deal's P(won in the part of each period still to come), of shape (n_deals, n_periods)."""
    bounds = chances_at_bounds(win_within, periods, as_of)
    return np.clip(bounds[:, :, 1] - bounds[:, :, 0], 0, 1)


def open_deals(
    present: pd.DataFrame,
    scores: pd.DataFrame,
    stages: pd.DataFrame,
    rates: Mapping[str, Rate],
    final: FinalAmounts = AS_THEY_ARE,
) -> pd.DataFrame:
    """Return the open deals of ``present``, ordered by deal_id, with their groups, their money and ``win_within``.

    Returns
    -------
    DataFrame, one row per open deal
        A column for each of ``SINGLE_LEVELS``. In whole cents of the reporting currency: ``entered_cents``, the amount
        as it is now, and ``cents``, what it is expected to have become when the deal is won, with ``amount_spread``.
        Where there is no amount both are ``imputed``: the flag says so. Where there is no rate both are 0 and
        ``rated`` is False. ``win_within`` is missing for a deal that was not scored.
    """
    rows = grouped(present[present["stage_category"] == "open"])
    rows = rows.merge(scores[["deal_id", "win_within"]], on="deal_id", how="left")
    rows = rows.merge(stages[["pipeline_id", "stage", "default_probability"]], on=["pipeline_id", "stage"], how="left")
    rows = rows.sort_values("deal_id", ignore_index=True)
    entered = pd.Series(cents(rows["amount"], rows["currency"], rates))
    rows["rated"] = rows["currency"].isin(rates) | rows["amount"].isna()
    expected = final.expected(stage_key(rows), entered)
    if final.overall[2] == 0 and entered.notna().any():  # nothing was won yet, so what is open tells what is usual
        expected.loc[expected["imputed"], "cents"] = round(entered.mean())
    expected["imputed"] &= rows["rated"]
    expected.loc[~rows["rated"], "cents"] = 0.0
    return rows.assign(**expected, entered_cents=entered.fillna(expected["cents"]))


def won_deals(present: pd.DataFrame, rates: Mapping[str, Rate], fx_rates: pd.DataFrame) -> pd.DataFrame:
    """Return the won deals of ``present`` with their groups and ``cents``, NaN where there is no amount or no rate.

    Money won counts at the last rate that was known when it was won, as in the backtest: so it does not change any
    more. ``rates`` only say into which currency.
    """
    rows = grouped(present[present["stage_category"] == "won"])
    worth = cents_when(rows["amount"], rows["currency"], rows["closed_at"], fx_rates, reporting_currency_of(rates))
    return rows.assign(cents=worth)


def won_in(won: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Those of ``won`` that were won in the period."""
    return won[(won["closed_at"] >= instant(period.start)) & (won["closed_at"] < instant(period.end))]


def stage_key(rows: pd.DataFrame) -> pd.Series:
    """Name the stage with its pipeline, for two pipelines may call different stages the same."""
    return rows["pipeline_id"] + " / " + rows["stage"]


def grouped(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with an id at each of ``SINGLE_LEVELS``, none missing, and the owner's name."""
    return rows.assign(
        owner_name=rows["owner_name"].fillna(rows["owner_id"]).fillna(NO_OWNER),
        owner=rows["owner_id"].fillna(NO_OWNER),
        team=rows["team"].fillna(NO_TEAM),
        pipeline=rows["pipeline_id"],
        region=rows["region"].fillna(NO_REGION),
        segment=rows["segment"].fillna(NO_SEGMENT),
    )


def contributions(deals: pd.DataFrame, chances: NDArray, won: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Return what each open deal, and each deal won in the period so far, adds to the period's forecast.

    ``chances`` is, for each of ``deals``, P(won in the part of the period still to come); ``chain`` numbers who manages
    a deal's owner. Rounding happens here, deal by deal, and nowhere later: so sums agree to the cent however deals are
    grouped.

    Returns
    -------
    DataFrame, one row per deal, those of ``deals`` first
        ``deal_id``, ``owner_name``, ``chain``, ``SINGLE_LEVELS``, and ``MEASURES``: money in whole cents, counts of
        deals.
    """
    parts = [_open_part(deals, chances, period), _won_part(won, period)]
    return pd.concat(parts, ignore_index=True)


def _open_part(deals: pd.DataFrame, chances: NDArray, period: Period) -> pd.DataFrame:
    closes_in = deals["close_date"].between(str(period.start), str(period.end), inclusive="left")
    stage_probability = deals["default_probability"]
    return deals[[*_WHO]].assign(
        closed=0.0,
        open_expected=np.round(chances * deals["cents"]),
        open_stage_weighted=np.round(stage_probability.fillna(0.0) * deals["entered_cents"] * closes_in),
        open_closing=deals["entered_cents"] * closes_in,
        n_open=1,
        n_imputed=deals["imputed"].astype(int),
        n_without_rate=(~deals["rated"]).astype(int),
        n_without_score=deals["win_within"].isna().astype(int),
        n_without_stage_probability=(closes_in & stage_probability.isna()).astype(int),
        n_won=0,
        n_won_without_amount=0,
    )


def _won_part(won: pd.DataFrame, period: Period) -> pd.DataFrame:
    rows = won_in(won, period)
    nothing = dict.fromkeys(MEASURES, 0)
    return rows[[*_WHO]].assign(
        **nothing
        | {"closed": rows["cents"].fillna(0.0), "n_won": 1, "n_won_without_amount": rows["cents"].isna().astype(int)}
    )


def instant(day: date) -> pd.Timestamp:
    """The start of a day, UTC."""
    return pd.Timestamp(day, tz="UTC")
