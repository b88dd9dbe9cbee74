"""How good and bad past quarters were beyond luck: what the deals open at their starts brought, against the usual.

Usual is what deals of the same stage brought in all other quarters. A stage is a coarser judge than a score, so
quarters look a little more different than they are.
"""

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pandas as pd

from crm.money import Rate, cents
from reports.past_stages import stages_at
from reports.shock_fit import ShockFit, fit_shock

SPAN_DAYS = 91
N_SPANS = 12
PRIOR_DEALS = 20
"""How many deals' worth of all stages each stage's rate is mixed with."""


def learn_shock(
    changes: pd.DataFrame, known: pd.DataFrame, stages: pd.DataFrame, as_of: datetime, rates: Mapping[str, Rate]
) -> ShockFit:
    """Learn the common shock from the quarters (91 days each) that ended by ``as_of``.

    Parameters
    ----------
    changes, stages
        Tables ``deal_changes`` and ``stages``.
    known
        The present of every deal as of ``as_of``; see ``crm/present.py``.
    """
    first = known["created_at"].min()
    starts = [as_of - pd.Timedelta(days=SPAN_DAYS * n) for n in range(1, N_SPANS + 1)]
    # The first quarter of a history has only young deals, so it is like no other.
    starts = [start for start in starts if start >= first + pd.Timedelta(days=SPAN_DAYS)]
    if not starts:
        return fit_shock([], [], [])
    rows = _open_then(stages_at(changes, starts, as_of), known, stages, rates)
    sums = _sums(rows)
    return fit_shock(sums["expected"], sums["luck"], sums["came"], sums["response"])


def _open_then(
    then: pd.DataFrame, known: pd.DataFrame, stages: pd.DataFrame, rates: Mapping[str, Rate]
) -> pd.DataFrame:
    """The deals open at each start that had an amount: their stage, their cents, and whether they were won in time."""
    facts = known[["deal_id", "pipeline_id", "currency", "stage_category", "closed_at"]]
    rows = then.merge(facts.rename(columns={"stage_category": "category_now"}), on="deal_id")
    still_open = stages.loc[stages["category"] == "open", ["pipeline_id", "stage"]]
    rows = rows.merge(still_open, on=["pipeline_id", "stage"])
    in_time = (rows["closed_at"] >= rows["from_at"]) & (
        rows["closed_at"] < rows["from_at"] + pd.Timedelta(days=SPAN_DAYS)
    )
    rows["won"] = ((rows["category_now"] == "won") & in_time).astype(float)
    rows["cents"] = cents(rows["amount"], rows["currency"], rates)
    return rows[rows["cents"].notna()]


def _sums(rows: pd.DataFrame) -> pd.DataFrame:
    """By quarter: expected, its variance by luck, what came, and by how much a shock of one log-odd would move it."""
    here = rows.groupby(["from_at", "pipeline_id", "stage"])["won"].agg(["sum", "count"])
    elsewhere = here.groupby(["pipeline_id", "stage"]).transform("sum") - here
    of_all = here.groupby("from_at").transform("sum")
    others = here.sum() - of_all
    rate = others["sum"] / others["count"].clip(lower=1)
    chance = (elsewhere["sum"] + PRIOR_DEALS * rate) / (elsewhere["count"] + PRIOR_DEALS)
    p = rows.merge(chance.rename("chance").reset_index(), on=["from_at", "pipeline_id", "stage"])
    p["expected"] = p["chance"] * p["cents"]
    p["moved"] = (1 - p["chance"]) * p["expected"]
    p["luck"] = p["moved"] * p["cents"]
    p["came"] = p["won"] * p["cents"]
    sums = p.groupby("from_at")[["expected", "moved", "luck", "came"]].sum()
    some = sums["expected"] != 0
    sums["response"] = np.where(some, sums["moved"] / sums["expected"].where(some, 1.0), 0.0)
    return sums
