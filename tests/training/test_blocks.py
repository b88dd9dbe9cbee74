"""The walk through time: no block is learned from before it is judged, and nothing of it is known before."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from crm.simulate import Simulation
from features.facts import DAY
from training import blocks
from training.blocks import Walk, walk
from training.dataset import Dataset
from training.plan import Plan
from training.targets import Event
from training.train import dataset_of

Tables = dict[str, pd.DataFrame]


def holdout_start(dataset: Dataset, plan: Plan) -> int:
    """Where the holdout begins, microseconds since 1970 UTC."""
    first = int(dataset.at.min())
    return first + int(plan.fold_starts[-1] * (dataset.until - first))


def poisoned(tables: Tables, since: int) -> Tables:
    """Turn every win known from ``since`` on into a loss and the reverse, one at that very instant; lose the emails."""
    at = pd.Timestamp(since, unit="us", tz="UTC")
    changes, interactions = tables["deal_changes"].copy(), tables["interactions"]
    later = (changes["known_at"] >= at) & changes["new_value"].isin(["won", "lost"])
    changes.loc[later, "new_value"] = changes.loc[later, "new_value"].map({"won": "lost", "lost": "won"})
    early = changes[later].sort_values("known_at").index[:20]
    changes.loc[early, ["changed_at", "known_at"]] = at
    kept = (interactions["known_at"] < at) | (interactions["kind"] != "email")
    return tables | {"deal_changes": changes, "interactions": interactions[kept].reset_index(drop=True)}


def walked(tables: Tables, plan: Plan, event: Event, monkeypatch: pytest.MonkeyPatch) -> tuple[Walk, list[str]]:
    """The walk, and the text of every booster that it fitted."""
    texts: list[str] = []
    for name in ("fit_booster", "fit_booster_and_rounds"):
        real = getattr(blocks, name)

        def noting(*given, real=real):
            booster = real(*given)
            texts.append(booster.model_to_string())
            return booster

        monkeypatch.setattr(blocks, name, noting)
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
    assert len(plain_texts) == 3
    assert plain_texts == poison_texts
    assert plain.n_rounds == poison.n_rounds
    for rung in ("base rate", "stage rate"):
        said = (set(found.holdout.probabilities[rung].tolist()) for found in (plain, poison))
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


def test_where_nothing_was_known_before_a_block_there_is_no_walk(small_dataset: Dataset, plan: Plan) -> None:
    assert walk(small_dataset, replace(plan, fold_starts=(0.0, 0.65, 0.8)), "win") is None


def test_every_model_answers_for_every_snapshot_with_a_probability(small_dataset: Dataset, plan: Plan) -> None:
    found = walk(small_dataset, plan, "stall")
    assert found is not None
    for said in found.holdout.probabilities.values():
        assert len(said) == len(small_dataset.at)
        assert np.logical_and(said >= 0, said <= 1).all()
