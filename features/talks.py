"""Interactions as facts: who spoke, who answered whom and after how long, which contacts and users were new."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crm.tables import DIRECTIONS, INTERACTION_KINDS
from features import scans
from features.arrow import codes, microseconds, numbered
from features.facts import BoolColumn, Facts, IntColumn
from features.vocabulary import Vocabulary

INBOUND, OUTBOUND = (DIRECTIONS.index(side) for side in ("inbound", "outbound"))
WAYS = tuple(
    f"{'an' if kind == 'email' else 'a'} {kind}{side}"
    for kind in INTERACTION_KINDS
    for side in (" from the customer", " to the customer", "")
)
"""Kind and direction of an interaction in words; its place is ``3 * kind + direction``, with 2 for no direction."""


def talk_facts(interactions: pa.Table, deal_ids: pa.Array, vocabulary: Vocabulary) -> tuple[Facts, Facts]:
    """One fact per interaction, known once it is entered *and* has taken place; and those that were entered ahead.

    Columns: kind and direction as numbers (-1 for no direction), ``way`` (both in one), contact, user and activity
    (-1 for none), whether contact, senior contact and user are new to the deal, whether the user is another than
    the last, and ``reply_us``: after how many microseconds it answered the other side's first unanswered word,
    -1 where it answers nothing.
    """
    deal, kind = codes(interactions["deal_id"], deal_ids), codes(interactions["kind"], INTERACTION_KINDS, np.int8)
    direction = codes(interactions["direction"], DIRECTIONS, np.int8)
    occurred, booked = microseconds(interactions["occurred_at"]), microseconds(interactions["known_at"])
    contact, contacts = numbered(interactions["contact_id"])
    facts = Facts.sorted(
        deal,
        np.maximum(booked, occurred),
        len(deal_ids),
        {
            "kind": kind,
            "direction": direction,
            "way": np.where(kind < 0, np.int8(-1), 3 * kind + np.where(direction < 0, np.int8(2), direction)),
            "contact": contact,
            "senior": np.append(vocabulary.are_senior(contacts), False)[contact],
            "user": numbered(interactions["user_id"])[0],
            "activity": codes(interactions["outcome"], vocabulary.declared.activities, np.int16),
        },
        ties=(occurred, interactions["interaction_id"]),
    )
    _compare(facts)
    return facts, _planned(deal, kind, occurred, booked, len(deal_ids))


def _compare(facts: Facts) -> None:
    """Add what an interaction is beside those before it."""
    columns, deal = facts.columns, facts.group
    columns["new_contact"] = _first_of_each(deal, columns["contact"])
    columns["new_senior"] = columns["new_contact"] & columns["senior"]
    columns["new_user"] = _first_of_each(deal, columns["user"])
    columns["handover"] = scans.handed_over(deal, columns["user"])
    columns["reply_us"] = scans.times_to_reply(deal, facts.known_at, columns["direction"])


def _planned(deal: IntColumn, kind: NDArray, occurred: IntColumn, booked: IntColumn, n_deals: int) -> Facts:
    """One fact per interaction entered before it takes place, sorted by when it is to take place."""
    ahead = np.flatnonzero(occurred > booked)
    columns = {"booked_at": booked[ahead], "kind": kind[ahead]}
    return Facts.sorted(deal[ahead], occurred[ahead], n_deals, columns, ties=(booked[ahead],))


def _first_of_each(deal: IntColumn, who: NDArray) -> BoolColumn:
    """Whether a fact is the deal's first with its contact (its user); facts without one are not."""
    return scans.first_of_each(deal, who, int(who.max(initial=-1)) + 1)
