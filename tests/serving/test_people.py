"""Categories, pace, slips and commits over HTTP and on pages; the figures themselves are tested with the reports."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest

pytestmark = pytest.mark.slow

HTML = {"accept": "text/html"}


def words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def change(deal_id: str, field: str, at, value: str, seq: int = 0) -> dict:
    return {
        **{"deal_id": deal_id, "field": field, "changed_at": at, "seq": seq, "new_value": value},
        **{"known_at": at, "old_value": None},
    }


@pytest.fixture
def told(store, make_client, hand_made):
    """The hand-made deals, with categories, and two that were committed for the quarter before; one of them came."""
    now, autumn = hand_made.as_of - timedelta(days=1), hand_made.as_of.replace(year=2025, month=9, day=1)
    said = [("D1", "Commit"), ("D2", "best_case"), ("D3", "omitted"), ("D5", "most likely"), ("D6", "pipeline")]
    changes = [change(deal_id, "category", now, word) for deal_id, word in said]
    deals = []
    for deal_id, close_date in (("C1", "2025-12-20"), ("C2", "2025-12-30")):
        deals.append({"deal_id": deal_id, "pipeline_id": "P", "currency": "EUR", "created_at": autumn})
        first = {"stage": "proposal", "amount": "1000.00", "owner_id": "U1", "category": "commit"}
        first |= {"close_date": close_date}
        changes += [change(deal_id, field, autumn, value) for field, value in first.items()]
    changes.append(change("C1", "stage", autumn.replace(month=12, day=19), "won"))
    store.write("deals", hand_made.rows("deals", *deals))
    store.write("deal_changes", hand_made.rows("deal_changes", *changes))
    store.append("scores", hand_made.all_scores())
    return make_client(store)


def lines(client, **query) -> dict[str, dict[str, dict]]:
    answer = client.get("/v1/forecast/categories", params={"period": "next"} | query).json()
    return {row["id"]: {line["category"]: line for line in row["lines"]} for row in answer["periods"][0]["rows"]}


def test_categories_stand_beside_the_forecast(told):
    whole = lines(told)[""]
    figures = {name: (line["n_deals"], line["amount"]["amount"]) for name, line in whole.items()}
    assert figures["commit"] == (1, "100000.00")
    assert figures["omitted"] == (1, "45000.00")
    assert figures["no category"][0] == 2
    assert whole["pipeline"]["cumulative"]["amount"] == "100000.00"
    assert whole["omitted"]["cumulative"] is None
    answer = told.get("/v1/forecast/categories").json()
    assert (answer["unknown_words"], answer["n_without_close_date"]) == ({"most likely": 1}, 1)
    assert [period["rows"][0]["forecast"] for period in answer["periods"]] == [
        period["rows"][0] for period in told.get("/v1/forecast").json()["periods"]
    ]


def test_categories_of_teams_and_owners_sum_to_the_whole(told):
    whole = lines(told)[""]
    for level in ("team", "owner"):
        groups = lines(told, level=level).values()
        for name, line in whole.items():
            assert sum(Decimal(one[name]["expected"]["amount"]) for one in groups) == Decimal(
                line["expected"]["amount"]
            )


def test_pace_says_what_was_won_by_then(told):
    answer = told.get("/v1/reports/pace", params={"level": "owner"}).json()
    (ines,) = answer["rows"]
    (last,) = ines["earlier"]
    assert (ines["name"], ines["won"]["amount"], last["in_the_end"]["amount"]) == (
        "Ines Ferreira",
        "9000.00",
        "1000.00",
    )
    assert answer["elapsed_days"] == 88.25
    assert "known now" in answer["counted"]


@pytest.mark.usefixtures("told")
def test_an_earlier_quarter_is_shown_once_history_reaches_back(store, make_client, hand_made):
    store.write(
        "deals",
        hand_made.rows(
            "deals",
            {
                "deal_id": "D0",
                "pipeline_id": "P",
                "currency": "EUR",
                "created_at": hand_made.as_of.replace(year=2025, month=4, day=1),
            },
        ),
    )
    at = hand_made.as_of.replace(year=2025, month=4, day=1)
    store.write("deal_changes", hand_made.rows("deal_changes", change("D0", "stage", at, "lead")))
    client = make_client(store)
    (whole,) = client.get("/v1/reports/pace").json()["rows"]
    assert [one["period"] for one in whole["earlier"]] == ["FY2025 Q4", "FY2025 Q3"]
    last = whole["earlier"][0]
    assert (last["by_then"]["amount"], last["in_the_end"]["amount"]) == ("1000.00", "1000.00")
    assert [point["day"] for point in last["curve"]] == [*range(0, 89, 7), 88.25, 91, 92]
    text = words(client.get("/manager", headers=HTML).text)
    assert "Won so far EUR 9,000 , at this point: 1k last quarter (in the end 1k)" in text


def test_slips_of_past_quarters(told):
    (whole,) = told.get("/v1/reports/slips").json()["rows"]
    assert (whole["n_due"], whole["n_won"], whole["n_slipped"], whole["slipped"]["rate"]) == (2, 1, 1, 0.5)
    each = told.get("/v1/reports/slips", params={"period": "each"}).json()
    assert [row["period"] for row in each["rows"]] == ["FY2025 Q4"]
    assert len(each["periods"]) == 8
    stages = told.get("/v1/reports/slips", params={"level": "stage", "period": "FY2025 Q4"}).json()["rows"]
    assert [row["id"] for row in stages] == ["proposal"]


def test_an_unknown_quarter_is_refused_with_those_there_are(told):
    answer = told.get("/v1/reports/slips", params={"period": "FY1999 Q1"})
    assert (answer.status_code, "FY2025 Q4" in answer.json()["remedy"]) == (422, True)


def test_commits_by_weeks_before_the_end(told):
    for weeks, committed, won in ((1, 1, 0), (2, 2, 1), (8, 2, 1)):
        (whole,) = told.get("/v1/reports/commits", params={"weeks": weeks}).json()["rows"]
        assert (whole["n_committed"], whole["n_won"], whole["verdict"]) == (committed, won, None)


def test_other_weeks_are_refused(told):
    for weeks in ("3", "two", ""):
        assert told.get("/v1/reports/commits", params={"weeks": weeks}).status_code == 422


@pytest.mark.usefixtures("told")
def test_what_the_model_said_then_comes_from_the_ledger(store, make_client, hand_made):
    then = hand_made.as_of.replace(year=2025, month=12, day=16)
    store.append("scores", hand_made.rows("scores", hand_made.score_row("C1", 0.5, None, then, "6")))
    (whole,) = make_client(store).get("/v1/reports/commits").json()["rows"]
    assert (whole["n_scored"], whole["scored_won_rate"]) == (1, 1.0)
    assert whole["model_rate"] == pytest.approx(0.5 * (0.1 + 0.3 * 8.75 / 21))


def test_the_managers_page_puts_them_together(told):
    text = words(told.get("/manager", headers=HTML).text)
    assert text.index("This quarter: FY2026 Q1") < text.index("What the team says")
    assert "Not understood as a category: “most likely” (1 deal)" in text
    assert "Nobody has called a number yet; the model expects" in text
    assert "Won so far EUR 9,000 , at this point: 1k last quarter (in the end 1k)" in text


def test_the_people_page_says_how_dates_and_commits_came_true(told):
    text = words(told.get("/people", headers=HTML).text)
    assert "Of 2 deals that were to close in a quarter when it began, 50% were still open at its end" in text
    assert "Of 2 deals committed 2 weeks before a quarter's end, 50% were won in it" in text
    assert "no scores were issued in those weeks" in text
    assert "not enough to tell" in text


def test_a_company_whose_past_says_nothing_is_told_so(client):
    text = words(client.get("/people", headers=HTML).text)
    assert "No deal was due in a past quarter" in text
    assert "No deal was committed 2 weeks before the end of a past quarter" in text


def test_pages_and_routes_ask_for_scores_first(store, make_client):
    client = make_client(store)
    assert "No scores yet" in client.get("/people", headers=HTML).text
    for path in ("/v1/forecast/categories", "/v1/reports/pace", "/v1/reports/slips", "/v1/reports/commits"):
        assert "plumbline score" in client.get(path).json()["remedy"]
