"""Newer scores appear by themselves."""

from datetime import timedelta

from serving.latest import Latest


def test_newer_scores_take_the_place_of_older_ones(client, store, hand_made):
    assert client.get("/v1/deals").json()["model_version"] == "7"
    store.append("scores", hand_made.all_scores(hand_made.as_of + timedelta(days=1), "8"))
    answer = client.get("/v1/deals").json()
    assert (answer["model_version"], answer["as_of"]) == ("8", "2026-03-31T06:00:00Z")


def test_another_model_at_the_same_instant_is_newer_too(client, store, hand_made):
    client.get("/v1/deals")
    store.append("scores", hand_made.all_scores(version="8"))
    assert client.get("/v1/deals").json()["model_version"] == "8"


def test_scores_that_follow_an_empty_store_are_found(store, make_client, hand_made):
    client = make_client(store)
    assert client.get("/v1/deals").status_code == 503
    store.append("scores", hand_made.all_scores())
    assert client.get("/v1/deals").json()["total"] == 7


def test_newer_scores_of_none_of_the_deals_looked_at_are_found(client, store, hand_made):
    client.get("/v1/deals")
    row = hand_made.score_row("D4", 0.3, 0.6, hand_made.as_of + timedelta(days=1))
    store.append("scores", hand_made.rows("scores", row))
    assert client.get("/v1/deals").json()["total"] == 1


def test_a_view_is_kept_while_nothing_changes(store, hand_made):
    store.append("scores", hand_made.all_scores())
    latest = Latest(store, "EUR", check_every_s=0.0)
    assert latest.view() is latest.view()


def test_between_two_looks_the_store_is_left_alone(store, hand_made):
    store.append("scores", hand_made.all_scores())
    latest = Latest(store, "EUR", check_every_s=3600.0)
    view = latest.view()
    store.append("scores", hand_made.all_scores(version="8"))
    assert latest.view() is view
