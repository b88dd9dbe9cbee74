"""What if this deal is lost, or closes this quarter? The answer is the forecast made anew with it decided."""

import pandas as pd
import pytest

from reports.forecast import forecast_rows
from reports.forecast_basis import basis_of
from reports.what_if import what_if

USERS = "user_id | name | manager_id | team\nU1 | Ann | M | North\nU2 | Ben | M | North\nM | Mia | |"
QUOTAS = "owner_id | period_start | period_end | amount | currency\nU1 | 2026-10-01 | 2027-01-01 | 2500 | EUR"


@pytest.fixture(scope="module")
def basis_with(present_of, scores_of, tables_with, rates, quarters):
    """The basis of 40 deals, the first of them certain, or hopeless, or as it is."""

    def made(first: list) -> pd.DataFrame:
        deals = present_of({"amount": 2000.0}, *[{"amount": 100.0 + n, "owner_id": f"U{n % 2 + 1}"} for n in range(39)])
        scores = scores_of({"win_within": first}, *[{}] * 39)
        return basis_of(deals, scores, tables_with(users=USERS, quotas=QUOTAS), rates, quarters)

    return made


@pytest.mark.parametrize(("outcome", "decided"), [("won", [[1, 1.0]]), ("lost", [[1, 0.0]])])
def test_the_answer_is_that_of_a_forecast_in_which_it_is_so(basis_with, outcome, decided):
    basis, then = basis_with([[46, 0.4], [136, 0.5]]), basis_with(decided)
    now, anew = forecast_rows(basis), forecast_rows(then).set_index(["period", "level", "id"])
    found = what_if(basis, now, "D1", outcome, "FY2026 Q4")
    assert found[["level", "id"]].to_numpy().tolist() == [
        ["owner", "U1"],
        ["team", "North"],
        ["manager", "M"],
        ["whole", ""],
    ]
    for _, row in found.iterrows():
        expected = anew.loc[("FY2026 Q4", row["level"], row["id"])]
        assert row["expected_if"] == expected["expected"]
        for name in ("p10", "p50", "p90", "reach_probability"):
            assert row[f"{name}_if"] == pytest.approx(expected[name], rel=1e-4), name


def test_before_stands_the_forecast_as_it_is(basis_with):
    basis = basis_with([[46, 0.4], [136, 0.5]])
    now = forecast_rows(basis)
    found = what_if(basis, now, "D1", "lost", "FY2026 Q4").set_index("level")
    assert found.loc["whole", "expected"] == now["expected"].iloc[0]
    assert found.loc["whole", "expected_if"] == pytest.approx(now["expected"].iloc[0] - 800)
    assert found.loc["owner", "reach_probability_if"] < found.loc["owner", "reach_probability"]
