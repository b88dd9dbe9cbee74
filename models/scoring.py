"""Score open deals: from contract tables to rows of the ``scores`` table. Batch and request run this same code."""

import json
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from crm.digests import row_digests
from features.arrow import Tables, arrow
from features.facts import FloatColumn
from features.grid import now
from features.histories import Histories, instant
from features.norms import Norms, norms_of
from features.pipeline import snapshot_table
from features.snapshots import Snapshots
from features.vocabulary import Vocabulary
from models.outlook import Outlook
from models.probability import ProbabilityModel
from models.reasons import as_documents, reasons
from models.scorer import Scorer

MOST_DAYS = 3_650.0
"""A date further ahead is given as that: nobody plans for it, and calendars end."""


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


def company_histories(scorer: Scorer, tables: Tables, reporting_currency: str) -> tuple[Histories, Norms]:
    """The histories of all deals of a company, in the words of the scorer, and the norms they make."""
    histories = Histories.from_tables(tables, Vocabulary.from_tables(tables, scorer.win.declared))
    return histories, norms_of(histories, arrow(tables, "fx_rates").to_pandas(), reporting_currency)


def score_snapshots(scorer: Scorer, snapshots: Snapshots) -> pd.DataFrame:
    """Scores with reasons; one row per snapshot, in the columns of table ``scores``."""
    table = scorer.read(snapshot_table(snapshots))
    ahead = scorer.outlook(table)
    win_low, win_high = scorer.win.bounds(table)
    stall_low, stall_high = scorer.stall.bounds(table)
    win_base, win_reasons = _reasons(scorer.win, table)
    stall_base, stall_reasons = _reasons(scorer.stall, table)
    return pd.DataFrame(
        {
            "deal_id": table["deal_id"],
            "as_of": table["as_of"],
            "model_version": pd.Series(scorer.version, index=table.index, dtype="str"),
            "inputs_digest": pd.Series(row_digests(table[scorer.inputs]), index=table.index, dtype="str"),
            "win_probability": ahead.win,
            "win_low": win_low,
            "win_high": win_high,
            "stall_risk": ahead.stalled,
            "stall_low": stall_low,
            "stall_high": stall_high,
            "lost_in_patience": ahead.lost_in_patience,
            "patience_days": scorer.patience_days(table),
            "win_within": _by_knot(ahead, ahead.won_within),
            "lost_within": _by_knot(ahead, ahead.lost_within),
            **_dates(ahead, table),
            "win_base": win_base,
            "win_reasons": win_reasons,
            "stall_base": stall_base,
            "stall_reasons": stall_reasons,
            "note": pd.Series(scorer.note or None, index=table.index, dtype="str"),
        }
    )


def _by_knot(ahead: Outlook, within: FloatColumn) -> list[str]:
    """Pairs of days and chance as JSON, each day once."""
    return [
        json.dumps([[_whole_if_so(day), chance] for day, chance in dict(zip(days, chances, strict=True)).items()])
        for days, chances in zip(ahead.knots.tolist(), within.tolist(), strict=True)
    ]


def _whole_if_so(day: float) -> float:
    return int(day) if day.is_integer() else day


def _dates(ahead: Outlook, table: pd.DataFrame) -> dict[str, pd.Series]:
    """When each deal is expected to close, between which days, and whether and to when its close date will slip."""
    to_close_date = table["days_to_close_date"].to_numpy(np.float64) + 1  # to the end of that day
    is_ahead = to_close_date > 0
    until = np.where(is_ahead, to_close_date, 0)
    days = {
        "expected_close": ahead.expected_days(),
        "close_p10": ahead.days_by(0.1),
        "close_p50": ahead.days_by(0.5),
        "close_p90": ahead.days_by(0.9),
        "slipped_close": np.where(np.isnan(to_close_date), np.nan, ahead.expected_days(until)),
    }
    slip = np.where(np.isnan(to_close_date), np.nan, np.where(is_ahead, ahead.open_after(until), 1.0))
    dates = {f"{name}_date": _day_after(table["as_of"], found) for name, found in days.items()}
    slipped = dates.pop("slipped_close_date")
    return dates | {"slip_probability": pd.Series(slip, index=table.index), "slipped_close_date": slipped}


def _day_after(as_of: pd.Series, days: FloatColumn) -> pd.Series:
    """The calendar day that many days ahead (UTC), as text; none where NaN."""
    ahead = pd.to_timedelta(np.minimum(days, MOST_DAYS), unit="D")
    return (as_of + ahead).dt.strftime("%Y-%m-%d").astype("str")


def _reasons(model: ProbabilityModel, table: pd.DataFrame) -> tuple[FloatColumn, list[str]]:
    if not model.knows:
        return np.full(len(table), np.nan), ["[]"] * len(table)
    base, found = reasons(model, table)
    return base, [json.dumps(of_one, allow_nan=False) for of_one in as_documents(found)]
