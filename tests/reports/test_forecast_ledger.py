"""What goes into the ledger of forecasts is the forecast, with what it rests on, and nothing from later."""

import json

import numpy as np
import pandas as pd
import pytest

from crm.fiscal import this_and_next_quarter
from crm.money import known_rates, rates_day
from crm.present import present
from crm.simulate import simulate
from crm.store import open_store
from crm.store_rows import frame_of
from crm.tables import LEDGERS, TABLES, TOLD
from reports.forecast import LEVELS, forecast
from reports.forecast_learned import learn
from reports.forecast_ledger import ledger_forecasts
from reports.group_sums import in_all_groups
from reports.managers import managers_above
from reports.won_by_group import won_by_group

AS_OF = pd.Timestamp("2026-08-03", tz="UTC").as_unit("us")
MONEY = ["closed", "open_expected", "new_expected", "expected", "p10", "p50", "p90", "stage_weighted"]


@pytest.fixture(scope="module")
def company() -> dict[str, pd.DataFrame]:
    return {name: frame_of(name, []) for name in TABLES if name not in LEDGERS} | simulate(300, seed=5).tables


@pytest.fixture(scope="module")
def scores(company, scores_of) -> pd.DataFrame:
    deals = present(company, AS_OF)
    still_open = deals.loc[deals["stage_category"] == "open", "deal_id"]
    rng = np.random.default_rng(0)
    within = [[[60, float(chance)], [200, float(chance)]] for chance in rng.uniform(0.05, 0.9, len(still_open))]
    given = zip(still_open, within, strict=True)
    return scores_of(*({"deal_id": deal, "as_of": AS_OF, "win_within": knots} for deal, knots in given))


@pytest.fixture(scope="module")
def issued(company, scores) -> pd.DataFrame:
    return ledger_forecasts(company, scores, "EUR")


def test_the_ledger_says_what_the_forecast_says_at_every_level(company, scores, issued):
    as_of = AS_OF.to_pydatetime()
    deals, rates = present(company, as_of), known_rates(company["fx_rates"], "EUR", rates_day(as_of))
    periods = this_and_next_quarter(as_of, company["calendar"])
    shown = forecast(deals, scores, company, rates, periods, learn(company, as_of, rates, known=deals))
    assert set(issued["level"]) == set(LEVELS)
    assert issued[["period", "level", "id"]].to_numpy().tolist() == shown[["period", "level", "id"]].to_numpy().tolist()
    for name in MONEY:
        assert pd.to_numeric(issued[name]).to_numpy() == pytest.approx(shown[name].to_numpy(), abs=1e-9, nan_ok=True)


def test_it_can_be_appended_and_read_back(issued, tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/plumbline.db")
    assert store.append("forecasts", issued) == len(issued)
    kept = store.read("forecasts")[list(issued)]
    key = list(TABLES["forecasts"].key)
    pd.testing.assert_frame_equal(kept, issued.sort_values(key, ignore_index=True), check_dtype=False)
    store.close()


def test_the_same_inputs_give_the_same_rows(company, scores, issued):
    shuffled = {name: rows.sample(frac=1, random_state=1) for name, rows in company.items() if name in TOLD}
    pd.testing.assert_frame_equal(ledger_forecasts(company | shuffled, scores, "EUR"), issued)
    assert issued["inputs_digest"].nunique() == 1


def test_other_inputs_have_another_digest(company, scores, issued):
    first = company["deal_changes"].query("field == 'amount'").index[0]
    changed = company["deal_changes"].copy()
    changed.loc[first, "new_value"] = "987654.00"
    again = ledger_forecasts(company | {"deal_changes": changed}, scores, "EUR")
    assert again["inputs_digest"].iloc[0] != issued["inputs_digest"].iloc[0]


def test_nothing_that_became_known_later_is_in_it(company, scores, issued):
    """Neither what is known from the very instant on, nor rates of that day or later."""
    known = {name: company[name][company[name][told] < AS_OF] for name, told in TOLD.items()}
    known["fx_rates"] = company["fx_rates"][company["fx_rates"]["day"] < "2026-08-03"]
    assert len(known["deal_changes"]) < len(company["deal_changes"])
    pd.testing.assert_frame_equal(ledger_forecasts(company | known, scores, "EUR"), issued)


def test_the_largest_deals_are_named_with_what_they_add(issued, scores):
    first = issued.iloc[0]
    largest = json.loads(first["reasons"])["largest"]
    assert len(largest) == 3
    parts = [float(money) for _, money in largest]
    assert parts == sorted(parts, reverse=True)
    assert sum(parts) <= float(first["open_expected"])
    assert {deal for deal, _ in largest} <= set(scores["deal_id"])


def test_commit_is_what_is_won_and_what_reps_promise_for_the_period(written, scores_of):
    deals = """
    deal_id | name | created_at
    D1      | won  | 2026-07-01
    D2      | sure | 2026-07-01
    D3      | late | 2026-07-01
    D4      | hope | 2026-07-01
    D5      | bare | 2026-07-01
    """
    changes = """
    deal_id | field      | changed_at       | new_value
    D1      | stage      | 2026-07-20       | Won
    D1      | amount     | 2026-07-01       | 100.00
    D2      | stage      | 2026-07-01       | Offer
    D2      | amount     | 2026-07-01       | 40.50
    D2      | close_date | 2026-07-01       | 2026-09-30
    D2      | category   | 2026-07-02       | Commit
    D3      | stage      | 2026-07-01       | Offer
    D3      | amount     | 2026-07-01       | 7.00
    D3      | close_date | 2026-07-01       | 2026-10-01
    D3      | category   | 2026-07-02       | commit
    D4      | stage      | 2026-07-01       | Offer
    D4      | amount     | 2026-07-01       | 500.00
    D4      | close_date | 2026-07-01       | 2026-09-30
    D4      | category   | 2026-07-02       | commit
    D4      | category   | 2026-07-30       | best case
    D4      | category   | 2026-08-03       | commit
    D5      | stage      | 2026-07-01       | Offer
    D5      | close_date | 2026-07-01       | 2026-09-30
    D5      | category   | 2026-07-02       | commit
    """
    tables = written(deals=deals, deal_changes=changes)
    scores = scores_of(*({"deal_id": deal, "as_of": AS_OF} for deal in ("D2", "D3", "D4", "D5")))
    rows = ledger_forecasts(tables, scores, "EUR")
    whole = rows[rows["level"] == "whole"].set_index("period")["committed"]
    assert whole.to_dict() == {"FY2026 Q3": "140.50", "FY2026 Q4": "7.00"}
    by_level = rows.assign(cents=pd.to_numeric(rows["committed"])).groupby(["period", "level"])["cents"].sum()
    levels = ["whole", "team", "owner", "pipeline", "region", "segment", "product"]
    assert {by_level["FY2026 Q3", level] for level in levels} == {140.5}
    silent = tables["deal_changes"][tables["deal_changes"]["field"] != "category"]
    assert ledger_forecasts(tables | {"deal_changes": silent}, scores, "EUR")["committed"].isna().all()


def test_without_scores_there_is_nothing_to_keep(company, scores):
    assert ledger_forecasts(company, scores.head(0), "EUR").empty


def test_every_column_of_the_ledgers_table_is_there(issued):
    assert (*issued.columns, "issued_at") == TABLES["forecasts"].names
    assert "forecasts" in LEDGERS


def test_what_came_by_group_is_what_the_forecast_calls_closed(company, issued):
    """Grouped one way for the forecast and another for what came: to the cent the same."""
    as_of = AS_OF.to_pydatetime()
    deals, rates = present(company, as_of), known_rates(company["fx_rates"], "EUR", rates_day(as_of))
    won = won_by_group(deals, company, rates, as_of)
    this = issued[issued["period"] == issued["period"].iloc[0]]
    came = won.between(pd.Timestamp(this["period_start"].iloc[0], tz="UTC"), AS_OF)
    closed = pd.Series(pd.to_numeric(this["closed"]).to_numpy(), pd.MultiIndex.from_frame(this[["level", "id"]]))
    assert closed.sum() > 0
    assert (came.reindex(closed.index, fill_value=0.0) / 100).to_numpy() == pytest.approx(closed.to_numpy(), abs=1e-9)
    assert set(came[came != 0].index) <= set(closed.index)


def test_a_deal_counts_once_at_each_level_and_at_every_manager_above(present_of, tables_with):
    tables = tables_with(
        users="user_id | name | manager_id\nU1 | Ann | U2\nU2 | Bo | U3\nU3 | Cy | ",
        line_items="deal_id | product_id | quantity | unit_price\nD1 | A | 1 | 1\nD1 | B | 2 | 1",
    )
    deals = present_of({}).assign(owner="U1", pipeline="new", segment="small", cents=100.0)
    parts = in_all_groups(deals, managers_above(tables["users"]), tables["line_items"])
    assert parts.groupby("level")["cents"].sum().to_dict() == {
        **dict.fromkeys(("whole", "owner", "team", "pipeline", "region", "segment", "product"), 100.0),
        "manager": 200.0,
    }
    products = parts[parts["level"] == "product"].set_index("id")["cents"]
    assert products.to_dict() == {"A": 33.0, "B": 67.0}
