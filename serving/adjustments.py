"""``/v1/forecast/adjustments``: the numbers that people call, kept in a ledger and rolled up beside the model's."""

from collections.abc import Sequence
from datetime import timedelta

import pandas as pd
from fastapi import APIRouter

from crm.fiscal import Period
from crm.rejects import did_you_mean
from crm.store_rows import frame_of
from crm.tables import TABLES
from reports.adjustments import Call, adjusted, calls_in_force
from serving import answers
from serving.call_schemas import (
    AdjustedPeriod,
    AdjustedRow,
    AdjustmentRequest,
    AdjustmentsAnswer,
    CallMade,
    PeopleLevel,
)
from serving.categories import PeopleLevelAsked, PeriodAsked
from serving.currency import AskedView
from serving.problems import Problem
from serving.schemas import Money
from serving.services import Needs, Services
from serving.view import View

router = APIRouter(tags=["reports"])

_TABLE = "adjustments"


@router.get("/v1/forecast/adjustments", summary="What people call, beside the model's number")
def adjustments_report(
    services: Needs, view: AskedView, period: PeriodAsked = "both", level: PeopleLevelAsked = "whole"
) -> AdjustmentsAnswer:
    """Return the adjusted number of each group beside the model's, and every call for the quarter with who and why.

    A group's adjusted number is its own call, or else the sum of the calls within it and of what the model expects of
    everybody else. Of calls that share people that for more of them counts, of several for one group the latest.
    """
    return adjustments_answer(services, view, period, level)


@router.post("/v1/forecast/adjustments", summary="Call a number for a quarter, or take a call back")
def adjust(services: Needs, view: AskedView, request: AdjustmentRequest) -> AdjustmentsAnswer:
    """Write a call into the ledger, and return what it makes of the quarter's numbers, at the level of its group.

    The amount is what the group will bring in the whole quarter, what is won already included. It supersedes what the
    same author called for the same group before; without an amount that is taken back. Nothing is ever deleted.
    """
    period = record(services, view, request)
    which = "this" if period == view.basis.periods[0] else "next"
    return adjustments_answer(services, view, which, request.level)


def record(services: Services, view: View, request: AdjustmentRequest) -> Period:
    """Append a call to the ledger and return its quarter; answers 422 where there is no such quarter or group."""
    period = _period(view, request.period)
    _check_group(view, period, request)
    with services.store.transaction():
        ledger = services.store.read(_TABLE)
        if request.amount is None:
            _check_withdrawal(services, view, period, ledger, request)
        row = request.model_dump(include={"author", "level", "note"}) | {
            "number": len(ledger) + 1,
            "made_at": services.clock(),
            "group_id": request.id or None,
            "period_start": str(period.start),
            "period_end": str(period.end),
            "amount": None if request.amount is None else f"{request.amount:.2f}",
            "currency": view.currency,
        }
        services.store.append(_TABLE, frame_of(_TABLE, [[tuple(row[name] for name in TABLES[_TABLE].names)]]))
    return period


def adjustments_answer(services: Services, view: View, period: str, *levels: PeopleLevel) -> AdjustmentsAnswer:
    """Write the calls made so far, and what they make of the numbers of some levels."""
    wanted = {"this": slice(0, 1), "next": slice(1, 2), "both": slice(None)}[period]
    ledger = services.store.read(_TABLE)
    return AdjustmentsAnswer(
        as_of=view.as_of,
        model_version=view.model_version,
        reporting_currency=view.currency,
        periods=[_adjusted_period(services, view, one, ledger, levels) for one in view.basis.periods[wanted]],
    )


def _adjusted_period(
    services: Services, view: View, period: Period, ledger: pd.DataFrame, levels: Sequence[PeopleLevel]
) -> AdjustedPeriod:
    calls = _in_force(services, view, period, ledger)
    forecast = view.forecast[view.forecast["period"] == period.name]
    rows = adjusted(forecast, view.basis.above, calls)
    names = dict(zip(zip(rows["level"], rows["id"], strict=True), rows["name"], strict=True))
    in_whole = set(rows.loc[rows["level"] == "whole", "calls"].iloc[0])
    of_period = (ledger["period_start"] == str(period.start)) & (ledger["period_end"] == str(period.end))
    made = ledger[of_period].sort_values("number", ascending=False).to_dict("records")
    return AdjustedPeriod(
        name=period.name,
        start=period.start,
        end=period.end,
        rows=[
            AdjustedRow(
                level=row["level"],
                id=row["id"],
                name=row["name"],
                team=answers.finite(row["team"]),
                expected=answers.money(row["expected"], view.currency),
                adjusted=answers.money(row["adjusted"], view.currency),
                calls=list(row["calls"]),
            )
            for row in rows[rows["level"].isin(levels)].to_dict("records")
        ],
        calls=[_made(row, names, {call.number for call in calls}, in_whole) for row in made],
    )


def _made(row: dict, names: dict[tuple[str, str], str], in_force: set[int], in_whole: set[int]) -> CallMade:
    group_id = answers.finite(row["group_id"]) or ""
    amount = answers.finite(row["amount"])
    return CallMade(
        number=row["number"],
        made_at=row["made_at"],
        author=row["author"],
        level=row["level"],
        id=group_id,
        name=names.get((row["level"], group_id), group_id),
        amount=None if amount is None else Money(amount=amount, currency=row["currency"]),
        note=row["note"],
        in_force=row["number"] in in_force,
        in_whole=row["number"] in in_whole,
    )


def _in_force(services: Services, view: View, period: Period, ledger: pd.DataFrame) -> list[Call]:
    just_after_now = services.clock() + timedelta(microseconds=1)
    return calls_in_force(ledger, period, just_after_now, view.every_rate)


def _period(view: View, name: str) -> Period:
    by_name = dict(zip(("this", "next"), view.basis.periods, strict=True)) | {
        period.name: period for period in view.basis.periods
    }
    if name not in by_name:
        names = " and ".join(period.name for period in view.basis.periods)
        raise Problem(
            422,
            f"{name!r} is not a quarter that is forecast{did_you_mean(name, by_name)}.",
            f"Calls can be made for {names}.",
        )
    return by_name[name]


def _check_group(view: View, period: Period, request: AdjustmentRequest) -> None:
    rows = view.forecast[(view.forecast["period"] == period.name) & (view.forecast["level"] == request.level)]
    if request.id not in set(rows["id"]):
        named = f"called {request.id!r}" if request.id else "without an id"
        raise Problem(
            422,
            f"There is no {request.level} {named} in the forecast of {period.name}"
            f"{did_you_mean(request.id, rows['id'])}.",
            f"GET /v1/forecast?level={request.level} lists those there are, by id.",
        )


def _check_withdrawal(
    services: Services, view: View, period: Period, ledger: pd.DataFrame, request: AdjustmentRequest
) -> None:
    calls = _in_force(services, view, period, ledger)
    if not any(call.author == request.author and call.group == (request.level, request.id) for call in calls):
        raise Problem(
            422,
            f"{request.author} has no call in force for this {request.level} and {period.name} to take back.",
            "Give an amount to make one; GET /v1/forecast/adjustments lists all calls.",
        )
