"""An owner who changes team in the period: what was won stays where it was won, and sums still agree to the cent."""

from datetime import date

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.forecast import LEVELS, forecast, forecast_rows
from reports.forecast_basis import basis_of
from reports.managers import managers_when
from reports.owner_moves import owner_moves

AS_OF = pd.Timestamp("2026-11-16", tz="UTC")
USERS = """
user_id | name | manager_id | team
U1      | Ann  | M2         | South
U2      | Ben  | M1         | North
M1      | Mia  | H          |
M2      | Max  | H          |
H       | Hal  |            |
"""
MOVES = """
user_id | field      | changed_at | old_value | new_value
U1      | team       | 2026-11-01 | North     | South
U1      | manager_id | 2026-11-01 | M1        | M2
"""
WON = {"stage_category": "won", "stage": "Won"}
NORTH, SOUTH = {"team": "North"}, {"team": "South"}
MONEY = ["closed", "open_expected", "new_expected", "expected"]


@pytest.fixture(scope="session")
def rows_of(present_of, scores_of, tables_with, rates, quarters):
    def made(*deals: dict, scores=None, moves: str = MOVES, quotas: str = "") -> pd.DataFrame:
        texts = {"users": USERS, "user_changes": moves} | ({"quotas": quotas} if quotas else {})
        scored = scores_of(*([{}] * len(deals) if scores is None else scores))
        found = forecast(present_of(*deals), scored, tables_with(**texts), rates, quarters[:1])
        return found.set_index(["level", "id"])

    return made


def test_what_was_won_counts_for_the_team_and_managers_of_then_and_all_else_for_those_of_now(rows_of):
    """Ann won 1000 in October in North, below Mia; she is in South now, below Max, with an open deal of 40 %."""
    quota = "owner_id | period_start | period_end | amount | currency\nU1 | 2026-10-01 | 2027-01-01 | 5000 | EUR"
    rows = rows_of(WON | NORTH | {"closed_at": "2026-10-20"}, SOUTH, quotas=quota)
    money = rows[["closed", "open_expected"]]
    assert money.loc[("team", "North")].tolist() == [1000, 0]
    assert money.loc[("team", "South")].tolist() == [0, 400]
    assert money.loc[("manager", "M1")].tolist() == [1000, 0]
    assert money.loc[("manager", "M2")].tolist() == [0, 400]
    assert money.loc[("manager", "H")].tolist() == money.loc[("whole", "")].tolist() == [1000, 400]
    assert money.loc[("owner", "U1")].tolist() == [1000, 400]
    assert rows.loc[("owner", "U1"), "team"] == "South"
    assert rows["quota"].loc[[("team", "South"), ("manager", "M2")]].tolist() == [5000, 5000]
    assert pd.isna(rows.loc[("team", "North"), "quota"])


def test_a_move_that_was_not_known_yet_has_not_happened(rows_of):
    later = MOVES.replace("new_value", "new_value | known_at").replace("South", "South | 2026-12-01")
    rows = rows_of(NORTH, moves=later.replace("M2\n", "M2 | 2026-12-01\n"))
    assert rows.loc[("manager", "M1"), "open_expected"] == 400
    assert rows.loc[("owner", "U1"), "team"] == "North"


def test_managers_are_those_of_each_instant(tables_with):
    tables = tables_with(users=USERS, user_changes=MOVES)
    at = pd.to_datetime(pd.Series(["2026-10-31T23:59", "2026-11-01", "2026-11-02"]), utc=True, format="ISO8601")
    found = managers_when(tables["users"], tables["user_changes"], pd.Series(["U1"] * 3), at, AS_OF)
    assert found == [("M1", "H"), ("M2", "H"), ("M2", "H")]


def test_who_moved_since_the_period_began_is_named(tables_with):
    tables = tables_with(users=USERS, user_changes=MOVES)
    found = owner_moves(tables["users"], tables["user_changes"], date(2026, 10, 1), AS_OF)
    assert [(move.name, move.what, move.old, move.new) for move in found] == [
        ("Ann", "manager", "Mia", "Max"),
        ("Ann", "team", "North", "South"),
    ]
    assert owner_moves(tables["users"], tables["user_changes"], date(2026, 11, 2), AS_OF) == []


DAYS = st.sampled_from([f"2026-{month}-{day}" for month in ("10", "11") for day in ("01", "10", "15")])
MANAGERS, TEAMS = st.sampled_from(["M1", "M2", "H"]), st.sampled_from(["North", "South", "East"])


@st.composite
def moves(draw: st.DrawFn) -> str:
    lines = ["user_id | field | changed_at | old_value | new_value"]
    for user in ("U1", "U2"):
        for field, values in (("team", TEAMS), ("manager_id", MANAGERS)):
            for day in sorted(draw(st.sets(DAYS, max_size=3))):
                lines.append(f"{user} | {field} | {day} | {draw(values)} | {draw(values)}")
    return "\n".join(lines)


DEAL = st.fixed_dictionaries({
    "owner_id": st.sampled_from(["U1", "U2", "M1", None]),
    "amount": st.decimals(-(10**4), 10**6, places=2).map(float),
    "state": st.sampled_from(["open", "won"]),
    "closed_at": DAYS,
})  # fmt: skip


@pytest.mark.slow
@settings(max_examples=8)
@given(moves(), st.lists(DEAL, min_size=1, max_size=10))
def test_teams_sum_to_the_whole_to_the_cent_whoever_moved_when(
    present_of, scores_of, tables_with, rates, quarters, moved, made
):
    """Each manager's figure, too, is the sum over the deals whose owner was below them then (won) or is now (open)."""
    tables = tables_with(users=USERS, user_changes=moved)
    deals = [
        {"owner_id": deal["owner_id"], "amount": deal["amount"], "stage_category": deal["state"]}
        | {"closed_at": deal["closed_at"] if deal["state"] == "won" else None}
        for deal in made
    ]
    basis = basis_of(present_of(*deals), scores_of(*[{}] * len(deals)), tables, rates, quarters[:1])
    rows = forecast_rows(basis)
    sums = rows.assign(**{name: (100 * rows[name]).round() for name in MONEY}).groupby("level")[MONEY].sum()
    flat = [level for level in LEVELS if level != "manager" and level in sums.index]
    assert (sums.loc[flat] == sums.loc["whole"]).all(axis=None)
    below: dict[str, float] = {}
    for deal, cents in zip(basis.won.to_dict("records"), basis.won["cents"], strict=True):
        for name in basis.chains[deal["chain"]]:
            below[name] = below.get(name, 0) + cents * (deal["closed_at"] >= pd.Timestamp("2026-10-01", tz="UTC"))
    managers = rows[rows["level"] == "manager"].set_index("id")["closed"]
    assert {name: round(100 * managers[name]) for name in below} == pytest.approx(below)
