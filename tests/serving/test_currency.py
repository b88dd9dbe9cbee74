"""The reporting currency can be chosen: by a program with each request, by a person once."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from crm.store import Store
from serving.latest import MOST_CURRENCIES, Latest

pytestmark = pytest.mark.slow

ROUTES = ("/v1/deals", "/v1/forecast", "/v1/reports/at-risk", "/v1/planning/receipts")


@pytest.fixture
def scored_store(store, hand_made) -> Store:
    """A store with scores, and with rates of several currencies to the euro."""
    rates = [("GBP", "2026-03-02", 1.2), ("CHF", "2026-03-02", 1.0), ("SEK", "2026-03-02", 0.1)]
    rates.append(("USD", "2026-03-29", 0.8))
    records = [dict(zip(("currency", "day", "rate"), row, strict=True)) | {"quote_currency": "EUR"} for row in rates]
    store.write("fx_rates", hand_made.rows("fx_rates", *records))
    store.append("scores", hand_made.all_scores())
    return store


@pytest.fixture
def quoted(scored_store, make_client):
    return make_client(scored_store)


def whole(client, currency: str | None = None) -> dict:
    answer = client.get("/v1/forecast", params={"currency": currency} if currency else {}).json()
    return answer["periods"][0]["rows"][0] | {"rates": answer["rates"], "missing_rates": answer["missing_rates"]}


@pytest.mark.parametrize("route", ROUTES)
def test_every_money_route_reports_in_the_currency_asked_for(quoted, route):
    assert quoted.get(route).json()["reporting_currency"] == "EUR"
    assert quoted.get(route, params={"currency": "USD"}).json()["reporting_currency"] == "USD"


def test_open_money_counts_at_the_scores_rate_and_won_money_at_that_of_the_day_it_was_won(quoted):
    """9,000 EUR were won on 18 March, when a dollar was 0.90 EUR; on the day before the scores it is 0.80."""
    euros, dollars = whole(quoted), whole(quoted, "USD")
    assert Decimal(dollars["closed"]["amount"]) == Decimal("10000.00")
    expected = float(euros["open_expected"]["amount"]) / 0.8
    assert float(dollars["open_expected"]["amount"]) == pytest.approx(expected, abs=0.05)
    assert Decimal(dollars["quota"]["amount"]) == Decimal("22500.00")
    assert dollars["rates"] == [{"currency": "EUR", "rate": 1.25, "day": "2026-03-29"}]


@pytest.mark.parametrize("currency", ["EUR", "USD", "GBP"])
def test_sums_agree_to_the_cent_in_every_currency(quoted, currency):
    for figure in ("closed", "open_expected", "new_expected", "expected"):
        answers = [
            quoted.get("/v1/forecast", params={"level": of, "currency": currency}).json() for of in ("whole", "team")
        ]
        sums = [sum(Decimal(row[figure]["amount"]) for row in of["periods"][0]["rows"]) for of in answers]
        assert sums[0] == sums[1]


def test_what_was_won_before_any_rate_is_named_with_the_day_and_counted(quoted, store, hand_made):
    """A deal won in pounds on 20 January, before their first rate on 2 March."""
    at = datetime(2026, 1, 20, tzinfo=UTC)
    deal = {"deal_id": "D9", "pipeline_id": "P", "currency": "GBP", "created_at": at}
    store.write("deals", hand_made.rows("deals", deal))
    for field, value in (("stage", "won"), ("amount", "500.00")):
        change = {"deal_id": "D9", "field": field, "changed_at": at, "seq": 0, "new_value": value, "known_at": at}
        store.write("deal_changes", hand_made.rows("deal_changes", change))
    found = whole(quoted)
    assert {"currency": "GBP", "day": "2026-01-19", "n_deals": 1} in found["missing_rates"]
    assert (found["closed"]["amount"], found["n_won"]) == ("9000.00", 2)
    assert "1 deal won in GBP</strong> add" in quoted.get("/manager").text


@pytest.mark.parametrize("currency", ["JPY", "usd", "dollars"])
def test_a_currency_without_rates_is_refused_with_the_day(quoted, currency):
    answer = quoted.get("/v1/forecast", params={"currency": currency})
    assert answer.status_code == 422
    (refused,) = answer.json()["errors"]
    assert (refused["field"], refused["value"]) == ("currency", currency)
    assert "on or before 2026-03-29" in refused["problem"]
    assert "fx_rates" in refused["remedy"]


def test_pages_of_a_list_stay_in_their_currency(quoted):
    following = quoted.get("/v1/deals", params={"limit": 2, "currency": "USD"}).json()["next"]
    assert quoted.get(following).json()["reporting_currency"] == "USD"


def test_a_choice_on_a_page_is_kept_while_clicking_around(quoted):
    assert "sums in USD" in quoted.get("/manager", params={"currency": "USD"}).text
    for path in ("/", "/planning", "/manager"):
        assert "sums in USD" in quoted.get(path).text
    assert "sums in EUR" in quoted.get("/", params={"currency": "EUR"}).text
    assert "sums in EUR" in quoted.get("/planning").text


def test_the_choice_of_a_page_does_not_touch_what_programs_are_told(quoted):
    quoted.get("/manager", params={"currency": "USD"})
    assert quoted.get("/v1/forecast").json()["reporting_currency"] == "EUR"


def test_choosing_a_currency_is_no_way_in(quoted):
    quoted.get("/manager", params={"currency": "USD"})
    del quoted.headers["Authorization"]
    assert quoted.get("/v1/forecast").status_code == 401


def test_a_filter_stays_when_the_currency_is_changed(quoted, hand_made):
    quoted.post("/sign-in", data={"key": hand_made.key})
    text = quoted.get("/", params={"owner": "U1"}).text
    assert '<input type="hidden" name="owner" value="U1">' in text


def test_a_few_currencies_are_kept_and_the_one_asked_for_longest_ago_is_given_up(scored_store):
    latest = Latest(scored_store, "EUR", check_every_s=3600)
    first = latest.view("USD")
    assert latest.view("USD") is first
    for currency in ("GBP", "CHF", "SEK")[:MOST_CURRENCIES]:
        latest.view(currency)
    assert latest.view("USD") is not first
    assert latest.view("USD").currency == "USD"


def test_newer_scores_are_converted_too(scored_store, hand_made):
    latest = Latest(scored_store, "EUR", check_every_s=0)
    before = latest.view("USD")
    scored_store.append("scores", hand_made.all_scores(version="8"))
    newer = Latest(scored_store, "EUR").view("USD")
    assert (before.model_version, newer.model_version) == ("7", "8")
