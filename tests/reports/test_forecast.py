"""A forecast is the sum of its deals, at every level, to the cent."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.errors import NotEnoughDataError
from crm.fiscal import Period
from reports.forecast import forecast
from reports.forecast_deals import chances_at_bounds, chances_within, open_deals
from reports.forecast_draws import N_DRAWS, owner_draws

MONEY = ["closed", "open_expected", "expected", "stage_weighted"]


def row(rows: pd.DataFrame, period: str = "FY2026 Q4", level: str = "whole", name: str | None = None) -> pd.Series:
    found = rows[(rows["period"] == period) & (rows["level"] == level)]
    found = found if name is None else found[found["name"] == name]
    assert len(found) == 1
    return found.iloc[0]


def test_one_deal_by_hand(present_of, scores_of, stages, rates, quarters):
    """46 days remain of the quarter: the deal is won in them with 40 %, and with 10 % in the 90 days after."""
    rows = forecast(present_of({}), scores_of({}), stages, rates, quarters)
    this, following = row(rows), row(rows, "FY2027 Q1")
    assert (this["closed"], this["open_expected"], this["expected"]) == (0, 400, 400)
    assert (following["open_expected"], following["stage_weighted"]) == (100, 0)
    assert this["stage_weighted"] == 300
    assert (this["p10"], this["p50"], this["p90"]) == (0, 0, 1000)
    assert (this["n_open"], this["n_won"]) == (1, 0)


def test_what_is_won_in_the_period_is_closed_and_shifts_the_whole_range(present_of, scores_of, stages, rates, quarters):
    won = {"stage_category": "won", "stage": "Won", "amount": 250.5}
    deals = present_of(
        {},
        won | {"closed_at": "2026-10-01"},
        won | {"closed_at": "2026-09-30T23:59:59.999999"},
        {"stage_category": "lost", "stage": "Lost", "closed_at": "2026-11-01"},
    )
    this = row(forecast(deals, scores_of({}), stages, rates, quarters))
    assert (this["closed"], this["expected"], this["stage_weighted"]) == (250.5, 650.5, 550.5)
    assert (this["p10"], this["p90"], this["n_won"], this["n_open"]) == (250.5, 1250.5, 1, 1)


def test_amounts_are_converted_at_the_given_rates(present_of, scores_of, stages, rates, quarters):
    rows = forecast(present_of({"currency": "USD"}), scores_of({}), stages, rates, quarters)
    assert row(rows)["open_expected"] == 320


def test_deals_that_cannot_be_counted_are_counted_as_such(present_of, scores_of, stages, rates, quarters):
    deals = present_of({}, {"amount": None}, {"currency": "CHF"}, {}, {"stage": "Legal"})
    rows = forecast(deals, scores_of({}, {}, {}, {"deal_id": "D5"}), stages, rates, quarters)
    this = row(rows)
    assert (this["n_open"], this["n_without_amount"], this["n_without_score"]) == (5, 2, 1)
    assert this["open_expected"] == 800
    assert this["n_without_stage_probability"] == 1
    assert np.isnan(this["stage_weighted"])


def test_deals_without_owner_or_team_still_count(present_of, scores_of, stages, rates, quarters):
    nobody = {"owner_id": None, "owner_name": None, "team": None}
    rows = forecast(present_of(nobody, {"owner_name": None}), scores_of({}, {}), stages, rates, quarters)
    assert row(rows, level="owner", name="(no owner)")["expected"] == 400
    assert row(rows, level="team", name="(no team)")["expected"] == 400
    assert row(rows, level="owner", name="U1")["expected"] == 400


def test_two_owners_of_one_name_are_two(present_of, scores_of, stages, rates, quarters):
    rows = forecast(present_of({}, {"owner_id": "U2"}), scores_of({}, {}), stages, rates, quarters)
    owners = rows[(rows["level"] == "owner") & (rows["period"] == "FY2026 Q4")]
    assert owners[["id", "name", "expected"]].to_numpy().tolist() == [["U1", "Ann", 400], ["U2", "Ann", 400]]


def test_without_scores_there_is_no_forecast(present_of, scores_of, stages, rates, quarters):
    with pytest.raises(NotEnoughDataError, match="There are no scores"):
        forecast(present_of({}), scores_of(), stages, rates, quarters)


def test_a_company_without_open_or_won_deals_expects_nothing(present_of, scores_of, stages, rates, quarters):
    lost = present_of({"stage_category": "lost", "stage": "Lost", "closed_at": "2026-11-01"})
    this = row(forecast(lost, scores_of({}), stages, rates, quarters))
    assert (this["expected"], this["p90"], this["n_open"]) == (0, 0, 0)


def test_chances_follow_straight_lines_between_knots_and_stay_flat_after_the_last():
    knots = pd.Series(["[[7, 0.1], [14, 0.3]]"])
    assert chances_within(knots, [0, 3.5, 7, 10.5, 14, 400])[0] == pytest.approx([0, 0.05, 0.1, 0.2, 0.3, 0.3])


def test_a_period_that_is_over_has_nothing_to_come(quarters):
    after = pd.Timestamp("2027-02-01", tz="UTC")
    assert chances_at_bounds(pd.Series(["[[7, 0.5]]"]), quarters[:1], after).tolist() == [[[0, 0]]]


def test_the_same_seed_gives_the_same_range_and_the_means_do_not_depend_on_it(
    present_of, scores_of, stages, rates, quarters
):
    deals, scores = present_of(*[{"amount": 100.0 + n} for n in range(30)]), scores_of(*[{}] * 30)
    first, again, other = (forecast(deals, scores, stages, rates, quarters, seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first["p10"].equals(other["p10"])
    pd.testing.assert_frame_equal(first[MONEY], other[MONEY])


def test_the_range_agrees_with_the_binomial_distribution(present_of, scores_of, stages, rates, quarters):
    """100 equal deals at 40 %: the number won has mean 40 and quantiles 34, 40, 46 (binomial tables)."""
    deals, scores = present_of(*[{"amount": 1.0}] * 100), scores_of(*[{}] * 100)
    this = row(forecast(deals, scores, stages, rates, quarters))
    assert [this["p10"], this["p50"], this["p90"]] == [34, 40, 46]


def test_no_deal_is_won_in_two_periods_of_one_draw(present_of, scores_of, stages, rates, quarters):
    sure = scores_of({"win_within": [[46, 0.5], [136, 1.0]], "win_probability": 1.0})
    deals = open_deals(present_of({}), sure, stages, rates)
    bounds = chances_at_bounds(deals["win_within"], quarters, sure["as_of"].iloc[0].to_pydatetime())
    ((_, _, drawn),) = owner_draws(deals, bounds, seed=0)
    assert drawn.shape == (2, N_DRAWS)
    assert set(drawn.sum(axis=0)) == {100_000}


def test_many_deals_of_one_owner_are_drawn_in_parts_of_bounded_size(present_of, scores_of, stages, rates, quarters):
    deals, scores = present_of(*[{"amount": 1.0}] * 1000), scores_of(*[{}] * 1000)
    this = row(forecast(deals, scores, stages, rates, quarters))
    assert this["p10"] == pytest.approx(400 - 1.2816 * np.sqrt(240), abs=2)


def test_any_span_of_days_can_be_forecast(present_of, scores_of, stages, rates, quarters):
    weeks = Period("next four weeks", quarters[0].start.replace(month=11, day=16), quarters[0].end)
    rows = forecast(present_of({}), scores_of({}), stages, rates, [weeks])
    assert row(rows, "next four weeks")["open_expected"] == 400


@st.composite
def deals(draw: st.DrawFn) -> tuple[list[dict], list[dict]]:
    """Deals of several owners, teams, currencies and states, and their scores."""
    owners = st.sampled_from([("U1", "North"), ("U2", "North"), ("U3", "South"), (None, None)])
    amounts = st.none() | st.decimals(0, 10**8, places=2).map(float)
    states = st.sampled_from(["open", "open", "won", "lost"])
    made = []
    for owner_id, team in draw(st.lists(owners, min_size=1, max_size=12)):
        state = draw(states)
        closed_at = None if state == "open" else "2026-10-20"
        deal = {"owner_id": owner_id, "owner_name": owner_id, "team": team, "stage_category": state}
        made.append(
            deal | {"closed_at": closed_at, "amount": draw(amounts), "currency": draw(st.sampled_from(["EUR", "USD"]))}
        )
    chances = st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted)
    return made, [{"win_within": [[20, low], [136, high]]} for low, high in (draw(chances) for _ in made)]


@settings(max_examples=15, deadline=None)
@given(deals(), st.integers(0, 99))
def test_owners_add_up_to_teams_and_teams_to_the_whole_to_the_cent(
    present_of, scores_of, stages, rates, quarters, made, seed
):
    present, scores = present_of(*made[0]), scores_of(*made[1])
    rows = forecast(present, scores, stages, rates, quarters, seed)
    shown = rows.assign(**{name: [round(value * 100) for value in rows[name]] for name in MONEY})
    assert (shown["closed"] + shown["open_expected"] == shown["expected"]).all()
    counts = [name for name in rows if name.startswith("n_")]
    for _, part in shown.groupby("period"):
        sums = part.groupby("level")[MONEY + counts].sum()
        assert (sums == sums.loc["whole"]).all(axis=None)
        owners = part[part["level"] == "owner"].groupby("team")[MONEY].sum()
        pd.testing.assert_frame_equal(owners, part[part["level"] == "team"].set_index("team")[MONEY], check_names=False)
    assert (rows["p10"] <= rows["p50"]).all()
    assert (rows["p50"] <= rows["p90"]).all()
    assert (rows["closed"] <= rows["p10"]).all()


@settings(max_examples=10, deadline=None)
@given(deals())
def test_the_whole_of_the_periods_is_the_sum_of_every_deals_chance(
    present_of, scores_of, stages, rates, quarters, made
):
    """Said twice: the same sum, written once more deal by deal."""
    present, scores = present_of(*made[0]), scores_of(*made[1])
    rows = forecast(present, scores, stages, rates, quarters[:1])
    cents = 0
    for deal, score in zip(*made, strict=True):
        if deal["stage_category"] == "open" and deal["amount"] is not None:
            (first, low), (second, high) = score["win_within"]
            chance = low + (high - low) * (46 - first) / (second - first)
            cents += round(chance * round(deal["amount"] * 100 * rates[deal["currency"]].rate))
    assert row(rows)["open_expected"] * 100 == pytest.approx(cents, abs=len(made[0]))
