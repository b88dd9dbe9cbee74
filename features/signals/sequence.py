"""Sequence: the order and the gaps of the last moves and interactions, and who took over from whom.

What the published work on event logs learns from (Teinemaa et al., 2019), in terms of a pipeline.
"""

from functools import partial

import numpy as np

from features.facts import FloatColumn, taken
from features.selection import Window
from features.signals.declaration import signal
from features.snapshots import Snapshots
from features.talks import WAYS


def _moves(at: Snapshots) -> Window:
    return at.where(at.histories.stage, "moves", lambda: at.moves.moved)


def _way(at: Snapshots, back: int) -> FloatColumn:
    """Kind and direction of the interaction; NaN where there were not so many."""
    return at.interactions().value("way", back)


for _back, _said in enumerate(("last", "last but one", "third last")):
    signal(
        name=f"{_said.replace(' ', '_')}_interaction",
        topic="order of interactions",
        group="sequence",
        unit="",
        expect="depends",
        words=WAYS,
        says=f"The {_said} interaction was {{value}}",
        says_none=f"There is no {_said} interaction" if _back else "There was no interaction yet",
    )(partial(_way, back=_back))


@signal(
    topic="gaps",
    group="sequence",
    unit="days",
    expect="less is better",
    says="{value} between the last two interactions; {typical} in deals won from this stage",
    says_none="There were not two interactions yet",
)
def last_gap_days(at: Snapshots) -> FloatColumn:
    """Days between the last two interactions; NaN where there were fewer."""
    return at.interactions().gap_days()


@signal(
    topic="gaps",
    group="sequence",
    unit="days",
    expect="less is better",
    says="{value} between the two interactions before; {typical} in deals won from this stage",
    says_none="There were not three interactions yet",
)
def gap_before_days(at: Snapshots) -> FloatColumn:
    """Days between the last interaction but one and the one before it; NaN where there were fewer than three."""
    return at.interactions().gap_days(1)


@signal(
    topic="gaps",
    group="sequence",
    unit="days",
    expect="less is better",
    says="{value} between interactions on average; {typical} in deals won from this stage",
    says_none="There were not two interactions yet",
)
def mean_gap_days(at: Snapshots) -> FloatColumn:
    """Mean days between interactions; NaN where there were fewer than two."""
    facts, talks = at.histories.interactions, at.interactions()
    if not len(facts):
        return np.full(len(at), np.nan)
    first = taken(facts.known_at, np.minimum(at.position(facts, None), len(facts) - 1))
    count = talks.count()
    days = at.days_since(first) - talks.days_since_last()
    return np.divide(days, count - 1, out=np.full(len(at), np.nan), where=count > 1)


@signal(
    topic="order of moves",
    group="sequence",
    unit="moves",
    expect="depends",
    says="{value} between stages so far; {typical} in deals won from this stage",
)
def moves_ever(at: Snapshots) -> FloatColumn:
    """Moves from an open stage to another, in either direction, known before each snapshot."""
    return _moves(at).count()


@signal(
    topic="order of moves",
    group="sequence",
    unit="days",
    expect="less is better",
    says="{value} in the stage before; {typical} in deals won from this stage",
    says_none="It has not moved yet",
)
def days_in_last_stage(at: Snapshots) -> FloatColumn:
    """Days that the deal spent in the stage it last left; NaN where it has left none."""
    return taken(at.moves.days, _moves(at).last())


@signal(
    topic="order of moves",
    group="sequence",
    unit="",
    expect="depends",
    says="It came from stage {value} of its pipeline",
    says_none="It has not moved yet",
)
def last_stage_position(at: Snapshots) -> FloatColumn:
    """Position of the stage that the deal last left, counting from 1; NaN where it has left none."""
    return taken(at.norms.vocabulary.stages.position[at.moves.origin], _moves(at).last())


@signal(
    topic="gaps",
    group="sequence",
    unit="days",
    expect="less is better",
    says="{value} between the last two moves; {typical} in deals won from this stage",
    says_none="There were not two moves yet",
)
def days_between_last_moves(at: Snapshots) -> FloatColumn:
    """Days between the last two moves; NaN where there were fewer."""
    return _moves(at).gap_days()


@signal(
    topic="users",
    group="sequence",
    unit="users",
    expect="depends",
    says="{value} of ours worked on it; {typical} in deals won from this stage",
)
def users_ever(at: Snapshots) -> FloatColumn:
    """Distinct users of the interactions known before each snapshot."""
    facts = at.histories.interactions
    return at.where(facts, "users", lambda: facts.columns["new_user"]).count()


@signal(
    topic="users",
    group="sequence",
    unit="handovers",
    expect="less is better",
    says="{value} from one user to another; {typical} in deals won from this stage",
)
def handovers_ever(at: Snapshots) -> FloatColumn:
    """Interactions whose user was another than that of the one before."""
    facts = at.histories.interactions
    return at.where(facts, "handovers", lambda: facts.columns["handover"]).count()
