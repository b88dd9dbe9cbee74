"""Pages need nothing but themselves, and believe no text they are given."""

import csv
import io
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.money import Rate
from reports.at_risk import attention
from reports.charts import forecast_chart
from reports.forecast import forecast
from reports.render import About, ago, at_risk_html, csv_text, days, forecast_html, money, percent

pytestmark = pytest.mark.slow

EVIL = "<script>alert('x')</script>"


@pytest.fixture(scope="module")
def about(scores_of) -> About:
    as_of = scores_of({})["as_of"].iloc[0].to_pydatetime()
    return About(as_of, "3", "EUR", [Rate("USD", "EUR", "2026-11-15", 0.8)])


@pytest.fixture(scope="module")
def rows(present_of, scores_of, tables_with, rates, quarters) -> pd.DataFrame:
    evil = {"team": EVIL, "owner_id": "U2", "region": EVIL, "amount": 2_000_000.0}
    deals = present_of({"owner_name": EVIL}, evil, {"stage": "Legal"})
    tables = tables_with(
        users="user_id | name | manager_id | team\nU1 | Ann | U9 | North\nU9 | Zoe | | ",
        quotas="owner_id | period_start | period_end | amount | currency\nU1 | 2026-10-01 | 2027-01-01 | 1234 | EUR",
        line_items="deal_id | product_id | quantity | unit_price\nD1 | Licence | 1 | 10",
    )
    return forecast(deals, scores_of({}, {}, {}), tables, rates, quarters)


@pytest.fixture(scope="module")
def pages(rows, about, present_of, scores_of, rates) -> dict[str, str]:
    reason = {"signal": "reply", "points": 0.2, "sentence": f"No reply for 23 days {EVIL}"}
    deals = present_of({"name": EVIL, "stage": EVIL}, {"name": None, "account_name": None, "owner_id": None}, {})
    ranked = attention(deals, scores_of({"stall_reasons": [reason]}, {}, {"stall_risk": 0.1}), rates)
    return {
        "forecast": forecast_html(rows, about, notes=[EVIL]),
        "at_risk": at_risk_html(ranked, about, 0.5, notes=[EVIL]),
    }


@pytest.mark.parametrize("name", ["forecast", "at_risk"])
def test_a_page_fetches_nothing_and_runs_nothing(pages, name):
    page = pages[name].replace('xmlns="http://www.w3.org/2000/svg"', "").replace('="http://www.w3.org/1999/xlink"', "")
    assert "//" not in page
    assert not re.search(r"<(script|link|img|iframe|object)|@import|url\((?!#)|\son\w+=", page)


@pytest.mark.parametrize("name", ["forecast", "at_risk"])
def test_texts_are_shown_as_texts(pages, name):
    assert EVIL not in pages[name]
    assert "&lt;script&gt;" in pages[name]


@pytest.mark.parametrize("name", ["forecast", "at_risk"])
def test_a_page_says_when_by_which_model_and_at_which_rates(pages, name):
    assert "As known before 2026-11-16 00:00 UTC · model 3 · amounts in EUR" in pages[name]
    assert "1 USD = 0.8 EUR on 2026-11-15" in pages[name]


def test_the_forecast_page_shows_every_row_with_its_cents(pages, rows):
    for _, row in rows.iterrows():
        assert f">{row['expected']:,.2f}<" in pages["forecast"]
    always = rows["level"].isin(["whole", "team", "owner"])
    several = rows.groupby(["period", "level"])["id"].transform("size") > 1
    assert pages["forecast"].count("<tr class=") == (always | several).sum()


def test_other_levels_are_shown_where_there_is_more_than_one_group(pages):
    assert "FY2026 Q4 by region" in pages["forecast"]
    assert "FY2026 Q4 by product" in pages["forecast"]
    assert "FY2026 Q4 by segment" not in pages["forecast"]


def test_quotas_are_shown_with_the_chance_to_reach_them_and_a_mark_where_they_are_only_a_part(pages):
    """The team of U1 is complete; the whole is not, for U2 has no quota."""
    assert 'data-label="Quota">1,234</td>' in pages["forecast"]
    assert 'data-label="Quota">1,234*</td>' in pages["forecast"]
    assert 'data-label="Quota">–</td>' in pages["forecast"]


def test_without_quotas_nothing_is_said_of_them(about, present_of, scores_of, tables_with, rates, quarters):
    page = forecast_html(forecast(present_of({}), scores_of({}), tables_with(), rates, quarters), about)
    assert "quota" not in page.replace(".quota", "").casefold()


def test_a_page_says_how_often_each_range_held_and_what_that_was_measured_on(about, rows):
    before = forecast_html(rows, about)
    assert "has not been measured" in before
    assert before.count('data-label="Range held">not measured<') == before.count('data-label="P90"')
    like = rows["level"].where(rows["level"].isin(["whole", "team"]), "team")
    measured = rows.assign(range_coverage=0.79, n_range_forecasts=1_042, range_like=like)
    page = forecast_html(measured, replace(about, ranges_measured="By a backtest of 7 past fiscal quarters."))
    assert "By a backtest of 7 past fiscal quarters." in page
    assert 'data-label="Range held">held 79% of 1,042<' in page
    assert 'data-label="Range held">held 79% of 1,042, as for teams<' in page
    assert "not measured" not in page


def test_a_missing_stage_weighted_figure_is_a_dash_and_not_zero(pages, rows):
    assert rows["stage_weighted"].isna().any()
    assert 'data-label="Stage-weighted">–</td>' in pages["forecast"]


def test_the_at_risk_page_shows_reasons_and_what_is_missing_in_words(pages):
    assert "No reply for 23 days" in pages["at_risk"]
    assert "no account" in pages["at_risk"]


def test_the_at_risk_page_says_what_share_of_the_money_and_of_the_deals_it_shows(pages):
    """Two deals of 1000 x 0.5 x 0.6, and one of 1000 x 0.5 x 0.1 below the threshold."""
    assert "<b>600 EUR</b>" in pages["at_risk"]
    assert "of 650 over all open deals" in pages["at_risk"]
    assert "of 3 open deals" in pages["at_risk"]


def test_a_long_list_says_how_much_of_it_is_shown(about, present_of, scores_of, rates):
    rows = attention(present_of(*[{}] * 201), scores_of(*[{}] * 201), rates)
    page = at_risk_html(rows, about, 0.5)
    assert "The 200 with most money at risk are shown; all 201 are in the CSV file." in page


def test_no_deal_at_risk_is_said(about, present_of, scores_of, rates):
    rows = attention(present_of({}), scores_of({"stall_risk": 0.1}), rates)
    assert "No open deal is likely to be lost or to stall by 50% or more" in at_risk_html(rows, about, 0.5)


def test_a_chart_is_well_formed_names_its_bars_and_its_currency(rows):
    svg = forecast_chart(rows[rows["level"] == "whole"], "period", "EUR", width=300)
    root = ET.fromstring(svg)  # noqa: S314 (our own drawing)
    texts = {element.text for element in root.iter() if element.tag.endswith("text")}
    assert {"FY2026 Q4", "FY2027 Q1", "EUR"} <= texts


def test_a_forecast_of_nothing_is_still_a_page(about, present_of, scores_of, tables_with, rates, quarters):
    lost = present_of({"stage_category": "lost", "closed_at": "2026-11-01"})
    assert "0 EUR" in forecast_html(forecast(lost, scores_of({}), tables_with(), rates, quarters), about)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (money(1234.5), "1,234.50"),
        (money(float("nan")), "–"),
        (percent(0.256), "26%"),
        (percent(0.997), ">99%"),
        (percent(1.0), "100%"),
        (percent(0.002), "<1%"),
        (days(1.9), "1 day"),
        (days(12.2), "12 days"),
        (ago(float("nan")), "never"),
    ],
)
def test_numbers_in_words(shown, expected):
    assert shown == expected


@given(st.lists(st.text(max_size=12), min_size=1, max_size=5), st.floats(allow_nan=False, allow_infinity=False))
def test_no_cell_of_text_is_a_formula_and_numbers_stay_numbers(texts, number):
    frame = pd.DataFrame({"text": pd.Series(texts, dtype="object"), "number": number})
    _, *cells = csv.reader(io.StringIO(csv_text(frame), newline=""))
    assert [float(value) for _, value in cells] == [number] * len(texts)
    for text, _ in cells:
        assert not text.lstrip().startswith(("=", "+", "-", "@"))


def test_a_csv_keeps_harmless_text_as_it_is():
    assert (
        csv_text(pd.DataFrame({"name": ["Müller & Co, Köln", None, "a-b=c"]}))
        == 'name\n"Müller & Co, Köln"\n""\na-b=c\n'
    )
