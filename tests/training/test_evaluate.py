"""Evaluation: only what came after the training is judged."""

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from crm.errors import NotEnoughDataError
from crm.simulate import Simulation
from models.scorer import Scorer
from training.dataset import Dataset
from training.evaluate import evaluate
from training.fit import fit
from training.metrics import measure
from training.plan import Plan
from training.targets import target
from training.train import dataset_of

UNTIL = date(2025, 12, 1)


@pytest.fixture(scope="module")
def early(small_company: Simulation, plan: Plan) -> Scorer:
    """A scorer trained almost a year before the end."""
    then = replace(plan, train_until=UNTIL)
    return fit(dataset_of(small_company.tables, then), then).scorer


def test_the_champion_and_the_stage_rate_are_judged_side_by_side(early: Scorer, small_dataset: Dataset) -> None:
    found = evaluate(early, small_dataset)
    assert found[["event", "model"]].to_numpy().tolist() == [
        ["win", "stage rate"], ["win", "scorer"], ["stall", "stage rate"], ["stall", "scorer"],
    ]  # fmt: skip


def test_only_snapshots_since_the_training_are_judged(early: Scorer, small_dataset: Dataset) -> None:
    since = (small_dataset.table["as_of"] >= pd.Timestamp(UNTIL, tz="UTC")).to_numpy()
    known = target(small_dataset, "win", small_dataset.until, since)
    said = measure(known.happened, known.weight, {"scorer": early.win.predict(small_dataset.table)})["scorer"]
    found = evaluate(early, small_dataset)
    row = found[(found["event"] == "win") & (found["model"] == "scorer")].iloc[0]
    assert row["n_snapshots"] == (known.weight > 0).sum()
    assert {name: row[name] for name in said} == said


def test_a_scorer_of_today_cannot_be_judged_yet_and_says_so(scorer: Scorer, small_dataset: Dataset) -> None:
    with pytest.raises(NotEnoughDataError, match=r"since the champion was trained \(2026-11-16\); train one with"):
        evaluate(scorer, small_dataset)
