"""The walk through time: no block is learned from before it is judged, and nothing of it is known before."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from crm.simulate import Simulation
from features.facts import DAY
from models.calibration import Calibration, fit_calibration
from training import blocks
from training.blocks import MEMBERS, Walk, _Blocks, walk
from training.dataset import Dataset
from training.plan import Plan
from training.targets import EVENTS, Event
from training.train import dataset_of

pytestmark = pytest.mark.slow

Tables = dict[str, pd.DataFrame]


def holdout_start(dataset: Dataset, plan: Plan) -> int:
    """Where the holdout begins, microseconds since 1970 UTC."""
    first = int(dataset.at.min())
    return first + int(plan.fold_starts[-1] * (dataset.until - first))


def poisoned(tables: Tables, since: int) -> Tables:
    """Turn every win known from ``since`` on into a loss and the reverse, one at that very instant; lose the emails."""
    at = pd.Timestamp(since, unit="us", tz="UTC")
    changes, interactions = tables["deal_changes"].copy(), tables["interactions"]
    later = (changes["known_at"] >= at) & changes["new_value"].isin(["Won", "Lost"])
    assert later.sum() > 40
    changes.loc[later, "new_value"] = changes.loc[later, "new_value"].map({"Won": "Lost", "Lost": "Won"})
    early = changes[later].sort_values("known_at").index[:20]
    changes.loc[early, ["changed_at", "known_at"]] = at
    kept = (interactions["known_at"] < at) | (interactions["kind"] != "email")
    return tables | {"deal_changes": changes, "interactions": interactions[kept].reset_index(drop=True)}


def with_table(dataset: Dataset, table: pd.DataFrame) -> Dataset:
    """The data set with other signals."""
    other = replace(dataset)
    vars(other)["table"] = table
    return other


def walked(tables: Tables, plan: Plan, event: Event, monkeypatch: pytest.MonkeyPatch) -> tuple[Walk, list[str]]:
    """The walk, and every line and booster that it fitted, as text."""
    texts: list[str] = []
    real = blocks.fit_blocks

    def noting(*given):
        members, n_rounds = real(*given)
        for one in members:
            texts.append(str(one.line.document()))
            texts.extend(booster.model_to_string() for booster in one.boosters.values())
        return members, n_rounds

    monkeypatch.setattr(blocks, "fit_blocks", noting)
    found = walk(dataset_of(tables, plan), plan, event)
    monkeypatch.undo()
    assert found is not None
    return found, texts


@pytest.mark.parametrize("event", ["win", "stall"])
def test_what_is_known_from_the_holdouts_start_on_changes_nothing_that_is_learned(
    event: Event, small_company: Simulation, small_dataset: Dataset, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = poisoned(small_company.tables, holdout_start(small_dataset, plan))
    plain, plain_texts = walked(small_company.tables, plan, event, monkeypatch)
    poison, poison_texts = walked(other, plan, event, monkeypatch)
    assert len(plain_texts) == 3 * 3
    assert plain_texts == poison_texts
    assert plain.n_rounds == poison.n_rounds
    assert plain.log_loss == poison.log_loss
    assert plain.rung == poison.rung
    for rung in ("base rate", "stage rate"):
        # Fewer rows after the holdout's start are summed in another order: the last bit may differ.
        said = (set(found.holdout.probabilities[rung].round(12).tolist()) for found in (plain, poison))
        assert len(set.symmetric_difference(*said)) == 0


def test_the_same_poison_a_quarter_earlier_is_noticed(
    small_company: Simulation, small_dataset: Dataset, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = poisoned(small_company.tables, holdout_start(small_dataset, plan) - 91 * DAY)
    assert walked(small_company.tables, plan, "win", monkeypatch)[1] != walked(other, plan, "win", monkeypatch)[1]


def test_the_holdout_is_the_last_block_and_begins_after_the_embargo(small_dataset: Dataset, plan: Plan) -> None:
    start = holdout_start(small_dataset, plan)
    for days in (7, 30):
        found = walk(small_dataset, replace(plan, embargo_days=days), "win")
        assert found is not None
        assert found.holdout.rows.tolist() == (small_dataset.at >= start + days * DAY).tolist()


def test_the_holdout_is_judged_by_what_came_until_the_end(small_dataset: Dataset, plan: Plan) -> None:
    found = walk(small_dataset, plan, "win")
    assert found is not None
    judged = found.holdout.target.weight > 0
    assert not (judged & ~found.holdout.rows).any()
    won = small_dataset.labels(small_dataset.until).won
    assert (found.holdout.target.happened[judged] == won[judged]).all()


def test_the_rung_with_the_least_log_loss_on_the_blocks_before_the_holdout_is_chosen(
    small_dataset: Dataset, plan: Plan
) -> None:
    for event in EVENTS:
        found = walk(small_dataset, plan, event)
        assert found is not None
        assert set(found.log_loss) == set(MEMBERS)
        assert found.rung == min(MEMBERS, key=found.log_loss.__getitem__)
        assert set(found.calibration.slopes) <= set(MEMBERS[found.rung])
        said = found.holdout.probabilities
        assert said["scorer"].tolist() == said[found.rung].tolist()


def test_each_block_is_judged_with_slopes_fitted_on_the_others(
    small_dataset: Dataset, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[np.ndarray] = []

    def noting(raw, happened, weight, deal, period):
        used.append(weight > 0)
        return fit_calibration(raw, happened, weight, deal, period)

    monkeypatch.setattr(blocks, "fit_calibration", noting)
    found = walk(small_dataset, plan, "win")
    assert found is not None
    of_rungs, final = used[:9], used[9:]  # three rungs: for each of two blocks the other, then both for the holdout
    for first, second, both in zip(of_rungs[::3], of_rungs[1::3], of_rungs[2::3], strict=True):
        assert first.any()
        assert second.any()
        assert not (first & second).any()
        assert (first | second).tolist() == both.tolist()
        assert not (both & found.holdout.rows).any()
    assert (final[0] & found.holdout.rows).any()


def test_signals_that_tell_nothing_are_beaten_by_rates(small_dataset: Dataset, plan: Plan) -> None:
    noise = np.random.default_rng(0).permutation(len(small_dataset.at))
    shuffled = small_dataset.table.copy()
    shuffled[small_dataset.signals] = shuffled[small_dataset.signals].to_numpy()[noise]
    found = walk(with_table(small_dataset, shuffled), plan, "win")
    assert found is not None
    assert MEMBERS[found.rung] == ()


def turning(dataset: Dataset, since: int, strength: float) -> Dataset:
    """Signals of which one tells a little of how deals end, and from an instant on ``strength`` times the opposite."""
    won = np.nan_to_num(dataset.labels(dataset.until).won, nan=0.5) - 0.5
    clue = np.random.default_rng(0).normal(size=len(won)) + np.where(dataset.at < since, won, -strength * won)
    signals = dict.fromkeys(dataset.signals, 0.0) | {"age_days": clue}
    return with_table(dataset, dataset.table.assign(**signals))


@pytest.mark.parametrize("strength", [2, 5])
def test_members_that_turn_the_ranking_round_leave_the_score_to_rates(
    small_dataset: Dataset, plan: Plan, strength: float
) -> None:
    first = int(small_dataset.at.min())
    start = first + int(plan.fold_starts[0] * (small_dataset.until - first))
    found = walk(turning(small_dataset, start, strength), plan, "win")
    assert found is not None
    assert found.rung in ("base rate", "stage rate")
    assert found.calibration == Calibration()
    if strength == 2:  # at 5 one block parts won from lost without error, and misleads about the others
        assert found.log_loss["logistic"] == pytest.approx(found.log_loss["stage rate"], rel=0.1)


def test_rates_answer_where_the_holdout_shows_that_no_member_counts_any_more(
    small_dataset: Dataset, plan: Plan
) -> None:
    found = walk(turning(small_dataset, holdout_start(small_dataset, plan), 20), plan, "win")
    assert found is not None
    best = min(MEMBERS, key=found.log_loss.__getitem__)
    assert MEMBERS[best]
    assert found.holdout.probabilities["scorer"].tolist() == found.holdout.probabilities[best].tolist()
    assert found.rung in ("base rate", "stage rate")
    assert found.calibration == Calibration()


def test_few_closed_deals_are_judged_on_more_blocks(small_dataset: Dataset, plan: Plan) -> None:
    few = replace(plan, few_closed=10_000, fold_starts_of_few=(0.4, 0.6, 0.7, 0.8))
    assert [len(_Blocks(small_dataset, one, "win").starts) for one in (plan, few)] == [3, 4]


def test_a_block_before_which_nothing_was_known_is_passed_over(small_dataset: Dataset, plan: Plan) -> None:
    with_empty, without = (
        walk(small_dataset, replace(plan, fold_starts=starts), "win") for starts in ((0.0, 0.6, 0.8), (0.6, 0.8))
    )
    assert with_empty is not None
    assert without is not None
    assert with_empty.log_loss == without.log_loss
    assert with_empty.calibration == without.calibration


def test_where_nothing_was_known_before_any_block_there_is_no_walk(small_dataset: Dataset, plan: Plan) -> None:
    assert walk(small_dataset, replace(plan, fold_starts=(0.0, 0.001, 0.8)), "win") is None


def test_every_model_answers_for_every_snapshot_with_a_probability(small_dataset: Dataset, plan: Plan) -> None:
    found = walk(small_dataset, plan, "stall")
    assert found is not None
    for said in found.holdout.probabilities.values():
        assert len(said) == len(small_dataset.at)
        assert np.logical_and(said >= 0, said <= 1).all()
