"""``/v1/reports/slips`` and ``/v1/reports/commits``, and the page that shows both: how dates and commits came true."""

from typing import Annotated, Any

import pandas as pd
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BeforeValidator

from reports.commits import WEEKS_BEFORE
from reports.slips import ALL
from serving import answers
from serving.call_schemas import PeopleLevel
from serving.categories import PeopleLevelAsked
from serving.currency import AskedView, PageView
from serving.people_schemas import BoundedRate, CommitRow, CommitsAnswer, SlipLevel, SlipRow, SlipsAnswer, Weeks
from serving.problems import Problem
from serving.rendering import page
from serving.view import View

router = APIRouter(tags=["reports"])
pages = APIRouter(include_in_schema=False)

USUAL_WEEKS: Weeks = 2
"""Near enough to the end for commits to be meant, and far enough to do something about them."""
_SHOWN = 60
_SLIP_COUNTS = ("n_due", "n_won", "n_lost", "n_slipped", "n_pushes", "n_pushed_out", "days_per_push")
_COMMIT_FIGURES = (
    *("weeks", "n_committed", "n_won", "n_other", "n_without_amount", "ratio", "ratio_low", "ratio_high", "verdict"),
    *("n_scored", "model_rate", "scored_won_rate"),
)
_WHO = ("level", "id", "name", "team")

SlipLevelAsked = Annotated[SlipLevel, Query(description="For the whole, or per group of this kind.")]
QuarterAsked = Annotated[str, Query(max_length=100, description="A past quarter's name, `all`, or `each`.")]
WeeksAsked = Annotated[
    Weeks,
    BeforeValidator(lambda text: int(text) if str(text).isdecimal() else text),
    Query(description="How many weeks before the quarters' end."),
]


@router.get("/v1/reports/slips", summary="How often deals slip, and close dates are pushed")
def slips_report(view: AskedView, level: SlipLevelAsked = "whole", period: QuarterAsked = ALL) -> SlipsAnswer:
    """Return what became of the deals that were to close in past quarters, as their dates were known at its start.

    Rates have bounds (Jeffreys, 95 %), and are pooled: pulled towards that of all groups as far as chance explains
    how they differ.
    """
    return slips_answer(view, level, period)


@router.get("/v1/reports/commits", summary="What came of commits")
def commits_report(
    view: AskedView, level: PeopleLevelAsked = "whole", weeks: WeeksAsked = USUAL_WEEKS
) -> CommitsAnswer:
    """Return what came of the deals committed some weeks before the end of past quarters, and of those that were not.

    A group is called optimistic or sandbagging only where the bounds (95 %) of what it committed over what came
    exclude 1. Of forty people one or two are named by luck alone.
    """
    return commits_answer(view, level, weeks)


@pages.get("/people")
def people_page(request: Request, view: PageView, weeks: WeeksAsked = USUAL_WEEKS) -> Response:
    """Show how people's close dates and commits came true."""
    if view is None:
        return page(request, "no_scores.html", {})
    slips = {level: slips_answer(view, level, ALL).rows for level in ("whole", "owner", "team", "stage")}
    commits = {level: commits_answer(view, level, weeks).rows for level in ("whole", "owner", "team")}
    context = {
        "view": view,
        "weeks": weeks,
        "all_weeks": WEEKS_BEFORE,
        "quarters": [row.model_copy(update={"name": row.period}) for row in slips_answer(view, "whole", "each").rows],
        "slips": slips | {"owner": sorted(slips["owner"], key=lambda row: -row.slipped.pooled)[:_SHOWN]},
        "commits": commits | {"owner": sorted(commits["owner"], key=_told_first)[:_SHOWN]},
        "n_owners": {"slips": len(slips["owner"]), "commits": len(commits["owner"])},
        "with_scores": any(row.n_scored for row in commits["whole"]),
    }
    return page(request, "people.html", context)


def slips_answer(view: View, level: SlipLevel, period: str) -> SlipsAnswer:
    """Write the slip rates of a view, the groups with most deals due first; answers 422 for an unknown quarter."""
    table, names = view.people.slips, [one.name for one in view.people.periods]
    if period not in (*names, ALL, "each"):
        raise Problem(422, f"{period!r} is not a quarter looked back on.", f"Use {', '.join(names)}, all or each.")
    asked = names if period == "each" else [period]
    rows = table[(table["level"] == level) & table["period"].isin(asked)]
    order = rows.assign(quarter=rows["period"].map(dict(zip(asked, range(len(asked)), strict=True))))
    rows = rows.loc[order.sort_values(["quarter", "n_due", "id"], ascending=[True, False, True]).index]
    return SlipsAnswer(
        as_of=view.as_of,
        model_version=view.model_version,
        reporting_currency=view.currency,
        periods=names,
        rows=[_slip_row(row, view.currency) for row in _records(rows)],
    )


def commits_answer(view: View, level: PeopleLevel, weeks: Weeks) -> CommitsAnswer:
    """Write what came of commits, the groups that committed most deals first."""
    table = view.people.commits
    rows = table[(table["level"] == level) & (table["weeks"] == weeks)]
    rows = rows.sort_values(["n_committed", "id"], ascending=[False, True])
    return CommitsAnswer(
        as_of=view.as_of,
        model_version=view.model_version,
        reporting_currency=view.currency,
        periods=[one.name for one in view.people.periods],
        rows=[_commit_row(row, view.currency) for row in _records(rows)],
    )


def _slip_row(row: dict[str, Any], currency: str) -> SlipRow:
    return SlipRow(
        **{name: row[name] for name in ("period", *_WHO, *_SLIP_COUNTS)},
        **{name: answers.money(row[name], currency) for name in ("amount_due", "amount_slipped")},
        slipped=_rate(row, "slip"),
        pushed_out=_rate(row, "push"),
    )


def _commit_row(row: dict[str, Any], currency: str) -> CommitRow:
    return CommitRow(
        **{name: row[name] for name in (*_WHO, *_COMMIT_FIGURES)},
        **{name: answers.money(row[name], currency) for name in ("committed", "committed_won", "other")},
        won=_rate(row, "won") if row["n_committed"] else None,
    )


def _rate(row: dict[str, Any], name: str) -> BoundedRate:
    return BoundedRate(**{what: row[f"{name}_{what}"] for what in ("rate", "low", "high", "pooled")})


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): answers.finite(value) for name, value in row.items()} for row in rows.to_dict("records")]


def _told_first(row: CommitRow) -> tuple[bool, int, str]:
    """Those of whom something can be told first, then those who committed most deals."""
    return row.verdict is None, -row.n_committed, row.name
