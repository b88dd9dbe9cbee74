"""Units and cash over HTTP, and on their page."""

from decimal import Decimal

import pytest

pytestmark = pytest.mark.slow

PARTS = ("received", "due", "open_expected", "new_expected")


@pytest.fixture
def planned(store, make_client, hand_made):
    """A client of a store whose deals D1, D3 and D8 hold products."""
    lines = [("D1", "GATE", 10.0, "net 30"), ("D1", "PLAN", 1.0, "net 30"), ("D3", "GATE", 4.0, "as agreed")]
    lines.append(("D8", "GATE", 2.0, "50% upfront, 50% net 60"))
    names = ("deal_id", "product_id", "quantity", "payment_terms")
    records = [dict(zip(names, line, strict=True)) | {"unit_price": "100.00"} for line in lines]
    store.write("line_items", hand_made.rows("line_items", *records))
    store.append("scores", hand_made.all_scores())
    return make_client(store)


def test_units_come_by_product_and_month(planned):
    answer = planned.get("/v1/planning/units", params={"periods": 2}).json()
    assert [period["name"] for period in answer["periods"]] == ["FY2026 M03", "FY2026 M04"]
    gate, plan = answer["periods"][0]["rows"]
    assert (gate["product"], gate["won"], gate["n_open"], gate["n_won"]) == ("GATE", 2, 2, 1)
    assert gate["expected"] == pytest.approx(gate["won"] + gate["open_expected"] + gate["new_expected"], abs=1e-9)
    # D1 is won within 7 days with 5 %, D3 with 6 %, and 42 hours of March are left.
    assert plan["open_expected"] == pytest.approx(1 * 0.05 / 4, abs=0.001)
    assert gate["open_expected"] == pytest.approx(10 * 0.05 / 4 + 4 * 0.06 / 4, abs=0.002)
    assert (answer["n_open"], answer["n_without_lines"], answer["n_won_without_lines"]) == (7, 5, 0)


@pytest.mark.parametrize(
    ("unit", "name"), [("week", "Week of 2026-03-30"), ("quarter", "FY2026 Q1"), ("year", "FY2026")]
)
def test_units_come_for_any_fiscal_period(planned, unit, name):
    answer = planned.get("/v1/planning/units", params={"unit": unit, "periods": 1}).json()
    assert [period["name"] for period in answer["periods"]] == [name]


def test_cash_comes_by_month_and_says_by_which_terms(planned):
    """D8, of 9,000, was won on 18 March: half was due that day, half is on 17 May, a Sunday."""
    answer = planned.get("/v1/planning/receipts").json()
    rows = [month["rows"][0] for month in answer["months"]]
    assert [month["name"] for month in answer["months"]][:3] == ["Mar 2026", "Apr 2026", "May 2026"]
    assert rows[0]["received"]["amount"] == "4500.00"
    assert [row["due"]["amount"] for row in rows[:4]] == ["0.00", "0.00", "4500.00", "0.00"]
    for row in rows:
        assert Decimal(row["expected"]["amount"]) == sum(Decimal(row[name]["amount"]) for name in PARTS)
    assert answer["usual_terms"] == "net 30"
    assert answer["not_understood"] == [{"payment_terms": "as agreed", "n_lines": 1}]
    assert (answer["n_by_usual_terms"], answer["n_imputed"], answer["n_without_rate"]) == (6, 1, 1)
    assert answer["missing_rates"] == [{"currency": "XXX", "day": "2026-03-29", "n_deals": 1}]


@pytest.mark.parametrize("level", ["pipeline", "currency"])
def test_groups_sum_to_the_whole_to_the_cent(planned, level):
    whole, groups = (planned.get("/v1/planning/receipts", params={"level": of}).json() for of in ("whole", level))
    for one, month in zip(whole["months"], groups["months"], strict=True):
        for name in (*PARTS, "expected"):
            assert sum(Decimal(row[name]["amount"]) for row in month["rows"]) == Decimal(one["rows"][0][name]["amount"])


def test_more_periods_than_are_planned_for_are_refused(planned):
    for report in ("units", "receipts"):
        answer = planned.get(f"/v1/planning/{report}", params={"periods": 13})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "periods")


def test_the_page_shows_both_and_says_what_it_left_out(planned):
    text = planned.get("/planning", headers={"accept": "text/html"}).text
    assert "Cash to come in, by month" in text
    assert "6 of 7 open deals are paid by the usual terms, net 30" in text
    assert "“as agreed” (1 line)" in text
    assert "5 of 7 open deals have no line items" in text
    assert ">GATE<" in text


def test_the_page_says_what_to_import_where_no_deal_has_line_items(client):
    assert "import the table line_items" in client.get("/planning").text


def test_without_scores_both_say_what_to_do(store, make_client):
    client = make_client(store)
    for report in ("units", "receipts"):
        assert client.get(f"/v1/planning/{report}").status_code == 503
    assert "No scores yet" in client.get("/planning").text
