"""``/v1/forecast`` and ``/v1/reports/at-risk``: the manager's two questions, for programs."""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import quote

import pandas as pd
from fastapi import APIRouter, Query, Request

from crm.fiscal import Period as FiscalPeriod
from crm.fiscal import Unit
from crm.money import rates_day
from reports.at_risk import AT_RISK_FROM
from serving import answers
from serving.currency import AskedView
from serving.deals import Limit, OwnerFilter, PageCursor, TeamFilter
from serving.forecast_schemas import (
    ForecastAnswer,
    ForecastPeriod,
    ForecastRow,
    Level,
    MissingRate,
    MovedOwner,
    UsedRate,
)
from serving.pagination import next_address, start_of
from serving.report_schemas import AtRiskReport, DealAtRisk
from serving.schemas import Money
from serving.view import ScoredDeal, View

router = APIRouter(tags=["reports"])

RANGES_COVER = (
    "the luck of single deals, good and bad quarters, amounts that change, and the number and size of deals not"
    " created yet"
)

MOST_PERIODS = 13

Period = Literal["this", "next", "both"]
PeriodAsked = Annotated[Period, Query(description="Which of the two periods from now on.")]
UnitAsked = Annotated[Unit, Query(description="Which periods of the fiscal calendar.")]
NumberAsked = Annotated[
    int | None,
    Query(ge=1, le=MOST_PERIODS, description="How many periods, this one first; then `period` does not matter."),
]
Threshold = Annotated[float, Query(ge=0, le=1, description="The least chance of being lost or stalled to report.")]
_MONEY = ("closed", "open_expected", "new_expected", "expected", "p10", "p50", "p90")
_MAYBE_MONEY = ("stage_weighted", "quota")
_MAYBE = ("range_coverage", "reach_probability", "attainment", "coverage")
_COUNTS = ("n_open", "n_won", "n_imputed", "n_without_rate", "n_without_score", "n_without_quota", "n_range_forecasts")
_PLAIN = ("level", "id", "name", *_COUNTS)


@router.get("/v1/forecast", summary="What will be won this and next quarter, or in other periods")
def forecast(
    view: AskedView,
    period: PeriodAsked = "both",
    level: Annotated[Level, Query(description="For the whole, or per group of this kind.")] = "whole",
    unit: UnitAsked = "quarter",
    periods: NumberAsked = None,
) -> ForecastAnswer:
    """Return what is won so far, what open deals and deals to come will bring, with its range, beside the quotas.

    Weeks, months, quarters and years are those of the fiscal calendar. What is won counts at the rate of when it was
    won, and for the team and the managers that its owner had then; all else at the scores' rates, and for those of now.
    """
    return forecast_answer(view, period, level, unit, periods)


@router.get("/v1/reports/at-risk", summary="Open deals that are likely to stall or to be lost")
def at_risk_report(
    request: Request,
    view: AskedView,
    owner: OwnerFilter = None,
    team: TeamFilter = None,
    threshold: Threshold = AT_RISK_FROM,
    limit: Limit = 50,
    cursor: PageCursor = None,
) -> AtRiskReport:
    """Return the open deals whose chance of being lost or stalled is at least the threshold, most money at risk first.

    `total` and the sum `money_at_risk` are over all pages.
    """
    deals = deals_at_risk(view, owner, team, threshold)
    start = start_of(cursor, view)
    filters = {"owner": owner, "team": team, "threshold": str(threshold)}
    filters |= {"currency": request.query_params.get("currency")}
    following = next_address(request.url.path, filters, deals, start, limit, view)
    return at_risk_answer(view, deals, threshold, start, limit, following)


def forecast_answer(
    view: View, period: Period, level: Level, unit: Unit = "quarter", n: int | None = None
) -> ForecastAnswer:
    """Write the forecast of a view."""
    made = view.forecast_of(unit, n or 2)
    wanted = {"this": slice(0, 1), "next": slice(1, 2), "both": slice(None)}["both" if n else period]
    rows = made.rows[made.rows["level"] == level]
    return ForecastAnswer(
        as_of=view.as_of,
        model_version=view.model_version,
        reporting_currency=view.currency,
        rates=used_rates(view),
        missing_rates=[*missing_open_rates(view), *(MissingRate(**vars(one)) for one in made.missing_rates)],
        ranges_cover=RANGES_COVER,
        ranges_measured=ranges_measured(view),
        moved_owners=[MovedOwner(**vars(move)) for move in made.owner_moves],
        periods=[_period(view, one, rows) for one in made.basis.periods[wanted]],
    )


def used_rates(view: View) -> list[UsedRate]:
    """Name the exchange rates that open money was converted with."""
    return [
        UsedRate(currency=rate.currency, rate=rate.rate, day=rate.day)
        for rate in view.rates.values()
        if rate.currency != view.currency
    ]


def missing_open_rates(view: View) -> list[MissingRate]:
    """Name the currencies of deals and quotas that have no rate, with the number of the open deals."""
    still_open = view.present.loc[view.present["stage_category"] == "open", "currency"].value_counts()
    day = rates_day(view.as_of)
    return [MissingRate(currency=name, day=day, n_deals=int(still_open.get(name, 0))) for name in view.without_rate]


def ranges_measured(view: View) -> str | None:
    """What the ranges were measured on, in sentences; None before a backtest."""
    widths = view.learned.widths
    return widths.says(view.as_of) if widths else None


def deals_at_risk(view: View, owner: str | None, team: str | None, threshold: float) -> list[ScoredDeal]:
    """Return the open deals of an owner and a team that are at risk by at least ``threshold``, ranked."""
    risks = ((deal, answers.at_risk(deal.stall_risk, deal.lost_in_patience)) for deal in view.matching(owner, team))
    return [deal for deal, risk in risks if risk is not None and risk >= threshold]


def at_risk_answer(
    view: View, deals: Sequence[ScoredDeal], threshold: float, start: int, limit: int, following: str | None
) -> AtRiskReport:
    """Write the page of the report on ``deals`` that begins at ``start``; the sums are over all of them."""
    # Whole cents, so that the sum is exact.
    cents = sum(round(100 * deal.money_at_risk) for deal in deals if deal.money_at_risk is not None)
    return AtRiskReport(
        as_of=view.as_of,
        model_version=view.model_version,
        reporting_currency=view.currency,
        threshold=threshold,
        total=len(deals),
        money_at_risk=Money(amount=f"{Decimal(cents) / 100:.2f}", currency=view.currency),
        n_without_amount=sum(deal.money_at_risk is None for deal in deals),
        limit=limit,
        next=following,
        deals=[_deal_at_risk(deal, view) for deal in deals[start : start + limit]],
    )


def _deal_at_risk(deal: ScoredDeal, view: View) -> DealAtRisk:
    return DealAtRisk(
        **dict(answers.facts(deal, view.as_of.date())),
        win_probability=deal.win_probability,
        win_low=deal.win_low,
        win_high=deal.win_high,
        stall_risk=deal.stall_risk,
        lost_in_patience=deal.lost_in_patience,
        at_risk=answers.at_risk(deal.stall_risk, deal.lost_in_patience),
        expected_close_date=deal.expected_close_date,
        money_at_risk=answers.money(deal.money_at_risk, view.currency),
        patience_days=deal.patience_days,
        days_in_stage=None if deal.stage_since is None else (view.as_of - deal.stage_since).days,
        why=answers.why(deal),
        note=deal.note,
        href=f"/v1/deals/{quote(deal.deal_id, safe='')}",
    )


def _period(view: View, period: FiscalPeriod, rows: pd.DataFrame) -> ForecastPeriod:
    return ForecastPeriod(
        name=period.name,
        start=period.start,
        end=period.end,
        rows=[_row(row, view.currency) for row in rows[rows["period"] == period.name].to_dict("records")],
    )


def _row(row: dict[Any, Any], currency: str) -> ForecastRow:
    known = {name: None if math.isnan(row[name]) else row[name] for name in (*_MAYBE_MONEY, *_MAYBE)}
    return ForecastRow(
        **{name: row[name] for name in _PLAIN},
        **{name: answers.money(row[name], currency) for name in _MONEY},
        **{name: answers.money(known[name], currency) for name in _MAYBE_MONEY},
        **{name: known[name] for name in _MAYBE},
        team=None if pd.isna(row["team"]) else row["team"],
        range_like=row["range_like"] or None,
    )
