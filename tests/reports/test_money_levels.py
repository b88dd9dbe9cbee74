"""Owners, teams and the whole: means add up to the cent, distributions agree with draws, and questions are answered."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from reports.money_levels import NewPart, money_if, money_table, open_money, sums_by_group
from reports.money_quantiles import chance_to_reach, quantiles, shifted
from reports.new_business import NewBusiness, new_business_of
from reports.shocks import Shock, chances_given_shock, shifts

LEVELS = {"p10": 0.1, "p50": 0.5, "p90": 0.9}


def deals_of(n, n_owners, seed=0):
    rng = np.random.default_rng(seed)
    owner = rng.integers(0, n_owners, n)
    table = pd.DataFrame({
        "deal_id": [f"D{i}" for i in range(n)],
        "cents": np.round(rng.lognormal(13, 1, n)),
        "owner": [f"U{i}" for i in owner],
        "team": [f"T{i // 3}" for i in owner],
    })  # fmt: skip
    return table, rng.dirichlet([2, 2, 6], n)[:, :2]


def test_a_small_company_by_hand():
    table = pd.DataFrame({"deal_id": ["D1", "D2", "D3"], "cents": [1000.0, 501.0, -200.0], "owner": ["A", "A", "B"]})
    money = open_money(table.assign(imputed=[False, True, False]), [[0.5], [0.5], [0.1]], ["owner"])
    rows = money_table(money, sums_by_group(money, Shock()), LEVELS, {("owner", "A", 0): 1000.0})
    shown = rows[["level", "id", "n_deals", "n_imputed", "expected_cents", "p10", "p50", "p90"]].to_numpy().tolist()
    assert shown == [
        ["whole", "", 3, 1, 730, 0, 501, 1501],
        ["owner", "A", 2, 1, 750, 0, 501, 1501],
        ["owner", "B", 1, 0, -20, -200, 0, 0],
    ]
    assert rows["reach_chance"].tolist()[1] == pytest.approx(0.5)
    assert rows["reach_chance"].isna().tolist() == [True, False, True]


def test_losing_or_winning_a_deal_is_answered():
    table, chance = deals_of(300, 6)
    money, shock = open_money(table, chance), Shock(0.3)
    group = ("owner", table["owner"][0])
    before = sums_by_group(money, shock)[0][group]
    lost, won = (money_if(money, group, 0, shock, **{what: ["D0"]}) for what in ("lost", "won"))
    left = table["deal_id"] != "D0"
    alone = sums_by_group(open_money(table[left], chance[left]), shock)[0][group]
    assert quantiles(lost, [0.1, 0.5, 0.9]) == pytest.approx(quantiles(alone, [0.1, 0.5, 0.9]))
    assert quantiles(won, [0.1, 0.5]) == pytest.approx(quantiles(shifted(alone, table["cents"][0]), [0.1, 0.5]))
    quota = quantiles(before, [0.6])[0]
    assert chance_to_reach(lost, quota) < chance_to_reach(before, quota) < chance_to_reach(won, quota)


def test_a_question_about_a_deal_that_is_not_there_says_so():
    table, chance = deals_of(5, 2)
    with pytest.raises(ValueError, match="no open deal D77"):
        money_if(open_money(table, chance), ("whole", ""), 0, Shock(), lost=["D77"])


@pytest.mark.slow
def test_every_level_agrees_with_draws_that_share_their_shock():
    table, chance = deals_of(600, 9, seed=1)
    shock, n = Shock(0.4), 40_000
    sums = sums_by_group(open_money(table, chance), shock)[1]
    rng, (moved, weight) = np.random.default_rng(2), shifts(shock, 0.1)
    middle = special.logit(chances_given_shock(chance[:, 1], moved, weight)[:, len(weight) // 2])
    z = shock.scale * rng.standard_normal(n)
    brought = (rng.random((n, 600)) < special.expit(middle + z[:, None])) * table["cents"].to_numpy()
    for (level, name), found in sums.items():
        rows = slice(None) if level == "whole" else (table[level] == name).to_numpy()
        drawn = brought[:, rows].sum(axis=1)
        reached = [(drawn <= place).mean() for place in quantiles(found, list(LEVELS.values()))]
        assert reached == pytest.approx(list(LEVELS.values()), abs=0.012), (level, name)


def test_new_business_counts_in_its_groups_and_may_be_all_there_is():
    table, chance = deals_of(40, 3)
    parts = [
        NewPart({"team": "T0"}, [NewBusiness(2.0, 100_000.4, 0.5), None]),
        NewPart({"team": "T9"}, [new_business_of(50_000, 4e9, 0.5), NewBusiness(1.0, 30_000.0, 0.0)]),
    ]
    money = open_money(table, chance, new=parts)
    rows = money_table(money, sums_by_group(money, Shock(0.2)), LEVELS).set_index(["period", "level", "id"])
    assert rows.loc[(0, "whole", ""), "new_cents"] == 200_001 + 50_000
    assert rows.loc[(0, "team", "T0"), "new_cents"] == 200_001
    assert rows.loc[(0, "team", "T9"), ["n_deals", "open_cents", "expected_cents"]].tolist() == [0, 0, 50_000]
    assert rows.loc[(1, "team", "T9"), "p90"] == pytest.approx(60_000, rel=0.01)
    assert (rows.xs("owner", level="level")["new_cents"] == 0).all()


def test_a_deal_may_count_in_several_groups_of_a_nested_level_and_new_business_outside_the_whole():
    table, chance = deals_of(60, 6)
    inside = (table["team"] == "T0").to_numpy().nonzero()[0]
    nested = {"manager": {"Head": np.arange(60), "Mia": inside}}
    new = [
        NewPart({}, [NewBusiness(1.0, 5e5, 0.5)] * 2),
        NewPart({"manager": "Head"}, [NewBusiness(1.0, 5e5, 0.5)] * 2, in_whole=False),
    ]
    money = open_money(table, chance, new=new, nested=nested)
    sums = sums_by_group(money, Shock(0.2))
    assert sums[0]["manager", "Head"] is sums[0]["whole", ""]
    assert sums[0]["manager", "Mia"] is sums[0]["team", "T0"]
    rows = money_table(money, sums, LEVELS).set_index(["period", "level", "id"])
    assert rows.loc[(0, "whole", ""), "new_cents"] == rows.loc[(0, "manager", "Head"), "new_cents"] == 500_000
    assert rows.loc[(0, "manager", "Mia"), "open_cents"] == rows.loc[(0, "team", "T0"), "open_cents"]


def test_where_rows_are_parts_of_deals_there_is_no_whole():
    table, chance = deals_of(20, 2)
    assert ("whole", "") not in sums_by_group(open_money(table, chance), Shock(), with_whole=False)[0]


@settings(max_examples=15)
@given(st.integers(0, 40), st.integers(1, 7), st.floats(0, 1), st.integers(0, 99))
def test_means_add_up_to_the_cent_at_every_level(n, n_owners, scale, seed):
    table, chance = deals_of(n, n_owners, seed)
    parts = [NewPart({"team": f"T{k}", "owner": f"U{3 * k}"}, [NewBusiness(1 / 3, 1e5 / 7, 1.0)] * 2) for k in range(3)]
    money = open_money(table, chance, new=parts)
    rows = money_table(money, sums_by_group(money, Shock(scale)), LEVELS)
    assert rows["expected_cents"].dtype == np.int64
    sums = rows.groupby(["period", "level"])[["open_cents", "new_cents", "expected_cents"]].sum().unstack("level")
    for measure in ("open_cents", "new_cents", "expected_cents"):
        assert (sums[measure]["owner"] == sums[measure]["whole"]).all()
        assert (sums[measure]["team"] == sums[measure]["whole"]).all()
    assert ((rows["p10"] <= rows["p50"]) & (rows["p50"] <= rows["p90"])).all()


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [("cents", np.nan, "Deal D1 has no amount.*Impute"), ("amount_spread", -0.1, "Deal D1 has no amount_spread")],
)
def test_what_is_missing_names_its_deal(column, value, says):
    table, chance = deals_of(3, 1)
    table["amount_spread"] = 0.0
    table.loc[1, column] = value
    with pytest.raises(ValueError, match=says):
        open_money(table, chance)


@pytest.mark.parametrize("wrong", [[np.nan, 0.1], [-0.1, 0.1], [0.6, 0.6]])
def test_chances_that_are_none_name_their_deal(wrong):
    table, chance = deals_of(3, 1)
    chance[2] = wrong
    with pytest.raises(ValueError, match="Deal D2 has chances"):
        open_money(table, chance)
