"""A trained scorer at the gate, and what its run keeps; with real data, without a registry."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from crm.simulate import simulate
from features.declared import NOTHING
from models.scorer import Scorer
from training.dataset import Dataset
from training.fit import Fit, fit
from training.gate import CHALLENGER
from training.invariants import broken_rules
from training.model_card import markdown
from training.plan import Plan
from training.segments import FEW, as_metrics, segments
from training.train import dataset_of
from training.trial import Champion, Trial, gate_tags, training_record, trial


@pytest.fixture(scope="module")
def dataset(plan: Plan) -> Dataset:
    """A small company's, as what is tested here trains again and again; its newest deals closed much as scored."""
    return dataset_of(simulate(400, seed=4).tables, plan)


@pytest.fixture(scope="module")
def fitted(dataset: Dataset, plan: Plan) -> Fit:
    """Its scorer with the holdouts."""
    return fit(dataset, plan)


@pytest.fixture(scope="module")
def scorer(fitted: Fit) -> Scorer:
    """Its scorer."""
    return fitted.scorer


@pytest.fixture(scope="module")
def stage_scorer(dataset: Dataset, plan: Plan) -> Scorer:
    """What comes of too little data."""
    return fit(dataset, replace(plan, minimum_of_each=10_000)).scorer


@pytest.fixture(scope="module")
def first(fitted: Fit, dataset: Dataset, plan: Plan) -> Trial:
    """The shared scorer at the gate, as a first champion."""
    return trial(fitted.scorer, dataset, plan, suspicions=('"seats" is filled on few',))


def test_a_sound_scorer_passes_as_first_champion(first: Trial) -> None:
    assert first.verdict.passed, first.verdict.says
    assert first.verdict.against == "stage rate"


def test_the_same_recipe_again_is_not_worse(scorer: Scorer, dataset: Dataset, plan: Plan) -> None:
    before = replace(plan, train_until=plan.train_until.replace(day=9))
    champion = Champion("1", replace(scorer, trained_until="2026-11-09"), before)
    tried = trial(scorer, dataset, plan, champion)
    assert (tried.verdict.passed, tried.verdict.against) == (True, "champion")
    assert tried.verdict.checks[0].figures["difference"] == 0
    assert tried.verdict.how["champion"].startswith("by its rehearsal")


class Clairvoyant:
    """A champion that no challenger can beat: trained long ago, it says what came."""

    trained_until, patience, win = "2024-06-01", (7, 90, 30), SimpleNamespace(declared=NOTHING)

    def __init__(self, dataset: Dataset) -> None:
        seen = dataset.labels(dataset.until)
        keys = zip(dataset.table["deal_id"], dataset.table["as_of"], strict=True)
        self.came = dict(zip(keys, np.column_stack([seen.won, seen.stalled]), strict=True))

    def predictions(self, table: pd.DataFrame) -> pd.DataFrame:
        rows = zip(table["deal_id"], table["as_of"], strict=True)
        came = np.nan_to_num(np.array([self.came[row] for row in rows]), nan=0.5)
        return pd.DataFrame(np.clip(came, 0.02, 0.98), columns=["win_probability", "stall_risk"])


def test_a_challenger_that_is_worse_does_not_pass_and_the_sentence_says_why(
    scorer: Scorer, dataset: Dataset, plan: Plan
) -> None:
    tried = trial(scorer, dataset, plan, Champion("7", Clairvoyant(dataset), None))
    assert not tried.verdict.passed
    assert gate_tags(tried.verdict)["gate"] == "failed"
    assert "The gate is not passed; the champion stays as it is. The log loss of its win" in tried.verdict.says
    assert tried.verdict.how["champion"] == "as it is, trained until 2024-06-01"


def test_a_champion_that_cannot_be_read_leaves_the_stage_rate_to_beat(
    scorer: Scorer, dataset: Dataset, plan: Plan
) -> None:
    tried = trial(scorer, dataset, plan, Champion("3", None, None, "The champion cannot be read by this version."))
    assert (tried.verdict.against, tried.verdict.champion_version) == ("stage rate", "3")
    assert gate_tags(tried.verdict)["gate_champion_version"] == "3"


def test_with_too_little_history_it_says_so_and_passes(stage_scorer: Scorer, dataset: Dataset, plan: Plan) -> None:
    early = dataset.before(int(dataset.at.min()) + 14 * 86_400_000_000)
    tried = trial(stage_scorer, early, plan)
    assert tried.verdict.passed
    assert "Too few deals have ended" in tried.verdict.says
    assert (
        "Too few deals have ended to say." in training_record(stage_scorer, early, plan, tried).texts["model_card.md"]
    )


def test_a_company_with_one_stage_only_is_judged_in_it(scorer: Scorer, dataset: Dataset, plan: Plan) -> None:
    flat = replace(dataset)
    vars(flat)["table"] = dataset.table.assign(stage="new-sales/Only")
    tried = trial(scorer, flat, plan)
    assert "The stall risk lies inside the band around what came in its only stage" in tried.verdict.says
    assert set(tried.by_segment["grouping"]) >= {"source", "age"}


def test_every_invariant_is_looked_at(scorer: Scorer, stage_scorer: Scorer, dataset: Dataset, monkeypatch) -> None:
    assert broken_rules(scorer, dataset, seed=0) == []
    assert broken_rules(stage_scorer, dataset, seed=0) == []
    honest = Scorer.predictions

    def wild(self, snapshots):
        said = honest(self, snapshots)
        return said.assign(win_probability=said["win_probability"] + 1, won_within_14d=said["won_within_14d"] - 0.5)

    monkeypatch.setattr(Scorer, "predictions", wild)
    found = " ".join(broken_rules(scorer, dataset, seed=0))
    assert "win_probability lies outside of 0 to 1" in found
    assert "within some days falls as the days grow" in found


def test_reasons_that_do_not_add_up_are_noticed(scorer: Scorer, dataset: Dataset, monkeypatch) -> None:
    import training.invariants as invariants

    honest = invariants.score_snapshots
    monkeypatch.setattr(
        invariants,
        "score_snapshots",
        lambda *given: honest(*given).assign(win_base=lambda rows: rows["win_base"] + 1e-6),
    )
    assert "base and reasons do not sum to the win_probability" in " ".join(broken_rules(scorer, dataset, seed=0))


def test_segments_are_the_groups_of_deals_by_name(dataset: Dataset) -> None:
    found = segments(dataset)
    assert next(iter(found)) == "stage"
    assert {"source", "region", "industry"} <= set(found)
    assert "pipeline" not in found  # there is one only
    assert len(found) == len(dataset.at)


def test_every_segment_has_its_figures_and_a_verdict(first: Trial) -> None:
    found = first.by_segment
    assert set(found["verdict"]) <= {"works", FEW, "worse than the stage rate", "off by more than luck"}
    by_stage = found[(found["event"] == "win") & (found["grouping"] == "stage")]
    weights = by_stage["n_snapshots"]
    assert weights.sum() == (first.contest.judged["win"].target.weight > 0).sum()
    assert (by_stage["gap"] - (by_stage["said"] - by_stage["came"])).abs().max() < 1e-9
    assert ((by_stage["gap_low"] <= by_stage["gap"]) & (by_stage["gap"] <= by_stage["gap_high"])).all()
    metrics = as_metrics(found)
    assert metrics["win/stage/new-sales_Discovery/gap"] == by_stage.set_index("segment")["gap"]["new-sales/Discovery"]


def test_the_model_card_says_what_on_and_for_whom(first: Trial, scorer: Scorer, dataset: Dataset, plan: Plan) -> None:
    card = training_record(scorer, dataset, plan, first).texts["model_card.md"]
    for heading in (
        "What it was trained on", "Leaks", "How good it is", "For whom it works, and for whom not",
        "Calibration and fairness by segment", "The gate", "What it is not for",
    ):  # fmt: skip
        assert f"\n## {heading}\n" in card
    assert f"{len(dataset.at):,} snapshots of" in card
    assert "until 2026-11-16 (excluded)" in card
    assert "| win probability | stage: new-sales/Discovery |" in card
    assert f"| win | {CHALLENGER} |" in card


def test_a_cell_cannot_break_the_table() -> None:
    assert markdown(pd.DataFrame({"a": ["x|y"]})).endswith("| x/y |")
