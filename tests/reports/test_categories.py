"""Categories: each open deal in one line of the quarter of its close date, and sums that agree to the cent."""

from collections.abc import Callable

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.categories import ADDED_UP, LINES, categories, unknown_categories
from reports.forecast import forecast_rows
from reports.forecast_basis import Basis, basis_of

USERS = """
user_id | name | manager_id | team
U1      | Ann  | M1         | North
U2      | Ben  | M1         | South
M1      | Mia  |            |
"""
WON = {"stage_category": "won", "stage": "Won", "closed_at": "2026-10-20"}


@pytest.fixture(scope="module")
def basis(present_of, scores_of, tables_with, rates, quarters) -> Callable[..., Basis]:
    def made(*deals: dict) -> Basis:
        return basis_of(present_of(*deals), scores_of(*[{}] * len(deals)), tables_with(users=USERS), rates, quarters)

    return made


def lines(found: pd.DataFrame, level: str = "whole", id: str = "", period: str = "FY2026 Q4") -> dict[str, tuple]:
    rows = found[(found["level"] == level) & (found["id"] == id) & (found["period"] == period)]
    figures = (
        rows[["n_deals", "amount", "expected", "cumulative"]].astype(object).where(rows["cumulative"].notna(), None)
    )
    figures["n_deals"], figures["amount"], figures["expected"] = rows["n_deals"], rows["amount"], rows["expected"]
    return dict(zip(rows["line"], figures.itertuples(index=False, name=None), strict=True))


def test_one_quarter_by_hand(basis):
    """Deals of 1,000 that the model gives 40 % this quarter; Ben's closes in the next."""
    words = ("Commit", "COMMITTED", "best_case", "Pipeline", "Omitted", None, "most likely")
    deals = [{"category": word} for word in words]
    made = basis(*deals, WON | {"amount": 250.5}, {"category": "commit", "close_date": "2027-01-01", "owner_id": "U2"})
    found = categories(made, forecast_rows(made))
    assert lines(found) == {
        "closed": (1, 250.5, 250.5, 250.5),
        "commit": (2, 2000, 800, 2250.5),
        "best case": (1, 1000, 400, 3250.5),
        "pipeline": (1, 1000, 400, 4250.5),
        "omitted": (1, 1000, 400, None),
        "no category": (2, 2000, 800, None),
    }
    assert unknown_categories(made) == {"most likely": 1}
    assert lines(found, period="FY2027 Q1")["commit"] == (1, 1000, 100, 1000)


def test_a_deal_without_close_date_or_of_a_past_one_is_in_no_line(basis):
    made = basis({"category": "commit", "close_date": None}, {"category": "commit", "close_date": "2026-09-30"})
    assert all(one[0] == 0 for one in lines(categories(made, forecast_rows(made))).values())


def test_a_deal_without_an_amount_counts_with_the_usual_one_and_is_marked(basis):
    made = basis({"category": "commit", "amount": None}, {"category": "pipeline", "amount": 300.0})
    found = categories(made, forecast_rows(made))
    commit = found[(found["level"] == "whole") & (found["line"] == "commit")].iloc[0]
    assert (commit["amount"], commit["n_imputed"]) == (300, 1)


def test_a_company_without_any_categories_has_all_in_one_line(basis):
    made = basis({}, {})
    found = lines(categories(made, forecast_rows(made)))
    assert (found["no category"][0], found["pipeline"]) == (2, (0, 0, 0, 0))


AMOUNTS = st.integers(-(10**6), 10**8).map(lambda cents: cents / 100)
DEALS = st.fixed_dictionaries(
    {
        "amount": AMOUNTS,
        "category": st.sampled_from(["commit", "Best Case", "pipeline", "omit", None, "??"]),
        "owner_id": st.sampled_from(["U1", "U2", "U7"]),
        "team": st.sampled_from(["North", "South", None]),
        "currency": st.sampled_from(["EUR", "USD"]),
    }
)


@pytest.mark.slow
@settings(max_examples=10)
@given(st.lists(DEALS | DEALS.map(lambda deal: deal | WON), min_size=1, max_size=8))
def test_lines_add_up_at_every_level_to_the_cent(basis, deals):
    made = basis({}, *deals)
    found = categories(made, forecast_rows(made))
    cents = found.assign(**{name: (found[name] * 100).round() for name in ("amount", "expected", "cumulative")})
    for _, period in cents.groupby("period"):
        sums = {level: rows.groupby("line")[["amount", "expected"]].sum() for level, rows in period.groupby("level")}
        pd.testing.assert_frame_equal(sums["owner"], sums["whole"], check_exact=True)
        pd.testing.assert_frame_equal(sums["team"], sums["whole"], check_exact=True)
        for _, group in period.groupby(["level", "id"]):
            assert group["line"].tolist() == list(LINES)
            added = group[group["line"].isin(ADDED_UP)]
            assert added["cumulative"].tolist() == added["amount"].cumsum().tolist()
