"""What changed, in words: of each deal one sentence that says why its part in the forecast is another."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from reports import change_causes as causes
from reports.change_signals import AMOUNT, CALLED

Deal = Mapping[Any, Any]
"""A row of ``WhatChanged.deals``."""

_TOLD_GROUPS = 2


def sentence(deal: Deal, by_signal: Sequence[tuple[str, int]] = (), cause: str = "") -> str:
    """Say what happened to a deal, or else what moved it.

    Parameters
    ----------
    by_signal
        Groups of signals with their cents, the largest first, where the chance moved the deal.
    cause
        The cause to tell of; the main one where it is not given.

    Examples
    --------
    >>> sentence({"cause": "pushed out", "stage_category_from": "open", "close_date_from": "2026-11-12",
    ...           "close_date_to": "2027-01-20"})
    'Pushed out: close date from 12 Nov 2026 to 20 Jan 2027'
    >>> sentence({"cause": "owner moved", "owner_from": "U1", "owner_to": "U2", "owner_name_from": "Ann",
    ...           "owner_name_to": "Ben"})
    'Moved from Ann to Ben'
    """
    told = cause or deal["cause"]
    if told in (causes.PROBABILITY_UP, causes.PROBABILITY_DOWN):
        return _likelier(deal, by_signal)
    return _SENTENCES[told](deal)


def _created(deal: Deal) -> str:
    if deal["stage_category_to"] != "open":
        return f"New, and {deal['stage_category_to']} already"
    return f"New, in stage {deal['stage_to']}: {_percent(deal['chance_to'])} to be won in the period"


def _won(deal: Deal) -> str:
    brought = _amount(deal, "to")
    if not deal["chance_to"]:
        return f"Won for {brought}, in another period"
    return f"Won for {brought}" + _was_expected(deal)


def _lost(deal: Deal) -> str:
    return "Lost" + _was_expected(deal)


def _was_expected(deal: Deal) -> str:
    return f"; it was {_percent(deal['chance_from'])} to be won in the period" * (deal["stage_category_from"] == "open")


def _reopened(deal: Deal) -> str:
    return f"Open again, in stage {deal['stage_to']}, after it was {deal['stage_category_from']}"


def _dated(deal: Deal) -> str:
    moved = "Pulled in" if deal["cause"] == causes.PULLED_IN else "Pushed out"
    if deal["stage_category_from"] == "won":
        return f"{moved}: the day it was won from {_day(deal['closed_at_from'])} to {_day(deal['closed_at_to'])}"
    return f"{moved}: close date from {_day(deal['close_date_from'])} to {_day(deal['close_date_to'])}"


def _amounted(deal: Deal) -> str:
    was, now = deal["amount_from"], deal["amount_to"]
    if _amount(deal, "from") != _amount(deal, "to"):
        return f"Amount from {_amount(deal, 'from')} to {_amount(deal, 'to')}"
    if was != now and not (pd.isna(was) and pd.isna(now)):
        return "Amount changed by less than one"
    what = f"Expected to bring {_by(deal['amount_learned_from'], deal['amount_cents_to'])}"
    return what + f" when it is won, now that it is in stage {deal['stage_to']}"


def _moved(deal: Deal) -> str:
    what = "owner_name" if deal["owner_from"] != deal["owner_to"] else "team"
    return f"Moved from {deal[f'{what}_from']} to {deal[f'{what}_to']}"


def _likelier(deal: Deal, by_signal: Sequence[tuple[str, int]]) -> str:
    was, now = deal["chance_told_from"], deal["chance_to"]
    if pd.isna(deal["win_probability_from"]) or pd.isna(deal["win_probability_to"]):
        return "Not scored before" if pd.isna(deal["win_probability_from"]) else "No longer scored"
    how = "More" if now > was else "Less"
    text = f"{how} likely to be won in the period: {_percents(was, now)}"
    if deal["stage_from"] != deal["stage_to"]:
        text += f", from stage {deal['stage_from']} to {deal['stage_to']}"
    groups = [group for group, cents in by_signal if (cents > 0) == (now > was) and group != AMOUNT]
    called = [CALLED.get(group, group) for group in groups[:_TOLD_GROUPS]]
    return text + (f"; {' and '.join(called)}" if called else "")


def _new_model(deal: Deal) -> str:
    now = deal["chance_told_from"] if deal["told_again_from"] else deal["chance_to"]
    facts = "of the same facts" if deal["told_again_from"] else "of what is known now"
    return f"The new model, {facts}: {_percents(deal['chance_from'], now)}"


def _grown(deal: Deal) -> str:
    return f"Such deals are now expected to bring {_by(deal['amount_at_rates_from'], deal['amount_learned_from'])}"


def _at_rates(deal: Deal) -> str:
    return f"{deal['currency_to']} is worth {_by(deal['amount_cents_from'], deal['amount_at_rates_from'])}"


_SENTENCES: Mapping[str, Callable[[Deal], str]] = {
    causes.CREATED: _created,
    causes.WON: _won,
    causes.LOST: _lost,
    causes.REOPENED: _reopened,
    causes.DELETED: lambda _: "No longer there",
    causes.PULLED_IN: _dated,
    causes.PUSHED_OUT: _dated,
    causes.AMOUNT_UP: _amounted,
    causes.AMOUNT_DOWN: _amounted,
    causes.OWNER_MOVED: _moved,
    causes.NEW_MODEL: _new_model,
    causes.USUAL_GROWTH: _grown,
    causes.RATES: _at_rates,
    causes.UNCHANGED: lambda _: "Unchanged",
}


def _amount(deal: Deal, when: str) -> str:
    amount = deal[f"amount_{when}"]
    return "no amount" if pd.isna(amount) else f"{deal[f'currency_{when}']} {amount:,.0f}"


def _by(was: float, now: float) -> str:
    """How much more or less, in percent where that can be said.

    >>> _by(100.0, 97.0), _by(0.0, 5.0)
    ('3.0% less', 'more')
    """
    word = "more" if now > was else "less"
    return word if was <= 0 else f"{abs(now / was - 1):.1%} {word}"


def _percents(was: float, now: float) -> str:
    """From one share to another, with as many places as tell them apart.

    >>> _percents(0.31, 0.452), _percents(0.312, 0.314)
    ('31% to 45%', '31.2% to 31.4%')
    """
    places = 0 if f"{was:.0%}" != f"{now:.0%}" else 1
    return f"{was:.{places}%} to {now:.{places}%}"


def _percent(share: float) -> str:
    return "<1%" if 0 < share < 0.01 else ">99%" if 0.99 < share < 1 else f"{share:.0%}"


def _day(value: str | date | None) -> str:
    if value is None or pd.isna(value):
        return "no date"
    day = date.fromisoformat(value) if isinstance(value, str) else value
    return f"{day.day} {day:%b %Y}"
