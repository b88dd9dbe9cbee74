"""From a store to a data set, or to a sentence on why there is none."""

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from crm.errors import NotEnoughDataError
from crm.simulate import Simulation
from features.facts import DAY
from models.scorer import Scorer
from training.blocks import MEMBERS
from training.dataset import Dataset
from training.fit import Fit
from training.plan import Plan
from training.train import dataset_of, holdout_metrics, warnings


def test_an_empty_store_is_said_to_be_empty(company: Simulation, plan: Plan) -> None:
    empty = {name: rows.head(0) for name, rows in company.tables.items()}
    with pytest.raises(NotEnoughDataError, match="the store holds no deals; import some first"):
        dataset_of(empty, plan)


def test_a_day_before_all_deals_is_said_to_be_too_early(company: Simulation, plan: Plan) -> None:
    with pytest.raises(
        NotEnoughDataError, match=r"none of the 1,500 deals .* before 2020-01-01.*; use a later --until"
    ):
        dataset_of(company.tables, replace(plan, train_until=date(2020, 1, 1)))


def test_every_snapshot_is_a_monday_before_the_end(dataset: Dataset) -> None:
    assert set(dataset.table["as_of"].dt.day_of_week) == {0}
    assert dataset.at.max() < dataset.until


def test_daily_snapshots_hold_the_weekly_ones(small_company: Simulation, plan: Plan, small_dataset: Dataset) -> None:
    daily = dataset_of(small_company.tables, replace(plan, snapshot_days=1))
    assert 6 * len(small_dataset.at) < len(daily.at) < 8 * len(small_dataset.at)
    mondays = (daily.at - 4 * DAY) % (7 * DAY) == 0
    assert daily.table[mondays].reset_index(drop=True).equals(small_dataset.table)


def test_the_holdout_is_measured_for_every_event_and_model(fitted: Fit) -> None:
    metrics = holdout_metrics(fitted)
    assert list(zip(metrics["event"], metrics["model"], strict=True)) == [
        (event, model) for event in ("win", "stall") for model in (*MEMBERS, "scorer")
    ]
    assert metrics.notna().all(axis=None)


def test_a_plan_is_logged_whole_as_flat_names(plan: Plan) -> None:
    logged = plan.parameters()
    assert logged["train_until"] == plan.train_until
    assert (logged["patience.minimum_days"], logged["booster.max_rounds"]) == (7, 25)
    assert not [value for value in logged.values() if isinstance(value, dict)]


def test_a_holdout_on_which_trees_did_worse_is_said() -> None:
    metrics = pd.DataFrame(
        [
            ("win", "stage rate", 0.6),
            ("win", "lightgbm", 0.67),
            ("stall", "stage rate", 0.6),
            ("stall", "lightgbm", 0.5),
        ],
        columns=["event", "model", "log_loss"],
    )
    (warning,) = warnings(metrics)
    assert "(win: log loss 0.670 against 0.600)" in warning


def test_without_a_holdout_there_is_nothing_to_warn_of(stage_scorer: Scorer) -> None:
    assert warnings(holdout_metrics(Fit(stage_scorer, {}))) == []
