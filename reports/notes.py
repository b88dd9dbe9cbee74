"""What is missing from a report or taken for granted in it, in sentences: a reader must not take it for zero."""

from collections.abc import Mapping
from datetime import date, datetime

import pandas as pd

from crm.money import Rate
from crm.user_history import NO_CHANGES
from reports.forecast_basis import Basis
from reports.missing_rates import missing_rates
from reports.owner_moves import owner_moves
from reports.planned_units import PlannedUnits
from reports.receipts import Receipts


def forecast_notes(rows: pd.DataFrame, reporting_currency: str) -> list[str]:
    """What is missing from the forecast, in sentences; a reader must not take it for zero."""
    whole = rows[rows["level"] == "whole"].iloc[0]
    period, some_quota = whole["period"], rows["quota"].notna().any()
    parts = [
        (
            whole["n_imputed"],
            f"{_deals(whole['n_imputed'])} without an amount: counted with what won deals of their stage brought on"
            " average.",
        ),
        (
            whole["n_without_score"],
            f"{_deals(whole['n_without_score'])} without a score: they are not in the forecast.",
        ),
        (
            whole["n_won_without_amount"],
            f"{whole['n_won_without_amount']} won deals of {period} have no amount in {reporting_currency}.",
        ),
        (
            whole["n_without_quota"] if some_quota else 0,
            f"Owners without a quota for {period}: {whole['n_without_quota']}. What they win counts, so sums of quotas"
            " are only part of what is to be won.",
        ),
        (
            whole["n_without_stage_probability"],
            "There is no stage-weighted figure where a stage has no default probability (table stages).",
        ),
    ]
    return [sentence for count, sentence in parts if count]


def risk_notes(still_open: pd.DataFrame) -> list[str]:
    """What is missing from the ranking by risk."""
    count = int(still_open["amount"].isna().sum())
    return [f"{_deals(count)} without an amount: they come last."] if count else []


def planning_notes(cash: Receipts, units: PlannedUnits) -> list[str]:
    """What planning figures leave out, or take for granted."""
    said = ", ".join(f"{text} ({n})" for text, n in list(cash.usual.not_understood.items())[:5])
    parts = [
        (
            cash.n_by_usual,
            f"{_deals(cash.n_by_usual)} paid by the usual terms, {cash.usual.text}, in whole or in part: their line"
            " items have no payment terms that are understood, or they have no line items.",
        ),
        (len(said), f"Payment terms that are not understood, and on how many line items: {said}."),
        (cash.n_imputed, f"{_deals(cash.n_imputed)} without an amount: counted with the usual one."),
        (cash.n_without_score, f"{_deals(cash.n_without_score)} without a score: nothing is expected from them here."),
        (cash.n_won_without_amount, f"Won deals without an amount or a rate: {cash.n_won_without_amount}."),
        (units.n_without_lines, f"{_deals(units.n_without_lines)} without line items: they are not among the units."),
        (units.n_won_without_lines, f"Deals won without line items: {units.n_won_without_lines}."),
    ]
    return [sentence for count, sentence in parts if count]


def moved_notes(basis: Basis, tables: Mapping[str, pd.DataFrame], as_of: datetime) -> list[str]:
    """Which owners changed team or manager since the first period began."""
    return [
        f"{move.name} moved on {move.on} from {move.what} {move.old or 'none'} to {move.new or 'none'}: what was won"
        " before counts there, all else here."
        for move in owner_moves(tables["users"], tables.get("user_changes", NO_CHANGES), basis.periods[0].start, as_of)
    ]


def old_rate_notes(basis: Basis, reporting_currency: str) -> list[str]:
    """Which currencies had no rate when deals were won in them."""
    return [
        f"Deals won in {one.currency}: {one.n_deals} add nothing, for no rate to {reporting_currency} is known on or"
        f" before {one.day}. Add rates to fx_rates."
        for one in missing_rates(basis.won, basis.periods)
    ]


def rate_notes(still_open: pd.DataFrame, rates: Mapping[str, Rate], reporting_currency: str, day: date) -> list[str]:
    """Which currencies have no rate, on which day."""
    rows = still_open[still_open["amount"].notna() & ~still_open["currency"].isin(rates)]
    if rows.empty:
        return []
    currencies = ", ".join(sorted(set(rows["currency"])))
    return [
        f"{_deals(len(rows))} in {currencies}, for which no rate to {reporting_currency} is known on or before {day}:"
        " nothing is expected from them here. Add rates to fx_rates."
    ]


def _deals(count: int) -> str:
    return "1 open deal is" if count == 1 else f"{count} open deals are"
