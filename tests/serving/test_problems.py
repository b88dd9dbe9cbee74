"""Errors say what was found and what to do, and never show a traceback."""

import pytest

from crm.errors import NoModelError, SchemaError, StoreError
from serving.services import Champion

MEMBERS = {"type", "title", "status", "detail", "instance"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/deals/nobody", 404),
        ("GET", "/v1/nothing", 404),
        ("DELETE", "/v1/deals", 405),
        ("GET", "/v1/deals?limit=zero", 422),
        ("GET", "/v1/deals?cursor=nonsense", 422),
        ("GET", "/v1/forecast?period=last", 422),
        ("GET", "/v1/reports/at-risk?threshold=2", 422),
        ("POST", "/v1/score", 422),
    ],
)
def test_each_mistake_is_a_problem_document(client, method, path, status):
    answer = client.request(method, path)
    problem = answer.json()
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(problem) >= MEMBERS
    assert (problem["status"], problem["instance"]) == (status, path.split("?")[0])
    assert problem["remedy"]


def test_a_refused_value_is_named_with_its_remedy(client):
    errors = client.get("/v1/deals", params={"limit": "1000"}).json()["errors"]
    assert [(error["field"], error["value"]) for error in errors] == [("limit", "1000")]
    assert "200" in errors[0]["problem"]
    assert errors[0]["remedy"] == "use a smaller number"


def test_json_that_ends_in_the_middle_says_so(client):
    answer = client.post("/v1/score", content=b'{"deal": {', headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert "JSON" in answer.json()["errors"][0]["remedy"]


def test_a_browser_gets_a_page_that_says_the_same(client):
    answer = client.get("/deals/nobody", headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "No deal is called" in answer.text


def test_a_page_names_the_refused_value_and_what_to_do(client):
    text = client.get("/changes", params={"since": "soon"}, headers={"accept": "text/html"}).text
    assert "<strong>since “soon”:</strong> this is not a day; write it as YYYY-MM-DD" in text
    assert "errors" not in text


def raising(error):
    def score(*_):
        raise error

    return Champion(score, lambda: "7")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NoModelError("There is no model."), 503),
        (StoreError("The store is gone."), 503),
        (SchemaError("No rate for XXX."), 422),
    ],
)
def test_our_own_errors_keep_their_sentence(store, make_client, score_request, error, status):
    answer = make_client(store, champion=raising(error)).post("/v1/score", json=score_request)
    assert (answer.status_code, answer.json()["detail"]) == (status, str(error))


def test_an_unexpected_error_shows_nothing_of_the_inside(store, make_client, score_request):
    answer = make_client(store, champion=raising(RuntimeError("secret detail"))).post("/v1/score", json=score_request)
    assert answer.status_code == 500
    assert set(answer.json()) >= MEMBERS
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
