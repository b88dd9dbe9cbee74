"""The accuracy report: how right the ledger's forecasts and scores were, by what has come since."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd

from crm.store import Store
from reports.forecast_accuracy import forecast_accuracy
from reports.said_and_came import first_end, said_and_came
from reports.score_accuracy import RIPE_SHARE, ScoreAccuracy, score_accuracy


@dataclass(frozen=True)
class Accuracy:
    """How right we were, as known before ``as_of``.

    Attributes
    ----------
    said : every forecast of periods that have ended, beside rules and what came; see ``reports/said_and_came.py``
    forecasts : measured, by level and weeks to go; see ``reports/forecast_accuracy.py``
    next_period, next_end : the first period in the ledger that has not ended, and its end day; None without one
    scores : measured; see ``reports/score_accuracy.py``
    """

    as_of: datetime
    currency: str
    said: pd.DataFrame
    forecasts: pd.DataFrame
    next_period: str | None
    next_end: date | None
    scores: ScoreAccuracy

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


def accuracy_of(
    store: Store, present: pd.DataFrame, tables: Mapping[str, pd.DataFrame], currency: str, as_of: datetime
) -> Accuracy:
    """Judge what a store's ledgers hold; see ``accuracy``."""
    judged = {"scores": ["deal_id", "as_of", "model_version", "win_probability"]}
    scores = store.arrow(["scores"], columns=judged)["scores"].to_pandas()
    return accuracy(store.issued_forecasts(currency), scores, present, tables, currency, as_of)


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
        Of table ``scores``: ``deal_id``, ``as_of``, ``model_version`` and ``win_probability``.
    present
        What is known of every deal at ``as_of``; see ``crm/present.py``.
    tables
        Those of ``reports.said_and_came.TABLES``.
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
    )
