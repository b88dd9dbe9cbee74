"""The pages, as the server writes them."""

import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from serving.pages import waterfall
from serving.schemas import Reason

pytestmark = pytest.mark.slow

HTML = {"accept": "text/html"}
PATHS = [
    "/",
    "/manager",
    "/changes",
    "/accuracy",
    "/deals/D1",
    "/deals/D2",
    "/deals/D4",
    "/deals/D8",
    "/people",
    "/docs",
    "/sign-in",
    "/nothing",
]


class Outline(HTMLParser):
    """Collects what a screen reader needs of a page, and which tags stay open."""

    void = frozenset({"meta", "link", "input", "br", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.labels, self.fields, self.headings, self.unlabelled_images = [], set(), set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag not in self.void:
            self.open.append(tag)
        if tag == "label":
            self.labels.add(given["for"])
        if tag in ("select", "input") and given.get("type") != "hidden" and "hidden" not in given:
            self.fields.add(given["id"])
        if tag in ("h1", "h2"):
            self.headings.append(tag)
        if tag == "img" and "alt" not in given:
            self.unlabelled_images.append(given)
        if tag == "svg" and not {"aria-label", "aria-hidden"} & set(given):
            self.unlabelled_images.append(given)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def words(text: str) -> str:
    """A page's text without tags, on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


@pytest.mark.parametrize("path", PATHS)
def test_each_page_is_well_formed_and_labelled(client, path):
    text = client.get(path, headers=HTML).text
    outline = Outline(text)
    assert outline.open == []
    assert outline.fields == outline.labels
    assert outline.headings.count("h1") == 1
    assert outline.unlabelled_images == []
    assert '<html lang="en">' in text


@pytest.mark.parametrize("path", ["/", "/manager?threshold=0.5", "/deals/D2"])
def test_what_people_typed_into_the_crm_is_escaped(client, hand_made, path):
    text = client.get(path, headers=HTML).text
    assert hand_made.nasty not in text
    assert "&lt;script&gt;" in text


def test_a_script_in_the_address_is_escaped(client, hand_made):
    for path in ("/", "/manager", "/changes", "/sign-in", f"/deals/{hand_made.nasty}"):
        query = {"owner": hand_made.nasty, "team": hand_made.nasty, "stage": hand_made.nasty, "next": hand_made.nasty}
        assert hand_made.nasty not in client.get(path, params=query, headers=HTML).text


def test_the_reps_page_ranks_deals_with_reasons(client):
    text = words(client.get("/", headers=HTML).text)
    assert re.findall(r"Deal (D\d)", text) == ["D1", "D6", "D3", "D5", "D4"]
    assert "Win probability 50%" in text
    assert "+14.0 No reply for 23 days" in text
    assert "May stall: 31 days here" in text
    assert "overdue" in text
    assert "no amount" in text


def test_the_reps_page_says_when_of_what_and_in_which_currency(client):
    text = words(client.get("/", headers=HTML).text)
    assert "As of 30 Mar 2026, 06:00 UTC · model 7 · sums in EUR at the rates of 2 Mar 2026 (USD 0.9)" in text
    assert "No rate to EUR for XXX" in text


def test_a_rep_sees_only_own_deals(client):
    text = words(client.get("/", params={"owner": "U3"}, headers=HTML).text)
    assert re.findall(r"Deal (D\d)", text) == ["D6", "D5"]
    assert "1 to 2 of 2 open deals" in text


def test_a_filter_that_nothing_passes_says_so(client):
    assert "No open deal passes this filter" in client.get("/", params={"owner": "U404"}, headers=HTML).text


@pytest.mark.parametrize("path", ["/", "/manager", "/deals/D4"])
def test_too_little_data_is_said_where_the_score_is_shown(client, path):
    assert "Not enough data: 12 won deals, 40 are needed" in client.get(path, headers=HTML).text


def test_a_deals_page_shows_how_the_score_comes_about(client):
    text = words(client.get("/deals/D1", headers=HTML).text)
    assert "Why 50% to win" in text
    assert "An average deal starts at 35.0" in text
    assert "No reply for 23 days; deals won from this stage were answered within 6 +14.0" in text
    assert "Why 40% risk of stalling" in text
    assert "still being open after 21 days" in text
    assert "likely 40% to 60%" in text
    assert "stalls 40%, lost 6%" in text
    assert "54% moves forward or is won 40% stalls 6% is lost" in text
    assert "8 times in 10 between 6 Apr 2026 and 28 Jul 2026" in text
    assert "Slips past 15 Apr 2026 60% then to 8 Jun 2026" in text
    assert "Email from the customer (entered 3 days later)" in text


def test_a_deal_without_a_stall_risk_still_has_a_page(client):
    text = words(client.get("/deals/D6", headers=HTML).text)
    assert "Why 40% to win" in text
    assert "risk of stalling" not in text


def test_the_managers_page_shows_forecast_and_risk(client):
    text = words(client.get("/manager", params={"threshold": "0.5"}, headers=HTML).text)
    assert "This quarter: FY2026 Q1 until 31 Mar 2026" in text
    assert "Next quarter: FY2026 Q2 until 30 Jun 2026" in text
    assert "EUR 9,000" in text
    assert "Ines Ferreira" in text
    assert "2 deals," in text
    assert "1 of 7 open deals have no amount" in text


def test_beside_each_range_the_managers_page_says_how_often_it_held(client, store, hand_made):
    before = words(client.get("/manager", headers=HTML).text)
    assert "has not been measured on your history yet" in before
    store.append("backtests", hand_made.backtested())
    client.app.state.services.latest._view = None
    text = words(client.get("/manager", headers=HTML).text)
    assert "by a backtest of 7 past fiscal quarters" in text
    assert "held 86% of 14" in text
    assert "P10 to P90 held 79% of 42" in text
    assert "P10 to P90 not measured" in text


def test_the_managers_filters_hold(client):
    text = words(client.get("/manager", params={"team": "North", "threshold": "0.3"}, headers=HTML).text)
    at_risk = text[text.index("Deals at risk of stalling") :]
    assert re.findall(r"Deal (D\d)", at_risk) == ["D3", "D4"]


@pytest.mark.parametrize("path", ["/", "/manager", "/changes", "/accuracy"])
def test_before_there_are_scores_the_page_says_what_to_do(store, make_client, path):
    text = make_client(store).get(path, headers=HTML).text
    assert "No scores yet" in text
    for command in ("plumbline import", "plumbline train", "plumbline score"):
        assert command in text


def test_a_waterfall_ends_at_the_score():
    reasons = [
        Reason(signal=name, group="g", points=points, sentence=name) for name, points in (("a", 0.3), ("b", -0.5))
    ]
    chart = waterfall(0.4, reasons, 0.2)
    last = chart["steps"][-1]
    assert last["start"] == pytest.approx(chart["scale"] * 0.2)
    assert max(step["start"] + step["size"] for step in chart["steps"]) == pytest.approx(100)


def test_pages_of_many_deals_follow_each_other(store, make_client, hand_made):
    names = [f"E{number}" for number in range(60)]
    for table in ("deals", "deal_changes"):
        one = store.read(table, deal_ids=["D5"])
        store.write(table, pd.concat([one.assign(deal_id=name) for name in names], ignore_index=True))
    store.append("scores", hand_made.rows("scores", *(hand_made.score_row(name, 0.3, 0.3) for name in names)))
    client = make_client(store)
    first = client.get("/", params={"owner": "U3"}, headers=HTML).text
    assert "1 to 25 of 60 open deals" in first
    assert "/?owner=U3&amp;stage=&amp;page=2" in first
    assert "Page 3 of 3" in client.get("/", params={"owner": "U3", "page": 99}, headers=HTML).text
    last = client.get("/", params={"owner": "U3", "page": 3}, headers=HTML).text
    assert "51 to 60 of 60 open deals" in last
    assert 'rel="next"' not in last
