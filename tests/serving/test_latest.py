"""Newer scores appear by themselves."""

import logging
from datetime import timedelta

import pytest

from serving.latest import Latest

pytestmark = pytest.mark.slow


def served_version(client) -> str:
    return client.get("/v1/deals").json()["model_version"]


def test_newer_scores_take_the_place_of_older_ones(client, store, hand_made, eventually):
    assert served_version(client) == "7"
    store.append("scores", hand_made.all_scores(hand_made.as_of + timedelta(days=1), "8"))
    eventually(lambda: served_version(client) == "8")
    assert client.get("/v1/deals").json()["as_of"] == "2026-03-31T06:00:00Z"


def test_another_model_at_the_same_instant_is_newer_too(client, store, hand_made, eventually):
    assert served_version(client) == "7"
    store.append("scores", hand_made.all_scores(version="8"))
    eventually(lambda: served_version(client) == "8")


def test_scores_that_follow_an_empty_store_are_found_at_once(store, make_client, hand_made):
    client = make_client(store)
    assert client.get("/v1/deals").status_code == 503
    store.append("scores", hand_made.all_scores())
    assert client.get("/v1/deals").json()["total"] == 7


def test_newer_scores_of_none_of_the_deals_looked_at_are_found(client, store, hand_made, eventually):
    assert client.get("/v1/deals").json()["total"] == 7
    row = hand_made.score_row("D4", 0.3, 0.6, hand_made.as_of + timedelta(days=1))
    store.append("scores", hand_made.rows("scores", row))
    eventually(lambda: client.get("/v1/deals").json()["total"] == 1)


def test_a_newer_backtest_is_taken_up(client, store, hand_made, eventually):
    def coverage() -> float | None:
        return client.get("/v1/forecast").json()["periods"][0]["rows"][0]["range_coverage"]

    assert coverage() is None
    store.append("backtests", hand_made.backtested())
    eventually(lambda: coverage() == 0.857)


def test_a_view_is_kept_while_nothing_changes(store, hand_made, eventually):
    store.append("scores", hand_made.all_scores())
    latest = Latest(store, "EUR", check_every_s=0.0)
    first, looks = latest.view(), []

    def looked_often_enough() -> bool:
        looks.append(latest.view() is first)
        return len(looks) > 20

    eventually(looked_often_enough)
    assert all(looks)


def test_between_two_looks_the_store_is_left_alone(store, hand_made):
    store.append("scores", hand_made.all_scores())
    latest = Latest(store, "EUR", check_every_s=3600.0)
    view = latest.view()
    store.append("scores", hand_made.all_scores(version="8"))
    assert latest.view() is view


def test_while_the_store_is_in_trouble_older_scores_are_served_and_it_is_logged(
    client, store, tmp_path, eventually, caplog
):
    assert served_version(client) == "7"
    store.close()
    for path in tmp_path.glob("plumbline.db*"):
        path.unlink()
    (tmp_path / "plumbline.db").write_bytes(b"this is not a database")
    with caplog.at_level(logging.ERROR):
        eventually(lambda: served_version(client) == "7" and "older ones are still served" in caplog.text)
    assert client.get("/readyz").json()["missing"] == ["store"]


def test_warming_up_builds_what_the_first_visitor_needs(store, hand_made, eventually):
    store.append("scores", hand_made.all_scores())
    latest = Latest(store, "EUR")
    latest.warm_up()
    eventually(lambda: latest._view is not None and "forecast" in vars(latest._view))
