"""A fair contest: nobody is judged by what it learned from."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from crm.errors import NotEnoughDataError
from crm.simulate import Simulation
from features.facts import DAY
from features.histories import instant
from training.contest import Contestant, contest, holdout_start, judged_rows, metrics_of, rehearsal
from training.dataset import Dataset
from training.fit import fit
from training.plan import Plan
from training.train import dataset_of

pytestmark = pytest.mark.slow

EARLY, LATE = date(2025, 9, 1), date(2026, 11, 9)


def scorer_of(day: date, tables: dict[str, pd.DataFrame], plan: Plan):
    then = replace(plan, train_until=day)
    return fit(dataset_of(tables, then), then).scorer


@pytest.fixture(scope="module")
def few(plan: Plan) -> Plan:
    """A small company's plan, which is content with ten closed deals of each outcome."""
    return replace(plan, minimum_of_each=10)


@pytest.fixture(scope="module")
def early(small_company: Simulation, few: Plan):
    return scorer_of(EARLY, small_company.tables, few)


@pytest.fixture(scope="module")
def late(small_company: Simulation, few: Plan):
    return scorer_of(LATE, small_company.tables, few)


def test_a_data_set_as_it_was_is_the_one_built_then(small_company: Simulation, small_dataset: Dataset, plan: Plan):
    cutoff = instant(datetime(2025, 9, 1, tzinfo=UTC))
    early, then = small_dataset.before(cutoff), dataset_of(small_company.tables, replace(plan, train_until=EARLY))
    assert early.until == then.until == cutoff
    pd.testing.assert_frame_equal(early.table, then.table)
    assert np.array_equal(early.labels(cutoff).won, then.labels(cutoff).won, equal_nan=True)
    assert np.array_equal(early.labels(cutoff).stalled, then.labels(cutoff).stalled, equal_nan=True)


def test_a_rehearsal_is_the_scorer_trained_then(small_dataset: Dataset, few: Plan, early) -> None:
    start = instant(datetime(2025, 9, 1, tzinfo=UTC))
    assert rehearsal(small_dataset, few, start).version == early.version


def test_a_champion_trained_before_the_holdout_is_judged_as_it_is(small_dataset: Dataset, few: Plan, early) -> None:
    found = contest(
        [Contestant("challenger", small_dataset, None, few), Contestant("champion", small_dataset, early, None)], few
    )
    assert found.start == holdout_start(small_dataset, few)
    assert found.how["champion"] == "as it is, trained until 2025-09-01"
    assert found.how["challenger"] == f"by its rehearsal: the same plan, trained until {found.start_date}"
    said = early.predictions(small_dataset.table[found.rows])["win_probability"]
    assert found.judged["win"].probabilities["champion"].tolist() == said.tolist()


def test_the_window_moves_to_what_the_champion_has_not_seen(small_dataset: Dataset, few: Plan, small_company) -> None:
    champion = scorer_of(date(2026, 5, 1), small_company.tables, few)
    found = contest(
        [Contestant("challenger", small_dataset, None, few), Contestant("champion", small_dataset, champion, few)],
        replace(few, minimum_of_each=3),
    )
    assert found.start_date == "2026-05-01"
    assert found.how["champion"] == "as it is, trained until 2026-05-01"
    assert found.how["challenger"].endswith("trained until 2026-05-01")
    assert (small_dataset.at[found.rows] >= found.start).all()


def test_where_too_little_came_since_both_are_rehearsed_and_the_same_plan_only_once(
    small_dataset: Dataset, few: Plan, late
) -> None:
    then = replace(few, train_until=LATE)
    found = contest(
        [Contestant("challenger", small_dataset, None, few), Contestant("champion", small_dataset, late, then)], few
    )
    assert found.start == holdout_start(small_dataset, few)
    assert found.how["champion"].endswith("(the plan of challenger)")
    for judged in found.judged.values():
        assert np.array_equal(judged.probabilities["champion"], judged.probabilities["challenger"])


def test_a_champion_of_an_unknown_plan_that_has_seen_the_holdout_cannot_be_judged(
    small_dataset: Dataset, few: Plan, late
) -> None:
    with pytest.raises(NotEnoughDataError, match=r"champion has seen part of the holdout.*its plan is not known"):
        contest(
            [Contestant("challenger", small_dataset, None, few), Contestant("champion", small_dataset, late, None)], few
        )


def test_another_patience_is_another_stall_and_is_not_compared(small_dataset: Dataset, few: Plan, early) -> None:
    other = replace(early, patience=(1, 90, 30))
    found = contest(
        [Contestant("challenger", small_dataset, None, few), Contestant("champion", small_dataset, other, None)], few
    )
    assert "champion" in found.judged["win"].probabilities
    assert "champion" not in found.judged["stall"].probabilities


def test_snapshots_whose_deals_had_no_time_to_close_are_not_judged(small_dataset: Dataset, few: Plan) -> None:
    start = holdout_start(small_dataset, few)
    rows = judged_rows(small_dataset, start)
    closed = ~np.isnan(small_dataset.labels(small_dataset.until).won)
    later = (small_dataset.at >= start) & ~rows
    assert small_dataset.at[later].min() > small_dataset.at[rows].max()
    assert closed[rows].mean() > closed[later].mean()
    # At most half of the window is left out, however slow the deals are.
    assert small_dataset.at[rows].max() >= start + (small_dataset.until - start) / 2 - 7 * DAY


def test_the_rungs_below_are_judged_too_and_learned_only_from_before(small_dataset: Dataset, few: Plan) -> None:
    found = contest([Contestant("challenger", small_dataset, None, few)], few)
    metrics = metrics_of(found.judged)
    assert metrics["model"].tolist() == ["base rate", "stage rate", "challenger"] * 2
    assert found.start % DAY == 0
