"""The causes of what changed of each deal: what all deals share, and one cause of its own."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.fiscal import Period

CREATED, DELETED, WON, LOST, REOPENED = "created", "deleted", "won", "lost", "reopened"
PULLED_IN, PUSHED_OUT = "pulled in", "pushed out"
AMOUNT_UP, AMOUNT_DOWN = "amount up", "amount down"
PROBABILITY_UP, PROBABILITY_DOWN = "probability up", "probability down"
OWNER_MOVED, UNCHANGED = "owner moved", "unchanged"
NEW_MODEL, USUAL_GROWTH, RATES, NEW_BUSINESS = "new model", "usual growth", "exchange rates", "not yet created"

CAUSES = {
    CREATED: "Deals that are new.",
    PULLED_IN: "Deals whose close date moved into the period, and whose part grew.",
    PUSHED_OUT: "Deals whose close date moved out of the period, and whose part shrank.",
    AMOUNT_UP: "Deals that are expected to bring more.",
    AMOUNT_DOWN: "Deals that are expected to bring less.",
    WON: "Deals that were won: what they brought, less what was expected of them.",
    LOST: "Deals that were lost.",
    REOPENED: "Deals that were closed and are open again.",
    DELETED: "Deals that are no longer there.",
    OWNER_MOVED: "Deals that went from one owner or team to another; nothing at the whole.",
    PROBABILITY_UP: "Deals that are more likely to be won in the period.",
    PROBABILITY_DOWN: "Deals that are less likely to be won in the period, which passing days alone can do.",
    NEW_MODEL: "What a new model says of the same facts, less what the one before it said.",
    USUAL_GROWTH: "What was learned anew about how amounts change until deals are won.",
    RATES: "What the amounts of before are worth more or less at the rates of now.",
    NEW_BUSINESS: "What is expected of deals that are not created yet: as they come, and as days pass, it goes down.",
}
"""All causes with what they mean, in the order in which they are shown."""

STEPS = ("cents_at_rates", "cents_learned", "cents_told")
"""A deal's old part once more: at the new rates, then with what was learned since, then by the new model."""

CENTS = {RATES: "rates_cents", USUAL_GROWTH: "growth_cents", NEW_MODEL: "model_cents"}
"""The causes that all deals share, and the columns that hold each deal's part in them."""


def causes(pair: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Return the deals of two instants with their causes; see ``WhatChanged.deals``."""
    before, at_rates, learned, told = (pair[f"{name}_from"].to_numpy() for name in ("cents", *STEPS))
    after = pair["cents_to"].to_numpy()
    shared = {"rates_cents": at_rates - before, "growth_cents": learned - at_rates, "model_cents": told - learned}
    own = after - told
    happened = _happened(pair, period, own)
    own_cause = np.where(happened != "", happened, np.where(own != 0, _drifted(pair), ""))
    moved = ((pair["there"] == "both") & (_differs(pair, "owner") | _differs(pair, "team"))).to_numpy()
    # The parts that may name the main cause; a move counts with all that it takes along.
    parts = np.abs(np.array([own, *shared.values(), moved * before]))
    every = [np.full(len(pair), name) for name in (*CENTS, OWNER_MOVED)]
    named = np.array([own_cause, *every], dtype=object)[np.argmax(parts, axis=0), np.arange(len(pair))]
    at_rest = np.where(moved, OWNER_MOVED, UNCHANGED)
    main = np.where(happened != "", happened, np.where(parts.max(axis=0, initial=0) > 0, named, at_rest))
    return pair.assign(
        cause=main,
        cents=after - before,
        own_cause=own_cause,
        own_cents=own,
        **shared,
        before_cents=before,
        after_cents=after,
    )


def _differs(pair: pd.DataFrame, name: str) -> pd.Series:
    return pair[name + "_from"].fillna("").astype(str) != pair[name + "_to"].fillna("").astype(str)


def _happened(pair: pd.DataFrame, period: Period, own: NDArray[np.int64]) -> NDArray[np.object_]:
    """What happened to each deal, or an empty text.

    A moved close date tells nothing of a deal whose part went the other way: something else outweighed it.
    """
    was, now = pair["stage_category_from"], pair["stage_category_to"]
    start, end = str(period.start), str(period.end)
    inside = [pair[f"close_date_{one}"].astype("str").between(start, end, inclusive="left") for one in ("from", "to")]
    # A deal that stays won has no expected date; whether it counts in the period is told by its chance.
    stays_won = (was == WON) & (now == WON)
    inside = [
        side.where(~stays_won, pair[f"chance_{one}"] > 0) for side, one in zip(inside, ("from", "to"), strict=True)
    ]
    dated = stays_won | ((was == "open") & (now == "open"))
    rules = {
        CREATED: pair["there"] == "right_only",
        DELETED: pair["there"] == "left_only",
        WON: (now == WON) & (was != WON),
        LOST: (now == LOST) & (was != LOST),
        REOPENED: (now == "open") & (was != "open"),
        PULLED_IN: dated & ~inside[0] & inside[1] & (own >= 0),
        PUSHED_OUT: dated & inside[0] & ~inside[1] & (own <= 0),
    }
    return np.select([rule.to_numpy(bool) for rule in rules.values()], list(rules), "").astype(object)


def _drifted(pair: pd.DataFrame) -> NDArray[np.object_]:
    """The name of what moved a deal to which nothing happened: the larger effect of amount and of chance."""
    chance = pair["chance_told_from"].to_numpy(), pair["chance_to"].to_numpy()
    amount = pair["amount_learned_from"].to_numpy(), pair["amount_cents_to"].to_numpy()
    # Taken at the middle of the other, the two effects sum to the change.
    by_amount = (amount[1] - amount[0]) * (chance[0] + chance[1]) / 2
    by_chance = (chance[1] - chance[0]) * (amount[0] + amount[1]) / 2
    named_amount = np.where(amount[1] > amount[0], AMOUNT_UP, AMOUNT_DOWN)
    named_chance = np.where(chance[1] > chance[0], PROBABILITY_UP, PROBABILITY_DOWN)
    untold = _differs(pair, "model_version") & ~pair["told_again_from"]
    named_chance = np.where(untold, NEW_MODEL, named_chance)
    return np.where(np.abs(by_amount) >= np.abs(by_chance), named_amount, named_chance).astype(object)
