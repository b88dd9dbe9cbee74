"""Where attention pays: the open deals by the expected money that is about to be lost or to stall."""

import json
from collections.abc import Mapping

import pandas as pd

from crm.money import Rate, cents

N_REASONS = 3
AT_RISK_FROM = 0.7
"""Most open deals are lost or stall by half: patience is what four of five that ever move on take."""
COLUMNS = (
    *("deal_id", "name", "account_name", "owner_id", "owner_name", "team", "stage"),
    *("amount", "currency", "amount_reporting", "close_date", "win_probability"),
    *("lost_in_patience", "stall_risk", "at_risk", "money_at_risk", "expected_close_date", "slip_probability"),
    *("days_in_stage", "patience_days", "days_since_last_interaction", "overdue_days", "reasons", "note"),
)
_DAY = pd.Timedelta(days=1)


def at_risk(
    present: pd.DataFrame, scores: pd.DataFrame, rates: Mapping[str, Rate], threshold: float = AT_RISK_FROM
) -> pd.DataFrame:
    """Return the open deals at risk by at least ``threshold``, most money at risk first; see ``attention``."""
    return at_least(threshold, attention(present, scores, rates))


def at_least(threshold: float, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of ``attention`` whose ``at_risk`` is at least ``threshold``; one without it is not."""
    return rows[rows["at_risk"] >= threshold].reset_index(drop=True)


def attention(present: pd.DataFrame, scores: pd.DataFrame, rates: Mapping[str, Rate]) -> pd.DataFrame:
    """Return the open, scored deals, those first where attention may save most money.

    Parameters
    ----------
    present
        What was known of every deal at the scores' ``as_of``; see ``crm/present.py``.
    scores
        Rows of table ``scores``, all of one ``as_of``.
    rates
        The rate of each currency into the reporting currency.

    Returns
    -------
    DataFrame, one row per open deal with a score
        ``at_risk`` is P(lost or stalled within the stage's patience): ``lost_in_patience`` + ``stall_risk``; NaN where
        neither is known. ``money_at_risk`` is ``amount_reporting`` (the amount in the reporting currency) x win
        probability x ``at_risk``, exact to the cent. Where that is not known, the chance of not winning
        takes its place. It is NaN, and the deal among the last, where there is no amount or no rate.
        ``overdue_days`` counts from the close date, 0 before it, NaN without one; ``days_since_last_interaction``
        is NaN where there was none; ``reasons`` are up to three sentences, one per line, what puts it at risk
        most first.
    """
    known = present[present["stage_category"] == "open"].merge(scores, on="deal_id", validate="one_to_one")
    amount = cents(known["amount"], known["currency"], rates)
    risk = lost_or_stalled(known)
    danger = risk.fillna(1 - known["win_probability"])
    rows = known.assign(
        at_risk=risk,
        amount_reporting=amount / 100,
        money_at_risk=(amount * known["win_probability"] * danger).round() / 100,
        days_in_stage=(known["as_of"] - known["stage_since"]) / _DAY,
        days_since_last_interaction=(known["as_of"] - known["last_interaction_at"]) / _DAY,
        overdue_days=_overdue_days(known),
        reasons=_reasons(known),
        _chance=known["win_probability"] * danger,
    )
    # Deals without an amount still follow an order that makes sense: by what share of them may stall.
    order = rows.sort_values(["money_at_risk", "_chance", "deal_id"], ascending=[False, False, True])
    return order[list(COLUMNS)].reset_index(drop=True)


def lost_or_stalled(scores: pd.DataFrame) -> pd.Series:
    """Return P(lost or stalled within the patience) of each score, at most 1; NaN where neither part is known."""
    return scores[["lost_in_patience", "stall_risk"]].sum(axis=1, min_count=1).clip(upper=1)


def why_at_risk(
    lost_in_patience: float | None, stall_risk: float | None, win_reasons: str, stall_reasons: str
) -> list[str]:
    """Return up to three sentences, what puts a deal at risk most first.

    Where it is rather lost than stalled, that is what lowers its chance to be won; else what raises its stall risk.

    >>> up = '[{"signal": "age", "points": 0.2, "sentence": "Open for 200 days"}]'
    >>> down = '[{"signal": "calls", "points": -0.3, "sentence": "No calls in 14 days"}]'
    >>> why_at_risk(0.1, 0.4, down, up), why_at_risk(0.4, 0.1, down, up)
    (['Open for 200 days'], ['No calls in 14 days'])
    """
    lost, stalled = (value if value is not None and value == value else 0.0 for value in (lost_in_patience, stall_risk))
    return _sentences(win_reasons, -1) if lost > stalled else _sentences(stall_reasons, 1)


def _reasons(known: pd.DataFrame) -> pd.Series:
    names = ("lost_in_patience", "stall_risk", "win_reasons", "stall_reasons")
    told = ["\n".join(why_at_risk(*row)) for row in zip(*(known[name] for name in names), strict=True)]
    return pd.Series(told, index=known.index, dtype="str")


def _sentences(reasons: str, sign: int) -> list[str]:
    """The sentences of the reasons that weigh most in one direction."""
    named = [reason for reason in json.loads(reasons) if reason["signal"] != "other" and sign * reason["points"] > 0]
    return [reason["sentence"] for reason in named[:N_REASONS]]


def _overdue_days(known: pd.DataFrame) -> pd.Series:
    """Whole days from the close date to the day of ``as_of``."""
    close = pd.to_datetime(known["close_date"], format="%Y-%m-%d", utc=True)
    return ((known["as_of"].dt.floor("D") - close) / _DAY).clip(lower=0)
