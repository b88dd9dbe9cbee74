"""Tuning: nothing of the holdout is looked at, a study goes on where it was, the best stays within its budget."""

from dataclasses import replace
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest

from crm.errors import NotEnoughDataError
from models.scorer import Scorer
from training.contest import holdout_start
from training.dataset import Dataset
from training.explanation_cost import booster_cost, explanation_cost
from training.plan import Plan
from training.study import COST, N_BLOCKS, best_within, blocks_of, budget_of, finished, open_study, suggested, tried
from training.tune import best_plan


def test_the_cost_of_a_tree_is_its_leaves_times_its_depth() -> None:
    x = np.arange(64, dtype=float)[:, None]
    parameters = {"objective": "regression", "num_leaves": 2, "min_data_in_leaf": 1, "verbosity": -1}
    stumps = lgb.train(parameters, lgb.Dataset(x, (x[:, 0] > 31).astype(float)), num_boost_round=3)
    assert booster_cost(stumps) == 3 * 2 * 1
    deeper = lgb.train(parameters | {"num_leaves": 4, "max_depth": 2}, lgb.Dataset(x, x[:, 0]), num_boost_round=1)
    assert booster_cost(deeper) == 4 * 2


def test_stage_rates_cost_nothing_to_explain(scorer: Scorer, stage_scorer: Scorer) -> None:
    assert explanation_cost(stage_scorer) == 0
    assert explanation_cost(scorer) == sum(
        booster_cost(booster) for model in (scorer.win, scorer.stall) for booster in model.members.boosters.values()
    )


def test_no_block_sees_the_holdout_or_itself(small_dataset: Dataset, plan: Plan) -> None:
    blocks, end = blocks_of(small_dataset, plan), holdout_start(small_dataset, plan)
    assert len(blocks) == N_BLOCKS
    for block in blocks:
        assert block.known.until == end
        assert block.known.at.max() < end
        assert block.past.at.max() < block.past.until <= block.known.at[block.rows].min()
    rows = np.sum([block.rows for block in blocks], axis=0)
    assert rows.max() == 1


def study_in(folder: Path, plan: Plan, losses: list[float], costs: list[int]):
    """A study of made-up trials."""
    study = open_study(folder, "made up", plan)
    left = list(zip(losses, costs, strict=True))

    def objective(trial):
        loss, cost = left.pop(0)
        suggested(trial, plan.booster)
        trial.set_user_attr(COST, cost)
        trial.report(loss, 0)
        return loss

    study.optimize(objective, n_trials=len(left))
    return study


def test_the_best_stays_within_the_budget_of_the_default_plan(tmp_path: Path, plan: Plan) -> None:
    study = study_in(tmp_path, plan, [0.60, 0.50, 0.55], [1_000, 9_000, 900])
    assert budget_of(study, 0) == 1_000
    assert best_within(study, 1_000).value == 0.55
    assert best_within(study, 9_000).value == 0.50
    trees, said = best_plan(study, plan, 0)
    assert trees.num_leaves == study.trials[2].params["num_leaves"]
    assert "Log loss before the holdout 0.55000; the default plan's 0.60000." in said
    with pytest.raises(NotEnoughDataError, match="no trial was finished within the budget of 10"):
        best_plan(study, plan, 10)


def test_the_first_trial_is_the_plan_itself(tmp_path: Path, plan: Plan) -> None:
    study = study_in(tmp_path, replace(plan, booster=replace(plan.booster, max_rounds=100)), [0.6], [10])
    assert study.trials[0].params["max_rounds"] == 100
    assert study.trials[0].params["num_leaves"] == plan.booster.num_leaves


def test_a_study_goes_on_where_it_was(tmp_path: Path, plan: Plan) -> None:
    plan = replace(plan, booster=replace(plan.booster, max_rounds=100))
    study_in(tmp_path, plan, [0.6, 0.5], [10, 10])
    study = study_in(tmp_path, plan, [0.55], [10])
    assert [trial.value for trial in finished(study)] == [0.6, 0.5, 0.55]
    assert study.trials[2].params != study.trials[1].params


@pytest.mark.slow
def test_a_trial_is_the_mean_of_its_blocks_and_a_hopeless_one_is_given_up(
    tmp_path: Path, small_dataset: Dataset, plan: Plan
) -> None:
    plan = replace(plan, booster=replace(plan.booster, max_rounds=50))
    blocks, study, seen = blocks_of(small_dataset, plan), open_study(tmp_path, "real", plan), []

    def objective(trial):
        seen.append([])
        trees = replace(suggested(trial, plan.booster), max_rounds=10)
        return tried(trial, blocks, replace(plan, booster=trees), 1_000_000, seen[-1])

    study.optimize(objective, n_trials=1)
    assert len(seen[0]) == N_BLOCKS
    assert study.trials[0].value == pytest.approx(np.mean(seen[0]))
    assert study.trials[0].user_attrs[COST] > 0
