"""Calls over HTTP: written once and for all, rolled up beside the model's number, refused in sentences."""

import re
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

pytestmark = pytest.mark.slow

PATH = "/v1/forecast/adjustments"
CALL = {
    "period": "FY2026 Q1",
    "level": "team",
    "id": "South",
    "amount": "600000.50",
    "note": "Norte signs on Tuesday.",
    "author": "Ines Ferreira",
}
FORM = {"period": "FY2026 Q1", "group": "team South", "amount": "600000.50", "note": "Norte signs.", "author": "Ines"}
OUR_PAGE = {"origin": "http://testserver", "accept": "text/html"}


def period_of(answer) -> dict:
    assert answer.status_code == 200, answer.text
    return answer.json()["periods"][0]


def whole_of(client) -> dict:
    return period_of(client.get(PATH, params={"period": "this"}))["rows"][0]


def test_a_call_stands_beside_the_models_number(client):
    before = whole_of(client)
    assert before["adjusted"] == before["expected"]
    (south,) = [row for row in period_of(client.post(PATH, json=CALL))["rows"] if row["id"] == "South"]
    assert (south["adjusted"]["amount"], south["calls"]) == ("600000.50", [1])
    after = whole_of(client)
    assert after["expected"] == before["expected"]
    moved = Decimal("600000.50") - Decimal(south["expected"]["amount"])
    assert Decimal(after["adjusted"]["amount"]) == Decimal(before["expected"]["amount"]) + moved


def test_who_when_and_why_are_kept(client, hand_made):
    client.post(PATH, json=CALL)
    (made,) = period_of(client.get(PATH))["calls"]
    assert (made["author"], made["note"], made["name"]) == ("Ines Ferreira", "Norte signs on Tuesday.", "South")
    assert made["made_at"] == hand_made.now.isoformat().replace("+00:00", "Z")
    assert (made["in_force"], made["in_whole"]) == (True, True)


def test_a_later_call_supersedes_and_both_are_kept(client):
    client.post(PATH, json=CALL)
    client.post(PATH, json=CALL | {"amount": "700000"})
    calls = period_of(client.get(PATH))["calls"]
    assert [(call["amount"]["amount"], call["in_force"]) for call in calls] == [
        ("700000.00", True),
        ("600000.50", False),
    ]


def test_a_call_can_be_taken_back(client):
    client.post(PATH, json=CALL)
    period = period_of(client.post(PATH, json=CALL | {"amount": None, "note": "They wait for their budget."}))
    assert [call["in_force"] for call in period["calls"]] == [False, False]
    assert all(row["adjusted"] == row["expected"] for row in period["rows"])


def test_a_wider_call_covers_a_narrower_one_and_says_so(client):
    client.post(PATH, json=CALL)
    client.post(PATH, json=CALL | {"level": "whole", "id": "", "amount": "1"})
    calls = period_of(client.get(PATH))["calls"]
    assert [(call["level"], call["in_whole"]) for call in calls] == [("whole", True), ("team", False)]
    assert whole_of(client)["adjusted"]["amount"] == "1.00"


def test_quarters_have_their_own_calls(client):
    client.post(PATH, json=CALL | {"period": "next"})
    this, following = client.get(PATH).json()["periods"]
    assert (this["calls"], len(following["calls"])) == ([], 1)


def test_every_kind_of_group_can_be_called(client):
    for level, id in (("whole", ""), ("owner", "U3"), ("manager", "U4"), ("team", "North")):
        rows = period_of(client.post(PATH, json=CALL | {"level": level, "id": id}))["rows"]
        assert [row["adjusted"]["amount"] for row in rows if row["id"] == id] == ["600000.50"]


REFUSED = [
    ({"id": "Sout"}, r"no team called 'Sout' in the forecast of FY2026 Q1 \(did you mean \"South\"\?\)"),
    ({"level": "owner", "id": ""}, "no owner without an id"),
    ({"period": "FY2026 Q3"}, r"'FY2026 Q3' is not a quarter that is forecast"),
    ({"amount": "-1"}, "amount: Input should be greater than or equal to 0"),
    *(({"amount": amount}, "amount: ") for amount in ("1.005", "NaN", "1e20", "one million", "")),
    ({"note": "  "}, "note: must not be blank"),
    ({"author": ""}, "author: must not be blank"),
    ({"note": "a\x00b"}, "note: must not hold control characters"),
    ({"author": "A" * 201}, "author: "),
    ({"comment": "?"}, "comment: "),
    ({"amount": None}, "Ines Ferreira has no call in force for this team and FY2026 Q1 to take back"),
]


def test_what_cannot_be_called_is_refused_in_a_sentence(client):
    for wrong, sentence in REFUSED:
        answer = client.post(PATH, json=CALL | wrong)
        assert answer.status_code == 422, wrong
        assert re.search(sentence, answer.json()["detail"]), answer.text
        assert answer.json()["remedy"]
    assert client.app.state.services.store.read("adjustments").empty


def test_the_amount_must_be_said_even_where_it_is_none(client):
    assert client.post(PATH, json={name: CALL[name] for name in CALL if name != "amount"}).status_code == 422


def test_calls_made_at_once_are_all_kept_in_order(client):
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: client.post(PATH, json=CALL | {"author": f"A{n}"}), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert client.app.state.services.store.read("adjustments")["number"].tolist() == list(range(1, 9))


def test_before_there_are_scores_it_says_what_to_do(store, make_client):
    answer = make_client(store).post(PATH, json=CALL)
    assert (answer.status_code, "plumbline score" in answer.json()["remedy"]) == (503, True)


def send(client, **typed):
    return client.post("/manager/calls", data=FORM | typed, headers=OUR_PAGE)


def test_the_form_records_a_call_and_returns_to_it(client):
    answer = send(client)
    assert (answer.status_code, answer.headers["location"]) == (303, "/manager#calls")
    text = client.get("/manager", headers=OUR_PAGE).text
    assert "Norte signs." in text
    assert "EUR" in text
    assert whole_of(client)["calls"] == [1]


def test_the_form_takes_a_call_back(client):
    send(client)
    assert send(client, amount=" ").status_code == 303
    assert whole_of(client)["calls"] == []


MISTAKES = [
    ({"amount": "1.2M"}, "Write the amount as a plain number"),
    ({"note": ""}, "Say why"),
    ({"author": " "}, "Say who you are"),
    ({"group": "nobody"}, "Choose for whom the call is"),
    ({"group": "team East"}, "There is no team called"),
    ({"amount": ""}, "has no call in force"),
]


def test_a_mistake_in_the_form_is_said_and_what_was_typed_stays(client):
    for typed, sentence in MISTAKES:
        answer = send(client, **{"note": "Because & so", **typed})
        assert answer.status_code == 422, typed
        assert sentence in answer.text
        assert "note" in typed or 'value="Because &amp; so"' in answer.text


def test_what_people_write_is_escaped(client, hand_made):
    send(client, note=hand_made.nasty, author=hand_made.nasty)
    text = client.get("/manager", headers=OUR_PAGE).text
    assert hand_made.nasty not in text
    assert text.count("&lt;script&gt;") >= 2


@pytest.mark.parametrize("headers", [{}, {"origin": "https://evil.example"}, {"origin": "null"}])
def test_another_site_cannot_make_a_call_for_a_person(client, make_client, hand_made, headers):
    browser = make_client(client.app.state.services.store, key=None)
    browser.post("/sign-in", data={"key": hand_made.key}, headers=OUR_PAGE)
    assert browser.post("/manager/calls", data=FORM, headers=headers).status_code == 403
    assert browser.post("/manager/calls", data=FORM, headers=OUR_PAGE).status_code == 303
