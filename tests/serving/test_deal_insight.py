"""What is said beside a score, through the API and on the page, by a real model on a real store."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pandas as pd
import pytest

from crm.errors import NoModelError
from crm.store import open_store
from crm.tables import LEDGERS
from models.scoring import Scoring
from models.would_help import NO_PROMISE, would_help
from serving.deal_insight import open_snapshot
from serving.services import Champion

AS_OF = datetime(2026, 11, 9, tzinfo=UTC)
BEFORE = AS_OF - timedelta(days=7)
HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def filled(company, scoring: Scoring, tmp_path_factory) -> Iterator[SimpleNamespace]:
    """A store with a simulated company and its scores of two weeks."""
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('insight')}/plumbline.db")
    for name, rows in company.tables.items():
        if name not in LEDGERS:
            store.write(name, rows)
    for at in (BEFORE, AS_OF):
        store.append("scores", scoring.score(company.tables, at).assign(issued_at=pd.Timestamp(AS_OF)))
    version = scoring.scorer.version
    champion = Champion(
        lambda tables, as_of: scoring.score(tables, as_of).assign(model_version=version),
        lambda: version,
        scoring=lambda: (scoring, version),
    )
    yield SimpleNamespace(store=store, champion=champion, version=version)
    store.close()


@pytest.fixture(scope="module")
def served(filled, make_shared_client):
    return make_shared_client(filled.store, champion=filled.champion, clock=lambda: AS_OF)


def lasting(store) -> list[str]:
    """Deals with a score on both days."""
    counts = store.read("scores").groupby("deal_id")["as_of"].nunique()
    return counts[counts == 2].index.tolist()[:12]


def test_a_score_issued_late_is_called_replayed(served, filled):
    deal_id = lasting(filled.store)[0]
    told = served.get(f"/v1/deals/{deal_id}/history").json()["scores"]
    assert [one["replayed"] for one in told] == [False, True]
    page = served.get(f"/deals/{deal_id}", headers=HTML).text
    assert "1 of the 2 was replayed: issued later, from what was known then." in page


def test_the_history_tells_every_score_newest_first(served, filled):
    deal_id = lasting(filled.store)[0]
    answer = served.get(f"/v1/deals/{deal_id}/history").json()
    stored = filled.store.read("scores", deal_ids=[deal_id])
    assert answer["total"] == 2
    assert [one["win_probability"] for one in answer["scores"]] == stored["win_probability"].tolist()[::-1]
    assert answer["scores"][1]["change"] is None
    assert answer["scores"][0]["change"] == pytest.approx(stored["win_probability"].diff().iloc[1], abs=1e-15)
    assert len(served.get(f"/v1/deals/{deal_id}/history", params={"limit": 1}).json()["scores"]) == 1


def test_each_past_score_gives_its_reasons_on_request_as_they_were_issued(served, filled):
    deal_id = lasting(filled.store)[0]
    stored = filled.store.read("scores", deal_ids=[deal_id]).iloc[0]
    first = served.get(f"/v1/deals/{deal_id}/history", params={"reasons": True}).json()["scores"][-1]
    assert [one["sentence"] for one in first["win_reasons"]] == [
        one["sentence"] for one in json.loads(stored["win_reasons"])
    ]
    assert first["win_base"] + sum(one["points"] for one in first["win_reasons"]) == pytest.approx(
        first["win_probability"], abs=1e-9
    )
    assert len(first["stall_reasons"]) > 0
    silent = served.get(f"/v1/deals/{deal_id}/history").json()["scores"][-1]
    assert (silent["win_reasons"], silent["stall_reasons"]) == (None, None)


def test_the_page_draws_how_the_score_went(served, filled):
    deal_id = lasting(filled.store)[0]
    page = served.get(f"/deals/{deal_id}", headers=HTML).text
    assert "Win probability since 2 Nov 2026" in page
    assert 'aria-label="Win probability of 2 scores from 2 Nov 2026, ' in page
    assert 'class="band"' in page
    assert 'class="rule"' not in page


def test_what_moved_it_sums_to_the_move(served, filled):
    for deal_id in lasting(filled.store):
        answer = served.get(f"/v1/deals/{deal_id}/moved").json()
        assert answer["before"]["as_of"] == "2026-11-02T00:00:00Z"
        assert answer["points"] == answer["win_after"] - answer["win_before"]
        assert sum(cause["points"] for cause in answer["causes"]) == pytest.approx(answer["points"], abs=1e-12)
        assert {cause["kind"] for cause in answer["causes"]} <= {"signal", "rest"}


def test_an_earlier_day_is_compared_with_the_oldest_score_there_is(served, filled):
    deal_id = lasting(filled.store)[0]
    answers = [
        served.get(f"/v1/deals/{deal_id}/moved", params={"since": since}).json()
        for since in ("2020-01-01", "2026-11-08")
    ]
    assert [answer["before"]["as_of"] for answer in answers] == ["2026-11-02T00:00:00Z"] * 2


def test_a_new_model_is_told_apart_from_new_facts(filled, make_client, tmp_path, company, scoring):
    """The model before said something else of every deal; the one in use scores its facts once more."""
    deal_id = lasting(filled.store)[0]
    old = filled.store.read("scores", deal_ids=[deal_id]).iloc[[0]]
    told = [{"signal": "calls", "points": 0.2, "sentence": "Calls"}]
    old = old.assign(model_version="old", win_base=0.3, win_probability=0.5, win_reasons=json.dumps(told))
    store = open_store(f"sqlite:///{tmp_path}/plumbline.db")
    for name, rows in company.tables.items():
        if name not in LEDGERS:
            store.write(name, rows)
    store.append("scores", old)
    store.append("scores", scoring.score(company.tables, AS_OF))
    then = filled.store.read("scores", deal_ids=[deal_id])["win_probability"].iloc[0]
    causes = make_client(store, champion=filled.champion).get(f"/v1/deals/{deal_id}/moved").json()["causes"]
    assert causes[0]["kind"] == "model"
    assert causes[0]["points"] == pytest.approx(then - 0.5, abs=1e-12)
    other = Champion(filled.champion.score, lambda: "yet another", scoring=filled.champion.scoring)
    causes = make_client(store, champion=other).get(f"/v1/deals/{deal_id}/moved").json()["causes"]
    assert [cause["kind"] for cause in causes] == ["base", "model and facts"]
    store.close()


def test_similar_deals_are_closed_and_told_with_their_outcome(served, filled):
    deal_id = lasting(filled.store)[1]
    answer = served.get(f"/v1/deals/{deal_id}/similar", params={"limit": 4}).json()
    assert len(answer["deals"]) == 4
    assert answer["n_won"] == sum(one["outcome"] == "won" for one in answer["deals"])
    assert deal_id not in [one["deal_id"] for one in answer["deals"]]
    for one in answer["deals"]:
        facts = served.get(one["href"]).json()["facts"]
        assert (facts["stage_category"], facts["closed_at"]) == (one["outcome"], one["closed_at"])
        assert one["closed_at"] < "2026-11-09"


def test_the_index_of_closed_deals_is_made_once(served):
    insight = served.app.state.services.insight
    view = served.app.state.services.latest.required()
    assert insight.ready(view) is insight.ready(view)


def test_what_would_help_is_what_the_model_says(served, filled, scoring):
    services = served.app.state.services
    some = 0
    for deal_id in lasting(filled.store):
        answer = served.get(f"/v1/deals/{deal_id}/would-help").json()
        row = filled.store.read("scores", deal_ids=[deal_id]).iloc[-1]
        assert answer["win_probability"] == row["win_probability"]
        snapshot = open_snapshot(services, scoring, services.latest.required(), deal_id)
        expected = [one.then for one in would_help(scoring.scorer.win, snapshot)]
        assert [one["win_probability"] for one in answer["helps"]] == expected
        assert all(one["sentence"].endswith(NO_PROMISE) for one in answer["helps"])
        some += len(expected)
    assert some


def test_of_a_closed_deal_there_is_history_and_nothing_to_do(served):
    closed = served.app.state.services.latest.required().present
    deal_id = closed.loc[closed["stage_category"] == "won", "deal_id"].iloc[0]
    for path in ("similar", "would-help"):
        assert "not open" in served.get(f"/v1/deals/{deal_id}/{path}").json()["note"]
    assert served.get(f"/v1/deals/{deal_id}/moved").json()["causes"] == []
    assert served.get(f"/v1/deals/{deal_id}/history").json()["total"] == 0


def test_periods_of_a_deal_sum_to_its_chances(served, filled):
    for deal_id in lasting(filled.store):
        scores = served.get(f"/v1/deals/{deal_id}").json()["scores"]
        for periods in scores["ahead"].values():
            assert periods[-1]["name"] == "later"
            assert sum(one["won"] for one in periods) == pytest.approx(scores["win_probability"], abs=1e-9)
            assert sum(one["lost"] for one in periods) == pytest.approx(1 - scores["win_probability"], abs=1e-9)
        patience = [scores[name] for name in ("moved_in_patience", "stall_risk", "lost_in_patience")]
        assert sum(patience) == pytest.approx(1, abs=1e-9)
        assert scores["at_risk"] == pytest.approx(scores["stall_risk"] + scores["lost_in_patience"])
        assert scores["win_low"] <= scores["win_probability"] <= scores["win_high"]
        assert scores["close_p10_date"] <= scores["close_p50_date"] <= scores["close_p90_date"]


def test_the_page_of_a_deal_tells_all_of_it(served, filled):
    deal_id = lasting(filled.store)[1]
    served.app.state.services.insight.ready(served.app.state.services.latest.required())
    text = served.get(f"/deals/{deal_id}", headers=HTML).text
    for heading in ("since 2 Nov 2026", "When it may close", "Similar deals: ", "Period by period", "Fiscal quarters"):
        assert heading in text


def test_a_page_does_not_wait_for_the_index(filled, make_client, eventually):
    path = f"/deals/{lasting(filled.store)[1]}"
    fresh = make_client(filled.store, champion=filled.champion, clock=lambda: AS_OF)
    assert "being looked up" in fresh.get(path, headers=HTML).text
    eventually(lambda: "Similar deals: " in fresh.get(path, headers=HTML).text)


def test_a_page_without_a_model_leaves_out_what_only_a_model_can_say(filled, make_client):
    champion = Champion(filled.champion.score, filled.champion.version)
    bare = make_client(filled.store, champion=champion, clock=lambda: AS_OF)
    path = f"/deals/{lasting(filled.store)[1]}"
    text = bare.get(path, headers=HTML).text
    assert "When it may close" in text
    assert "Similar deals" not in text
    answer = bare.get(f"/v1{path}/similar")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")


def test_scores_of_another_model_are_not_mixed_with_this_ones_advice(filled, make_client):
    scoring = filled.champion.scoring()[0]
    champion = Champion(filled.champion.score, lambda: "o", scoring=lambda: (scoring, "o"))
    other = make_client(filled.store, champion=champion)
    other.app.state.services.insight.ready(other.app.state.services.latest.required())
    text = other.get(f"/deals/{lasting(filled.store)[1]}", headers=HTML).text
    assert "What would help" not in text


def test_where_the_model_cannot_be_loaded_a_page_does_not_promise_more(filled, make_client, eventually):
    def nothing():
        raise NoModelError("there is none")

    bare = make_client(filled.store, champion=Champion(filled.champion.score, nothing, scoring=nothing))
    path = f"/deals/{lasting(filled.store)[1]}"
    eventually(lambda: "being looked up" not in bare.get(path, headers=HTML).text)
    assert bare.get(f"/v1{path}/would-help").status_code == 503


@pytest.mark.parametrize("name", ["history", "moved", "similar", "would-help"])
def test_a_deal_that_is_not_there_is_a_404_and_a_stranger_gets_nothing(served, filled, make_client, name):
    answer = served.get(f"/v1/deals/nowhere/{name}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    stranger = make_client(filled.store, key=None, champion=filled.champion)
    assert stranger.get(f"/v1/deals/{lasting(filled.store)[0]}/{name}").status_code == 401


def test_a_deal_whose_id_holds_a_slash_can_be_asked_about(client):
    address = client.get("/v1/deals").json()["deals"][-1]["href"]
    answer = client.get(f"{address}/history").json()
    assert (answer["deal_id"], answer["total"]) == ("D 7/ü", 1)
