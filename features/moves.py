"""What each change of stage meant when it became known: forward, back, closing, and after how long."""

from dataclasses import dataclass

import numpy as np

from features.facts import DAY, BoolColumn, Facts, FloatColumn, IntColumn
from features.histories import OPEN, WON, Histories, in_effect_before


@dataclass(frozen=True)
class Moves:
    """One entry per stage change of ``histories.stage``, in its order.

    Each is judged against the stage in effect just before it became known, so that a change entered
    late never rewrites what earlier ones meant. A change that is older than the one in effect is no move.

    Attributes
    ----------
    origin : stage left; -1 where it was the deal's first
    forward, backward, closing, won : what the move was; a won deal moved forward, a lost one did not
    steps : stages advanced; 0 unless forward between open stages
    days : days spent in ``origin``; NaN for a first stage
    """

    facts: Facts
    origin: IntColumn
    forward: BoolColumn
    backward: BoolColumn
    closing: BoolColumn
    won: BoolColumn
    steps: IntColumn
    days: FloatColumn


def stage_moves(histories: Histories) -> Moves:
    """Judge every stage change of ``histories``."""
    facts, stages = histories.stage, histories.vocabulary.stages
    place = np.arange(len(facts))
    latest, new = facts.columns["latest"], facts.columns["new"]
    before = in_effect_before(facts)
    moved = (latest == place) & (new >= 0) & (before >= 0)
    origin = np.where(before >= 0, new[before], -1)
    category = stages.category[new]
    was_open = stages.category[origin] == OPEN
    to_open = moved & was_open & (category == OPEN)
    steps = np.where(to_open, stages.position[new] - stages.position[origin], 0).astype(np.int64)
    won = moved & was_open & (category == WON)
    entered = facts.columns["changed_at"]
    return Moves(
        facts=facts,
        origin=origin,
        forward=(steps > 0) | won,
        backward=steps < 0,
        closing=moved & was_open & (category != OPEN),
        won=won,
        steps=np.maximum(steps, 0),
        days=np.where(moved, (entered - entered[before]) / DAY, np.nan),
    )
