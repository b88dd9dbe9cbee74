"""``/v1/forecast/what-if``: what one deal's end would change in the forecast."""

import math
from bisect import bisect
from collections.abc import Sequence
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Query

from crm.rejects import did_you_mean
from reports.ranges import QUANTILES
from reports.what_if import Outcome, what_if
from serving import answers
from serving.currency import AskedView
from serving.forecast_schemas import Figures, WhatIfAnswer, WhatIfRow
from serving.problems import Problem
from serving.view import View

router = APIRouter(tags=["reports"])

_NEAR = 200

DealAsked = Annotated[str, Query(description="An open deal's id.", examples=["D000123"], max_length=500)]
OutcomeAsked = Annotated[Outcome, Query(description="How the deal ends.")]
PeriodAsked = Annotated[Literal["this", "next"], Query(description="Which fiscal quarter; `won` is within it.")]


@router.get("/v1/forecast/what-if", summary="What if this deal is lost, or closes this quarter?")
def what_if_report(
    view: AskedView, deal: DealAsked, outcome: OutcomeAsked, period: PeriodAsked = "this"
) -> WhatIfAnswer:
    """Return the forecast of the deal's owner, team, managers and of the whole, as it is and as it would be.

    The other deals' chances stay what they are.
    """
    return what_if_answer(view, deal, outcome, period)


def if_it_ends(view: View, deal_id: str) -> dict[str, Any] | None:
    """Return what a page shows of an open deal: this quarter's forecast if it is won in it, and if it is lost.

    ``now`` is the answer for won, ``rows`` pairs those of both ends; None where the deal has no worth.
    """
    rated = view.basis.deals["deal_id"][view.basis.deals["rated"]]
    if not rated.eq(deal_id).any():
        return None
    won, lost = (what_if_answer(view, deal_id, outcome, "this") for outcome in get_args(Outcome))
    return {"now": won, "rows": list(zip(won.rows, lost.rows, strict=True))}


def what_if_answer(view: View, deal_id: str, outcome: Outcome, period: Literal["this", "next"]) -> WhatIfAnswer:
    """Write what a deal's end would change; answers 404 when it is not open, 422 when it has no worth."""
    basis, k = view.basis, ("this", "next").index(period)
    places = (basis.deals["deal_id"] == deal_id).to_numpy().nonzero()[0]
    if not len(places):
        hint = did_you_mean(deal_id, _near(deal_id, basis.deals["deal_id"].tolist()))
        raise Problem(404, f"No open deal is called {deal_id!r}{hint}.", "GET /v1/deals lists the open ones.")
    deal = basis.deals.iloc[places[0]]
    if not deal["rated"]:
        raise Problem(
            422,
            f"Deal {deal_id!r} is in {deal['currency']}, for which no rate to {view.currency} is known.",
            "Add rates to the table fx_rates.",
        )
    name = basis.periods[k].name
    found = what_if(basis, view.forecast, deal_id, outcome, name)
    return WhatIfAnswer(
        as_of=view.as_of,
        model_version=view.model_version,
        reporting_currency=view.currency,
        deal_id=deal_id,
        outcome=outcome,
        period=name,
        amount=answers.money(deal["cents"] / 100, view.currency),
        imputed=bool(deal["imputed"]),
        probability=float(basis.chance[places[0], k]),
        rows=[_row(row, view.currency) for row in found.to_dict("records")],
    )


def _near(deal_id: str, deal_ids: Sequence[str]) -> Sequence[str]:
    """The ids beside it in order: to compare a slip of the key with 50,000 ids takes seconds."""
    ordered = sorted(deal_ids)
    place = bisect(ordered, deal_id)
    return ordered[max(0, place - _NEAR) : place + _NEAR]


def _row(row: dict[Any, Any], currency: str) -> WhatIfRow:
    return WhatIfRow(
        level=row["level"],
        id=row["id"],
        name=row["name"],
        now=_figures(row, "", currency),
        then=_figures(row, "_if", currency),
    )


def _figures(row: dict[Any, Any], ending: str, currency: str) -> Figures:
    reached = row[f"reach_probability{ending}"]
    sums = {name: answers.money(row[f"{name}{ending}"], currency) for name in ("expected", *QUANTILES)}
    return Figures(**sums, reach_probability=None if math.isnan(reached) else reached)
