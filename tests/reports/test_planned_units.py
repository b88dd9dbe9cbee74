"""Units by product: what is won, what open deals hold times their chance, and what deals to come will hold."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.coming import fiscal_periods
from reports.forecast_basis import basis_of
from reports.forecast_deals import AS_THEY_ARE
from reports.forecast_learned import Learned
from reports.new_deals import Creation
from reports.new_units import OfProduct, learn_units
from reports.planned_units import UNITS, PlannedUnits, planned_units
from reports.shock_fit import ShockFit
from reports.shocks import Shock

AS_OF = pd.Timestamp("2026-11-16", tz="UTC")
CALENDAR = pd.DataFrame({"setting": [], "value": []}, dtype="str")
WON = {"stage_category": "won", "stage": "Won", "closed_at": "2026-11-10"}
HEADER = "deal_id | product_id | quantity | unit_price"
LINES = f"""{HEADER}
D1 | GATE | 10 | 5
D1 | PLAN | 2.5 | 5
D2 | GATE | 4 | 5
D3 | GATE | 3 | 5
"""


def learned_of(per_day: float, shock: float = 0.0) -> Learned:
    """So many deals a day, a quarter of them won after 20 days."""
    won_by = np.where(np.arange(400) < 20, 0.0, 0.25)
    creation = Creation(AS_OF.to_pydatetime(), per_day, np.ones(12), won_by, 10_000.0, 0.5, {})
    of_level = {level: {} for level in ("owner", "pipeline", "region", "segment", "product")}
    fit = ShockFit(Shock(shock), shock, shock, shock, 8)
    return Learned(AS_OF.to_pydatetime(), creation, of_level, AS_THEY_ARE, fit)


@pytest.fixture(scope="session")
def units_of(present_of, scores_of, tables_with, rates) -> Callable[..., PlannedUnits]:
    def made(*deals: dict, lines=LINES, scores=None, n=2, unit="month", learned=None, new=None) -> PlannedUnits:
        scored = scores_of(*([{}] * len(deals) if scores is None else scores))
        spans = fiscal_periods(AS_OF, CALENDAR, unit, n)
        basis = basis_of(present_of(*deals), scored, tables_with(line_items=lines), rates, spans, learned)
        return planned_units(basis, learned, new)

    return made


def row(found: PlannedUnits, product: str, period: str = "FY2026 M11") -> pd.Series:
    rows = found.rows[(found.rows["period"] == period) & (found.rows["product"] == product)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_units_by_hand(units_of):
    """15 of 46 days lie in November, so each deal is won in it with 15 / 46 of 46 %."""
    found = units_of({}, {}, WON, scores=[{"win_within": [[46, 0.46]]}] * 3)
    gate, plan = row(found, "GATE"), row(found, "PLAN")
    assert gate[["won", "open_expected", "new_expected", "expected"]].tolist() == [3, 2.1, 0, 5.1]
    assert plan["expected"] == 0.375
    assert gate[["p10", "p50", "p90", "n_open", "n_won"]].tolist() == [3, 3, 13, 2, 1]
    assert row(found, "GATE", "FY2026 M12")[["won", "expected"]].tolist() == [0, 4.34]


def test_deals_without_line_items_are_counted_and_add_nothing(units_of):
    found = units_of({}, {}, WON, {}, WON, WON | {"closed_at": "2026-10-01"})
    assert (found.n_open, found.n_without_lines, found.n_won_without_lines) == (3, 1, 1)
    assert set(found.rows["product"]) == {"GATE", "PLAN"}


def test_deals_to_come_hold_what_won_ones_held(units_of):
    """A deal a day, each won after 20 days or never: 26 days' and half a day's deals may be won by the year's end."""
    new = {"GATE": OfProduct(share=0.5, units=8.0, spread=0.2), "KIT": OfProduct(share=0.1, units=1.0, spread=0.0)}
    found = units_of({}, learned=learned_of(1.0), new=new)
    assert row(found, "GATE")["new_expected"] == 0
    december = row(found, "GATE", "FY2026 M12")
    assert december["new_expected"] == 26.5 * 0.25 * 0.5 * 8
    assert row(found, "KIT", "FY2026 M12")["new_expected"] == pytest.approx(26.5 * 0.25 * 0.1, abs=0.001)
    assert december["p10"] < december["expected"] < december["p90"]


def test_what_a_deal_holds_is_learned_from_won_ones_and_drawn_to_all_where_few_were_won(present_of, tables_with):
    deals = present_of({}, WON, WON, {"created_at": "2024-01-01"})
    found = learn_units(deals, tables_with(line_items=LINES)["line_items"], AS_OF)
    assert found["GATE"].share == pytest.approx((2 + 10 * 3 / 3) / (2 + 10))
    assert (found["GATE"].units, found["GATE"].spread) == (3.5, pytest.approx(1 / 7))
    assert found["PLAN"] == OfProduct(share=pytest.approx(10 / 3 / 12), units=2.5, spread=0.0)


def test_returns_are_negative_units(units_of):
    found = units_of({}, lines=f"{HEADER}\nD1 | GATE | -10 | 5", scores=[{"win_within": [[15, 0.5]]}])
    assert row(found, "GATE")[["expected", "p10", "p90"]].tolist() == [-5, -10, 0]


def test_a_company_without_line_items_has_no_units(units_of):
    found = units_of({}, WON, lines=HEADER + "\nD9 | GATE | 1 | 1")
    assert (len(found.rows), found.n_without_lines) == (0, 1)


def test_a_shock_widens_the_range_and_moves_no_mean(units_of):
    lines = HEADER + "".join(f"\nD{n} | GATE | 1 | 5" for n in range(1, 101))
    calm, rough = (
        row(units_of(*[{}] * 100, lines=lines, learned=learned_of(0.0, shock)), "GATE") for shock in (0.0, 0.6)
    )
    assert rough["p90"] - rough["p10"] > 1.3 * (calm["p90"] - calm["p10"])
    assert rough["expected"] == calm["expected"]


LINE = st.tuples(st.integers(1, 8), st.sampled_from(["A", "B", "C"]), st.integers(-5, 400).map(lambda n: n / 8))


@pytest.mark.slow
@settings(max_examples=8)
@given(
    st.lists(st.sampled_from(["open", "won", "lost"]), min_size=1, max_size=8),
    st.lists(LINE, min_size=1, max_size=12, unique_by=lambda line: line[:2]),
    st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted),
)
def test_parts_sum_and_months_sum_to_their_quarter_to_the_thousandth(units_of, states, lines, chances):
    """FY2026 M11 and M12 are what is left of FY2026 Q4, but for what was won in October."""
    deals = [{"stage_category": state, "closed_at": None if state == "open" else "2026-11-03"} for state in states]
    text = HEADER + "".join(f"\nD{n} | {product} | {units} | 5" for n, product, units in lines)
    scores = [{"win_within": [[20, chances[0]], [136, chances[1]]]}] * len(deals)
    months, quarter = (
        units_of(*deals, lines=text, scores=scores, unit=unit, n=n) for unit, n in (("month", 2), ("quarter", 1))
    )
    for found in (months, quarter):
        whole = (found.rows[[*UNITS, "expected"]] * 1000).round()
        assert (whole[list(UNITS)].sum(axis=1) == whole["expected"]).all()
    sums = (months.rows.groupby("product")["expected"].sum() * 1000).round()
    assert sums.to_dict() == (quarter.rows.set_index("product")["expected"] * 1000).round().to_dict()
