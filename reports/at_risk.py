"""Where attention pays: the open deals by the expected money that is about to stall."""

import json
from collections.abc import Mapping

import pandas as pd

from crm.money import Rate, cents

N_REASONS = 3
COLUMNS = (
    *("deal_id", "name", "account_name", "owner_id", "owner_name", "team", "stage"),
    *("amount", "currency", "amount_reporting", "close_date", "win_probability", "stall_risk", "money_at_risk"),
    *("days_in_stage", "patience_days", "days_since_last_interaction", "overdue_days", "reasons", "note"),
)
_DAY = pd.Timedelta(days=1)


def at_risk(
    present: pd.DataFrame, scores: pd.DataFrame, rates: Mapping[str, Rate], threshold: float = 0.5
) -> pd.DataFrame:
    """Return the open deals whose stall risk is at least ``threshold``, most money at risk first; see ``attention``."""
    return at_least(threshold, attention(present, scores, rates))


def at_least(threshold: float, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of ``attention`` whose stall risk is at least ``threshold``; one without a risk is not."""
    return rows[rows["stall_risk"] >= threshold].reset_index(drop=True)


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
        ``money_at_risk`` is ``amount_reporting`` (the amount in the reporting currency) x win probability x
        stall risk: the expected revenue about to stall, exact to the cent. Where there is no stall risk, the chance of
        not winning takes its place. It is NaN, and the deal among the last, where there is no amount or no rate.
        ``overdue_days`` counts from the close date, 0 before it, NaN without one; ``days_since_last_interaction``
        is NaN where there was none; ``reasons`` are up to three sentences, one per line, what raises the stall
        risk most first.
    """
    known = present[present["stage_category"] == "open"].merge(scores, on="deal_id", validate="one_to_one")
    amount = cents(known["amount"], known["currency"], rates)
    danger = known["stall_risk"].fillna(1 - known["win_probability"])
    rows = known.assign(
        amount_reporting=amount / 100,
        money_at_risk=(amount * known["win_probability"] * danger).round() / 100,
        days_in_stage=(known["as_of"] - known["stage_since"]) / _DAY,
        days_since_last_interaction=(known["as_of"] - known["last_interaction_at"]) / _DAY,
        overdue_days=_overdue_days(known),
        reasons=known["stall_reasons"].map(top_sentences).astype("str"),
        _chance=known["win_probability"] * danger,
    )
    # Deals without an amount still follow an order that makes sense: by what share of them may stall.
    order = rows.sort_values(["money_at_risk", "_chance", "deal_id"], ascending=[False, False, True])
    return order[list(COLUMNS)].reset_index(drop=True)


def top_sentences(reasons: str) -> str:
    """Return the sentences of the reasons that raise the risk most, one per line; empty where there is none.

    >>> up = '{"signal": "age", "points": 0.2, "sentence": "Open for 200 days"}'
    >>> down = '{"signal": "calls", "points": -0.3, "sentence": "9 calls in 14 days"}'
    >>> top_sentences(f"[{down}, {up}]")
    'Open for 200 days'
    """
    raising = [reason for reason in json.loads(reasons) if reason["points"] > 0 and reason["signal"] != "other"]
    return "\n".join(reason["sentence"] for reason in raising[:N_REASONS])


def _overdue_days(known: pd.DataFrame) -> pd.Series:
    """Whole days from the close date to the day of ``as_of``."""
    close = pd.to_datetime(known["close_date"], format="%Y-%m-%d", utc=True)
    return ((known["as_of"].dt.floor("D") - close) / _DAY).clip(lower=0)
