"""Drift: nothing is seen where nothing changed; what was done to the data is found, named, and told what it is."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from crm.errors import NotEnoughDataError
from features.facts import DAY
from models.scorer import Scorer
from training.dataset import Dataset
from training.drift import LOOK, NOTHING, RETRAIN, Drift, document, drift, rendered
from training.outcomes import Matured, matured, matured_scores
from training.segments import segments
from training.shift import Shift, cells, distance, limit
from training.windows import windows

SILENT = Matured(0, 0.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def aged(scorer: Scorer) -> Scorer:
    """The shared scorer, as if trained two months before the end."""
    return replace(scorer, trained_until="2026-09-14")


def changed(dataset: Dataset, **columns: np.ndarray | pd.Series) -> Dataset:
    """The data set with other values in the last four weeks."""
    other = Dataset(dataset.snapshots, dataset.patience_days, dataset.until)
    now = dataset.at >= dataset.until - 28 * DAY
    new = {name: np.where(now, values, dataset.table[name]) for name, values in columns.items()}
    vars(other)["table"] = dataset.table.assign(**new)
    return other


def test_where_nothing_changed_there_is_nothing_to_do(aged: Scorer, dataset: Dataset) -> None:
    found = drift(aged, dataset, SILENT, weeks=4)
    assert found.to_blame == []
    assert found.recommendation == NOTHING
    assert "No score in the ledger is 28 days old" in " ".join(found.sentences())


def test_a_signal_that_goes_missing_is_a_matter_of_the_data(aged: Scorer, dataset: Dataset) -> None:
    found = drift(aged, changed(dataset, amount=np.full(len(dataset.at), np.nan)), SILENT, weeks=4)
    assert found.to_blame[0].name == "amount"
    assert found.recommendation == LOOK
    assert "amount is" in found.sentences()[1]
    assert "and 100% now" in found.sentences()[1]


def test_a_signal_that_changes_in_one_source_alone_names_the_source(aged: Scorer, dataset: Dataset) -> None:
    website = (segments(dataset)["source"] == "website").to_numpy()
    moved = np.where(website, dataset.table["amount"] * 1_000, dataset.table["amount"])
    found = drift(aged, changed(dataset, amount=moved), SILENT, weeks=4)
    (amount,) = [one for one in found.to_blame if one.name == "amount"]
    assert amount.only == "source website"
    assert found.recommendation == LOOK


def test_a_signal_that_changes_everywhere_asks_to_retrain(aged: Scorer, dataset: Dataset) -> None:
    found = drift(aged, changed(dataset, amount=dataset.table["amount"] * 4), SILENT, weeks=4)
    assert next(one.name for one in found.to_blame if not one.only) == "amount"
    assert found.recommendation == RETRAIN


def test_outcomes_that_do_not_come_ask_to_retrain(aged: Scorer, dataset: Dataset) -> None:
    found = drift(aged, dataset, matured(np.full(200, 0.5), np.zeros(200)), weeks=4)
    assert found.outcomes_alarm
    assert found.recommendation == RETRAIN
    as_said = drift(aged, dataset, matured(np.full(200, 0.5), np.arange(200) % 2.0), weeks=4)
    assert as_said.recommendation == NOTHING
    assert as_said.outcomes_limit >= 1.9


def test_too_short_a_history_says_how_much_is_needed(dataset: Dataset) -> None:
    with pytest.raises(NotEnoughDataError, match=r"26 weeks of history are needed, and there are 25"):
        windows(dataset.at[dataset.at >= dataset.until - 25 * 7 * DAY], dataset.until, dataset.until, weeks=2)


def test_windows_do_not_overlap_with_what_they_are_held_against() -> None:
    at = np.arange(0, 400) * DAY
    cut = windows(at, 400 * DAY, 300 * DAY, weeks=2)
    assert at[cut.current].min() == 386 * DAY
    assert at[cut.reference].max() == 299 * DAY
    for rows, before in cut.past:
        assert not (rows & before).any()
        assert at[before].max() < at[rows].min()
        assert at[rows].max() < 300 * DAY


def test_a_distance_is_zero_for_the_same_and_one_for_the_apart() -> None:
    values = np.r_[np.zeros(50), np.ones(50), np.full(50, np.nan)]
    cell, first = cells(values, np.ones(150, bool)), np.arange(150) < 50
    assert distance(cell, first, first) == 0
    assert distance(cell, first, np.isnan(values)) == pytest.approx(1)
    assert distance(cell, first, np.zeros(150, bool)) == 0


def test_the_limit_keeps_false_alarms_about_as_rare_as_asked() -> None:
    rng = np.random.default_rng(0)
    draws = np.exp(rng.normal(-3, 0.4, (4_000, 13)))
    alarms = np.mean([row[-1] > limit(row[:-1], 0.01) for row in draws])
    assert 0.004 < alarms < 0.02


def test_the_report_is_json_without_what_json_does_not_know() -> None:
    found = Drift((Shift("amount", 0.5, 0.1, float("nan"), 2.0, 1.0, 0.2),), SILENT, 2.0)
    told = json.loads(document(found))
    assert told["to_blame"] == ["amount"]
    assert told["shifts"][0]["mean_before"] is None
    assert told["recommendation"] == LOOK
    assert rendered(found).row_count == 1


def test_scores_of_the_ledger_are_held_against_what_came() -> None:
    """Three deals scored on one day: the one won within 28 days came, the one won later and the open one did not."""
    until = datetime(2026, 11, 16, tzinfo=UTC)
    scored_at = until - timedelta(days=30)
    won = pd.Series(["D1", "D2", "D3"])
    tables = hand_made({"D1": scored_at + timedelta(days=5), "D2": scored_at + timedelta(days=29), "D3": None})
    within = json.dumps([[7, 0.1], [28, 0.5], [56, 0.6]])
    scores = pd.DataFrame({"deal_id": won, "as_of": pd.Timestamp(scored_at), "win_within": within})
    again = scores.assign(as_of=pd.Timestamp(scored_at + timedelta(days=1)))  # of a deal only its first score counts
    too_young = scores.assign(as_of=pd.Timestamp(until - timedelta(days=10)))
    found = matured_scores(pd.concat([again, scores, too_young]), tables, until, weeks=4)
    assert (found.n_deals, found.said, found.came) == (3, 1.5, 1.0)
    assert found.spread == pytest.approx(np.sqrt(0.75))
    assert matured_scores(scores.head(0), tables, until, weeks=4) == SILENT


def hand_made(deals: dict[str, datetime | None]) -> dict[str, pd.DataFrame]:
    """Tables of deals that were created long ago, and won when it says."""
    created = pd.Timestamp("2026-01-05", tz="UTC")
    changes = [(deal, created, "Demo") for deal in deals]
    changes += [(deal, pd.Timestamp(at), "Won") for deal, at in deals.items() if at]
    moves = pd.DataFrame(changes, columns=["deal_id", "changed_at", "new_value"])
    moves = moves.assign(field="stage", seq=0, old_value=None, changed_by=None, known_at=moves["changed_at"])
    stages = pd.DataFrame(
        {"pipeline_id": "p", "stage": ["Demo", "Won"], "position": [1, 2], "category": ["open", "won"]}
    )
    columns = {"name": None, "account_id": None, "source": None, "currency": "EUR"}
    table = pd.DataFrame({"deal_id": list(deals), "pipeline_id": "p", "created_at": created, **columns})
    people = pd.DataFrame(columns=["user_id", "name", "team"], dtype=object)
    accounts = pd.DataFrame(columns=["account_id", "name", "region", "size"], dtype=object)
    interactions = pd.DataFrame({"deal_id": [], "occurred_at": [], "known_at": []}).astype(
        {"deal_id": object, "occurred_at": "datetime64[us, UTC]", "known_at": "datetime64[us, UTC]"}
    )
    return {
        "deals": table,
        "deal_changes": moves,
        "stages": stages,
        "users": people,
        "accounts": accounts,
        "interactions": interactions,
    }
