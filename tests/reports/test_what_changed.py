"""What changed is the sum of its causes, to the cent, for the whole and for every team and owner."""

from collections import Counter
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.errors import SchemaError
from crm.fiscal import Period
from reports.change_bridge import AFTER, BEFORE, LEVELS
from reports.change_causes import CAUSES, CENTS, UNCHANGED
from reports.what_changed import OF_BEFORE, REQUIRED, cents_of, what_changed

QUARTER = Period("FY2026 Q4", date(2026, 10, 1), date(2027, 1, 1))
DEAL = {
    **{"deal_id": "D1", "owner": "U1", "team": "North", "pipeline": "new", "region": "EU", "segment": "small"},
    **{"stage_category": "open", "close_date": "2026-12-01", "amount_cents": 100_000, "chance": 0.4},
    "model_version": "1",
}


def table(*deals):
    return pd.DataFrame(
        [DEAL | deal for deal in deals], columns=list(dict.fromkeys([*DEAL, *(k for d in deals for k in d)]))
    )


def one(before, after):
    """The only deal's row, from what is special about it before and after; None for not there."""
    tables = [table() if deal is None else table(deal) for deal in (before, after)]
    changed = what_changed(*tables, QUARTER)
    assert_balanced(changed, *tables)
    (row,) = changed.deals.to_dict("records")
    return row


def assert_balanced(changed, before, after, above=({}, {}), new=({}, {})):
    """Each group's before + causes = after, and both are the sums of the deals in it and of what is to come."""
    groups = {}
    for level, name, cause, cents in changed.bridge[["level", "id", "cause", "cents"]].to_numpy().tolist():
        groups.setdefault((level, name), {})[cause] = cents
    for group, causes in groups.items():
        assert sum(causes.values()) == 2 * causes.get(AFTER, 0), group
    for which, deals, managers, to_come in zip((BEFORE, AFTER), (before, after), above, new, strict=True):
        expected = Counter({group: cents for group, cents in to_come.items() if group[0] in LEVELS})
        for deal in deals.assign(cents=cents_of(deals["chance"], deals["amount_cents"])).to_dict("records"):
            of_owner = {"whole": [""], "manager": managers.get(deal["owner"], [])}
            for level in LEVELS:
                expected.update({(level, name): deal["cents"] for name in of_owner.get(level, [deal.get(level)])})
        told = {group: causes.get(which, 0) for group, causes in groups.items()}
        assert {k: v for k, v in told.items() if v} == {k: v for k, v in expected.items() if v}


@pytest.mark.parametrize(
    ("before", "after", "cause", "cents"),
    [
        (None, {}, "created", 40_000),
        ({}, None, "deleted", -40_000),
        ({}, {"stage_category": "won", "chance": 1.0}, "won", 60_000),
        ({}, {"stage_category": "won", "chance": 1.0, "amount_cents": 90_000}, "won", 50_000),
        ({}, {"stage_category": "lost", "chance": 0.0}, "lost", -40_000),
        ({"stage_category": "won", "chance": 1.0}, {}, "reopened", -60_000),
        ({"stage_category": "lost", "chance": 0.0}, {}, "reopened", 40_000),
        ({}, {"close_date": "2027-01-01", "chance": 0.1}, "pushed out", -30_000),
        ({"close_date": "2027-02-01", "chance": 0.1}, {}, "pulled in", 30_000),
        ({"close_date": None, "chance": 0.1}, {}, "pulled in", 30_000),
        ({}, {"close_date": "2027-01-01", "chance": 0.5}, "probability up", 10_000),
        ({"close_date": "2027-02-01"}, {"chance": 0.3}, "probability down", -10_000),
        ({}, {"close_date": "2026-12-31"}, UNCHANGED, 0),
        ({}, {"amount_cents": 150_000}, "amount up", 20_000),
        ({}, {"amount_cents": 50_000, "chance": 0.41}, "amount down", -19_500),
        ({}, {"chance": 0.5}, "probability up", 10_000),
        ({}, {"chance": 0.3, "amount_cents": 100_100}, "probability down", -9_970),
        ({}, {"owner": "U2", "team": "South"}, "owner moved", 0),
        ({"amount_at_rates": 125_000}, {"amount_cents": 125_000}, "exchange rates", 10_000),
        ({"amount_learned": 90_000}, {"amount_cents": 90_000}, "usual growth", -4_000),
        ({"chance_told": 0.5}, {"model_version": "2", "chance": 0.5}, "new model", 10_000),
        ({}, {"model_version": "2", "chance": 0.5}, "new model", 10_000),
        ({"chance_told": 0.41}, {"model_version": "2", "chance": 0.5}, "probability up", 10_000),
        ({}, {}, UNCHANGED, 0),
        ({"stage_category": "won", "chance": 1.0}, {"stage_category": "won", "chance": 0.0}, "pushed out", -100_000),
        (
            {"stage_category": "won", "chance": 1.0},
            {"stage_category": "won", "chance": 1.0, "amount_cents": 99_000},
            "amount down",
            -1_000,
        ),
    ],
)
def test_one_deal_by_hand(before, after, cause, cents):
    row = one(before, after)
    assert (row["cause"], row["cents"]) == (cause, cents)


def test_rates_come_first_then_what_was_learned_then_the_model_then_the_deal():
    again = {"amount_at_rates": 200_000, "amount_learned": 220_000, "chance_told": 0.5}
    row = one(again, {"amount_cents": 220_000, "chance": 0.6, "model_version": "2"})
    parts = [row[f"{name}_cents"] for name in ("rates", "growth", "model", "own")]
    assert parts == [40_000, 8_000, 22_000, 22_000]
    assert (row["cause"], row["own_cause"], row["cents"]) == ("exchange rates", "probability up", 92_000)


def test_what_is_shared_by_all_deals_counts_for_those_that_are_decided_too():
    row = one({"amount_at_rates": 110_000, "chance_told": 0.5}, {"stage_category": "lost", "chance": 0.0})
    assert (row["rates_cents"], row["model_cents"], row["own_cents"]) == (4_000, 11_000, -55_000)
    assert (row["cause"], row["cents"]) == ("lost", -40_000)


def test_a_moved_deal_leaves_one_group_for_another_and_is_nothing_at_the_whole():
    tables = table({}), table({"owner": "U2", "team": "South", "chance": 0.5})
    changed = what_changed(*tables, QUARTER)
    assert_balanced(changed, *tables)
    cents = changed.bridge.set_index(["level", "id", "cause"])["cents"].sort_index()
    assert cents["owner", "U1"].to_dict() == {"before": 40_000, "owner moved": -40_000}
    assert cents["owner", "U2"].to_dict() == {"owner moved": 40_000, "probability up": 10_000, "after": 50_000}
    assert cents["whole", ""].to_dict() == {"before": 40_000, "probability up": 10_000, "after": 50_000}


def test_within_a_team_a_move_between_owners_is_nothing():
    changed = what_changed(table({}), table({"owner": "U2"}), QUARTER)
    assert set(changed.bridge[changed.bridge["level"] == "team"]["cause"]) == {"before", "after"}


def test_a_deal_counts_at_each_manager_above_and_a_move_below_one_is_nothing_to_them():
    above = {"U1": ("M1", "H"), "U2": ("M2", "H")}
    tables = table({}), table({"owner": "U2", "chance": 0.5})
    changed = what_changed(*tables, QUARTER, above=(above, above))
    assert_balanced(changed, *tables, above=(above, above))
    cents = changed.bridge.set_index(["level", "id", "cause"])["cents"].sort_index()
    assert cents["manager", "M1"].to_dict() == {"before": 40_000, "owner moved": -40_000}
    assert cents["manager", "H"].to_dict() == {"before": 40_000, "probability up": 10_000, "after": 50_000}


def test_deals_to_come_are_a_cause_beside_the_deals():
    new = {("whole", ""): 9_000, ("owner", "U9"): 9_000}, {("whole", ""): 7_000, ("owner", "U1"): 7_000}
    tables = table({}), table({"chance": 0.5})
    changed = what_changed(*tables, QUARTER, new=new)
    assert_balanced(changed, *tables, new=new)
    rows = changed.bridge.set_index(["level", "id", "cause"]).sort_index()
    assert rows.loc[("whole", "")]["cents"].to_dict() == {
        **{"before": 49_000, "probability up": 10_000, "not yet created": -2_000, "after": 57_000}
    }
    assert rows.loc[("owner", "U9")]["cents"].to_dict() == {"before": 9_000, "not yet created": -9_000}
    assert rows.loc[("whole", "", "not yet created"), "n_deals"] == 0


def test_a_chance_is_told_by_groups_of_signals_and_by_the_time_to_close():
    tables = table({"win_probability": 0.5}), table({"chance": 0.54, "win_probability": 0.6})
    changed = what_changed(*tables, QUARTER, points={"D1": {"engagement": 0.15, "timing": -0.05}})
    found = changed.by_signal.set_index("group")["cents"].to_dict()
    # 40 of 50 points, then 54 of 60 fall into the quarter: 85 % on average, and a tenth more of 55 points.
    assert found == {"engagement": 12_750, "timing": -4_250, "time to close": 5_500}
    assert sum(found.values()) == 14_000


def test_without_reasons_a_changed_chance_is_other():
    changed = what_changed(table({}), table({"chance": 0.5, "amount_cents": 101_000}), QUARTER)
    assert changed.by_signal[["group", "cents"]].to_numpy().tolist() == [["other", 10_050], ["amount", 450]]


def test_a_deal_that_adds_nothing_and_to_which_nothing_happened_is_left_out():
    nothing = {"deal_id": "D2", "stage_category": "lost", "chance": 0.0}
    changed = what_changed(table({}, nothing), table({}, nothing), QUARTER)
    assert changed.deals["deal_id"].tolist() == ["D1"]


def test_largest_changes_come_first():
    tables = table({}, {"deal_id": "D2"}, {"deal_id": "D3"}), table({"chance": 0.5}, {"deal_id": "D3"})
    assert what_changed(*tables, QUARTER).deals["deal_id"].tolist() == ["D2", "D1", "D3"]


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("name", ["amount_cents", "chance"])
def test_a_missing_figure_names_its_deal(which, name):
    tables = [table({}), table({})]
    tables[which].loc[0, name] = np.nan
    with pytest.raises(SchemaError, match=f"Deal D1 has no {name} {('before', 'after')[which]}"):
        what_changed(*tables, QUARTER)


def test_a_deal_there_twice_and_a_missing_column_are_refused():
    with pytest.raises(SchemaError, match="Deal D1 is there twice after"):
        what_changed(table({}), table({}, {}), QUARTER)
    with pytest.raises(SchemaError, match="of before lack chance"):
        what_changed(table({}).drop(columns="chance"), table({}), QUARTER)


@st.composite
def states(draw, ids):
    """A table of deals in any state, some said again at other rates, with other amounts, by another model."""
    rows = []
    amounts = st.sampled_from([10_000.0, 123_456.0, -5_000.0, 0.0]) | st.integers(-(10**8), 10**10).map(float)
    for deal_id in draw(st.lists(st.sampled_from(ids), unique=True, max_size=len(ids))):
        owner, team = draw(st.sampled_from([("U1", "North"), ("U2", "North"), ("U3", "South"), ("nobody", "none")]))
        category = draw(st.sampled_from(["open", "open", "open", "won", "lost"]))
        chance = {"open": st.floats(0, 1), "won": st.sampled_from([0.0, 1.0]), "lost": st.just(0.0)}[category]
        rows.append({
            **{"deal_id": deal_id, "owner": owner, "team": team, "stage_category": category},
            **{"pipeline": "new", "region": draw(st.sampled_from(["EU", "US"])), "segment": "small"},
            "close_date": draw(st.sampled_from([None, "2026-09-30", "2026-10-01", "2026-12-31", "2027-01-01"])),
            **{"amount_cents": draw(amounts), "chance": draw(chance)},
            "model_version": draw(st.sampled_from(["1", "2"])),
            **{name: draw(st.none() | amounts) for name in ("amount_at_rates", "amount_learned")},
            **{name: draw(st.none() | st.floats(0, 1)) for name in ("chance_told", "win_probability")},
        })  # fmt: skip
    return pd.DataFrame(rows, columns=[*REQUIRED, *OF_BEFORE, "win_probability"])


IDS = [f"D{n}" for n in range(8)]
MANAGERS = st.fixed_dictionaries(
    {owner: st.sampled_from([(), ("M",), ("M", "H"), ("N", "H")]) for owner in ("U1", "U3")}
)
TO_COME = st.dictionaries(
    st.sampled_from([("whole", ""), ("team", "North"), ("owner", "U9"), ("manager", "H"), ("product", "P")]),
    st.integers(-(10**6), 10**9),
)
POINTS = st.dictionaries(st.sampled_from(IDS), st.dictionaries(st.sampled_from("abc"), st.floats(-1, 1)))


@pytest.mark.slow
@settings(max_examples=30)
@given(states(IDS), states(IDS), POINTS, st.tuples(MANAGERS, MANAGERS), st.tuples(TO_COME, TO_COME))
def test_every_level_balances_and_every_deal_has_one_main_cause(before, after, points, above, new):
    changed = what_changed(before, after, QUARTER, points=points, above=above, new=new)
    assert_balanced(changed, before, after, above, new)
    deals = changed.deals
    assert deals["deal_id"].is_unique
    assert set(deals["cause"]) <= {*CAUSES, UNCHANGED}
    assert (deals["own_cents"] + deals[list(CENTS.values())].sum(axis=1) == deals["cents"]).all()
    assert (deals["after_cents"] - deals["before_cents"] == deals["cents"]).all()
    assert (deals.loc[deals["own_cause"] == "", "own_cents"] == 0).all()
    assert (deals.loc[deals["cause"] == UNCHANGED, "cents"] == 0).all()
    told = deals[deals["own_cause"].isin(["probability up", "probability down"])].set_index("deal_id")["own_cents"]
    split = changed.by_signal.groupby("deal_id")["cents"].sum()
    assert split.reindex(told.index, fill_value=0).to_dict() == told.to_dict()
    moved = changed.bridge[changed.bridge["cause"] == "owner moved"].groupby("level")["cents"].sum()
    assert (moved.reindex(["team", "owner"], fill_value=0) == 0).all()
    assert "whole" not in moved
    by_deal = changed.lines[~changed.lines["cause"].isin([BEFORE, AFTER])]
    whole = by_deal[by_deal["level"] == "whole"].groupby("deal_id")["cents"].sum()
    assert whole.reindex(deals["deal_id"], fill_value=0).tolist() == deals["cents"].tolist()
