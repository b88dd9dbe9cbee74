"""In which currency money is reported: as asked for, as chosen before on a page, or as configured.

A program names it with each request; a person chooses it on a page, and the session remembers it.
"""

from typing import Annotated

from fastapi import Depends, Query, Request

from crm.money import known_rates, rates_day
from serving.problems import refused
from serving.services import Needs, Services
from serving.view import View

CHOSEN = "currency"
"""Where the session keeps what was chosen."""

CurrencyAsked = Annotated[
    str | None,
    Query(
        description="Report money in this currency (ISO 4217), at the rates of table `fx_rates`; the configured one "
        "where it is not given.",
        examples=["USD"],
        max_length=20,
    ),
]


def view_in(services: Services, currency: str | None) -> View:
    """Return the latest view in a currency; answers 503 without scores, 422 for a currency without rates."""
    view = services.latest.required()
    if currency is None or currency == view.currency:
        return view
    if not (why := _unknown(view, currency)):
        return services.latest.required(currency)
    error = {
        "loc": ("query", "currency"),
        "type": "currency",
        "input": currency,
        "msg": why,
        "remedy": f"use one of {', '.join(sorted(view.rates))}, or add rates to the table fx_rates",
    }
    raise refused([error])


def _asked(services: Needs, currency: CurrencyAsked = None) -> View:
    return view_in(services, currency)


def _on_page(request: Request, services: Needs, currency: CurrencyAsked = None) -> View | None:
    """The view for a page, None without scores; what is chosen is remembered, what no longer has rates forgotten."""
    view = services.latest.view()
    if view is None:
        return None
    session = request.session
    if currency is None and (before := session.get(CHOSEN)):
        if _unknown(view, before):
            del session[CHOSEN]
        else:
            currency = before
    found = view_in(services, currency)
    if found.currency != session.get(CHOSEN, view.currency):
        session[CHOSEN] = found.currency
    return found


def _unknown(view: View, currency: str) -> str:
    """Why money cannot be reported in a currency; empty where it can."""
    day = rates_day(view.as_of)
    if currency == view.currency or view.currency in known_rates(view.reference["fx_rates"], currency, day):
        return ""
    return f"no rate from {view.currency} to this is known on or before {day}"


AskedView = Annotated[View, Depends(_asked)]
"""The latest view, in the currency asked for."""
PageView = Annotated[View | None, Depends(_on_page)]
"""The latest view, in the currency chosen; None when there are no scores yet."""
