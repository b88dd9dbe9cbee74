"""A plan as a file: whole when logged; when given, every mistake is named."""

from datetime import date
from pathlib import Path

import pytest

from crm.errors import SettingsError
from features.declared import Custom, Declared
from features.labels import Patience
from models.boosting import BoosterPlan
from training.plan import Plan
from training.plan_file import booster_text, plan_of, plan_text, read_booster, same_recipe

PLAN = Plan(
    date(2026, 11, 16),
    snapshot_days=1,
    patience=Patience(minimum_days=1),
    booster=BoosterPlan(num_leaves=7, seed=3),
    declared=Declared((Custom("attribute", "seats", "number"),), ("demo held",)),
)


def test_a_plan_comes_back_whole() -> None:
    assert plan_of(plan_text(PLAN)) == PLAN


@pytest.mark.parametrize("text", ["", "{", "{}", '{"train_until": "2026-11-16", "booster": {"leaves": 1}}'])
def test_a_plan_that_cannot_be_followed_is_none(text: str) -> None:
    assert plan_of(text) is None


def test_only_the_day_and_the_threads_may_differ_in_a_recipe() -> None:
    from dataclasses import replace

    later = replace(PLAN, train_until=date(2027, 1, 1), booster=replace(PLAN.booster, num_threads=2))
    assert same_recipe(PLAN, later)
    assert not same_recipe(PLAN, replace(PLAN, booster=replace(PLAN.booster, num_leaves=8)))


def test_tuned_trees_come_back_and_the_seed_stays_the_command_lines(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(booster_text(BoosterPlan(num_leaves=7, lambda_l2=0.5, seed=9), ["found by tuning"]))
    given = BoosterPlan(seed=1, num_threads=2)
    assert read_booster(path, given) == BoosterPlan(num_leaves=7, lambda_l2=0.5, seed=1, num_threads=2)
    assert path.read_text().startswith("# found by tuning\nbooster:\n")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("booster: {num_leafs: 7}", r"names booster\.num_leafs, which there is not; did you mean num_leaves"),
        ("booster: {num_leaves: many}", r"booster\.num_leaves = 'many'; write a whole number"),
        ("booster: {num_leaves: 7.5}", "write a whole number"),
        ("booster: {lambda_l2: -1}", "write a number of 0 or above"),
        ("trees: {}", "needs one key, booster"),
        ("[", r"cannot be read \(it is not YAML\)"),
    ],
)
def test_a_mistake_is_named(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=says):
        read_booster(path, BoosterPlan())


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"plan .*none\.yaml cannot be read .*`plumbline tune` writes one"):
        read_booster(tmp_path / "none.yaml", BoosterPlan())
