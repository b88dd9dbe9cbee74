"""Scored deals as the API writes them: from the view's plain values to the models of ``serving/schemas.py``."""

import json
import math
from datetime import date
from typing import Any
from urllib.parse import quote

from reports.at_risk import top_sentences
from serving.schemas import DealScores, DealSummary, Facts, Money, Owner, Reason, Within
from serving.view import ScoredDeal, View

SHOWN_REASONS = 3


def money(amount: float | None, currency: str) -> Money | None:
    """Write an amount to the cent.

    Examples
    --------
    >>> money(12500.0, "EUR")
    Money(amount='12500.00', currency='EUR')
    """
    return None if amount is None else Money(amount=f"{amount + 0.0:.2f}", currency=currency)


def reasons(text: str) -> list[Reason]:
    """Read the JSON of a reasons column; values that are not finite numbers count as unknown."""
    return [Reason(**{name: _finite(value) for name, value in reason.items()}) for reason in json.loads(text)]


def within(text: str) -> list[Within]:
    """Read the JSON of a win_within column."""
    return [Within(days=days, probability=probability) for days, probability in json.loads(text)]


def facts(deal: ScoredDeal, today: date) -> Facts:
    """Write what is known of an open deal."""
    return Facts(
        deal_id=deal.deal_id,
        name=deal.name or deal.deal_id,
        account=deal.account,
        pipeline_id=deal.pipeline_id,
        stage=deal.stage,
        stage_category="open",
        stage_since=deal.stage_since,
        created_at=deal.created_at,
        amount=money(deal.amount, deal.currency),
        close_date=deal.close_date,
        overdue=deal.close_date is not None and deal.close_date < today,
        owner=owner(deal.owner_id, deal.owner_name, deal.team),
        last_interaction_at=deal.last_interaction_at,
    )


def owner(owner_id: str | None, name: str | None, team: str | None) -> Owner | None:
    """Write the owner of a deal; one that no user row names is called by the id."""
    return None if owner_id is None else Owner(owner_id=owner_id, name=name or owner_id, team=team)


def summary(deal: ScoredDeal, view: View) -> DealSummary:
    """Write one line of the ranked list, with the reasons that weigh most."""
    named = [reason for reason in reasons(deal.win_reasons) if reason.signal != "other"]
    return DealSummary(
        **dict(facts(deal, view.as_of.date())),
        rank=view.ranks[deal.deal_id],
        money_at_risk=money(deal.money_at_risk, view.currency),
        win_probability=deal.win_probability,
        stall_risk=deal.stall_risk,
        note=deal.note,
        reasons=named[:SHOWN_REASONS],
        why=top_sentences(deal.stall_reasons).splitlines() if _above_average(deal) else [],
        href=f"/v1/deals/{quote(deal.deal_id, safe='')}",
    )


def scores_of(deal_id: str, view: View) -> DealScores | None:
    """Write all that the model says of a deal; None when the view has no scores of it."""
    deal = view.deal(deal_id)
    if deal is None:
        return None
    return DealScores(
        as_of=view.as_of,
        model_version=view.model_version,
        win_probability=deal.win_probability,
        win_base=deal.win_base,
        win_reasons=reasons(deal.win_reasons),
        win_within=within(deal.win_within),
        stall_risk=deal.stall_risk,
        stall_base=deal.stall_base,
        stall_reasons=reasons(deal.stall_reasons),
        patience_days=deal.patience_days,
        note=deal.note,
    )


def _above_average(deal: ScoredDeal) -> bool:
    """Whether a deal is in more danger than an average one: only then is there something to explain."""
    return deal.stall_risk is not None and deal.stall_base is not None and deal.stall_risk > deal.stall_base


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
