"""The oracle of stalls: what the simulator does comes back as chances."""

import numpy as np
import pandas as pd
import pytest

from crm.oracle import UNMOVED
from crm.simulate import Simulation
from features.facts import DAY


@pytest.fixture(scope="module")
def judged(company: Simulation) -> pd.DataFrame:
    """The oracle's rows of a year at the end of which all is known, and for how many days each deal stayed unmoved."""
    rows = company.oracle[company.oracle["as_of"].between("2025-01-01", "2026-06-01")].reset_index(drop=True)
    changes, stages = company.tables["deal_changes"], company.tables["stages"].set_index("stage")
    moves = changes[changes["field"] == "stage"].sort_values("changed_at", kind="stable")
    moves = moves.assign(position=moves["new_value"].map(stages["position"]))
    before = pd.merge_asof(rows.sort_values("as_of"), moves, left_on="as_of", right_on="changed_at", by="deal_id")
    pairs = before[["deal_id", "as_of", "position"]].merge(moves, on="deal_id", suffixes=("", "_then"))
    # Won and lost come after all open stages, so being closed counts as being beyond too.
    beyond = pairs[(pairs["changed_at"] > pairs["as_of"]) & (pairs["position_then"] > pairs["position"])]
    first = beyond.groupby(["deal_id", "as_of"])["changed_at"].min().rename("moved_at")
    found = rows.merge(first, how="left", left_on=["deal_id", "as_of"], right_index=True)
    return found.assign(days=(found["moved_at"] - found["as_of"]).dt.total_seconds() / (DAY / 1e6))


def test_the_share_of_deals_that_stay_unmoved_is_what_the_oracle_says(judged: pd.DataFrame) -> None:
    for days in (14, 28, 91):
        stayed = ~(judged["days"] < days)
        assert judged[f"unmoved_for_{days}d"].mean() == pytest.approx(stayed.mean(), abs=0.03)


def test_it_tells_those_who_stay_from_those_who_move(judged: pd.DataFrame) -> None:
    stayed = ~(judged["days"] < 28)
    fifth = pd.qcut(judged["unmoved_for_28d"], 5, labels=False)
    assert judged["unmoved_for_28d"].groupby(fifth).mean().to_numpy() == pytest.approx(
        stayed.groupby(fifth).mean().to_numpy(), abs=0.06
    )


def test_the_chance_never_grows_with_the_days(judged: pd.DataFrame) -> None:
    assert (np.diff(judged[list(UNMOVED)].to_numpy(), axis=1) <= 1e-12).all()
