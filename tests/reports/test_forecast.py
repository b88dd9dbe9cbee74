"""A forecast is the sum of what is won, of its open deals and of deals to come, at every level, to the cent."""

from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.errors import NotEnoughDataError
from crm.fiscal import Period
from reports.final_amounts import FinalAmounts
from reports.forecast import LEVELS, forecast
from reports.forecast_deals import chances_at_bounds, chances_within
from reports.forecast_learned import Learned
from reports.interval_calibration import Coverage, IntervalCalibration
from reports.measured_widths import MeasuredWidths
from reports.new_deals import Creation
from reports.shock_fit import ShockFit
from reports.shocks import Shock

MONEY = ["closed", "open_expected", "new_expected", "expected", "stage_weighted"]
COUNTS = ["n_open", "n_imputed", "n_without_rate", "n_without_score", "n_without_stage_probability"]
AS_OF = pd.Timestamp("2026-11-16", tz="UTC")
USERS = """
user_id | name | manager_id | team
U1      | Ann  | M1         | North
U2      | Ben  | M1         | North
U3      | Cleo | M2         | South
M1      | Mia  | H          | North
M2      | Max  | H          | South
H       | Hal  | H          |
"""
LINES = """
deal_id | product_id | quantity | unit_price
D1      | P1         | 1        | 10
D1      | P2         | 1        | 10
D1      | P3         | 1        | 10
D2      | P1         | 2        | 5
D2      | P2         | 1        | -10
D3      | P3         | 0        | 0
"""


def learned_of(per_day=2.0, final=None, shock=0.0, parts=None, widths=None) -> Learned:
    """Two deals a day, a quarter of them won after 20 days and bringing 100.00 each."""
    won_by = np.where(np.arange(400) < 20, 0.0, 0.25)
    creation = Creation(AS_OF.to_pydatetime(), per_day, np.ones(12), won_by, 10_000.0, 0.5, {})
    of_level = {"owner": {"U1": 0.5, "U3": 0.5}, "pipeline": {"new": 1.0}, "region": {"EU": 1 / 3, "US": 2 / 3}}
    of_level |= {"segment": {"small": 1.0}, "product": {"P1": 0.9, "P4": 0.1}} | (parts or {})
    as_they_are = FinalAmounts({}, {}, {}, (1.0, 0.0, 0.0))
    fit = ShockFit(Shock(shock), shock, shock, shock, 8)
    return Learned(AS_OF.to_pydatetime(), creation, of_level, final or as_they_are, fit, widths)


@pytest.fixture(scope="session")
def forecast_of(present_of, scores_of, tables_with, rates, quarters) -> Callable[..., pd.DataFrame]:
    """The forecast of deals that are usual but for what is said; scores, learned, periods and tables where given."""

    def made(*deals: dict, scores=None, learned=None, periods=quarters, **texts: str) -> pd.DataFrame:
        scored = scores_of(*[{}] * len(deals)) if scores is None else scores_of(*scores)
        return forecast(present_of(*deals), scored, tables_with(**texts), rates, periods, learned)

    return made


def row(rows: pd.DataFrame, period: str = "FY2026 Q4", level: str = "whole", id: str = "") -> pd.Series:
    found = rows[(rows["period"] == period) & (rows["level"] == level) & (rows["id"] == id)]
    assert len(found) == 1
    return found.iloc[0]


def figures(rows: pd.DataFrame, level: str, name: str = "expected") -> dict[str, float]:
    """One figure of every group of a level in the first quarter."""
    found = rows[(rows["period"] == "FY2026 Q4") & (rows["level"] == level)]
    return dict(zip(found["id"], found[name], strict=True))


WON = {"stage_category": "won", "stage": "Won", "closed_at": "2026-10-20"}


def test_one_deal_by_hand(forecast_of):
    """46 days remain of the quarter: the deal is won in them with 40 %, and with 10 % in the 90 days after."""
    rows = forecast_of({})
    this, following = row(rows), row(rows, "FY2027 Q1")
    assert (this["closed"], this["open_expected"], this["new_expected"], this["expected"]) == (0, 400, 0, 400)
    assert (following["open_expected"], following["stage_weighted"]) == (100, 0)
    assert this["stage_weighted"] == 300
    assert (this["p10"], this["p50"], this["p90"]) == (0, 0, 1000)
    assert (this["n_open"], this["n_won"]) == (1, 0)


def test_deals_to_come_by_hand(forecast_of):
    """Of 2 a day the 26 days' that will be 20 days old in time, and half the next day's, are won with 25 %: 13.25."""
    rows = forecast_of({}, learned=learned_of(), users=USERS)
    this = row(rows)
    assert (this["open_expected"], this["new_expected"], this["expected"]) == (400, 1325, 1725)
    assert figures(rows, "owner", "new_expected") == {"U1": 662.5, "U3": 662.5}
    assert figures(rows, "team", "new_expected") == {"North": 662.5, "South": 662.5}
    assert figures(rows, "manager", "new_expected") == {"H": 1325, "M1": 662.5, "M2": 662.5}
    assert figures(rows, "region", "new_expected") == {"EU": 441.67, "US": 883.33}
    assert figures(rows, "product", "new_expected") == {"(no product)": 0, "P1": 1192.5, "P4": 132.5}
    assert this["p10"] < 1325 < this["p90"]


def test_what_is_won_in_the_period_is_closed_and_shifts_the_whole_range(forecast_of):
    won = WON | {"amount": 250.5}
    lost = {"stage_category": "lost", "stage": "Lost", "closed_at": "2026-11-01"}
    edges = [won | {"closed_at": "2026-10-01"}, won | {"closed_at": "2026-09-30T23:59:59.999999"}]
    this = row(forecast_of({}, *edges, lost))
    assert (this["closed"], this["expected"], this["stage_weighted"]) == (250.5, 650.5, 550.5)
    assert (this["p10"], this["p90"], this["n_won"], this["n_open"]) == (250.5, 1250.5, 1, 1)


def test_amounts_are_converted_at_the_given_rates(forecast_of):
    assert row(forecast_of({"currency": "USD"}))["open_expected"] == 320


def test_amounts_are_expected_to_change_as_they_did(forecast_of):
    final = FinalAmounts({"new / Offer": 0.8}, {}, {}, (1.0, 0.0, 0.0))
    rows = forecast_of({}, {"stage": "Demo"}, learned=learned_of(per_day=0, final=final))
    assert row(rows)["open_expected"] == 0.4 * 800 + 0.4 * 1000
    assert row(rows)["stage_weighted"] == 300 + 100  # the customary figure takes amounts as they are


def test_what_cannot_be_counted_is_said_and_a_missing_amount_is_the_usual_one(forecast_of):
    deals = [{}, {"amount": None}, {"currency": "CHF"}, {}, {"stage": "Legal"}]
    this = row(forecast_of(*deals, scores=[{}, {}, {}, {"deal_id": "D5"}]))
    assert this[COUNTS].tolist() == [5, 1, 1, 1, 1]
    assert this["open_expected"] == 400 + 400 + 400
    assert np.isnan(this["stage_weighted"])


def test_a_missing_amount_is_what_won_deals_of_its_stage_brought(forecast_of):
    final = FinalAmounts({}, {}, {"new / Offer": 70_000.0}, (1.0, 0.0, 50_000.0))
    deals = [{"amount": None}, {"amount": None, "stage": "Demo"}, {"amount": 0.0}]
    this = row(forecast_of(*deals, learned=learned_of(per_day=0, final=final)))
    assert (this["open_expected"], this["n_imputed"]) == (0.4 * 700 + 0.4 * 500, 2)


def test_a_won_deal_without_an_amount_is_counted(forecast_of):
    this = row(forecast_of(WON | {"amount": None}, WON | {"currency": "CHF"}))
    assert (this["closed"], this["n_won"], this["n_won_without_amount"]) == (0, 2, 2)


def test_deals_without_owner_team_region_or_segment_still_count(forecast_of):
    nobody = dict.fromkeys(("owner_id", "owner_name", "team", "region", "segment"))
    rows = forecast_of(nobody, {"owner_name": None})
    assert figures(rows, "owner") == {"(no owner)": 400, "U1": 400}
    assert figures(rows, "team") == {"(no team)": 400, "North": 400}
    assert figures(rows, "region") == {"(no region)": 400, "EU": 400}
    assert figures(rows, "segment") == {"(no segment)": 400, "small": 400}
    assert row(rows, level="owner", id="U1")["name"] == "U1"


def test_two_owners_of_one_name_are_two(forecast_of):
    rows = forecast_of({}, {"owner_id": "U2"})
    owners = rows[(rows["level"] == "owner") & (rows["period"] == "FY2026 Q4")]
    assert owners[["id", "name", "expected"]].to_numpy().tolist() == [["U1", "Ann", 400], ["U2", "Ann", 400]]


def test_a_deal_counts_at_every_manager_above_its_owner_and_a_manager_in_their_own(forecast_of):
    deals = [{}, {"owner_id": "U3", "team": "South"}, {"owner_id": "M1", "owner_name": "Mia"}]
    rows = forecast_of(*deals, users=USERS)
    assert figures(rows, "manager") == {"H": 1200, "M1": 800, "M2": 400}
    assert row(rows, level="manager", id="M1")["name"] == "Mia"


def test_circles_of_managers_end(forecast_of):
    circle = "user_id | manager_id\nU1 | A\nA | B\nB | A\nU2 | U2"
    rows = forecast_of({}, {"owner_id": "U2"}, users=circle)
    assert figures(rows, "manager") == {"A": 400}


def test_products_share_a_deal_by_what_its_lines_are_worth_to_the_cent(forecast_of):
    """Thirds with the odd cent on the first; lines of different signs by their size; lines worth nothing evenly."""
    deals = [{"amount": 250.0}, {}, {}, {}]
    rows = forecast_of(*deals, line_items=LINES)
    assert figures(rows, "product") == pytest.approx(
        {"P1": 33.34 + 200, "P2": 33.33 + 200, "P3": 433.33, "(no product)": 400}
    )
    assert figures(rows, "product", "n_open") == {"P1": 2, "P2": 2, "P3": 2, "(no product)": 1}


def test_two_parts_of_a_deal_go_together_and_the_range_of_a_product_is_that_of_its_parts(forecast_of):
    rows = forecast_of({"amount": 250.0}, line_items=LINES)
    product = row(rows, level="product", id="P1")
    assert (product["p10"], product["p90"]) == (0, 83.34)


def test_without_scores_there_is_no_forecast(forecast_of):
    with pytest.raises(NotEnoughDataError, match="There are no scores"):
        forecast_of({}, scores=[])


def test_a_company_without_open_or_won_deals_expects_nothing(forecast_of):
    lost = {"stage_category": "lost", "stage": "Lost", "closed_at": "2026-11-01"}
    rows = forecast_of(lost)
    this = row(rows)
    assert (this["expected"], this["p90"], this["n_open"]) == (0, 0, 0)
    assert set(rows["level"]) == {"whole"}


def test_deals_without_close_dates_are_forecast_and_stage_weighted_as_nothing(forecast_of):
    this = row(forecast_of({"close_date": None}))
    assert (this["expected"], this["stage_weighted"]) == (400, 0)


def test_a_credit_lowers_what_is_expected(forecast_of):
    this = row(forecast_of({}, {"amount": -200.0}, WON | {"amount": -50.0}))
    assert (this["closed"], this["open_expected"], this["expected"]) == (-50, 320, 270)
    assert (this["p10"], this["p90"]) == (-250, 950)


def test_a_single_deal_of_half_the_pipeline_shows_in_the_range(forecast_of):
    small = [{"amount": 10.0}] * 100
    this = row(forecast_of({"amount": 1000.0}, *small))
    assert this["p10"] == pytest.approx(340, abs=10)
    assert this["p50"] == pytest.approx(425, abs=50)
    assert this["p90"] == pytest.approx(1430, abs=40)


def test_a_period_without_deals_and_one_that_is_over_are_forecast_too(forecast_of, quarters):
    over = Period("past", quarters[0].start.replace(month=1), quarters[0].start.replace(month=4))
    far = Period("far", quarters[0].start.replace(year=2030), quarters[0].end.replace(year=2031))
    rows = forecast_of({}, learned=learned_of(), periods=[over, far])
    assert row(rows, "past")[["closed", "open_expected", "new_expected", "p90"]].tolist() == [0, 0, 0, 0]
    assert row(rows, "far")["open_expected"] == 0


def test_the_range_agrees_with_the_binomial_distribution(forecast_of):
    """100 equal deals at 40 %: the number won has mean 40 and quantiles 34, 40, 46 (binomial tables)."""
    this = row(forecast_of(*[{"amount": 1.0}] * 100))
    assert [this["p10"], this["p50"], this["p90"]] == [34, 40, 46]


def test_a_shock_widens_ranges_and_moves_no_mean(forecast_of):
    deals = [{"amount": 1.0}] * 100
    calm, rough = (row(forecast_of(*deals, learned=learned_of(per_day=0, shock=shock))) for shock in (0.0, 0.5))
    assert rough["p90"] - rough["p10"] > 1.8 * (calm["p90"] - calm["p10"])
    assert calm[MONEY].tolist() == rough[MONEY].tolist()


def widths(shock: float = 0.0, **factors: float) -> MeasuredWidths:
    """As measured with five to eight weeks to go, by level."""
    coverage = {(level, 2): Coverage(0.75, 28, 7) for level in factors}
    calibration = IntervalCalibration({(level, 2): factor for level, factor in factors.items()}, coverage)
    return MeasuredWidths(date(2026, 10, 1), "fiscal quarters", 7, "few trees", calibration, Shock(shock))


def test_a_measured_width_widens_the_outer_bounds_of_its_level_and_weeks_only(forecast_of):
    deals = [{"amount": 1.0}] * 100
    rows = forecast_of(*deals, learned=learned_of(per_day=0, widths=widths(whole=1.5, team=2.0)))
    plain = forecast_of(*deals, learned=learned_of(per_day=0))
    this, owner, following = row(rows), row(rows, level="owner", id="U1"), row(rows, period="FY2027 Q1")
    assert [this["p10"], this["p50"], this["p90"]] == [31, 40, 49]
    assert [owner["p10"], owner["p50"], owner["p90"]] == [28, 40, 52]
    assert following["p90"] == row(plain, period="FY2027 Q1")["p90"]
    assert rows[MONEY].equals(plain[MONEY])


def test_ranges_are_computed_with_the_shock_of_the_backtest_that_measured_them(forecast_of):
    deals = [{"amount": 1.0}] * 100
    of_stages = forecast_of(*deals, learned=learned_of(per_day=0, shock=0.5))
    measured = forecast_of(*deals, learned=learned_of(per_day=0, shock=0.9, widths=widths(shock=0.5)))
    assert row(measured)[["p10", "p50", "p90"]].tolist() == row(of_stages)[["p10", "p50", "p90"]].tolist()


def test_how_often_its_range_held_stands_beside_each_forecast(forecast_of):
    rows = forecast_of({}, learned=learned_of(widths=widths(whole=1.5, team=2.0)))
    measured = ["range_coverage", "range_like", "n_range_forecasts", "n_range_periods"]
    assert row(rows)[measured].tolist() == [0.75, "whole", 28, 7]
    assert row(rows, level="owner", id="U1")[measured].tolist() == [0.75, "team", 28, 7]
    following = row(rows, period="FY2027 Q1")
    assert np.isnan(following["range_coverage"])
    assert following[measured[1:]].tolist() == ["whole", 0, 0]
    before = row(forecast_of({}))
    assert np.isnan(before["range_coverage"])
    assert before[measured[1:]].tolist() == ["", 0, 0]


QUOTAS = """
owner_id | period_start | period_end | amount | currency
U1       | 2026-10-01   | 2027-01-01 | 1000   | EUR
U2       | 2026-10-01   | 2026-11-01 | 250    | USD
U2       | 2026-11-01   | 2027-01-01 | 750    | USD
U3       | 2026-10-01   | 2026-11-01 | 100    | EUR
U3       | 2026-01-01   | 2027-01-01 | 9000   | EUR
"""


def test_quotas_roll_up_and_say_who_has_none(forecast_of):
    deals = [WON | {"amount": 400.0}, {}, {"owner_id": "U3", "owner_name": "Cleo", "team": "South"}]
    rows = forecast_of(*deals, quotas=QUOTAS, users=USERS)
    assert figures(rows, "owner", "quota") == pytest.approx({"U1": 1000, "U2": 800, "U3": np.nan}, nan_ok=True)
    assert figures(rows, "team", "quota") == pytest.approx({"North": 1800, "South": np.nan}, nan_ok=True)
    assert figures(rows, "manager", "quota") == pytest.approx({"M1": 1800, "M2": np.nan, "H": 1800}, nan_ok=True)
    assert figures(rows, "team", "n_without_quota") == {"North": 0, "South": 1}
    assert row(rows)[["quota", "n_without_quota"]].tolist() == [1800, 1]
    assert row(rows, "FY2027 Q1")["n_without_quota"] == 2


def test_chance_attainment_and_coverage_by_hand(forecast_of):
    """400 of 1000 are won; the open 1000 is won with 40 %, and closes in the quarter: 1000 for the 600 missing."""
    rows = forecast_of(WON | {"amount": 400.0}, {}, {"close_date": "2027-02-01", "owner_id": "U9"}, quotas=QUOTAS)
    ann = row(rows, level="owner", id="U1")
    assert ann["reach_probability"] == pytest.approx(0.4)
    assert (ann["attainment"], ann["coverage"]) == (0.4, 1000 / 600)
    reached = row(forecast_of(WON, {}, quotas=QUOTAS), level="owner", id="U1")
    assert (reached["reach_probability"], reached["attainment"]) == (1, 1)
    assert np.isnan(reached["coverage"])


def test_without_quotas_there_are_no_figures_beside_them(forecast_of):
    assert row(forecast_of({}))[["quota", "reach_probability", "attainment", "coverage"]].isna().all()


def test_a_quota_in_a_currency_without_a_rate_is_none(forecast_of):
    rows = forecast_of({}, quotas=QUOTAS.replace("EUR", "CHF"))
    assert np.isnan(row(rows, level="owner", id="U1")["quota"])
    assert row(rows, level="owner", id="U1")["n_without_quota"] == 1


def test_chances_follow_straight_lines_between_knots_and_stay_flat_after_the_last():
    knots = pd.Series(["[[7, 0.1], [14, 0.3]]", None, "[[10, 1.0]]"])
    found = chances_within(knots, [0, 3.5, 7, 10.5, 14, 400])
    assert found[0] == pytest.approx([0, 0.05, 0.1, 0.2, 0.3, 0.3])
    assert found[1].tolist() == [0] * 6
    assert found[2] == pytest.approx([0, 0.35, 0.7, 1, 1, 1])


def test_a_period_that_is_over_has_nothing_to_come(quarters):
    after = pd.Timestamp("2027-02-01", tz="UTC")
    assert chances_at_bounds(pd.Series(["[[7, 0.5]]"]), quarters[:1], after).tolist() == [[[0, 0]]]


def test_any_span_of_days_can_be_forecast(forecast_of, quarters):
    weeks = Period("next four weeks", quarters[0].start.replace(month=11, day=16), quarters[0].end)
    assert row(forecast_of({}, periods=[weeks]), "next four weeks")["open_expected"] == 400


@st.composite
def deals(draw: st.DrawFn) -> tuple[list[dict], list[dict]]:
    """Deals of several owners, teams, regions, currencies and states, credits among them, and their scores."""
    owners = st.sampled_from([("U1", "North"), ("U2", "North"), ("U3", "South"), (None, None)])
    amounts = st.none() | st.decimals(-(10**6), 10**8, places=2).map(float)
    made = []
    for owner_id, team in draw(st.lists(owners, min_size=1, max_size=12)):
        state = draw(st.sampled_from(["open", "open", "won", "lost"]))
        deal = {"owner_id": owner_id, "owner_name": owner_id, "team": team, "stage_category": state}
        deal |= {"closed_at": None if state == "open" else "2026-10-20", "amount": draw(amounts)}
        deal |= {"region": draw(st.sampled_from(["EU", "US", None])), "currency": draw(st.sampled_from(["EUR", "USD"]))}
        made.append(deal)
    chances = st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted)
    return made, [{"win_within": [[20, low], [136, high]]} for low, high in (draw(chances) for _ in made)]


LINE = st.tuples(st.integers(1, 12), st.sampled_from(["P1", "P2", "P3"]), st.integers(-3, 9), st.integers(0, 10**4))


@pytest.mark.slow
@settings(max_examples=25)
@given(deals(), st.lists(LINE, max_size=15, unique_by=lambda line: line[:2]), st.floats(0, 3), st.floats(0, 0.6))
def test_every_level_sums_to_the_whole_to_the_cent(forecast_of, made, lines, per_day, shock):
    rows_of_lines = "".join(f"\nD{n} | {product} | {many} | {price}" for n, product, many, price in lines)
    texts = {"line_items": f"deal_id | product_id | quantity | unit_price{rows_of_lines}"} if lines else {}
    rows = forecast_of(*made[0], scores=made[1], learned=learned_of(per_day, shock=shock), users=USERS, **texts)
    shown = rows.assign(**{name: [round(value * 100) for value in rows[name]] for name in MONEY})
    assert (shown["closed"] + shown["open_expected"] + shown["new_expected"] == shown["expected"]).all()
    for _, part in shown.groupby("period"):
        sums = part.groupby("level")[MONEY + COUNTS].sum().reindex(LEVELS, fill_value=0)
        flat = [level for level in LEVELS if level != "manager" and (part["level"] == level).any()]
        assert (sums.loc[flat, MONEY] == sums.loc["whole", MONEY]).all(axis=None)
        assert (sums.loc[["team", "owner"], COUNTS] == sums.loc["whole", COUNTS]).all(axis=None)
        owners = part[part["level"] == "owner"].groupby("team")[MONEY].sum()
        pd.testing.assert_frame_equal(owners, part[part["level"] == "team"].set_index("team")[MONEY], check_names=False)
    assert (rows["p10"] <= rows["p50"]).all()
    assert (rows["p50"] <= rows["p90"]).all()


@pytest.mark.slow
@settings(max_examples=10)
@given(deals())
def test_the_whole_of_the_periods_is_the_sum_of_every_deals_chance(forecast_of, rates, quarters, made):
    """Said twice: the same sum, written once more deal by deal."""
    rows = forecast_of(*made[0], scores=made[1], periods=quarters[:1])
    still_open = [deal for deal in made[0] if deal["stage_category"] == "open"]
    worth = [d["amount"] and round(d["amount"] * 100 * rates[d["currency"]].rate) for d in still_open]
    known = [cents for cents in worth if cents is not None]
    usual = round(sum(known) / len(known)) if known else 0
    cents, whole = 0, iter(worth)
    for deal, score in zip(*made, strict=True):
        if deal["stage_category"] == "open":
            (first, low), (second, high) = score["win_within"]
            chance = low + (high - low) * (46 - first) / (second - first)
            amount = next(whole)
            cents += round(chance * (usual if amount is None else amount))
    assert row(rows)["open_expected"] * 100 == pytest.approx(cents, abs=len(made[0]))
