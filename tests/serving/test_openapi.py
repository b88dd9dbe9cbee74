"""The OpenAPI document keeps its word."""

from datetime import timedelta

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

pytestmark = pytest.mark.slow

OF_A_DEAL = [f"/v1/deals/{{deal_id}}/{name}" for name in ("history", "moved", "similar", "would-help")]
PROGRAM_ROUTES = [
    *OF_A_DEAL,
    *("/v1/deals", "/v1/deals/{deal_id}", "/v1/score", "/v1/forecast", "/v1/reports/at-risk"),
    *("/v1/forecast/what-if", "/v1/forecast/changes", "/v1/forecast/categories", "/v1/forecast/adjustments"),
    *("/v1/reports/pace", "/v1/reports/slips", "/v1/reports/commits", "/v1/reports/accuracy"),
    *("/v1/planning/units", "/v1/planning/receipts"),
]
CALL = {"period": "this", "level": "whole", "amount": "9000.00", "note": "As it is.", "author": "Ines"}
ASKED = {"/v1/forecast/what-if": {"deal": "D1", "outcome": "won"}}


@pytest.fixture
def document(client):
    return client.get("/openapi.json").json()


def validator(document: dict, schema: dict) -> Draft202012Validator:
    """A validator that finds the schemas that ``schema`` refers to."""
    whole = Resource(contents=document, specification=DRAFT202012)
    registry = Registry().with_resource("urn:openapi", whole)
    named = {"$ref": "urn:openapi" + schema["$ref"]} if "$ref" in schema else schema
    return Draft202012Validator(named, registry=registry)


def operations(document: dict):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_route_for_programs_is_described(document):
    assert list(document["paths"]) == ["/healthz", "/readyz", *PROGRAM_ROUTES]
    for path, _, operation in operations(document):
        assert operation["summary"], path
        assert operation["description"], path
        assert all(parameter["description"] for parameter in operation.get("parameters", [])), path


def test_every_model_has_a_description_and_examples(document):
    for name, schema in document["components"]["schemas"].items():
        if name.startswith("Given"):
            continue  # a part of ScoreRequest, shown in its example
        assert schema["description"], name
        assert schema["examples"], name


def test_every_example_is_valid_by_its_own_schema(document):
    checked = 0
    for name, schema in document["components"]["schemas"].items():
        for example in schema.get("examples", []):
            validator(document, {"$ref": f"#/components/schemas/{name}"}).validate(example)
            checked += 1
    assert checked > 20


def test_every_answer_is_valid_by_its_schema(client, document, score_request, store, hand_made):
    store.append("scores", hand_made.all_scores(hand_made.as_of - timedelta(days=7)))
    sent = {"/v1/score": score_request, "/v1/forecast/adjustments": CALL}
    for path, method, operation in operations(document):
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        address = path.replace("{deal_id}", "D1")
        answer = (
            client.post(address, json=sent[path]) if method == "post" else client.get(address, params=ASKED.get(path))
        )
        assert answer.status_code == 200, path
        validator(document, schema).validate(answer.json())


def test_problems_are_described_under_the_type_they_are_sent_as(client, document):
    for path, _, operation in operations(document):
        mistakes = {status: response for status, response in operation["responses"].items() if int(status) >= 400}
        for status, response in mistakes.items():
            assert list(response["content"]) == ["application/problem+json"], (path, status)
    schema = document["paths"]["/v1/deals"]["get"]["responses"]["422"]["content"]["application/problem+json"]["schema"]
    validator(document, schema).validate(client.get("/v1/deals?limit=0").json())


def test_the_key_is_asked_for_everywhere_but_health(document):
    asked = {path: bool(operation.get("security")) for path, _, operation in operations(document)}
    assert {path for path, needed in asked.items() if not needed} == {"/healthz", "/readyz"}


def test_the_request_example_can_be_sent_once_its_stages_exist(client, document, store):
    example = document["components"]["schemas"]["ScoreRequest"]["examples"][0]
    answer = client.post("/v1/score", json=example)
    assert answer.json()["errors"][0]["field"] == "deal.pipeline_id"
    stages = (
        store.read("stages")
        .assign(pipeline_id="new-sales")
        .replace({"stage": {"lead": "Qualification", "proposal": "Proposal"}})
    )
    store.write("stages", stages)
    client.app.state.services.latest.required().reference["stages"] = store.read("stages")
    answer = client.post("/v1/score", json=example)
    assert (answer.status_code, answer.json()["deal_id"]) == (200, "D000123")


def test_the_docs_page_shows_each_route_with_its_examples(client):
    text = client.get("/docs", headers={"accept": "text/html"}).text
    for path in PROGRAM_ROUTES:
        assert path in text
    assert "Example request" in text
    assert "Fleet telematics" in text
