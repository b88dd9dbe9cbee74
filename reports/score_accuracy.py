"""How good the issued win probabilities were, now that deals have closed: per model and by tenths.

A score counts once it is old enough that four of five deals scored had closed by such an age: of younger ones only the
fast deals have ended, and these are won more or less often than others. Of the scores that count, deals still open are
stood for by those that took nearly as long (``models/censoring.py``), and their number is said.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from crm.replayed import replayed
from features.facts import FloatColumn
from models.censoring import days_until_closed, weights_of_closed
from reports.rates import as_many_alike, rate_bounds

RIPE_SHARE = 0.8
"""Which share of deals must usually have closed by a score's age for it to be judged."""
N_BINS = 10
EVERY_MODEL = ""
"""What stands for all models together among their versions."""
MODEL_COLUMNS = (
    *("model_version", "n_scores", "n_deals", "n_open", "said", "won"),
    *("brier", "log_loss", "base_brier", "base_log_loss"),
)
BIN_COLUMNS = ("from", "to", "said", "won", "won_low", "won_high", "n_scores", "n_deals")
_DAY = pd.Timedelta(days=1)
_SURE = 1e-9


@dataclass(frozen=True)
class ScoreAccuracy:
    """What became of the scores.

    Attributes
    ----------
    n_scores, n_open : in the ledger, and how many of them are of deals still open (or no longer known)
    ripe_days : the age from which scores are judged; NaN while it cannot be told
    n_ripe, n_ripe_open : scores of that age, and those of deals still open among them
    n_replayed : those of that age that were issued later than they are of; see ``crm/replayed.py``
    models : one row for all models, then one per model, the latest first; see ``MODEL_COLUMNS``
    bins : reliability, one row per tenth of probability that holds a judged score; see ``BIN_COLUMNS``
    """

    n_scores: int
    n_open: int
    ripe_days: float
    n_ripe: int
    n_ripe_open: int
    n_replayed: int
    models: pd.DataFrame
    bins: pd.DataFrame


def score_accuracy(scores: pd.DataFrame, present: pd.DataFrame, as_of: datetime) -> ScoreAccuracy:
    """Hold every score against what became of its deal by ``as_of``.

    Parameters
    ----------
    scores
        Of table ``scores``: ``deal_id``, ``as_of``, ``model_version``, ``win_probability`` and ``issued_at``.
    present
        What is known of every deal at ``as_of``; see ``crm/present.py``.

    Returns
    -------
    ScoreAccuracy
        ``said`` and ``won`` are means over the judged scores. ``base_brier`` and ``base_log_loss`` are of the share
        that was won, given to every deal: no constant could have done better, and no one knew it then. ``won_low`` and
        ``won_high`` are 95 % bounds, in which a deal counts once however often it was scored.
    """
    rows = _outcomes(scores, present, as_of)
    ripe_days = days_until_closed(rows["days_to_close"].to_numpy(), rows["days_seen"].to_numpy(), RIPE_SHARE)
    ripe = rows[rows["days_seen"] >= ripe_days]
    ripe = ripe.assign(weight=weights_of_closed(ripe["days_to_close"].to_numpy(), ripe["days_seen"].to_numpy()))
    latest_first = ripe.groupby("model_version")["as_of"].max().sort_values(ascending=False, kind="stable").index
    parts = {EVERY_MODEL: ripe} | {version: ripe[ripe["model_version"] == version] for version in latest_first}
    models = [_of_model(version, part) for version, part in parts.items() if part["won"].notna().any()]
    return ScoreAccuracy(
        n_scores=len(rows),
        n_open=int(rows["won"].isna().sum()),
        ripe_days=ripe_days,
        n_ripe=len(ripe),
        n_ripe_open=int(ripe["won"].isna().sum()),
        n_replayed=int(replayed(ripe["as_of"], ripe["issued_at"]).sum()),
        models=pd.DataFrame(models, columns=list(MODEL_COLUMNS)),
        bins=_reliability(ripe[ripe["won"].notna()]),
    )


def _outcomes(scores: pd.DataFrame, present: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """Each score with ``won`` (1, 0, NaN while open), ``days_to_close`` (NaN while open) and ``days_seen``."""
    rows = scores[scores["as_of"] <= as_of].reset_index(drop=True)
    now = present.set_index("deal_id").reindex(rows["deal_id"])
    closed_at = now["closed_at"].reset_index(drop=True)
    won = (now["stage_category"] == "won").astype(np.float64).reset_index(drop=True).where(closed_at.notna())
    return rows.assign(
        won=won,
        # A closing that was entered late took effect before the score that did not know it.
        days_to_close=((closed_at - rows["as_of"]) / _DAY).clip(lower=0),
        days_seen=(as_of - rows["as_of"]) / _DAY,
    )


def _of_model(version: str, rows: pd.DataFrame) -> dict[str, object]:
    closed = rows[rows["won"].notna()]
    weight, won = closed["weight"].to_numpy(), closed["won"].to_numpy()
    said = closed["win_probability"].to_numpy()
    share = float(np.average(won, weights=weight))
    base = np.full(len(won), share)
    return {
        **{"model_version": version, "n_scores": len(closed), "n_deals": closed["deal_id"].nunique()},
        **{"n_open": len(rows) - len(closed), "said": float(np.average(said, weights=weight)), "won": share},
        "brier": _brier(won, said, weight),
        "log_loss": _log_loss(won, said, weight),
        "base_brier": _brier(won, base, weight),
        "base_log_loss": _log_loss(won, base, weight),
    }


def _brier(won: FloatColumn, said: FloatColumn, weight: FloatColumn) -> float:
    return float(np.average((said - won) ** 2, weights=weight))


def _log_loss(won: FloatColumn, said: FloatColumn, weight: FloatColumn) -> float:
    sure = np.clip(said, _SURE, 1 - _SURE)
    return float(np.average(-np.log(np.where(won == 1, sure, 1 - sure)), weights=weight))


def _reliability(closed: pd.DataFrame) -> pd.DataFrame:
    """Said and won by tenths of the win probability; the last tenth holds 1."""
    tenth = np.minimum((closed["win_probability"] * N_BINS).astype(int), N_BINS - 1)
    return pd.DataFrame([_bin(int(place), own) for place, own in closed.groupby(tenth)], columns=list(BIN_COLUMNS))


def _bin(place: int, own: pd.DataFrame) -> dict[str, float]:
    said, won = (float(np.average(own[name], weights=own["weight"])) for name in ("win_probability", "won"))
    of_deal = own.groupby("deal_id")["weight"].sum()
    n = as_many_alike(of_deal.to_numpy())
    low, high = rate_bounds(np.array([won * n]), np.array([n]))
    return {
        **{"from": place / N_BINS, "to": (place + 1) / N_BINS, "said": said, "won": won},
        **{"won_low": low[0], "won_high": high[0], "n_scores": len(own), "n_deals": len(of_deal)},
    }
