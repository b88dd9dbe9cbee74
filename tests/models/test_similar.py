"""Similar deals: closed ones, each once, alike in what counts for winning."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from crm.present import present
from crm.simulate import Simulation
from features.grid import now
from features.histories import Histories, instant
from features.pipeline import snapshot_table
from models.scorer import Scorer
from models.scoring import Scoring
from models.similar import SimilarDeals, sample_of_closed, similar_deals

AS_OF = datetime(2026, 11, 9, tzinfo=UTC)


def as_of_then(scoring: Scoring, company: Simulation, at: datetime) -> pd.DataFrame:
    """The signals and readings of every deal that was open at an instant."""
    histories = Histories.from_tables(company.tables, scoring.norms.vocabulary)
    return scoring.scorer.read(snapshot_table(now(histories, scoring.norms, instant(at))))


@pytest.fixture(scope="module")
def known(company: Simulation) -> pd.DataFrame:
    """Every deal as known then."""
    return present(company.tables, AS_OF)


@pytest.fixture(scope="module")
def index(scoring: Scoring, company: Simulation, known: pd.DataFrame) -> SimilarDeals:
    """Over all closed deals."""
    return similar_deals(scoring.scorer, scoring.norms, sample_of_closed(known), company.tables, AS_OF)


@pytest.fixture(scope="module")
def open_now(scoring: Scoring, company: Simulation) -> pd.DataFrame:
    """The signals and readings of every open deal."""
    return as_of_then(scoring, company, AS_OF)


def test_they_are_closed_deals_each_once_nearest_first(
    index: SimilarDeals, open_now: pd.DataFrame, known: pd.DataFrame
) -> None:
    by_id = known.set_index("deal_id")
    for place in range(0, len(open_now), 15):
        found = index.to(open_now.iloc[[place]], n=8)
        ids = [one.deal_id for one in found]
        assert len(set(ids)) == len(ids) == 8
        assert [one.distance for one in found] == sorted(one.distance for one in found)
        for one in found:
            assert by_id.loc[one.deal_id, "stage_category"] == ("won" if one.won else "lost")
            assert one.seen_at < one.closed_at < AS_OF
            assert one.days_to_close == pytest.approx((one.closed_at - one.seen_at).total_seconds() / 86_400)
            assert one.amount == by_id.loc[one.deal_id, "amount"]


def test_a_closed_deal_is_its_own_likeness_but_never_told_as_such(
    index: SimilarDeals, scoring: Scoring, company: Simulation, known: pd.DataFrame
) -> None:
    closed = known[known["stage_category"] == "won"].iloc[5]
    week = closed["created_at"].ceil("D") + pd.Timedelta(days=7)
    table = as_of_then(scoring, company, week.to_pydatetime())
    mine = table[table["deal_id"] == closed["deal_id"]].assign(as_of=pd.Timestamp(AS_OF))
    assert closed["deal_id"] not in [one.deal_id for one in index.to(mine, n=2_000)]


def test_what_closed_later_is_not_told(index: SimilarDeals, open_now: pd.DataFrame) -> None:
    early = pd.Timestamp("2025-06-02", tz="UTC")
    found = index.to(open_now.head(1).assign(as_of=early), n=2_000)
    assert found
    assert max(one.closed_at for one in found) < early


def test_distance_is_that_of_what_signals_add(
    index: SimilarDeals, scoring: Scoring, company: Simulation, open_now: pd.DataFrame
) -> None:
    one = open_now.iloc[[3]]
    nearest = index.to(one, n=1)[0]
    then = as_of_then(scoring, company, nearest.seen_at)
    theirs = then[then["deal_id"] == nearest.deal_id]
    assert theirs["stage"].iloc[0] == one["stage"].iloc[0]
    _, added = scoring.scorer.win.contributions(pd.concat([one, theirs]))
    assert nearest.distance == pytest.approx(np.linalg.norm(added[0] - added[1]), abs=1e-4)


def test_alike_deals_end_alike_more_often_than_any_deals(
    index: SimilarDeals, scoring: Scoring, company: Simulation, known: pd.DataFrame
) -> None:
    """Of deals that closed, the outcome of the five most alike before tells their own better than the base rate."""
    table = as_of_then(scoring, company, datetime(2026, 3, 2, tzinfo=UTC))
    outcome = known.set_index("deal_id")["stage_category"]
    rows = [place for place in range(len(table)) if outcome[table["deal_id"].iloc[place]] in ("won", "lost")]
    won = np.array([outcome[table["deal_id"].iloc[place]] == "won" for place in rows], dtype=float)
    alike = np.array([np.mean([one.won for one in index.to(table.iloc[[place]], n=15)]) for place in rows])
    assert alike[won == 1].mean() > alike[won == 0].mean()


def test_a_model_that_knows_the_stage_only_has_no_measure(
    stage_scorer: Scorer, scoring: Scoring, company: Simulation, known: pd.DataFrame, open_now: pd.DataFrame
) -> None:
    index = similar_deals(stage_scorer, scoring.norms, sample_of_closed(known), company.tables, AS_OF)
    assert index.to(open_now.head(1)) == []


def test_without_closed_deals_there_are_none(
    scoring: Scoring, company: Simulation, known: pd.DataFrame, open_now: pd.DataFrame
) -> None:
    none = sample_of_closed(known.head(0))
    empty = company.tables | {name: company.tables[name].head(0) for name in ("deals", "deal_changes", "interactions")}
    index = similar_deals(scoring.scorer, scoring.norms, none, empty, AS_OF)
    assert index.to(open_now.head(1)) == []


def test_the_sample_is_the_same_each_time_and_no_larger_than_asked(known: pd.DataFrame) -> None:
    first, again = sample_of_closed(known, most=50), sample_of_closed(known, most=50)
    pd.testing.assert_frame_equal(first, again)
    assert len(first) == 50
    assert first["stage_category"].isin(["won", "lost"]).all()
