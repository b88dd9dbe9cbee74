"""``/v1/forecast/what-if``: a deal's end, and what it changes."""

from decimal import Decimal

import pytest


def asked(client, **params: str):
    return client.get("/v1/forecast/what-if", params={"deal": "D1", "outcome": "won", **params})


@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_the_expected_sums_move_by_what_the_deal_brings(client, outcome):
    answer = asked(client, outcome=outcome).json()
    then, now = ([Decimal(row[name]["expected"]["amount"]) for row in answer["rows"]] for name in ("then", "now"))
    moved = {after - before for after, before in zip(then, now, strict=True)}
    chance = Decimal(str(round(answer["probability"], 12)))
    brings = Decimal(answer["amount"]["amount"])
    lost = round(-chance * brings, 2)
    assert moved == {lost + (brings if outcome == "won" else 0)}
    assert [row["level"] for row in answer["rows"]] == ["owner", "team", "whole"]


def test_winning_a_deal_makes_the_quota_likelier(client):
    (ines, *_) = asked(client).json()["rows"]
    assert ines["then"]["reach_probability"] == 1 > ines["now"]["reach_probability"]


def test_the_next_quarter_can_be_asked_about(client):
    assert asked(client, period="next").json()["period"] == "FY2026 Q2"


def test_a_deal_that_is_not_open_is_not_found_and_the_nearest_is_named(client):
    answer = asked(client, deal="D1x")
    assert answer.status_code == 404
    assert 'did you mean "D1"?' in answer.json()["detail"]
    assert asked(client, deal="D8").status_code == 404


def test_a_deal_in_a_currency_without_a_rate_has_no_answer_and_says_why(client):
    answer = asked(client, deal="D 7/ü")
    assert answer.status_code == 422
    assert "no rate to EUR is known" in answer.json()["detail"]
    assert "fx_rates" in answer.json()["remedy"]


def test_without_scores_it_says_what_to_do(store, make_client):
    answer = asked(make_client(store))
    assert answer.status_code == 503
    assert "plumbline score" in answer.json()["remedy"]
