"""How right we were, through the API and on the page: a hand-made ledger on a small store."""

import re
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

HTML = {"accept": "text/html"}
# The hand-made company won one deal, of 9,000 euros, on 18 March; its latest scores are of 30 March.
LATER = datetime(2026, 4, 6, tzinfo=UTC)


def forecast(hand_made, as_of: datetime, level: str = "whole", group: str = "", **more: str) -> pd.DataFrame:
    money = {"closed": "0.00", "open_expected": "9900.00", "new_expected": "0.00", "expected": "9900.00"}
    money |= {"p10": "8000.00", "p50": "9900.00", "p90": "12000.00", "stage_weighted": "13000.00"}
    about = {"as_of": as_of, "model_version": "7", "reporting_currency": "EUR", "period": "FY2026 Q1", "id": group}
    about |= {
        "period_start": "2026-01-01",
        "period_end": "2026-04-01",
        "level": level,
        "name": group or "Whole company",
    }
    return hand_made.rows("forecasts", about | money | {"n_open": 7, "reasons": "{}"} | more)


@pytest.fixture
def judged(store, make_client, hand_made):
    """A client of an app with forecasts of a quarter that has ended, and scores of deals that are still open.

    Team South alone won something, and was in every forecast.
    """
    for weeks in (2, 4):
        as_of = hand_made.as_of - timedelta(weeks=weeks)
        store.append("forecasts", forecast(hand_made, as_of))
        store.append("forecasts", forecast(hand_made, as_of, "team", "South", committed="6000.00"))
    store.append("forecasts", forecast(hand_made, hand_made.as_of - timedelta(weeks=2), "team", "North"))
    store.append("scores", hand_made.all_scores())
    store.append("scores", hand_made.all_scores(LATER, "8"))
    return make_client(store)


def test_what_was_said_stands_beside_what_came(judged):
    answer = judged.get("/v1/reports/accuracy").json()
    assert (answer["as_of"], answer["reporting_currency"]) == ("2026-04-06T00:00:00Z", "EUR")
    found = answer["forecasts"]
    assert (found["note"], found["level"]) == (None, "whole")
    assert [one["weeks_to_go"] for one in found["said"]] == [5, 3]
    assert found["said"][0]["came"] == {"amount": "9000.00", "currency": "EUR"}
    assert found["said"][0]["committed"] is None
    assert [one["n_held"] for one in found["errors"]] == [1, 1]
    assert found["errors"][0]["wape"]["plumbline"] == pytest.approx(0.1)
    assert found["errors"][0]["wape"]["stage_weighted"] == pytest.approx(4 / 9)


def test_each_level_can_be_asked_for(judged):
    found = judged.get("/v1/reports/accuracy", params={"level": "team"}).json()["forecasts"]
    assert [one["id"] for one in found["said"]] == ["South", "North", "South"]
    assert [one["came"]["amount"] for one in found["said"]] == ["9000.00", "0.00", "9000.00"]
    assert found["errors"][1]["wape"]["committed"] == pytest.approx(1 / 3)
    assert judged.get("/v1/reports/accuracy", params={"level": "owner"}).json()["forecasts"]["errors"] == []
    assert judged.get("/v1/reports/accuracy", params={"level": "planet"}).status_code == 422


def test_what_was_issued_late_is_called_replayed(store, make_client, hand_made):
    as_of = hand_made.as_of - timedelta(weeks=2)
    store.append("forecasts", forecast(hand_made, as_of).assign(issued_at=pd.Timestamp(LATER)))
    store.append("scores", hand_made.all_scores(LATER, "8"))
    client = make_client(store)
    assert [one["replayed"] for one in client.get("/v1/reports/accuracy").json()["forecasts"]["said"]] == [True]
    assert (
        "Replayed: 1 of 1 forecasts judged here were issued more than a day after"
        in client.get("/accuracy", headers=HTML).text
    )


def test_risks_are_judged_beside_what_came(store, make_client, hand_made):
    """Scores of 30 March are about at most 30 days: by May their deals, which have not moved, have stalled."""
    store.append("scores", hand_made.all_scores())
    store.append("scores", hand_made.all_scores(LATER + timedelta(weeks=8), "8"))
    client = make_client(store)
    found = client.get("/v1/reports/accuracy").json()["risks"]
    assert found["note"] is None
    assert 0 < found["n_judged"] < found["n_scores"]
    assert sum(one["n_scores"] for one in found["bins"]) == 2 * found["n_judged"]
    assert "Deals said to be at risk" in client.get("/accuracy", headers=HTML).text


def test_before_anything_can_be_judged_it_says_when(client):
    answer = client.get("/v1/reports/accuracy").json()
    assert answer["forecasts"]["note"].startswith("Nothing to judge yet: no forecast has been issued")
    assert answer["scores"]["note"].startswith("Nothing to judge yet: of 7 scores, 0 are of deals that have closed")
    page = client.get("/accuracy", headers=HTML).text
    assert page.count("Nothing to judge") == 3


def test_the_day_of_the_first_judgement_is_named(store, make_client, hand_made):
    store.append("forecasts", forecast(hand_made, hand_made.as_of))
    store.append("scores", hand_made.all_scores())
    note = make_client(store).get("/v1/reports/accuracy").json()["forecasts"]["note"]
    assert note.endswith("The first is FY2026 Q1, first on 2026-04-01.")


def test_scores_are_judged_once_their_deals_have_closed(store, make_client, hand_made):
    deals = [f"D{n}" for n in range(1, 8)]
    store.append("scores", hand_made.all_scores())
    changes = [
        {"deal_id": deal, "field": "stage", "changed_at": LATER, "seq": 0, "new_value": how, "known_at": LATER}
        for deal, how in zip(deals, ["won", "won", "lost", "lost", "lost", "lost", None], strict=True)
        if how
    ]
    store.write("deal_changes", hand_made.rows("deal_changes", *changes))
    store.append("scores", hand_made.rows("scores", hand_made.score_row("D7", 0.4, 0.3, LATER + timedelta(days=7))))
    found = make_client(store).get("/v1/reports/accuracy").json()["scores"]
    assert (found["note"], found["n_scores"], found["n_ripe"], found["n_ripe_open"]) == (None, 8, 7, 1)
    assert found["ripe_days"] == pytest.approx(6.75)
    assert found["models"][0]["model_version"] is None
    assert found["models"][0]["won"] == pytest.approx(2 / 6)
    assert sum(one["n_scores"] for one in found["reliability"]) == 6


def test_the_page_shows_a_panel_per_period_and_the_tables(judged):
    text = judged.get("/accuracy", headers=HTML).text
    assert "<h3>FY2026 Q1</h3>" in text
    assert 'aria-label="FY2026 Q1: 9,900 said in the last week, 9,000 came"' in text
    words = " ".join(re.sub(r"<[^>]+>", " ", text).split())
    assert "3 to 4 10.0% 44.4% –" in words
    assert "1 of 1" in words
    assert "By team" in words


def test_a_newer_batch_is_judged_anew(judged, store, hand_made, eventually):
    judged.get("/v1/reports/accuracy")
    store.append("forecasts", forecast(hand_made, hand_made.as_of))
    store.append("scores", hand_made.all_scores(LATER + timedelta(days=1), "8"))
    eventually(lambda: len(judged.get("/v1/reports/accuracy").json()["forecasts"]["said"]) == 3)
