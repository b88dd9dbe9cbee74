"""Each cause is told in a sentence that a person can check."""

import pytest

from reports.change_causes import CAUSES, NEW_BUSINESS
from reports.change_sentences import sentence

DEAL = {
    **{"stage_category_from": "open", "stage_category_to": "open", "stage_from": "Demo", "stage_to": "Demo"},
    **{"chance_from": 0.31, "chance_told_from": 0.31, "chance_to": 0.45, "told_again_from": False},
    **{"win_probability_from": 0.5, "win_probability_to": 0.6, "amount_from": 1000.0, "amount_to": 1000.0},
    **{"currency_from": "USD", "currency_to": "USD", "close_date_from": "2026-11-12", "close_date_to": "2027-01-20"},
    **{"amount_cents_from": 80_000.0, "amount_at_rates_from": 90_000.0, "amount_learned_from": 81_000.0},
    **{"amount_cents_to": 81_000.0, "owner_from": "U1", "owner_to": "U2", "team_from": "North", "team_to": "South"},
    **{"owner_name_from": "Ann", "owner_name_to": "Ben", "closed_at_from": None, "closed_at_to": None},
}
WON = {"stage_category_to": "won", "chance_to": 1.0}


@pytest.mark.parametrize(
    ("cause", "special", "told"),
    [
        ("created", {}, "New, in stage Demo: 45% to be won in the period"),
        ("created", {"stage_category_to": "lost"}, "New, and lost already"),
        ("won", WON, "Won for USD 1,000; it was 31% to be won in the period"),
        ("won", WON | {"stage_category_from": "lost"}, "Won for USD 1,000"),
        ("won", WON | {"chance_to": 0.0}, "Won for USD 1,000, in another period"),
        ("lost", {}, "Lost; it was 31% to be won in the period"),
        ("reopened", {"stage_category_from": "lost"}, "Open again, in stage Demo, after it was lost"),
        ("deleted", {}, "No longer there"),
        ("pulled in", {"close_date_from": None}, "Pulled in: close date from no date to 20 Jan 2027"),
        ("amount up", {"amount_to": 1500.0}, "Amount from USD 1,000 to USD 1,500"),
        ("amount up", {"amount_from": None}, "Amount from no amount to USD 1,000"),
        ("amount down", {"amount_to": 999.9}, "Amount changed by less than one"),
        (
            "amount down",
            {"stage_to": "Offer", "amount_cents_to": 72_900.0},
            "Expected to bring 10.0% less when it is won, now that it is in stage Offer",
        ),
        ("owner moved", {}, "Moved from Ann to Ben"),
        ("owner moved", {"owner_to": "U1"}, "Moved from North to South"),
        ("probability up", {}, "More likely to be won in the period: 31% to 45%; engagement and timing"),
        (
            "probability down",
            {"chance_to": 0.306, "stage_to": "Offer"},
            "Less likely to be won in the period: 31.0% to 30.6%, from stage Demo to Offer; time to close",
        ),
        ("probability up", {"win_probability_from": float("nan")}, "Not scored before"),
        ("probability down", {"win_probability_to": None}, "No longer scored"),
        ("new model", {}, "The new model, of what is known now: 31% to 45%"),
        (
            "new model",
            {"told_again_from": True, "chance_told_from": 0.4},
            "The new model, of the same facts: 31% to 40%",
        ),
        ("usual growth", {}, "Such deals are now expected to bring 10.0% less"),
        ("exchange rates", {}, "USD is worth 12.5% more"),
        ("unchanged", {}, "Unchanged"),
    ],
)
def test_a_sentence_by_hand(cause, special, told):
    signals = [("engagement", 500), ("time to close", -300), ("timing", 100), ("money", 10)]
    assert sentence(DEAL | {"cause": cause} | special, signals) == told


def test_a_deal_that_stays_won_is_told_by_the_day_it_was_won():
    deal = DEAL | {"cause": "pushed out", "stage_category_from": "won"}
    deal |= {"closed_at_from": "2026-11-12", "closed_at_to": "2027-01-20"}
    assert sentence(deal) == "Pushed out: the day it was won from 12 Nov 2026 to 20 Jan 2027"


@pytest.mark.parametrize("cause", [cause for cause in CAUSES if cause != NEW_BUSINESS])
def test_any_cause_of_a_deal_can_be_told(cause):
    assert sentence(DEAL | {"cause": "owner moved"}, cause=cause)
