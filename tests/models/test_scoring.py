"""Scoring: batch and request are one code, so they give the same bits."""

import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from crm.present import present
from crm.simulate import Simulation
from crm.tables import TABLES
from models.scorer import Scorer
from models.scoring import Scoring

AS_OF = datetime(2026, 11, 9, 8, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def scores(scoring: Scoring, company: Simulation) -> pd.DataFrame:
    """Every open deal's scores."""
    return scoring.score(company.tables, AS_OF)


def request_of(tables: dict[str, pd.DataFrame], deal_id: str) -> dict[str, pd.DataFrame]:
    """What a request for one deal holds: the deal's own rows, beside the company's names and stages."""
    own = {name: tables[name] for name in ("deals", "deal_changes", "interactions")}
    own = {name: rows[rows["deal_id"] == deal_id].reset_index(drop=True) for name, rows in own.items()}
    named = tables["contacts"]["contact_id"].isin(own["interactions"]["contact_id"])
    return tables | own | {"contacts": tables["contacts"][named].reset_index(drop=True)}


def test_a_deal_scored_alone_gets_the_same_bits_as_in_the_batch(
    scoring: Scoring, company: Simulation, scores: pd.DataFrame
) -> None:
    for place in range(0, len(scores), 20):
        alone = scoring.score(request_of(company.tables, scores["deal_id"].iloc[place]), AS_OF)
        pd.testing.assert_frame_equal(alone, scores.iloc[[place]].reset_index(drop=True), check_exact=True)


def test_every_deal_open_then_is_scored_and_no_other(company: Simulation, scores: pd.DataFrame) -> None:
    then = present(company.tables, AS_OF)
    assert set(scores["deal_id"]) == set(then.loc[then["stage_category"] == "open", "deal_id"])


def test_a_closed_deal_gets_no_score(scoring: Scoring, company: Simulation) -> None:
    then = present(company.tables, AS_OF)
    won = then.loc[then["stage_category"] == "won", "deal_id"].iloc[0]
    assert scoring.score(request_of(company.tables, won), AS_OF).empty


def test_what_became_known_later_changes_no_score(scoring: Scoring, company: Simulation, scores: pd.DataFrame) -> None:
    known = company.tables | {
        name: company.tables[name][company.tables[name]["known_at"] < AS_OF]
        for name in ("deal_changes", "interactions")
    }
    again = scoring.score(known, AS_OF)
    pd.testing.assert_frame_equal(again, scores, check_exact=True)


def test_scores_have_the_columns_of_the_ledger_and_keep_its_rules(scores: pd.DataFrame) -> None:
    assert tuple(scores.columns) == TABLES["scores"].names
    for column in TABLES["scores"].columns:
        assert not (column.required and scores[column.name].isna().any())
        if column.maximum is not None:
            assert scores[column.name].between(column.minimum, column.maximum).all()


@pytest.mark.parametrize(("score", "base", "told"), [
    ("win_probability", "win_base", "win_reasons"),
    ("stall_risk", "stall_base", "stall_reasons"),
])  # fmt: skip
def test_reasons_sum_with_the_base_to_the_score(scores: pd.DataFrame, score: str, base: str, told: str) -> None:
    sums = scores[base] + [sum(reason["points"] for reason in json.loads(text)) for text in scores[told]]
    assert sums.to_numpy() == pytest.approx(scores[score].to_numpy(), abs=1e-9)


def test_the_chance_to_be_won_in_time_grows_up_to_the_win_probability(scores: pd.DataFrame) -> None:
    for text, win in zip(scores["win_within"], scores["win_probability"], strict=True):
        days, chances = np.array(json.loads(text)).T
        assert days.tolist() == [7, 14, 28, 56, 91, 182, 364]
        assert (np.diff(chances) >= 0).all()
        assert chances[-1] <= win


def test_patience_stays_within_the_scorers_bounds(scorer: Scorer, scores: pd.DataFrame) -> None:
    low, high, _ = scorer.patience
    assert scores["patience_days"].between(low, high).all()


def test_a_scorer_of_trees_needs_no_note(scores: pd.DataFrame) -> None:
    assert scores["note"].isna().all()


def test_stage_rates_carry_the_note_and_have_reasons_that_sum(stage_scorer: Scorer, company: Simulation) -> None:
    scores = Scoring.of_company(stage_scorer, company.tables, "EUR").score(company.tables, AS_OF)
    assert scores["note"].str.startswith("not enough data: ").all()
    sums = scores["win_base"] + [sum(reason["points"] for reason in json.loads(text)) for text in scores["win_reasons"]]
    assert sums.to_numpy() == pytest.approx(scores["win_probability"].to_numpy(), abs=1e-9)
    assert (scores["win_reasons"].map(json.loads).map(len) <= 1).all()


def test_an_owner_and_an_account_nobody_knows_are_scored_all_the_same(scoring: Scoring, company: Simulation) -> None:
    deal_id = scoring.score(company.tables, AS_OF)["deal_id"].iloc[0]
    tables = request_of(company.tables, deal_id)
    changes = tables["deal_changes"]
    tables["deal_changes"] = changes.assign(
        new_value=changes["new_value"].where(changes["field"] != "owner_id", "nobody")
    )
    tables["deals"] = tables["deals"].assign(account_id="nowhere")
    scored = scoring.score(tables, AS_OF)
    assert scored["win_probability"].between(0, 1).tolist() == [True]


def test_an_empty_store_gives_no_scores(scorer: Scorer, company: Simulation) -> None:
    empty = {name: rows.head(0) for name, rows in company.tables.items()}
    scores = Scoring.of_company(scorer, empty, "EUR").score(empty, AS_OF)
    assert scores.empty
    assert tuple(scores.columns) == TABLES["scores"].names
