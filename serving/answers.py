"""Scored deals as the API writes them: from the view's plain values to the models of ``serving/schemas.py``."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

import pandas as pd

from reports import ahead as periods
from reports.at_risk import why_at_risk
from serving.schemas import DealScores, DealSummary, Facts, Money, Owner
from serving.score_schemas import Ahead, Chances, Reason, Within
from serving.view import ScoredDeal, View

SHOWN_REASONS = 3
LATER = "later"
_AS_THEY_ARE = (
    *("win_probability", "win_low", "win_high", "win_base", "expected_close_date", "close_p10_date", "close_p50_date"),
    *("close_p90_date", "slip_probability", "slipped_close_date", "stall_risk", "stall_low", "stall_high"),
    *("lost_in_patience", "stall_base", "patience_days", "note"),
)


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
    return [Reason(**{name: finite(value) for name, value in reason.items()}) for reason in json.loads(text)]


def within(text: str) -> list[Within]:
    """Read the JSON of a win_within or lost_within column."""
    return [Within(days=days, probability=probability) for days, probability in json.loads(text)]


def scores(row: Mapping[str, Any], as_of: datetime, calendar: pd.DataFrame) -> dict[str, Any]:
    """Write a row of table ``scores`` (missing values as None) as the fields of ``Scores``."""
    ahead = periods.ahead(row["win_probability"], row["win_within"], row["lost_within"], as_of, calendar)
    stalled, lost = row["stall_risk"], row["lost_in_patience"]
    known = stalled is not None and lost is not None
    return {name: row[name] for name in _AS_THEY_ARE} | {
        "win_reasons": reasons(row["win_reasons"]),
        "win_within": within(row["win_within"]),
        "lost_within": within(row["lost_within"]),
        "ahead": Ahead(**{name: [_chances(one) for one in found] for name, found in vars(ahead).items()}),
        "moved_in_patience": max(0.0, 1 - stalled - lost) if known else None,
        "at_risk": at_risk(stalled, lost),
        "stall_reasons": reasons(row["stall_reasons"]),
    }


def at_risk(stall_risk: float | None, lost_in_patience: float | None) -> float | None:
    """Add up the chances of being lost or stalled; None where neither is known."""
    known = [value for value in (stall_risk, lost_in_patience) if value is not None]
    return min(1.0, sum(known)) if known else None


def _chances(found: periods.Chances) -> Chances:
    shares = asdict(found)
    shares.pop("period")
    if found.period is None:
        return Chances(name=LATER, **shares)
    return Chances(name=found.period.name, start=found.period.start, end=found.period.end, **shares)


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
        win_low=deal.win_low,
        win_high=deal.win_high,
        stall_risk=deal.stall_risk,
        lost_in_patience=deal.lost_in_patience,
        at_risk=at_risk(deal.stall_risk, deal.lost_in_patience),
        expected_close_date=deal.expected_close_date,
        note=deal.note,
        reasons=named[:SHOWN_REASONS],
        why=why(deal) if _above_average(deal) else [],
        href=f"/v1/deals/{quote(deal.deal_id, safe='')}",
    )


def scores_of(deal_id: str, view: View) -> DealScores | None:
    """Write all that the model says of a deal; None when the view has no scores of it."""
    deal = view.deal(deal_id)
    if deal is None:
        return None
    row = {name: getattr(deal, name) for name in deal.__slots__}
    return DealScores(
        as_of=view.as_of, model_version=view.model_version, **scores(row, view.as_of, view.reference["calendar"])
    )


def why(deal: ScoredDeal) -> list[str]:
    """Say what puts a deal at risk most, in up to three sentences."""
    return why_at_risk(deal.lost_in_patience, deal.stall_risk, deal.win_reasons, deal.stall_reasons)


def _above_average(deal: ScoredDeal) -> bool:
    """Whether a deal is in more danger than an average one, of stalling or of being lost: else nothing is explained."""
    if deal.stall_risk is None or deal.stall_base is None:
        return False
    return deal.stall_risk > deal.stall_base or (
        (deal.lost_in_patience or 0.0) > deal.stall_risk and deal.win_probability < deal.win_base
    )


def finite(value: Any) -> Any:
    """The value; None for a number that is none."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
