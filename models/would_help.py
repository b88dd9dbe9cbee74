"""What would help: how a score would change if a signal that a rep can act on took its typical winning value.

It is an association in the company's own history, not a promise: deals that had more meetings were won more often,
which does not prove that one more meeting wins this one. Every sentence says so. What the deal's course says stays as
it is: nobody can live its days again.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.signals.declaration import Said
from models.course import sayings
from models.probability import ProbabilityModel

ACTIONABLE = {
    "inbound_emails": "ask what the customer has to answer",
    "outbound_emails": "write",
    "inbound_calls": "ask for a call",
    "outbound_calls": "call",
    "meetings": "ask for a meeting",
    "interactions": "get in touch",
    "answers": "keep the talk going: answer soon, and follow up what was not answered",
    "contacts_ever": "bring in more people of the customer",
    "seniority": "bring in who decides",
    "planned": "plan the next step with the customer",
    "close date": "agree on a realistic close date",
}
"""Topics that a rep can act on this week, and how.

Not among them: what cannot be changed (owner, segment, amount, age), what is done already (pushes, gaps, handovers),
what is the outcome itself (stage, moves forward, time in stage), and what nobody outside sees (notes and tasks:
writing one more would move the score, not the deal).
"""
EITHER_WAY = "close date"
"""Elsewhere a rep can only add: an email that was sent cannot be taken back."""
TOP = 3
LEAST_GAIN = 0.005
"""Half a percentage point; less is not worth a rep's time, and would be written as the same percentage."""
NO_PROMISE = "An association, not a promise."


@dataclass(frozen=True)
class Help:
    """One thing that may help: all signals of a topic at their typical values, and the score there would be.

    ``now`` and ``then`` are win probabilities; ``value`` and ``typical`` are of ``signal``, the one of the topic that
    adds most, in its unit; ``value`` is None where missing.
    """

    topic: str
    signal: str
    how: str
    value: float | None
    typical: float
    now: float
    then: float
    sentence: str

    @property
    def gain(self) -> float:
        """What it would add to the win probability."""
        return self.then - self.now


def would_help(model: ProbabilityModel, snapshot: pd.DataFrame, top: int = TOP) -> list[Help]:
    """What would raise the win probability of one snapshot, the largest gain first; improvements only.

    Parameters
    ----------
    model : the win probability
    snapshot : one row of a table of ``features/pipeline.py``

    Returns
    -------
    list, empty where nothing would help, or where the model knows the stage only
    """
    if model.is_rate:
        return []
    signals = sayings(model.declared)
    typical = model.typical.get(snapshot["stage"].iloc[0], {})
    candidates = [_changes(topic, model, signals, snapshot, typical) for topic in ACTIONABLE]
    changes = [changed for changed in candidates if changed]
    rows = pd.concat([snapshot, *(snapshot.assign(**changed) for changed in changes)], ignore_index=True)
    chances = model.predict(rows)
    _, added = model.contributions(rows)
    found = []
    for place, changed in enumerate(changes, start=1):
        if chances[place] - chances[0] >= LEAST_GAIN:
            strongest = max(changed, key=lambda name: (added[place] - added[0])[model.signals.index(name)])
            value = float(snapshot[strongest].iloc[0])
            found.append(_help(signals[strongest], value, changed[strongest], float(chances[0]), float(chances[place])))
    return sorted(found, key=lambda one: -one.gain)[:top]


def _changes(
    topic: str,
    model: ProbabilityModel,
    signals: dict[str, Said],
    snapshot: pd.DataFrame,
    typical: dict[str, float],
) -> dict[str, float]:
    """The typical values of a topic's signals, where they are better than the deal's own."""
    mine = [signals[name] for name in model.signals if signals[name].topic == topic]
    return {
        one.name: typical[one.name]
        for one in mine
        if np.isfinite(typical.get(one.name, np.nan))
        and _is_better(one, float(snapshot[one.name].iloc[0]), typical[one.name])
    }


def _is_better(signal: Said, value: float, typical: float) -> bool:
    if np.isnan(value):
        return True
    if signal.expect == "less is better":
        return typical < value
    return typical != value if signal.topic == EITHER_WAY else typical > value


def _help(signal: Said, value: float, typical: float, now: float, then: float) -> Help:
    said = signal.sentence(value, typical)
    if "; " not in said:
        said += f"; {signal.usual(typical)} is typical of deals won from this stage"
    sentence = f"{said}. With that the win probability would be {then:.0%} instead of {now:.0%}. {NO_PROMISE}"
    shown = None if np.isnan(value) else round(value, 6)
    return Help(signal.topic, signal.name, ACTIONABLE[signal.topic], shown, typical, now, then, sentence)
