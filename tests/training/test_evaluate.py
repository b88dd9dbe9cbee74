"""Evaluation: only what came after the training is judged."""

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from crm.errors import NotEnoughDataError
from crm.simulate import Simulation
from models.scorer import Scorer
from training.contest import judged_rows, trained_until
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
    found = evaluate(early, small_dataset).metrics
    assert found[["event", "model"]].to_numpy().tolist() == [
        ["win", "stage rate"], ["win", "scorer"], ["stall", "stage rate"], ["stall", "scorer"],
    ]  # fmt: skip


def test_only_snapshots_since_the_training_whose_deals_had_time_to_close_are_judged(
    early: Scorer, small_dataset: Dataset
) -> None:
    mature = judged_rows(small_dataset, trained_until(early))
    known = target(small_dataset, "win", small_dataset.until, mature)
    said = measure(known.happened, known.weight, {"scorer": early.win.predict(small_dataset.table)})["scorer"]
    found = evaluate(early, small_dataset)
    row = found.metrics[(found.metrics["event"] == "win") & (found.metrics["model"] == "scorer")].iloc[0]
    assert row["n_snapshots"] == (known.weight > 0).sum()
    assert {name: row[name] for name in said} == said


def test_it_says_how_many_snapshots_are_too_young(early: Scorer, small_dataset: Dataset) -> None:
    found = evaluate(early, small_dataset)
    as_of = small_dataset.table["as_of"]
    since = as_of >= pd.Timestamp(UNTIL, tz="UTC")
    assert found.n_judged + found.n_left_out == since.sum()
    assert 0 < found.n_left_out < since.sum()
    assert found.says.startswith(f"{found.n_left_out:,} of {since.sum():,} snapshots since the training are left out")


def test_a_scorer_of_today_cannot_be_judged_yet_and_says_so(scorer: Scorer, small_dataset: Dataset) -> None:
    with pytest.raises(NotEnoughDataError, match=r"since the champion was trained \(2026-11-16\); train one with"):
        evaluate(scorer, small_dataset)
