"""Scoring: batch and request are one code, so they give the same bits."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from crm.checks import checked
from crm.origins import ORIGIN
from crm.present import present
from crm.simulate import Simulation
from crm.tables import TABLES
from models.closing_time import KNOTS_DAYS
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


@pytest.mark.slow
@pytest.mark.parametrize("which", ["scorer", "stage_scorer"])
def test_scores_keep_every_rule_of_the_ledger(which: str, request: pytest.FixtureRequest, company: Simulation) -> None:
    scores = Scoring.of_company(request.getfixturevalue(which), company.tables, "EUR").score(company.tables, AS_OF)
    assert (*scores.columns, "issued_at") == TABLES["scores"].names
    found = checked("scores", scores.assign(**{ORIGIN: range(len(scores))}), "scores")
    assert found.rejects.empty
    assert len(found.rows) == len(scores)


def test_the_middle_lies_within_its_bounds(scores: pd.DataFrame) -> None:
    for low, middle, high in (
        ("win_low", "win_probability", "win_high"),
        ("stall_low", "stall_risk", "stall_high"),
    ):
        assert (scores[low] < scores[middle]).all()
        assert (scores[middle] < scores[high]).all()


def test_dates_lie_ahead_and_in_order(scores: pd.DataFrame) -> None:
    today = AS_OF.date().isoformat()
    assert (scores["close_p10_date"] >= today).all()
    assert (scores["close_p10_date"] <= scores["close_p50_date"]).all()
    assert (scores["close_p50_date"] <= scores["close_p90_date"]).all()
    assert (scores["expected_close_date"] >= today).all()


def test_a_slip_is_sure_once_the_close_date_has_passed_and_lands_after_it(
    company: Simulation, scores: pd.DataFrame
) -> None:
    then = present(company.tables, AS_OF).set_index("deal_id")["close_date"]
    close_date = scores["deal_id"].map(then)
    overdue, said = close_date < AS_OF.date().isoformat(), close_date.notna()
    assert overdue.any()
    assert (said & ~overdue).any()
    assert (scores.loc[overdue, "slip_probability"] == 1).all()
    assert scores.loc[said & ~overdue, "slip_probability"].between(0, 1, inclusive="left").all()
    assert (scores.loc[said, "slipped_close_date"] >= close_date[said]).all()
    assert scores.loc[~said, ["slip_probability", "slipped_close_date"]].isna().all(axis=None)


def test_the_further_its_close_date_the_less_a_deal_slips(scoring: Scoring, company: Simulation) -> None:
    deal_id = scoring.score(company.tables, AS_OF)["deal_id"].iloc[0]
    found = []
    for day in ("2026-11-08", "2026-11-09", "2027-01-31", "2028-11-30", None):
        tables = request_of(company.tables, deal_id)
        changes = tables["deal_changes"]
        dated = changes["new_value"].where(changes["field"] != "close_date", day)
        found.append(scoring.score(tables | {"deal_changes": changes.assign(new_value=dated)}, AS_OF).iloc[0])
    slips = [row["slip_probability"] for row in found]
    assert slips[0] == 1 > slips[1] > slips[2] > slips[3]
    assert np.isnan(slips[4])
    assert (found[0]["slipped_close_date"], found[3]["slipped_close_date"]) >= ("2026-11-09", "2028-11-30")


@pytest.mark.parametrize(("score", "base", "told"), [
    ("win_probability", "win_base", "win_reasons"),
    ("stall_risk", "stall_base", "stall_reasons"),
])  # fmt: skip
def test_reasons_sum_with_the_base_to_the_score(scores: pd.DataFrame, score: str, base: str, told: str) -> None:
    sums = scores[base] + [sum(reason["points"] for reason in json.loads(text)) for text in scores[told]]
    assert sums.to_numpy() == pytest.approx(scores[score].to_numpy(), abs=1e-9)


@pytest.mark.parametrize("name", ["win_within", "lost_within"])
def test_chances_in_time_grow_up_to_their_probability(name: str, scores: pd.DataFrame) -> None:
    most = scores["win_probability"] if name == "win_within" else 1 - scores["win_probability"]
    ends = ("2027-01-01", "2027-04-01", "2027-07-01", "2027-10-01")
    quarter_ends = [(datetime.fromisoformat(f"{end}T00Z") - AS_OF) / timedelta(days=1) for end in ends]
    for text, limit in zip(scores[name], most, strict=True):
        days, chances = np.array(json.loads(text)).T
        assert days == pytest.approx(sorted({*KNOTS_DAYS, *quarter_ends}), rel=1e-12)
        assert (np.diff(chances) >= 0).all()
        assert chances[-1] <= limit + 1e-12


def test_patience_stays_within_the_scorers_bounds(scorer: Scorer, scores: pd.DataFrame) -> None:
    low, high, _ = scorer.patience
    assert scores["patience_days"].between(low, high).all()


def test_a_scorer_that_looks_at_each_deal_needs_no_note(scores: pd.DataFrame) -> None:
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
    assert (*scores.columns, "issued_at") == TABLES["scores"].names
