"""The causes of what changed of each deal: exchange rates, a new model, and one cause of its own."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.fiscal import Period

CREATED, DELETED, WON, LOST, REOPENED = "created", "deleted", "won", "lost", "reopened"
PULLED_IN, PUSHED_OUT = "pulled in", "pushed out"
AMOUNT_UP, AMOUNT_DOWN = "amount up", "amount down"
PROBABILITY_UP, PROBABILITY_DOWN = "probability up", "probability down"
NEW_MODEL, RATES, OWNER_MOVED, UNCHANGED = "new model", "exchange rates", "owner moved", "unchanged"

CAUSES = (
    *(CREATED, PULLED_IN, PUSHED_OUT, AMOUNT_UP, AMOUNT_DOWN, WON, LOST, REOPENED, DELETED, OWNER_MOVED),
    *(PROBABILITY_UP, PROBABILITY_DOWN, NEW_MODEL, RATES),
)
"""All causes, in the order in which they are shown."""


def causes(pair: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Return the deals of two instants with their causes; see ``WhatChanged.deals``."""
    both = (pair["there"] == "both").to_numpy()
    rates, model = _rates_cents(pair, both), _model_cents(pair, both)
    change = (pair["cents_to"] - pair["cents_from"]).to_numpy()
    own = change - rates - model
    happened = _happened(pair, period)
    drifted = _drifted(pair, both)
    own_cause = np.where(happened != "", happened, np.where(own != 0, drifted, ""))
    moved = both & (_differs(pair, "owner_id") | _differs(pair, "team"))
    # The parts that may name the main cause; a move counts with all that it takes along.
    parts = np.abs(np.array([own, rates, model, moved * pair["cents_from"].to_numpy()]))
    every = [RATES, NEW_MODEL, OWNER_MOVED]
    names = np.array([own_cause, *(np.full(len(pair), name) for name in every)], dtype=object)
    named = names[np.argmax(parts, axis=0), np.arange(len(pair))]
    at_rest = np.where(moved, OWNER_MOVED, UNCHANGED)
    main = np.where(happened != "", happened, np.where(parts.max(axis=0, initial=0) > 0, named, at_rest))
    return pair.drop(columns="there").assign(
        cause=main,
        cents=change,
        own_cause=own_cause,
        own_cents=own,
        rates_cents=rates,
        model_cents=model,
        before_cents=pair["cents_from"],
        after_cents=pair["cents_to"],
    )


def _numbers(pair: pd.DataFrame, name: str) -> NDArray[np.float64]:
    return pair[name].astype(np.float64).to_numpy()


def _differs(pair: pd.DataFrame, name: str) -> NDArray[np.bool_]:
    was, now = pair[name + "_from"].fillna("").astype(str), pair[name + "_to"].fillna("").astype(str)
    return (was != now).to_numpy()


def _rates_cents(pair: pd.DataFrame, both: NDArray[np.bool_]) -> NDArray[np.int64]:
    """What the old chance and amount are worth more at the new rate; nothing where the currency itself changed."""
    at_new_rate = _numbers(pair, "chance_from") * _numbers(pair, "expected_amount_from") * _numbers(pair, "rate_to")
    like = both & ~_differs(pair, "currency")
    return (
        np.where(like, np.rint(at_new_rate * 100), pair["cents_from"]).astype(np.int64) - pair["cents_from"].to_numpy()
    )


def _model_cents(pair: pd.DataFrame, both: NDArray[np.bool_]) -> NDArray[np.int64]:
    """What the new facts are worth more under the new model than under the old; 0 where it does not apply."""
    same = pair["same_model_chance_to"].astype(np.float64).to_numpy()
    open_now = (pair["stage_category_to"] == "open").to_numpy()
    told = both & open_now & np.isfinite(same) & _differs(pair, "model_version")
    under_old = np.rint(same * _numbers(pair, "expected_amount_to") * _numbers(pair, "rate_to") * 100)
    return np.where(told, pair["cents_to"] - np.where(told, under_old, 0), 0).astype(np.int64)


def _happened(pair: pd.DataFrame, period: Period) -> NDArray[np.object_]:
    """What happened to each deal, or an empty text."""
    was, now = pair["stage_category_from"], pair["stage_category_to"]
    start, end = str(period.start), str(period.end)
    inside = [pair[f"close_date_{one}"].astype("str").between(start, end, inclusive="left") for one in ("from", "to")]
    # A deal that stays won has no expected date; whether it counts in the period is told by its chance.
    stays_won = (was == WON) & (now == WON)
    inside = [
        side.where(~stays_won, pair[f"chance_{one}"].astype(np.float64) > 0)
        for side, one in zip(inside, ("from", "to"), strict=True)
    ]
    dated = stays_won | ((was == "open") & (now == "open"))
    rules = {
        CREATED: pair["there"] == "right_only",
        DELETED: pair["there"] == "left_only",
        WON: (now == WON) & (was != WON),
        LOST: (now == LOST) & (was != LOST),
        REOPENED: (now == "open") & (was != "open"),
        PULLED_IN: dated & ~inside[0] & inside[1],
        PUSHED_OUT: dated & inside[0] & ~inside[1],
    }
    return np.select([rule.to_numpy(bool) for rule in rules.values()], list(rules), "").astype(object)


def _drifted(pair: pd.DataFrame, both: NDArray[np.bool_]) -> NDArray[np.object_]:
    """The name of what moved a deal to which nothing happened: the larger effect of amount and of chance."""
    new_version = both & _differs(pair, "model_version")
    same = pair["same_model_chance_to"].astype(np.float64).to_numpy()
    split = new_version & np.isfinite(same)
    chance = _numbers(pair, "chance_from"), np.where(split, same, _numbers(pair, "chance_to"))
    amount = _numbers(pair, "expected_amount_from"), _numbers(pair, "expected_amount_to")
    # Taken at the middle of the other, the two effects sum to the change.
    by_amount = (amount[1] - amount[0]) * (chance[0] + chance[1]) / 2
    by_chance = (chance[1] - chance[0]) * (amount[0] + amount[1]) / 2
    named_amount = np.where(amount[1] > amount[0], AMOUNT_UP, AMOUNT_DOWN)
    named_chance = np.where(chance[1] > chance[0], PROBABILITY_UP, PROBABILITY_DOWN)
    named_chance = np.where(new_version & ~split, NEW_MODEL, named_chance)
    return np.where(np.abs(by_amount) >= np.abs(by_chance), named_amount, named_chance).astype(object)
