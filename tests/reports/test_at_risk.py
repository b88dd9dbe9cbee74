import json

import numpy as np
import pytest

from reports.at_risk import at_risk, attention, why_at_risk


def test_money_at_risk_is_the_expected_revenue_about_to_be_lost_or_to_stall(present_of, scores_of, rates):
    deal = attention(present_of({"currency": "USD"}), scores_of({"lost_in_patience": 0.1}), rates).iloc[0]
    assert deal["amount_reporting"] == 800
    assert deal["at_risk"] == 0.6 + 0.1
    assert deal["money_at_risk"] == 280  # 800 x 0.5 x 0.7
    assert (deal["days_in_stage"], deal["days_since_last_interaction"], deal["overdue_days"]) == (14, 6, 0)


def test_the_most_money_at_risk_comes_first_and_deals_without_an_amount_last(present_of, scores_of, rates):
    deals = present_of({"amount": 10.0}, {"amount": None}, {"amount": 900.0}, {"currency": "CHF"})
    scores = scores_of({}, {}, {}, {"win_probability": 0.9})
    rows = attention(deals, scores, rates)
    assert rows["deal_id"].tolist() == ["D3", "D1", "D4", "D2"]
    assert rows["money_at_risk"].isna().tolist() == [False, False, True, True]


def test_only_open_scored_deals_at_or_above_the_threshold_are_at_risk(present_of, scores_of, rates):
    won = {"stage_category": "won", "closed_at": "2026-11-01"}
    deals = present_of({}, {}, won, {}, {})
    lost_or_stalled = {"stall_risk": 0.3, "lost_in_patience": 0.2}
    scores = scores_of(lost_or_stalled, {"stall_risk": 0.49}, {}, {"stall_risk": None})
    assert at_risk(deals, scores, rates, 0.5)["deal_id"].tolist() == ["D1"]
    assert at_risk(deals, scores, rates).empty
    assert attention(deals, scores, rates)["deal_id"].tolist() == ["D1", "D4", "D2"]


def test_a_deal_past_its_close_date_says_by_how_many_days(present_of, scores_of, rates):
    deals = present_of({"close_date": "2026-11-06"}, {"close_date": "2026-11-16"}, {"close_date": None})
    overdue = attention(deals, scores_of({}, {}, {}), rates).sort_values("deal_id")["overdue_days"]
    assert overdue.tolist()[:2] == [10, 0]
    assert np.isnan(overdue.iloc[2])


def test_a_deal_nobody_ever_talked_about_has_no_days_since(present_of, scores_of, rates):
    rows = attention(present_of({"last_interaction_at": None}), scores_of({}), rates)
    assert rows["days_since_last_interaction"].isna().all()


def test_the_sentences_are_of_what_raises_the_risk_most_and_three_at_most():
    reasons = [{"signal": f"s{n}", "points": 0.5 - n / 10, "sentence": f"Reason {n}"} for n in range(4)]
    lowering = {"signal": "calls", "points": -0.9, "sentence": "Many calls"}
    rest = {"signal": "other", "points": 0.6, "sentence": "All other signals together"}
    told = why_at_risk(0.1, 0.4, "[]", json.dumps([lowering, rest, *reasons]))
    assert told == ["Reason 0", "Reason 1", "Reason 2"]


def test_of_a_deal_that_is_rather_lost_than_stalled_it_says_what_speaks_against_winning(present_of, scores_of, rates):
    against = [{"signal": "calls", "points": -0.2, "sentence": "No calls"}]
    slow = [{"signal": "age", "points": 0.2, "sentence": "Old"}]
    told = {"win_reasons": against, "stall_reasons": slow, "stall_risk": 0.3}
    rows = attention(present_of({}, {}), scores_of(told | {"lost_in_patience": 0.4}, told), rates)
    assert rows.set_index("deal_id")["reasons"].to_dict() == {"D1": "No calls", "D2": "Old"}


def test_no_scores_give_an_empty_list_with_every_column(present_of, scores_of, rates):
    rows = at_risk(present_of({}), scores_of(), rates)
    assert rows.empty
    assert "money_at_risk" in rows


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_the_ends_of_the_scale_are_allowed(present_of, scores_of, rates, chance):
    rows = attention(present_of({}), scores_of({"win_probability": chance, "stall_risk": chance}), rates)
    assert rows["money_at_risk"].iloc[0] == 1000 * chance
