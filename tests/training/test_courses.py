"""Courses are read by what was known before a cut-off; learned once, from all deals, for whoever asks."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from crm.simulate import Simulation
from models.course import READINGS
from models.scorer import Scorer
from training.blocks import reads_courses, walk
from training.contest import holdout_start
from training.dataset import Dataset
from training.fit import fit
from training.plan import Plan
from training.train import dataset_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cutoff(dataset: Dataset, plan: Plan) -> int:
    """Where the newest fifth of the time begins."""
    return holdout_start(dataset, plan)


def without_the_future(tables: dict[str, pd.DataFrame], since: int) -> dict[str, pd.DataFrame]:
    """The tables as they were before an instant."""
    at = pd.Timestamp(since, unit="us", tz="UTC")
    known = {name: tables[name][tables[name]["known_at"] < at] for name in ("deal_changes", "interactions")}
    deals = tables["deals"][tables["deals"]["created_at"] < at]
    return tables | {name: rows.reset_index(drop=True) for name, rows in (known | {"deals": deals}).items()}


def test_what_became_known_later_teaches_nothing(
    company: Simulation, dataset: Dataset, plan: Plan, cutoff: int
) -> None:
    then = dataset_of(without_the_future(company.tables, cutoff), plan)
    assert dataset.courses.learned(cutoff, seed=0) == then.courses.learned(cutoff, seed=0)


def test_what_became_known_a_quarter_earlier_does_teach(dataset: Dataset, cutoff: int) -> None:
    assert dataset.courses.learned(cutoff, seed=0) != dataset.courses.learned(cutoff - 91 * 86_400_000_000, seed=0)


def test_a_part_of_the_snapshots_is_read_as_among_all(dataset: Dataset, cutoff: int) -> None:
    rows = dataset.table["amount"].to_numpy() > dataset.table["amount"].median()
    part = dataset.of(rows)
    again = part.of(np.arange(len(part.at)) % 2 == 0)
    whole = dataset.courses.readings(cutoff, seed=0)
    assert whole is not None
    assert np.array_equal(part.courses.readings(cutoff, seed=0), whole[rows])  # type: ignore[arg-type]
    assert np.array_equal(again.courses.readings(cutoff, seed=0), whole[rows][::2])  # type: ignore[arg-type]


def test_they_are_learned_once(dataset: Dataset, cutoff: int) -> None:
    assert dataset.courses.learned(cutoff, seed=0) is dataset.courses.learned(cutoff, seed=0)


def test_a_scorer_reads_by_what_was_known_at_the_end(dataset: Dataset, scorer: Scorer, plan: Plan) -> None:
    assert scorer.course == dataset.courses.learned(dataset.until, plan.booster.seed)
    assert set(READINGS) <= set(scorer.win.signals)
    read = scorer.read(dataset.table.head(50))
    expected = dataset.courses.readings(dataset.until, plan.booster.seed)
    assert expected is not None
    assert np.array_equal(read[list(READINGS)].to_numpy(np.float32), expected[:50])


def test_where_the_deals_before_the_first_block_tell_nothing_no_course_is_read(
    small_dataset: Dataset, plan: Plan
) -> None:
    early = replace(plan, fold_starts=(0.1, 0.6, 0.8))
    found = walk(small_dataset, early, "win")
    assert found is not None
    assert not found.reads
    assert small_dataset.courses.learned(small_dataset.until, seed=0) is not None
    scorer = fit(small_dataset, early).scorer
    assert scorer.course is None
    assert not set(READINGS) & set(scorer.win.signals)


def test_a_pipeline_with_a_model_of_its_own_is_read_as_the_whole_is(dataset: Dataset, plan: Plan) -> None:
    part = dataset.of(dataset.at >= np.quantile(dataset.at, 0.4))
    assert reads_courses(part, plan)
    found = walk(part, plan, "win", reads=False)
    assert found is not None
    assert not found.reads
