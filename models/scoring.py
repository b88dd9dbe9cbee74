"""Score open deals: from contract tables to rows of the ``scores`` table. Batch and request run this same code."""

import json
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from features.arrow import Tables, arrow
from features.grid import now
from features.histories import Histories, instant
from features.norms import Norms, norms_of
from features.pipeline import snapshot_table
from features.snapshots import Snapshots
from features.vocabulary import Vocabulary
from models.closing_time import KNOTS_DAYS
from models.probability import ProbabilityModel
from models.reasons import as_documents, reasons
from models.scorer import Scorer


@dataclass(frozen=True)
class Scoring:
    """A scorer with the norms of one company: all that a request needs besides the deal itself."""

    scorer: Scorer
    norms: Norms

    @classmethod
    def of_company(cls, scorer: Scorer, tables: Tables, reporting_currency: str) -> "Scoring":
        """Make the norms from all of a company's history."""
        return cls(scorer, company_histories(scorer, tables, reporting_currency)[1])

    def score(self, tables: Tables, as_of: datetime) -> pd.DataFrame:
        """Score every deal of ``tables`` that is open as of ``as_of``; one row per deal, as in table ``scores``."""
        histories = Histories.from_tables(tables, self.norms.vocabulary)
        return score_snapshots(self.scorer, now(histories, self.norms, instant(as_of)))


def score_company(scorer: Scorer, tables: Tables, as_of: datetime, reporting_currency: str) -> pd.DataFrame:
    """Score every deal of a company that is open as of ``as_of``; one row per deal, as in table ``scores``."""
    histories, norms = company_histories(scorer, tables, reporting_currency)
    return score_snapshots(scorer, now(histories, norms, instant(as_of)))


def company_histories(scorer: Scorer, tables: Tables, reporting_currency: str) -> tuple[Histories, Norms]:
    """The histories of all deals of a company, in the words of the scorer, and the norms they make."""
    histories = Histories.from_tables(tables, Vocabulary.from_tables(tables, scorer.win.declared))
    return histories, norms_of(histories, arrow(tables, "fx_rates").to_pandas(), reporting_currency)


def score_snapshots(scorer: Scorer, snapshots: Snapshots) -> pd.DataFrame:
    """Scores with reasons; one row per snapshot, in the columns of table ``scores``."""
    table = snapshot_table(snapshots)
    win = scorer.win.predict(table)
    low, high, default = scorer.patience
    patience = np.clip(np.nan_to_num(snapshots.patience_days, nan=default), low, high)
    win_base, win_reasons = _reasons(scorer.win, table)
    stall_base, stall_reasons = _reasons(scorer.stall, table)
    knots = scorer.win_within(table, win)
    return pd.DataFrame(
        {
            "deal_id": table["deal_id"],
            "as_of": table["as_of"],
            "model_version": pd.Series(scorer.version, index=table.index, dtype="str"),
            "win_probability": win,
            "stall_risk": scorer.stall.predict(table),
            "patience_days": patience,
            "win_within": [json.dumps(list(zip(KNOTS_DAYS, row, strict=True))) for row in knots.tolist()],
            "win_base": win_base,
            "win_reasons": win_reasons,
            "stall_base": stall_base,
            "stall_reasons": stall_reasons,
            "note": pd.Series(scorer.note or None, index=table.index, dtype="str"),
        }
    )


def _reasons(model: ProbabilityModel, table: pd.DataFrame) -> tuple[float, list[str]]:
    if not model.knows:
        return float("nan"), ["[]"] * len(table)
    base, found = reasons(model, table)
    return base, [json.dumps(of_one, allow_nan=False) for of_one in as_documents(found)]
