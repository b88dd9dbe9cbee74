"""What changed is the sum of its causes, to the cent, for the whole and for every team and owner."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.errors import SchemaError
from crm.fiscal import Period
from reports.change_bridge import AFTER, BEFORE
from reports.change_causes import CAUSES, UNCHANGED
from reports.what_changed import REQUIRED, cents_of, what_changed

QUARTER = Period("FY2026 Q4", date(2026, 10, 1), date(2027, 1, 1))
DEAL = {
    **{"deal_id": "D1", "owner_id": "U1", "team": "North", "stage_category": "open", "close_date": "2026-12-01"},
    **{"currency": "EUR", "expected_amount": 1000.0, "rate": 1.0, "chance": 0.4, "model_version": "1"},
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


def assert_balanced(changed, before, after):
    for level, column in (("whole", None), ("team", "team"), ("owner", "owner_id")):
        rows = changed.bridge[changed.bridge["level"] == level]
        sums = rows.assign(what=rows["cause"].where(rows["cause"].isin([BEFORE, AFTER]), "causes"))
        sums = sums.pivot_table("cents", "id", "what", "sum", fill_value=0).reindex(
            columns=[BEFORE, "causes", AFTER], fill_value=0
        )
        assert (sums[BEFORE] + sums["causes"] == sums[AFTER]).all()
        for which, given_table in ((BEFORE, before), (AFTER, after)):
            there = given_table[~given_table.get("deleted", pd.Series(False, given_table.index)).astype(bool)]
            cents = cents_of(there["chance"], there["expected_amount"].astype(float), there["rate"].astype(float))
            assert sums[which].sum() == cents.sum()
            if column:
                by_group = cents.groupby(there[column].fillna(f"(no {level})")).sum()
                assert sums[which][sums[which] != 0].to_dict() == by_group[by_group != 0].to_dict()


@pytest.mark.parametrize(
    ("before", "after", "cause", "cents"),
    [
        (None, {}, "created", 40_000),
        ({}, None, "deleted", -40_000),
        ({}, {"deleted": True}, "deleted", -40_000),
        ({}, {"stage_category": "won", "chance": 1.0}, "won", 60_000),
        ({}, {"stage_category": "won", "chance": 1.0, "expected_amount": 900.0}, "won", 50_000),
        ({}, {"stage_category": "lost", "chance": 0.0}, "lost", -40_000),
        ({"stage_category": "won", "chance": 1.0}, {}, "reopened", -60_000),
        ({"stage_category": "lost", "chance": 0.0}, {}, "reopened", 40_000),
        ({}, {"close_date": "2027-01-01", "chance": 0.1}, "pushed out", -30_000),
        ({"close_date": "2027-02-01", "chance": 0.1}, {}, "pulled in", 30_000),
        ({"close_date": None, "chance": 0.1}, {}, "pulled in", 30_000),
        ({}, {"close_date": "2026-12-31"}, UNCHANGED, 0),
        ({}, {"expected_amount": 1500.0}, "amount up", 20_000),
        ({}, {"expected_amount": 500.0, "chance": 0.41}, "amount down", -19_500),
        ({}, {"chance": 0.5}, "probability up", 10_000),
        ({}, {"chance": 0.3, "expected_amount": 1001.0}, "probability down", -9_970),
        ({}, {"owner_id": "U2", "team": "South"}, "owner moved", 0),
        ({}, {"rate": 1.25}, "exchange rates", 10_000),
        ({}, {"model_version": "2", "chance": 0.5, "same_model_chance": 0.4}, "new model", 10_000),
        ({}, {"model_version": "2", "chance": 0.5}, "new model", 10_000),
        ({}, {"model_version": "2", "chance": 0.5, "same_model_chance": 0.49}, "probability up", 10_000),
        ({}, {}, UNCHANGED, 0),
        ({"stage_category": "won", "chance": 1.0}, {"stage_category": "won", "chance": 0.0}, "pushed out", -100_000),
        (
            {"stage_category": "won", "chance": 1.0},
            {"stage_category": "won", "chance": 1.0, "expected_amount": 990.0},
            "amount down",
            -1_000,
        ),
    ],
)
def test_one_deal_by_hand(before, after, cause, cents):
    row = one(before, after)
    assert (row["cause"], row["cents"]) == (cause, cents)


def test_rates_come_first_then_the_model_then_the_deal():
    row = one(
        {}, {"rate": 2.0, "model_version": "2", "same_model_chance": 0.5, "chance": 0.6, "expected_amount": 1000.0}
    )
    assert (row["rates_cents"], row["model_cents"], row["own_cents"]) == (40_000, 20_000, 20_000)
    assert (row["cause"], row["own_cause"], row["cents"]) == ("exchange rates", "probability up", 80_000)


def test_a_changed_currency_is_a_changed_amount():
    row = one({}, {"currency": "USD", "rate": 0.5, "expected_amount": 2600.0})
    assert (row["rates_cents"], row["cause"], row["cents"]) == (0, "amount up", 12_000)


def test_a_moved_deal_leaves_one_group_for_another_and_is_nothing_at_the_whole():
    tables = table({}), table({"owner_id": "U2", "team": "South", "chance": 0.5})
    changed = what_changed(*tables, QUARTER)
    assert_balanced(changed, *tables)
    cents = changed.bridge.set_index(["level", "id", "cause"])["cents"].sort_index()
    assert cents["owner", "U1"].to_dict() == {"before": 40_000, "owner moved": -40_000}
    assert cents["owner", "U2"].to_dict() == {"owner moved": 40_000, "probability up": 10_000, "after": 50_000}
    assert cents["whole", ""].to_dict() == {"before": 40_000, "probability up": 10_000, "after": 50_000}


def test_within_a_team_a_move_between_owners_is_nothing():
    changed = what_changed(table({}), table({"owner_id": "U2"}), QUARTER)
    assert set(changed.bridge[changed.bridge["level"] == "team"]["cause"]) == {"before", "after"}


def test_a_chance_is_told_by_groups_of_signals_and_by_the_time_to_close():
    before = {"win_probability": 0.5, "reasons": {"engagement": 0.1, "timing": 0.2}}
    after = {"chance": 0.54, "win_probability": 0.6, "reasons": {"engagement": 0.25, "timing": 0.15}}
    changed = what_changed(table(before), table(after), QUARTER)
    found = changed.by_signal.set_index("group")["cents"].to_dict()
    # 40 of 50 points, then 54 of 60 fall into the quarter: 85 % on average, and a tenth more of 55 points.
    assert found == {"engagement": 12_750, "timing": -4_250, "time to close": 5_500}
    assert sum(found.values()) == 14_000


def test_without_reasons_a_changed_chance_is_other():
    changed = what_changed(table({}), table({"chance": 0.5, "expected_amount": 1010.0}), QUARTER)
    assert changed.by_signal[["group", "cents"]].to_numpy().tolist() == [["other", 10_050], ["amount", 450]]


def test_largest_changes_come_first():
    tables = table({}, {"deal_id": "D2"}, {"deal_id": "D3"}), table({"chance": 0.5}, {"deal_id": "D3"})
    assert what_changed(*tables, QUARTER).deals["deal_id"].tolist() == ["D2", "D1", "D3"]


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("name", ["rate", "expected_amount", "chance"])
def test_a_missing_figure_names_its_deal(which, name):
    tables = [table({}), table({})]
    tables[which].loc[0, name] = np.nan
    with pytest.raises(SchemaError, match=f"Deal D1 has no {name} {('before', 'after')[which]}"):
        what_changed(*tables, QUARTER)


def test_a_deal_there_twice_and_a_missing_column_are_refused():
    with pytest.raises(SchemaError, match="Deal D1 is there twice after"):
        what_changed(table({}), table({}, {}), QUARTER)
    with pytest.raises(SchemaError, match="of before lack rate"):
        what_changed(table({}).drop(columns="rate"), table({}), QUARTER)


@st.composite
def states(draw, ids):
    """A table of deals in any state, some with a second opinion of the old model."""
    rows = []
    for deal_id in draw(st.lists(st.sampled_from(ids), unique=True, max_size=len(ids))):
        owner, team = draw(st.sampled_from([("U1", "North"), ("U2", "North"), ("U3", "South"), (None, None)]))
        category = draw(st.sampled_from(["open", "open", "open", "won", "lost"]))
        chance = {"open": st.floats(0, 1), "won": st.sampled_from([0.0, 1.0]), "lost": st.just(0.0)}[category]
        currency = draw(st.sampled_from(["EUR", "USD"]))
        rows.append({
            **{"deal_id": deal_id, "owner_id": owner, "team": team, "stage_category": category},
            "close_date": draw(st.sampled_from([None, "2026-09-30", "2026-10-01", "2026-12-31", "2027-01-01"])),
            **{"currency": currency, "rate": draw(st.sampled_from([1.0, 0.83, 1.171])) if currency == "USD" else 1.0},
            "expected_amount": draw(st.sampled_from([100.0, 1234.56, -50.0, 0.0]) | st.floats(-1e6, 1e8)),
            **{"chance": draw(chance), "model_version": draw(st.sampled_from(["1", "2"]))},
            "deleted": draw(st.sampled_from([False, False, False, True])),
            "same_model_chance": draw(st.none() | st.floats(0, 1)),
            "win_probability": draw(st.none() | st.floats(0, 1)),
            "reasons": draw(st.none() | st.dictionaries(st.sampled_from("abc"), st.floats(-1, 1))),
        })  # fmt: skip
    columns = [*REQUIRED, "deleted", "same_model_chance", "win_probability", "reasons"]
    return pd.DataFrame(rows, columns=columns)


IDS = [f"D{n}" for n in range(8)]


@settings(max_examples=60, deadline=None)
@given(states(IDS), states(IDS))
def test_every_level_balances_and_every_deal_has_one_main_cause(before, after):
    changed = what_changed(before, after, QUARTER)
    assert_balanced(changed, before, after)
    deals = changed.deals
    assert deals["deal_id"].is_unique
    assert set(deals["cause"]) <= {*CAUSES, UNCHANGED}
    assert (deals["own_cents"] + deals["rates_cents"] + deals["model_cents"] == deals["cents"]).all()
    assert (deals["after_cents"] - deals["before_cents"] == deals["cents"]).all()
    assert (
        deals.loc[deals["cause"].isin([UNCHANGED, "owner moved"]) & (deals["own_cause"] == ""), "own_cents"] == 0
    ).all()
    assert (deals.loc[deals["cause"] == UNCHANGED, "cents"] == 0).all()
    told = deals[deals["own_cause"].isin(["probability up", "probability down"])].set_index("deal_id")["own_cents"]
    split = changed.by_signal.groupby("deal_id")["cents"].sum()
    assert split.reindex(told.index, fill_value=0).to_dict() == told.to_dict()
    moved = changed.bridge[(changed.bridge["cause"] == "owner moved")].groupby("level")["cents"].sum()
    assert (moved == 0).all()
    assert "whole" not in moved
