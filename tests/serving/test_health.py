"""Is the process up, and can it answer."""

import pytest

from crm.errors import NoModelError
from serving.services import Champion


@pytest.fixture
def no_champion():
    def missing(*_):
        raise NoModelError("There is no model yet.")

    return Champion(missing, missing)


def test_the_process_is_up_whatever_else_is_missing(store, make_client, no_champion):
    stranger = make_client(store, key=None, champion=no_champion)
    assert stranger.get("/healthz").json() == {"status": "up"}


def test_ready_says_which_model_and_which_scores(client):
    answer = client.get("/readyz").json()
    assert answer == {
        "status": "ready",
        "model_version": "7",
        "scored_as_of": "2026-03-30T06:00:00Z",
        "deals": 7,
        "note": "",
    }


def test_a_model_that_may_not_be_the_champion_is_said_to_be_so(store, make_client, hand_made):
    store.append("scores", hand_made.all_scores())
    last_good = Champion(lambda *_: None, lambda: "6", lambda: "The last good copy is used: MLflow cannot be reached")
    answer = make_client(store, champion=last_good).get("/readyz").json()
    assert (answer["model_version"], answer["note"]) == ("6", "The last good copy is used: MLflow cannot be reached")


def test_without_scores_it_says_which_command_to_run(store, make_client):
    answer = make_client(store).get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["missing"] == ["scores"]
    assert "plumbline score" in answer.json()["remedy"]


def test_without_a_model_it_says_so(store, make_client, no_champion):
    answer = make_client(store, champion=no_champion).get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["missing"] == ["model", "scores"]
    assert "plumbline train" in answer.json()["remedy"]


def test_without_a_store_it_says_so(tmp_path, store, make_client):
    client = make_client(store)
    store.close()
    (tmp_path / "plumbline.db").write_bytes(b"this is not a database")
    for leftover in tmp_path.glob("plumbline.db-*"):
        leftover.unlink()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["missing"] == ["store"]
