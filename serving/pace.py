"""``/v1/reports/pace``: what is won so far, beside earlier quarters at the same point."""

from typing import Any

import pandas as pd
from fastapi import APIRouter

from reports.levels import named
from serving import answers
from serving.call_schemas import PeopleLevel
from serving.categories import PeopleLevelAsked
from serving.currency import AskedView
from serving.people_schemas import EarlierPace, PaceAnswer, PacePeriod, PacePoint, PaceRow
from serving.view import View

router = APIRouter(tags=["reports"])

COUNTED = (
    "deals by the day on which they were won, at the amounts known now, converted at the rates of the scores' day;"
    " not as they were known then"
)


@router.get("/v1/reports/pace", summary="What is won so far, and was by then in earlier quarters")
def pace_report(view: AskedView, level: PeopleLevelAsked = "whole") -> PaceAnswer:
    """Return what was won by the same day of this quarter and of the four before it, and how much came in the end.

    The fourth is the same quarter a year ago. One that began before the first deal was created is left out.
    """
    return pace_answer(view, level)


def pace_answer(view: View, level: PeopleLevel) -> PaceAnswer:
    """Write the pace of a view."""
    pace = view.pace
    period = pace.periods[0]
    totals = pace.totals[pace.totals["level"] == level]
    curves = pace.curves[pace.curves["level"] == level]
    groups = named(totals[["level", "id"]].drop_duplicates(), view.reference["users"]).sort_values(["name", "id"])
    of_totals = {(row["id"], row["period"]): row for row in totals.to_dict("records")}
    of_curves = {key: _points(rows, view.currency) for key, rows in curves.groupby(["id", "period"], sort=False)}
    known = [one.name for one in pace.periods[1:] if pd.notna(of_totals[groups["id"].iloc[0], one.name]["by_then"])]
    return PaceAnswer(
        as_of=view.as_of,
        model_version=view.model_version,
        reporting_currency=view.currency,
        period=PacePeriod(name=period.name, start=period.start, end=period.end),
        elapsed_days=pace.elapsed_days,
        counted=COUNTED,
        rows=[
            PaceRow(
                level=level,
                id=group["id"],
                name=group["name"],
                team=answers.finite(group["team"]),
                won=answers.money(of_totals[group["id"], period.name]["by_then"], view.currency),
                n_won=of_totals[group["id"], period.name]["n_by_then"],
                curve=of_curves[group["id"], period.name],
                earlier=[
                    _earlier(of_totals[group["id"], name], of_curves[group["id"], name], view.currency)
                    for name in known
                ],
            )
            for group in groups.to_dict("records")
        ],
    )


def _earlier(row: dict[Any, Any], curve: list[PacePoint], currency: str) -> EarlierPace:
    return EarlierPace(
        period=row["period"],
        by_then=answers.money(row["by_then"], currency),
        in_the_end=answers.money(row["in_the_end"], currency),
        n_by_then=row["n_by_then"],
        n_in_the_end=row["n_in_the_end"],
        curve=curve,
    )


def _points(rows: pd.DataFrame, currency: str) -> list[PacePoint]:
    if rows["won"].isna().any():
        return []
    return [
        PacePoint(day=day, won=answers.money(won, currency)) for day, won in zip(rows["day"], rows["won"], strict=True)
    ]
