"""Scores and forecasts go to the ledger once, together, and only as could have been said then."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from crm.errors import HindsightError, NoModelError
from crm.present import present
from crm.replayed import replayed
from crm.simulate import Simulation
from crm.store import Store, open_store
from crm.tables import ISSUED
from models.scorer import Scorer
from reports.accuracy import accuracy_of
from training import score
from training.champion_told import champion_told
from training.score import Issued, issue, thin, weekly

AS_OF = datetime(2026, 11, 9, tzinfo=UTC)
ISSUED_AT = datetime(2026, 11, 9, 8, tzinfo=UTC)
WEEK = timedelta(weeks=1)


@pytest.fixture
def early(scorer: Scorer) -> Scorer:
    """The shared scorer, as if trained until half a year before."""
    return replace(scorer, trained_until="2026-05-04")


@pytest.fixture
def store(company: Simulation, tmp_path: Path) -> Iterator[Store]:
    """A store of the company's deals of four months, of which some were open in November."""
    opened = open_store(f"sqlite:///{tmp_path}/plumbline.db")
    deals = company.tables["deals"]
    some = deals.loc[deals["created_at"].between("2026-07-01", "2026-11-01"), "deal_id"]
    for name, rows in company.tables.items():
        opened.write(name, rows[rows["deal_id"].isin(some)] if "deal_id" in rows else rows)
    yield opened
    opened.close()


def issued(store: Store, scorer: Scorer, *instants: datetime) -> list[Issued]:
    return list(issue(store, scorer, instants, "EUR", ISSUED_AT))


def test_scores_and_forecasts_are_kept_in_the_ledgers(store: Store, early: Scorer) -> None:
    (found,) = issued(store, early, AS_OF)
    scores, forecasts = store.latest_scores(), store.issued_forecasts("EUR")
    assert found.n_scored == found.n_new_scores == len(scores) > 0
    assert found.n_new_forecasts == len(forecasts) > 0
    assert set(scores["model_version"]) == set(forecasts["model_version"]) == {early.version}
    assert forecasts["period"].unique().tolist() == ["FY2026 Q4", "FY2027 Q1"]
    assert scores["inputs_digest"].nunique() == len(scores)


def test_what_is_said_of_a_past_instant_is_told_apart(store: Store, early: Scorer) -> None:
    issued(store, early, AS_OF - WEEK, AS_OF)
    for ledger in ISSUED:
        rows = store.read(ledger)
        late = replayed(rows["as_of"], rows["issued_at"])
        assert late.tolist() == (rows["as_of"] < AS_OF).tolist()
        assert late.any()


def test_issuing_the_same_instant_again_adds_nothing(store: Store, early: Scorer) -> None:
    (first,) = issued(store, early, AS_OF)
    (again,) = issued(store, early, AS_OF)
    assert again == replace(first, n_new_scores=0, n_new_forecasts=0)


def test_several_instants_give_what_each_gives_alone(store: Store, early: Scorer, tmp_path: Path) -> None:
    """What later instants brought to the store is not in the earlier ones: point in time holds in the loop too."""
    issued(store, early, AS_OF - WEEK, AS_OF)
    alone = open_store(f"sqlite:///{tmp_path}/alone.db")
    for name, rows in store.read_all().items():
        known = {"deal_changes": "known_at", "interactions": "known_at", "deals": "created_at"}.get(name)
        alone.write(name, rows[rows[known] < AS_OF - WEEK] if known else rows)
    issued(alone, early, AS_OF - WEEK)
    for name in ISSUED:
        together = store.read(name)
        together = together[together["as_of"] == AS_OF - WEEK].reset_index(drop=True)
        pd.testing.assert_frame_equal(together, alone.read(name), check_exact=True)
    alone.close()


def test_what_fails_half_way_leaves_neither_scores_nor_forecasts(
    store: Store, early: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = score.ledger_forecasts
    monkeypatch.setattr(score, "ledger_forecasts", lambda *given: rows(*given).assign(expected=None))
    with pytest.raises(Exception, match="have no expected"):
        issued(store, early, AS_OF)
    assert store.read("scores").empty
    assert store.read("forecasts").empty


def test_an_instant_that_the_scorer_has_seen_past_is_refused_with_both_days(store: Store, scorer: Scorer) -> None:
    early, later = datetime(2026, 11, 9, tzinfo=UTC), datetime(2026, 11, 16, tzinfo=UTC)
    with pytest.raises(HindsightError, match=r"known until 2026-11-16.*said on 2026-11-09"):
        issued(store, scorer, early, later)
    assert store.read("scores").empty
    assert issued(store, scorer, later)[0].n_scored > 0  # the day itself is its first


def test_weeks_begin_on_mondays_and_end_with_the_instant_itself() -> None:
    assert [f"{one:%m-%d}" for one in weekly(date(2026, 11, 2), AS_OF)] == ["11-02", "11-09"]
    assert [f"{one:%m-%d}" for one in weekly(date(2026, 11, 3), AS_OF + timedelta(days=2))] == ["11-09", "11-11"]
    assert weekly(date(2026, 12, 1), AS_OF) == [AS_OF]


def test_older_points_are_thinned_and_it_says_how_many(store: Store, early: Scorer) -> None:
    start = AS_OF - 3 * WEEK
    issued(store, early, *(start + timedelta(days=day) for day in (0, 1, 21)))
    n_scores = store.read("scores").groupby("as_of").size()
    sentences = thin(store, AS_OF, keep_daily_days=8)
    assert set(store.read("scores")["as_of"]) == {start + timedelta(days=day) for day in (1, 21)}
    gone = n_scores[pd.Timestamp(start)]
    assert sentences[0] == f"{gone} scores of 1 instant more than 8 days old removed; the last of each week stay"
    assert thin(store, AS_OF, keep_daily_days=8) == []


@pytest.mark.slow
def test_a_thinned_ledger_is_judged_like_a_full_one_of_the_same_weeks(store: Store, early: Scorer) -> None:
    start = AS_OF - 10 * WEEK
    issued(store, early, *(start + timedelta(days=day) for day in (0, 2, 7, 9, 30, 70)))
    tables = store.read_all()
    known = present(tables, AS_OF)
    full = accuracy_of(store, known, tables, "EUR", AS_OF)
    thin(store, AS_OF, keep_daily_days=7)
    thinned = accuracy_of(store, known, tables, "EUR", AS_OF)
    assert 0 < len(thinned.said) <= len(full.said)
    both = thinned.said.merge(full.said, on=["period", "as_of", "level", "id"], suffixes=("", "_full"))
    assert both["came"].tolist() == both["came_full"].tolist()
    assert thinned.scores.n_scores < full.scores.n_scores


def test_stage_rates_are_kept_with_their_note(store: Store, stage_scorer: Scorer) -> None:
    issued(store, stage_scorer, datetime(2026, 11, 16, tzinfo=UTC))
    assert store.latest_scores()["note"].str.startswith("not enough data").all()
    assert len(store.issued_forecasts("EUR")) > 0


def test_the_champion_is_asked_about_earlier_facts_if_it_is_the_one_meant(store: Store, early: Scorer) -> None:
    issued(store, early, AS_OF)
    kept, ask = store.latest_scores(), champion_told(store, "EUR", lambda: early)
    told = ask(AS_OF, kept["deal_id"].tolist()[:3], early.version)
    assert told is not None
    assert told["win_probability"].tolist() == kept["win_probability"].tolist()[:3]
    assert ask(AS_OF, ["D1"], "another") is None


def test_without_a_champion_nothing_is_told(store: Store) -> None:
    def nothing() -> Scorer:
        raise NoModelError("there is none")

    assert champion_told(store, "EUR", nothing)(AS_OF, ["D1"], "1") is None


def test_an_empty_store_is_scored_without_a_word(early: Scorer, tmp_path: Path) -> None:
    empty = open_store(f"sqlite:///{tmp_path}/empty.db")
    assert issued(empty, early, AS_OF) == [Issued(AS_OF, 0, 0, 0)]
    empty.close()
