"""What changed in the forecast between two instants, from what was known and scored at each.

Both forecasts are made anew from the history, each from what was known then, by the code that makes every forecast;
so ``before`` and ``after`` are its figures, to the cent, at every level but product.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from crm.fiscal import Period
from crm.money import Rate, known_rates, rates_day
from crm.present import present
from features.declared import NOTHING
from features.signals.declaration import Said
from models.course import sayings
from models.moved import Issued, moved
from reports.change_signals import OTHER, Points
from reports.final_amounts import FinalAmounts
from reports.forecast_basis import Basis, basis_of
from reports.forecast_deals import SINGLE_LEVELS, chances_in, grouped, open_deals, won_deals, won_in
from reports.forecast_learned import learn
from reports.what_changed import WhatChanged, what_changed

SAYINGS = sayings(NOTHING)
SHOWN = ("name", "owner_name", "stage", "amount", "currency", "closed_at")
"""Columns that say what a deal is, besides those that its part is made of."""

Ask = Callable[[datetime, Sequence[str], str], pd.DataFrame | None]
"""What a model, by its version, says of these deals as they were known at an instant; None where it is not at hand."""


@dataclass(frozen=True)
class ForecastAt:
    """What the forecast of some periods was made of at one instant, and the scores with their reasons."""

    as_of: datetime
    model_version: str
    scores: pd.DataFrame
    known: pd.DataFrame
    rates: Mapping[str, Rate]
    fx_rates: pd.DataFrame
    final: FinalAmounts
    basis: Basis


def forecast_at(
    tables: Mapping[str, pd.DataFrame], scores: pd.DataFrame, reporting_currency: str, periods: Sequence[Period]
) -> ForecastAt:
    """Return what the forecast was made of when these scores were issued; all are of one ``as_of`` and model."""
    as_of = scores["as_of"].iloc[0].to_pydatetime().astimezone(UTC)
    known = present(tables, as_of)
    rates = known_rates(tables["fx_rates"], reporting_currency, rates_day(as_of))
    learned = learn(tables, as_of, rates, known=known)
    basis = basis_of(known, scores, tables, rates, periods, learned)
    return ForecastAt(
        as_of, str(scores["model_version"].iloc[0]), scores, known, rates, tables["fx_rates"], learned.final, basis
    )


def changed_forecast(
    before: ForecastAt,
    after: ForecastAt,
    stages: pd.DataFrame,
    ask: Ask | None = None,
    signals: Mapping[str, Said] = SAYINGS,
) -> list[WhatChanged]:
    """Return what changed between two instants in the forecast of each of their periods.

    Parameters
    ----------
    before, after
        Of the same periods.
    ask
        Asked only where the models differ. Without an answer, what a new model changed is not told apart from
        what else changed a deal's chance.
    signals
        Every signal by name, to know which of them share a topic.
    """
    told_again = None
    if ask is not None and before.model_version != after.model_version:
        told_again = ask(before.as_of, before.basis.deals["deal_id"].tolist(), after.model_version)
    now = before.scores if told_again is None else told_again
    points = _points(now, after, signals) if now["model_version"].eq(after.model_version).all() else {}
    amounts = _amounts_again(before, after, stages)
    return [
        what_changed(
            _with(_states(before, k), amounts, _told(before, told_again, k)),
            _with(_states(after, k), after.scores[["deal_id", "win_probability"]]),
            period,
            points=points,
            above=(before.basis.above, after.basis.above),
            new=(before.basis.new_cents[k], after.basis.new_cents[k]),
        )
        for k, period in enumerate(after.basis.periods)
    ]


def _states(at: ForecastAt, k: int) -> pd.DataFrame:
    """Every deal in a stage that is known, with what its part in period ``k`` is made of.

    What the forecast counts as nothing is nothing here too: no score, no rate, a won deal without an amount.
    """
    basis = at.basis
    won = basis.won.assign(
        amount_cents=basis.won["cents"].fillna(0.0),
        chance=basis.won.index.isin(won_in(basis.won, basis.periods[k]).index).astype(float),
    )
    lost = grouped(at.known[at.known["stage_category"] == "lost"]).assign(amount_cents=0.0, chance=0.0)
    still_open = basis.deals.assign(amount_cents=basis.deals["cents"], chance=basis.chance[:, k])
    names = ["deal_id", *SINGLE_LEVELS, "stage_category", "close_date", *SHOWN, "amount_cents", "chance"]
    rows = pd.concat([part[names] for part in (still_open, won, lost)], ignore_index=True)
    return rows.assign(model_version=at.model_version)


def _with(rows: pd.DataFrame, *more: pd.DataFrame) -> pd.DataFrame:
    for one in more:
        rows = rows.merge(one, on="deal_id", how="left")
    return rows


def _amounts_again(before: ForecastAt, after: ForecastAt, stages: pd.DataFrame) -> pd.DataFrame:
    """What the deals of before would bring at the rates of after, and then with what was learned by then."""
    at_rates, learned = (
        open_deals(before.known, before.scores, stages, after.rates, final)[["deal_id", "cents"]]
        for final in (before.final, after.final)
    )
    won = won_deals(before.known, after.rates, after.fx_rates)[["deal_id", "cents"]].fillna({"cents": 0.0})
    again = at_rates.rename(columns={"cents": "amount_at_rates"}).assign(amount_learned=learned["cents"])
    won = won.rename(columns={"cents": "amount_at_rates"}).assign(amount_learned=won["cents"])
    return pd.concat([again, won], ignore_index=True)


def _told(before: ForecastAt, told_again: pd.DataFrame | None, k: int) -> pd.DataFrame:
    """The win probability of before, and the chance in period ``k``: by the model of after, if it was asked."""
    names = ["deal_id", "win_probability"]
    if told_again is None:
        return before.scores[names].assign(chance_told=np.nan)
    chance = chances_in(told_again["win_within"], before.basis.periods, before.as_of)[:, k]
    return told_again[names].assign(chance_told=chance)


def _points(before: pd.DataFrame, after: ForecastAt, signals: Mapping[str, Said]) -> Points:
    """Why the win probability of each deal scored at both instants by one model moved, by group of signals."""
    names = ["deal_id", "as_of", "model_version", "win_probability", "win_base", "win_reasons"]
    pairs = before[names].merge(after.scores[names], on="deal_id", suffixes=("_from", "_to"))
    return {
        row["deal_id"]: _by_group(_issued(row, "_from"), _issued(row, "_to"), signals)
        for row in pairs.to_dict("records")
    }


def _issued(row: dict, end: str) -> Issued:
    reasons = json.loads(row[f"win_reasons{end}"])
    figures = row[f"win_probability{end}"], row[f"win_base{end}"]
    return Issued(row[f"as_of{end}"].to_pydatetime(), row[f"model_version{end}"], *figures, reasons)


def _by_group(before: Issued, after: Issued, signals: Mapping[str, Said]) -> dict[str, float]:
    group_of = {reason["signal"]: reason["group"] for reason in (*before.reasons, *after.reasons)}
    points: dict[str, float] = {}
    for cause in moved(before, after, signals):
        group = group_of.get(cause.signal, OTHER)
        points[group] = points.get(group, 0.0) + cause.points
    return points
