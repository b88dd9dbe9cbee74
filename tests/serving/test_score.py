"""A deal that comes in a request."""

import json

import pandas as pd
import pytest

from serving.services import Champion


@pytest.fixture
def handed_over(store, make_client, hand_made):
    """A client whose model remembers what it was given."""
    seen = {}

    def score(tables, as_of):
        seen.update(tables=tables, as_of=as_of)
        return hand_made.rows("scores", hand_made.score_row("X1", 0.3, 0.2))

    store.append("scores", hand_made.all_scores())
    return make_client(store, champion=Champion(score, lambda: "7")), seen


def test_a_request_is_scored_with_reasons_that_sum(client, score_request):
    answer = client.post("/v1/score", json=score_request).json()
    assert (answer["deal_id"], answer["as_of"], answer["model_version"]) == ("X1", "2026-03-30T06:00:00Z", "7")
    points = sum(reason["points"] for reason in answer["win_reasons"])
    assert answer["win_base"] + points == pytest.approx(answer["win_probability"])


def test_facts_from_as_of_on_are_counted_and_not_used(client, score_request):
    answer = client.post("/v1/score", json=score_request).json()
    assert answer["ignored"] == {"changes": 1, "interactions": 1}
    without = score_request | {
        "changes": score_request["changes"][:1],
        "interactions": score_request["interactions"][:1],
    }
    again = client.post("/v1/score", json=without).json()
    assert again["ignored"] == {"changes": 0, "interactions": 0}
    assert again | {"ignored": None} == answer | {"ignored": None}


def test_the_model_gets_tables_in_contract_form(handed_over, store, score_request):
    client, seen = handed_over
    assert client.post("/v1/score", json=score_request).status_code == 200
    for name in ("deals", "deal_changes", "interactions", "contacts", "stages", "users", "accounts"):
        pd.testing.assert_series_equal(seen["tables"][name].dtypes, store.read(name).dtypes)
    assert seen["tables"]["deals"]["deal_id"].tolist() == ["X1"]
    assert seen["tables"]["interactions"]["occurred_at"].iloc[0].isoformat() == "2026-03-01T07:00:00+00:00"
    assert seen["tables"]["contacts"]["seniority"].tolist() == ["director"]
    assert seen["as_of"].isoformat() == "2026-03-30T06:00:00+00:00"


def test_a_contact_in_the_request_takes_the_place_of_the_stored_one(handed_over, score_request):
    client, seen = handed_over
    client.post("/v1/score", json=score_request | {"contacts": [{"contact_id": "C1", "seniority": "executive"}]})
    assert seen["tables"]["contacts"]["seniority"].tolist() == ["executive"]


def test_without_as_of_it_is_now(handed_over, score_request, hand_made):
    client, seen = handed_over
    open_deal = {name: value for name, value in score_request.items() if name != "as_of"}
    client.post("/v1/score", json=open_deal | {"changes": score_request["changes"][:1]})
    assert seen["as_of"] == hand_made.now


def test_nothing_is_written(client, store, score_request):
    before = store.read("deals")
    client.post("/v1/score", json=score_request)
    pd.testing.assert_frame_equal(store.read("deals"), before)


def altered(request: dict, path: str, value: object) -> dict:
    """The request with one value changed; the path is like changes.0.field."""
    first, *rest = path.split(".")
    if not rest:
        return request | {first: value}
    if rest[0].isdigit():
        entries = list(request[first])
        entries[int(rest[0])] = altered(entries[int(rest[0])], ".".join(rest[1:]), value)
        return request | {first: entries}
    return request | {first: altered(request[first], ".".join(rest), value)}


@pytest.mark.parametrize(
    ("path", "value", "field", "says"),
    [
        ("as_of", "yesterday", "as_of", "datetime"),
        ("as_of", "2026-03-30T06:00:00", "as_of", "timezone"),
        ("as_of", "2026-01-30T06:00:00Z", "deal.created_at", "not before as_of"),
        ("as_of", "2026-03-30T06:00:01Z", "changes", "closed"),
        ("as_of", "2026-02-01T00:00:00Z", "deal.created_at", "not before as_of"),
        ("deal.currency", "euro", "deal.currency", "pattern"),
        ("deal.deal_id", "  ", "deal.deal_id", "blank"),
        ("deal.pipeline_id", "Q", "deal.pipeline_id", "no such pipeline"),
        ("deal.win", 1, "deal.win", "not permitted"),
        ("changes", [], "changes", "at least 1"),
        ("changes.0.field", "amount", "changes.0", "plain decimal"),
        ("changes.0.new_value", "laed", "changes.new_value", "no such stage"),
        ("changes.0.known_at", "2026-01-31T00:00:00Z", "changes.0", "known_at is before changed_at"),
        ("changes.1.changed_at", "2026-02-01T00:00:00Z", "body", "two entries"),
        ("interactions.0.kind", "fax", "interactions.0.kind", "email"),
        ("interactions.0.duration_s", -1, "interactions.0.duration_s", "greater"),
        ("interactions.0.occurred_at", "1969-01-01T00:00:00Z", "interactions.0.occurred_at", "greater"),
        ("contacts", [{"contact_id": "C1"}, {"contact_id": "C1"}], "body", "two entries for C1"),
    ],
)
def test_what_breaks_the_contract_is_refused_by_name(client, score_request, path, value, field, says):
    answer = client.post("/v1/score", json=altered(score_request, path, value))
    assert answer.status_code == 422, answer.text
    error = answer.json()["errors"][0]
    assert error["field"] == field
    assert says in error["problem"]
    assert error["remedy"]


def test_a_misspelt_stage_is_answered_with_the_likely_one(client, score_request):
    answer = client.post("/v1/score", json=altered(score_request, "changes.0.new_value", "laed"))
    assert "did you mean 'lead'?" in answer.json()["errors"][0]["remedy"]


def test_a_deal_whose_first_stage_came_later_is_refused(client, score_request):
    later = altered(score_request, "changes.0.known_at", "2026-03-30T06:00:00Z")
    answer = client.post("/v1/score", json=later)
    assert "no stage was known" in answer.json()["errors"][0]["problem"]


def test_a_close_date_must_be_a_date(client, score_request):
    change = {"field": "close_date", "changed_at": "2026-02-01T00:00:00Z", "new_value": "31.03.2026"}
    answer = client.post("/v1/score", json=score_request | {"changes": [*score_request["changes"], change]})
    assert "is not a date" in answer.json()["errors"][0]["problem"]


def test_numbers_that_are_not_finite_are_refused(client, score_request):
    text = json.dumps(altered(score_request, "interactions.0.duration_s", float("nan")))
    answer = client.post("/v1/score", content=text, headers={"content-type": "application/json"})
    assert [error["field"] for error in answer.json()["errors"]] == ["interactions.0.duration_s"]
