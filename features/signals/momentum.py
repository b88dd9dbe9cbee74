"""Momentum: where the deal stands, how it moved there, and how that compares with the usual."""

import numpy as np

from features.facts import DAY, FloatColumn
from features.norms import MEDIAN
from features.selection import Window
from features.signals.declaration import signal
from features.snapshots import Snapshots


def _forward(at: Snapshots) -> Window:
    return at.where(at.histories.stage, "forward", lambda: at.moves.forward)


@signal(
    topic="stage",
    group="momentum",
    unit="",
    expect="more is better",
    says="It is in stage {value} of its pipeline",
)
def stage_position(at: Snapshots) -> FloatColumn:
    """Position of the stage in its pipeline, counting from 1."""
    return at.norms.vocabulary.stages.position[at.stage]


@signal(
    topic="stage",
    group="momentum",
    unit="rate",
    expect="more is better",
    says="About {value} of deals that reach this stage are won",
    says_none="No deal has closed yet",
)
def stage_win_rate(at: Snapshots) -> FloatColumn:
    """Share won of the deals closed before that had been in the stage, shrunken toward all deals."""
    return at.norms.shrunken_win_rate("stage", at.stage, at.moments)


@signal(
    topic="time in stage",
    group="momentum",
    unit="days",
    expect="less is better",
    says="{value} in this stage; deals won from it had been there {typical}",
)
def days_in_stage(at: Snapshots) -> FloatColumn:
    """Days since the stage in effect was entered."""
    facts = at.histories.stage
    return at.days_since(at.value(facts, at.in_effect(facts), "changed_at"))


@signal(
    topic="time in stage",
    group="momentum",
    unit="times the usual time",
    expect="less is better",
    says="In this stage for {value}; {typical} in deals won from it",
    says_none="How long this stage usually takes is not known yet",
)
def days_in_stage_vs_norm(at: Snapshots) -> FloatColumn:
    """Days in stage over the median time to advance from it, as known then; NaN before enough is known."""
    norm = at.norms.usual_days(at.norms.days_to_advance[MEDIAN], at.stage, at.moments)
    return days_in_stage(at) / np.maximum(norm, 0.01)


@signal(
    topic="moves forward",
    group="momentum",
    unit="forward moves",
    expect="more is better",
    says="{value} so far; {typical} in deals won from this stage",
)
def forward_moves(at: Snapshots) -> FloatColumn:
    """Moves to a later stage known before each snapshot."""
    return _forward(at).count()


@signal(
    topic="moves forward",
    group="momentum",
    unit="forward moves",
    expect="more is better",
    says="{value} in 30 days; {typical} in deals won from this stage",
)
def forward_moves_30d(at: Snapshots) -> FloatColumn:
    """Moves to a later stage that became known in the last 30 days."""
    return _forward(at).count(30)


@signal(group="momentum", unit="moves back", expect="less is better", says="{value} to an earlier stage so far")
def backward_moves(at: Snapshots) -> FloatColumn:
    """Moves to an earlier stage known before each snapshot."""
    return at.where(at.histories.stage, "backward", lambda: at.moves.backward).count()


@signal(topic="moves forward", group="momentum", unit="stages", expect="depends", says="{value} skipped on the way")
def skipped_stages(at: Snapshots) -> FloatColumn:
    """Stages jumped over by forward moves known before each snapshot."""
    return _forward(at).total("skipped", np.maximum(at.moves.steps - 1, 0))


@signal(
    topic="moves forward",
    group="momentum",
    unit="days",
    expect="less is better",
    says="The last step forward was {value} ago; {typical} in deals won from this stage",
    says_none="It has not moved forward since it was created",
)
def days_since_forward_move(at: Snapshots) -> FloatColumn:
    """Days since a move to a later stage became known; NaN where there was none."""
    return _forward(at).days_since_last()


@signal(
    topic="moves forward",
    group="momentum",
    unit="stages a month",
    expect="more is better",
    says="It moved {value}; {typical} in deals won from this stage",
    says_zero="It has not moved forward yet",
)
def stages_per_month(at: Snapshots) -> FloatColumn:
    """Forward steps per 30 days of age; the age is taken as at least a week."""
    age = np.maximum((at.at - at.histories.created_at[at.deal]) / DAY, 7)
    steps = _forward(at).total("steps", at.moves.steps)
    return steps * 30 / age
