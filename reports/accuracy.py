"""The accuracy report: how right the ledger's forecasts, scores and risks were, by what has come since."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd

from crm.store import Store
from reports.forecast_accuracy import forecast_accuracy
from reports.risk_accuracy import RiskAccuracy, risk_accuracy
from reports.said_and_came import first_end, said_and_came
from reports.score_accuracy import RIPE_SHARE, ScoreAccuracy, score_accuracy

JUDGED = (
    *("deal_id", "as_of", "model_version", "win_probability", "issued_at"),
    *("stall_risk", "lost_in_patience", "patience_days"),
)
"""The columns of table ``scores`` that are held against what came."""
_READ = {
    "scores": JUDGED,
    "deals": ["deal_id", "pipeline_id", "created_at"],
    "deal_changes": ["deal_id", "field", "changed_at", "seq", "new_value", "known_at"],
}


@dataclass(frozen=True)
class Accuracy:
    """How right we were, as known before ``as_of``.

    Attributes
    ----------
    said : every forecast of periods that have ended, beside rules and what came; see ``reports/said_and_came.py``
    forecasts : measured, by level and weeks to go; see ``reports/forecast_accuracy.py``
    next_period, next_end : the first period in the ledger that has not ended, and its end day; None without one
    scores : measured; see ``reports/score_accuracy.py``
    risks : measured; see ``reports/risk_accuracy.py``
    """

    as_of: datetime
    currency: str
    said: pd.DataFrame
    forecasts: pd.DataFrame
    next_period: str | None
    next_end: date | None
    scores: ScoreAccuracy
    risks: RiskAccuracy

    @property
    def forecasts_note(self) -> str:
        """Why no forecast can be judged, and when; empty where some can."""
        if len(self.said):
            return ""
        if self.next_end is None:
            return "Nothing to judge yet: no forecast has been issued; `plumbline score` issues one each time it runs."
        return (
            f"Nothing to judge yet: no period with a forecast has ended. The first is {self.next_period}, "
            f"first on {self.next_end}."
        )

    @property
    def scores_note(self) -> str:
        """Why no score can be judged; empty where some can."""
        found = self.scores
        if len(found.models):
            return ""
        return (
            f"Nothing to judge yet: of {found.n_scores:,} scores, {found.n_scores - found.n_open:,} are of deals that "
            f"have closed. Scores are judged once they are so old that {RIPE_SHARE:.0%} of deals have usually closed "
            "by then; before, only the fast ones would count."
        )

    @property
    def risks_note(self) -> str:
        """Why no risk can be judged; empty where some can."""
        found = self.risks
        if found.n_judged:
            return ""
        if not found.n_scores:
            return "Nothing to judge: no score in the ledger says how likely its deal is to stall or to be lost."
        return (
            f"Nothing to judge yet: {found.n_scores:,} scores say how likely a deal is to stall or to be lost within "
            "its stage's patience, and of none has it passed."
        )

    @property
    def replayed_note(self) -> str:
        """How much of what is judged was not said in its time; empty where all was."""
        whole = self.said.loc[self.said["level"] == "whole", "replayed"]
        parts = [(int(whole.sum()), len(whole), "forecasts"), (self.scores.n_replayed, self.scores.n_ripe, "scores")]
        told = [f"{n:,} of {of:,} {what}" for n, of, what in parts if n]
        if not told:
            return ""
        return (
            f"Replayed: {' and '.join(told)} judged here were issued more than a day after the instant that they are "
            "of, from what was known then. The model had seen nothing later, but nobody could read them in time."
        )


def accuracy_of(
    store: Store, present: pd.DataFrame, tables: Mapping[str, pd.DataFrame], currency: str, as_of: datetime
) -> Accuracy:
    """Judge what a store's ledgers hold; see ``accuracy``. Deals and their changes are read from the store."""
    frames = {name: rows.to_pandas() for name, rows in store.arrow([*_READ], columns=_READ).items()}
    scores = frames.pop("scores")
    return accuracy(store.issued_forecasts(currency), scores, present, {**tables, **frames}, currency, as_of)


def accuracy(
    forecasts: pd.DataFrame,
    scores: pd.DataFrame,
    present: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    currency: str,
    as_of: datetime,
) -> Accuracy:
    """Judge the ledger by what is known before ``as_of``.

    Parameters
    ----------
    forecasts
        Rows of table ``forecasts`` in ``currency``, one model's for each instant.
    scores
        Of table ``scores`` the columns of ``JUDGED``.
    present
        What is known of every deal at ``as_of``; see ``crm/present.py``.
    tables
        Those of ``reports.said_and_came.TABLES`` and ``reports.risk_accuracy.TABLES``.
    """
    said = said_and_came(forecasts, present, tables, currency, as_of)
    following = first_end(forecasts, as_of)
    return Accuracy(
        as_of=as_of,
        currency=currency,
        said=said,
        forecasts=forecast_accuracy(said),
        next_period=following and following[0],
        next_end=following and following[1],
        scores=score_accuracy(scores, present, as_of),
        risks=risk_accuracy(scores, tables, as_of),
    )
