"""What each change of stage meant when it became known: forward, back, closed, reopened, and after how long."""

from dataclasses import dataclass

import numpy as np

from features.facts import DAY, BoolColumn, Facts, FloatColumn, IntColumn
from features.histories import Histories, in_effect_before
from features.vocabulary import LOST, OPEN, WON


@dataclass(frozen=True)
class Moves:
    """One entry per stage change of ``histories.stage``, in its order.

    Each is judged against the stage in effect just before it became known, so that a change entered
    late never rewrites what earlier ones meant. A change that is older than the one in effect is no move.

    Attributes
    ----------
    origin : stage left; -1 where it was the deal's first
    moved : whether it took the deal from an open stage to another
    forward, backward : what a move from an open stage was; a won deal moved forward, a lost one did not
    closing, won : whether it brought the deal to a closed (a won) stage, from wherever; its first stage may be one
    reopened : position of the closing that it took back; -1 for none
    steps : stages advanced; 0 unless forward between open stages
    days : days spent in ``origin``; NaN for a first stage
    """

    facts: Facts
    origin: IntColumn
    moved: BoolColumn
    forward: BoolColumn
    backward: BoolColumn
    closing: BoolColumn
    won: BoolColumn
    reopened: IntColumn
    steps: IntColumn
    days: FloatColumn


def stage_moves(histories: Histories) -> Moves:
    """Judge every stage change of ``histories``."""
    facts, stages = histories.stage, histories.vocabulary.stages
    place = np.arange(len(facts))
    latest, new = facts.columns["latest"], facts.columns["new"]
    before = in_effect_before(facts)
    took_effect = latest == place
    origin = np.where(before >= 0, new[before], -1)
    category, old_category = stages.category[new], stages.category[origin]
    moved = took_effect & (old_category == OPEN)
    steps = np.where(moved & (category == OPEN), stages.position[new] - stages.position[origin], 0).astype(np.int64)
    won = took_effect & (category == WON)
    entered = facts.columns["changed_at"]
    return Moves(
        facts=facts,
        origin=origin,
        moved=moved & (new != origin),
        forward=(steps > 0) | (moved & won),
        backward=steps < 0,
        closing=took_effect & (category != OPEN),
        won=won,
        reopened=np.where(took_effect & np.isin(old_category, (WON, LOST)), before, -1),
        steps=np.maximum(steps, 0),
        days=np.where(moved, (entered - entered[before]) / DAY, np.nan),
    )
