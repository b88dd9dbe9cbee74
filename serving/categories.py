"""``/v1/forecast/categories``: commit, best case and pipeline as the team sees them, with the forecast beside them."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from serving import answers
from serving.call_schemas import CategoriesAnswer, CategoryLine, CategoryPeriod, CategoryRow, PeopleLevel
from serving.currency import AskedView
from serving.forecast import Period, forecast_answer
from serving.forecast_schemas import ForecastRow
from serving.view import View

router = APIRouter(tags=["reports"])

PeriodAsked = Annotated[Period, Query(description="Which fiscal quarters.")]
PeopleLevelAsked = Annotated[PeopleLevel, Query(description="For the whole, or per group of this kind.")]


@router.get("/v1/forecast/categories", summary="What the team commits to, beside the forecast")
def categories_report(
    view: AskedView, period: PeriodAsked = "both", level: PeopleLevelAsked = "whole"
) -> CategoriesAnswer:
    """Return the open deals that are to close in the quarter by the category their owners gave them.

    Each category alone, and added up: what is won, what is won or committed, and so on. A deal counts in the quarter
    that holds its close date; what has none, or one in the past quarters, is in no category here.
    """
    return categories_answer(view, period, level)


def categories_answer(view: View, period: Period, level: PeopleLevel) -> CategoriesAnswer:
    """Write the categories of a view."""
    forecast = forecast_answer(view, period, level)
    of_level = view.categories[view.categories["level"] == level]
    return CategoriesAnswer(
        as_of=view.as_of,
        model_version=view.model_version,
        reporting_currency=view.currency,
        unknown_words=view.unknown_categories,
        n_without_close_date=int(view.basis.deals["close_date"].isna().sum()),
        periods=[
            CategoryPeriod(
                name=one.name,
                start=one.start,
                end=one.end,
                rows=_rows(one.rows, of_level[of_level["period"] == one.name].to_dict("records"), view.currency),
            )
            for one in forecast.periods
        ],
    )


def _rows(forecast: list[ForecastRow], lines: list[dict[Any, Any]], currency: str) -> list[CategoryRow]:
    of_group: dict[str, list[CategoryLine]] = {}
    for line in lines:
        of_group.setdefault(line["id"], []).append(_line(line, currency))
    return [
        CategoryRow(level=row.level, id=row.id, name=row.name, team=row.team, lines=of_group[row.id], forecast=row)
        for row in forecast
    ]


def _line(line: dict[Any, Any], currency: str) -> CategoryLine:
    return CategoryLine(
        category=line["line"],
        n_deals=line["n_deals"],
        n_imputed=line["n_imputed"],
        amount=answers.money(line["amount"], currency),
        expected=answers.money(line["expected"], currency),
        cumulative=answers.money(answers.finite(line["cumulative"]), currency),
    )
