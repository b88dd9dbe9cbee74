"""Scores go to the ledger once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crm.errors import NoModelError
from crm.simulate import Simulation
from crm.store import Store, open_store
from models.scorer import Scorer
from training.champion_told import champion_told
from training.score import score_open_deals

AS_OF = datetime(2026, 11, 9, tzinfo=UTC)


@pytest.fixture
def store(company: Simulation, tmp_path: Path) -> Iterator[Store]:
    """A store of the company's first 120 deals."""
    opened = open_store(f"sqlite:///{tmp_path}/plumbline.db")
    first = company.tables["deals"]["deal_id"].iloc[-120:]
    for name, rows in company.tables.items():
        opened.write(name, rows[rows["deal_id"].isin(first)] if "deal_id" in rows else rows)
    yield opened
    opened.close()


def test_scores_are_kept_in_the_ledger(store: Store, scorer: Scorer) -> None:
    scored, new = score_open_deals(store, scorer, AS_OF, "EUR")
    kept = store.latest_scores()
    assert scored == new == len(kept) > 0
    assert set(kept["model_version"]) == {scorer.version}


def test_scoring_the_same_instant_again_adds_nothing(store: Store, scorer: Scorer) -> None:
    first, _ = score_open_deals(store, scorer, AS_OF, "EUR")
    assert score_open_deals(store, scorer, AS_OF, "EUR") == (first, 0)


def test_a_later_instant_adds_scores_beside_the_earlier(store: Store, scorer: Scorer) -> None:
    score_open_deals(store, scorer, AS_OF, "EUR")
    later = AS_OF + timedelta(days=7)
    scored, new = score_open_deals(store, scorer, later, "EUR")
    assert scored == new
    assert set(store.read("scores")["as_of"]) == {AS_OF, later}


def test_stage_rates_are_kept_with_their_note(store: Store, stage_scorer: Scorer) -> None:
    score_open_deals(store, stage_scorer, AS_OF, "EUR")
    assert store.latest_scores()["note"].str.startswith("not enough data").all()


def test_the_champion_is_asked_about_earlier_facts_if_it_is_the_one_meant(store: Store, scorer: Scorer) -> None:
    score_open_deals(store, scorer, AS_OF, "EUR")
    kept, ask = store.latest_scores(), champion_told(store, "EUR", lambda: scorer)
    told = ask(AS_OF, kept["deal_id"].tolist()[:3], scorer.version)
    assert told is not None
    assert told["win_probability"].tolist() == kept["win_probability"].tolist()[:3]
    assert ask(AS_OF, ["D1"], "another") is None


def test_without_a_champion_nothing_is_told(store: Store) -> None:
    def nothing() -> Scorer:
        raise NoModelError("there is none")

    assert champion_told(store, "EUR", nothing)(AS_OF, ["D1"], "1") is None


def test_an_empty_store_is_scored_without_a_word(scorer: Scorer, tmp_path: Path) -> None:
    empty = open_store(f"sqlite:///{tmp_path}/empty.db")
    assert score_open_deals(empty, scorer, AS_OF, "EUR") == (0, 0)
    empty.close()
