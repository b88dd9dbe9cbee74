"""Calls stand beside the model's number: rolled up as said, exact, and never part of it."""

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.fiscal import Period
from crm.money import Rate
from crm.store_rows import frame_of
from crm.tables import TABLES
from reports.adjustments import Call, adjusted, calls_in_force, owners_of, roll_up
from reports.managers import managers_above

QUARTER = Period("FY2026 Q4", date(2026, 10, 1), date(2027, 1, 1))
MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
EUROS = {"EUR": Rate("EUR", "EUR", "2026-11-15", 1.0)}


def ledger(*rows: dict) -> pd.DataFrame:
    usual = {
        "author": "Mia",
        "level": "team",
        "group_id": "North",
        "currency": "EUR",
        "note": "verbal",
        "amount": "500",
    }
    usual |= {"period_start": "2026-10-01", "period_end": "2027-01-01"}
    made = [
        usual | {"number": number, "made_at": MONDAY + timedelta(hours=number)} | row
        for number, row in enumerate(rows, start=1)
    ]
    names = TABLES["adjustments"].names
    return frame_of("adjustments", [[tuple(row[name] for name in names) for row in made]] if made else [])


def in_force(*rows: dict, before: datetime = MONDAY + timedelta(days=1)) -> list[tuple]:
    return [(call.number, call.cents) for call in calls_in_force(ledger(*rows), QUARTER, before, EUROS)]


def test_a_later_call_of_the_same_author_and_group_supersedes():
    assert in_force({}, {"amount": "600.50"}) == [(2, 60050)]


def test_other_authors_groups_and_quarters_stand_beside_it():
    others = ({"author": "Hal"}, {"group_id": "South"}, {"level": "whole", "group_id": None})
    assert in_force({}, *others) == [(4, 50000), (3, 50000), (2, 50000), (1, 50000)]
    assert in_force({}, {"period_start": "2027-01-01", "period_end": "2027-04-01"}) == [(1, 50000)]


def test_a_call_taken_back_is_gone_and_what_it_superseded_does_not_return():
    assert in_force({}, {"amount": "600"}, {"amount": None}) == []
    assert in_force({}, {"amount": None}, {"amount": "700"}) == [(3, 70000)]


def test_what_was_called_later_was_not_known():
    assert in_force({}, {"amount": "600"}, before=MONDAY + timedelta(hours=2)) == [(1, 50000)]


def test_a_call_in_a_currency_without_a_rate_counts_nowhere_and_is_still_told():
    assert in_force({"currency": "XTS"}) == [(1, None)]
    call = calls_in_force(ledger({"currency": "XTS"}), QUARTER, MONDAY + timedelta(days=1), EUROS)
    assert roll_up({"Ann": 5}, {("team", "North"): frozenset({"Ann"})}, call)["team", "North"].cents == 5


def test_nobody_has_called_anything():
    assert in_force() == []


USERS = pd.DataFrame(
    {"user_id": ["Ann", "Ben", "Cleo", "Mia", "Max", "Hal"], "manager_id": ["Mia", "Mia", "Max", "Hal", "Hal", None]},
    dtype="str",
)
EXPECTED = {"Ann": 10_000, "Ben": 20_000, "Cleo": 5_000}


def forecast_of(expected: dict[str, int], teams: dict[str, str], above: dict[str, tuple[str, ...]]) -> pd.DataFrame:
    """Rows of a forecast of one period, as far as calls are concerned."""
    groups: dict[tuple[str, str], int] = {("whole", ""): 0}
    for owner, cents in expected.items():
        over = [("manager", manager) for manager in above.get(owner, ())]
        for group in (("whole", ""), ("team", teams[owner]), ("owner", owner), *over):
            groups[group] = groups.get(group, 0) + cents
    rows = pd.DataFrame([{"level": level, "id": id, "expected": cents / 100} for (level, id), cents in groups.items()])
    team = rows["id"].map(teams).mask(rows["level"] == "team", rows["id"])
    return rows.assign(name=rows["id"], team=team).astype({"level": "str", "id": "str"})


def call(number: int, level: str, id: str, cents: int, author: str = "Mia") -> Call:
    return Call(number, MONDAY, author, (level, id), cents, "verbal")


def numbers(*calls: Call) -> dict[tuple[str, str], float]:
    above = managers_above(USERS)
    rows = adjusted(forecast_of(EXPECTED, {"Ann": "North", "Ben": "North", "Cleo": "South"}, above), above, calls)
    assert rows["expected"].iloc[0] == 350  # the model's number stays what it was
    return dict(zip(zip(rows["level"], rows["id"], strict=True), rows["adjusted"], strict=True))


def test_without_calls_everybody_is_at_the_models_number():
    assert numbers()["whole", ""] == 350
    assert numbers()["manager", "Mia"] == 300


def test_a_call_counts_in_everything_above_it_and_in_nothing_below():
    found = numbers(call(1, "owner", "Ann", 15_050))
    assert (found["owner", "Ann"], found["owner", "Ben"]) == (150.5, 200)
    assert found["team", "North"] == found["manager", "Mia"] == 350.5
    assert found["whole", ""] == found["manager", "Hal"] == 400.5
    assert (found["team", "South"], found["manager", "Max"]) == (50, 50)


def test_a_groups_own_call_covers_those_within_it():
    found = numbers(call(1, "manager", "Mia", 40_000), call(2, "owner", "Ann", 1), call(3, "owner", "Cleo", 7_000))
    assert (found["owner", "Ann"], found["manager", "Mia"], found["whole", ""]) == (0.01, 400, 470)


def test_a_managers_call_is_also_the_number_of_a_team_of_the_same_people():
    assert numbers(call(1, "manager", "Mia", 40_000))["team", "North"] == 400
    both = numbers(call(1, "manager", "Mia", 40_000), call(2, "team", "North", 30_000))
    assert (both["team", "North"], both["manager", "Mia"], both["whole", ""]) == (300, 400, 450)


def test_of_several_authors_calls_for_one_group_the_latest_counts():
    assert numbers(call(1, "team", "North", 1), call(2, "team", "North", 99_900, "Hal"))["team", "North"] == 999


def test_a_call_says_which_calls_it_is_made_of():
    rows = adjusted(
        forecast_of(EXPECTED, dict.fromkeys(EXPECTED, "All"), {}),
        {},
        [call(1, "owner", "Ann", 1), call(2, "owner", "Cleo", 2)],
    )
    assert rows.loc[rows["level"] == "whole", "calls"].tolist() == [(1, 2)]


def test_teams_that_cut_across_managers_are_counted_once():
    """Mia has Ann and Ben, team East has Ben and Cleo: of the two calls one can count in the whole."""
    above = managers_above(USERS)
    rows = forecast_of(EXPECTED, {"Ann": "West", "Ben": "East", "Cleo": "East"}, above)
    found = adjusted(rows, above, [call(1, "manager", "Mia", 40_000), call(2, "team", "East", 90_000)])
    of_group = dict(zip(found["id"], found["adjusted"], strict=True))
    assert (of_group["Mia"], of_group["East"], of_group[""]) == (400, 900, 450)


@st.composite
def companies(draw: st.DrawFn) -> tuple:
    """Owners below a tree of managers, what the model expects of them, and calls on some of all."""
    n_managers, n_owners = draw(st.integers(0, 4)), draw(st.integers(1, 5))
    over = {f"M{i}": draw(st.sampled_from([None, *(f"M{j}" for j in range(i))])) for i in range(n_managers)}
    owners = [f"U{i}" for i in range(n_owners)]
    over |= {owner: draw(st.sampled_from([None, *(f"M{i}" for i in range(n_managers))])) for owner in owners}
    teams = {owner: draw(st.sampled_from(["North", "South"])) for owner in owners}
    expected = {owner: draw(st.integers(-(10**6), 10**12)) for owner in owners}
    return over, teams, expected


def by_recursion(group: str | None, over: dict, expected: dict, called: dict) -> int:
    """The rule as it is said: its own call, else the sum of its parts; ``None`` is the whole."""
    if group in called:
        return called[group]
    if group in expected:
        return expected[group]
    return sum(by_recursion(part, over, expected, called) for part, boss in over.items() if boss == group)


@settings(max_examples=50)
@given(companies(), st.data())
def test_the_roll_up_is_the_rule_to_the_cent(company, data):
    over, teams, expected = company
    users = pd.DataFrame({"user_id": list(over), "manager_id": list(over.values())}, dtype="str")
    above = managers_above(users)
    members = owners_of(forecast_of(expected, teams, above), above)
    by_manager = [group for group in members if group[0] != "team"]
    chosen = data.draw(st.lists(st.sampled_from(by_manager), unique=True))
    calls = [call(number, *group, data.draw(st.integers(0, 10**12))) for number, group in enumerate(chosen)]
    found = roll_up(expected, members, calls)
    called = {one.group[1] or None: one.cents for one in calls}
    for group in by_manager:
        assert found[group].cents == by_recursion(group[1] or None, over, expected, called)


@settings(max_examples=50)
@given(companies(), st.data())
def test_the_whole_is_its_call_or_the_sum_of_its_teams(company, data):
    _, teams, expected = company
    members = owners_of(forecast_of(expected, teams, {}), {})
    chosen = data.draw(st.lists(st.sampled_from(list(members)), unique=True))
    calls = [call(number, *group, data.draw(st.integers(0, 10**12))) for number, group in enumerate(chosen)]
    found = roll_up(expected, members, calls)
    of_teams = sum(one.cents for group, one in found.items() if group[0] == "team")
    own = [one.cents for one in calls if one.group == ("whole", "")]
    assert found["whole", ""].cents == (own[0] if own else of_teams)


@pytest.mark.parametrize("level", ["whole", "team", "owner", "manager"])
def test_every_group_of_people_has_its_owners(level):
    above = managers_above(USERS)
    members = owners_of(forecast_of(EXPECTED, dict.fromkeys(EXPECTED, "All"), above), above)
    assert all(members[group] for group in members if group[0] == level)
    assert list(members)[:2] == [("whole", ""), ("manager", "Hal")]
