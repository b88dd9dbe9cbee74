"""Why a score moved between two dates: signal by signal, from the reasons that were given then.

Old reasons are kept in the ledger and never recomputed. They are parts of log-odds, carried over to probability by
one factor per score (``models/reasons.py``); taken back by it, those of two dates differ by what each signal did, and
one that did nothing did nothing, however far the score is now. The differences are carried over to probability
by the factor of the move, ``(p2 - p1) / (log-odds(p2) - log-odds(p1))``, so they sum to the move.

A new model changes the weight of everything; its part can be told apart where one of the two models also scored
the facts of the other date.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import log
from typing import Any, Literal

from features.signals.declaration import Said

Kind = Literal["signal", "rest", "base", "model", "model and facts"]

REST = "other"
"""How stored reasons call the pooled small ones."""
_NOTHING = 1e-13
_CERTAIN = 1e-9


@dataclass(frozen=True)
class Issued:
    """A score as it was issued: ``base`` + all ``points`` of the reasons = ``probability``, all in [0, 1]."""

    as_of: datetime
    model_version: str
    probability: float
    base: float
    reasons: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Cause:
    """One part of a move.

    Attributes
    ----------
    signal : the signal that told it last; empty where it is not a signal
    points : what it added, in probability
    off_by : how far ``points`` may be off, because one of the two dates pooled this topic with the small rest
    before, after : the signal's value on each date, in its unit; None where missing, or told by another signal
    """

    kind: Kind
    topic: str
    signal: str
    points: float
    off_by: float
    before: float | None
    after: float | None
    sentence: str


def moved(before: Issued, after: Issued, signals: Mapping[str, Said], same_facts: Issued | None = None) -> list[Cause]:
    """What moved the score from ``before`` to ``after``; the points sum to the difference of the two (to 1e-12).

    Parameters
    ----------
    signals : every signal by name, to know which share a topic; one that is not among them is its own topic
    same_facts : for two models, what one of them says of the facts of the other's date: the facts of ``before``
        scored by the model of ``after``, or those of ``after`` by the model of ``before``

    Returns
    -------
    The models' part first, where there is one; then the signals, the largest part first; the pooled rest last

    Examples
    --------
    >>> monday, later = datetime(2026, 3, 2), datetime(2026, 3, 9)
    >>> calls = {"signal": "calls", "points": 0.1, "value": 3.0, "sentence": "3 calls; deals won had 4"}
    >>> fewer = {"signal": "calls", "points": -0.1, "value": 1.0, "sentence": "1 call; deals won had 4"}
    >>> before, after = Issued(monday, "1", 0.4, 0.3, [calls]), Issued(later, "1", 0.2, 0.3, [fewer])
    >>> [(round(cause.points, 9), cause.sentence) for cause in moved(before, after, {})]
    [(-0.2, '1 call; before: 3 calls')]
    """
    if before.model_version == after.model_version:
        return _by_signal(before, after, signals)
    if same_facts is None:
        return _together(before, after)
    if same_facts.model_version == after.model_version:
        return [_model(same_facts.probability - before.probability), *_by_signal(same_facts, after, signals)]
    return [_model(after.probability - same_facts.probability), *_by_signal(before, same_facts, signals)]


def _model(points: float) -> Cause:
    return _part("model", points, "The new model weighs the same facts differently")


def _together(before: Issued, after: Issued) -> list[Cause]:
    """Two models and no score to tell them from the facts: only the average deal's part is known."""
    base = after.base - before.base
    said = f"An average deal starts at {after.base:.1%} with the new model, at {before.base:.1%} with the one before"
    rest = after.probability - before.probability - base
    return [
        _part("base", base, said),
        _part("model and facts", rest, "New model and new facts; what is due to each is not known"),
    ]


def _by_signal(before: Issued, after: Issued, signals: Mapping[str, Said]) -> list[Cause]:
    """The differences of two scores of one model."""
    was, now = _told(before, signals), _told(after, signals)
    ends = (before.base, before.probability, after.base, after.probability)
    # Certainty has no log-odds; there, points are compared as they are.
    steepness = _steepness if all(_CERTAIN < end < 1 - _CERTAIN for end in ends) else _level
    whole = steepness(before.probability, after.probability)
    scales = steepness(*ends[:2]) / whole, steepness(*ends[2:]) / whole
    causes = [
        _cause(topic, (was.get(topic), now.get(topic)), scales, (_smallest(before), _smallest(after)))
        for topic in dict.fromkeys([*now, *was])
    ]
    causes.sort(key=lambda cause: -abs(cause.points))
    if before.base != after.base:
        base = (after.base - before.base) * steepness(before.base, after.base) / whole
        causes.append(_part("base", base, "What an average deal starts at"))
    causes = [cause for cause in causes if abs(cause.points) > _NOTHING]
    # The rest is what is left, so that the sum is exact whatever was rounded on the way.
    rest = after.probability - before.probability - sum(cause.points for cause in causes)
    if abs(rest) > _NOTHING:
        causes.append(_part("rest", rest, "All other signals together"))
    return causes


def _steepness(start: float, end: float) -> float:
    """Log-odds per unit of probability on the way from one to the other."""
    if abs(end - start) < _CERTAIN:
        return 1 / (end * (1 - end))
    return (log(end / (1 - end)) - log(start / (1 - start))) / (end - start)


def _level(_start: float, _end: float) -> float:
    return 1.0


def _told(score: Issued, signals: Mapping[str, Said]) -> dict[str, Mapping[str, Any]]:
    """The reasons told one by one, by topic."""
    named = (reason for reason in score.reasons if reason["signal"] != REST)
    return {signals[name].topic if (name := reason["signal"]) in signals else name: reason for reason in named}


def _smallest(score: Issued) -> float:
    """How much a topic that was not told can have weighed at most: no more than the smallest that was."""
    has_rest = any(reason["signal"] == REST for reason in score.reasons)
    return min((abs(reason["points"]) for reason in score.reasons if reason["signal"] != REST), default=0) * has_rest


def _cause(
    topic: str,
    reasons: tuple[Mapping[str, Any] | None, Mapping[str, Any] | None],
    scales: tuple[float, float],
    pooled: tuple[float, float],
) -> Cause:
    """One topic's part, from its reasons before and after, either of which may be among the pooled rest."""
    was, now = reasons
    points = (now["points"] * scales[1] if now else 0.0) - (was["points"] * scales[0] if was else 0.0)
    off_by = pooled[1] * scales[1] if now is None else pooled[0] * scales[0] if was is None else 0.0
    told = now or was or {}
    same = was is None or now is None or was["signal"] == now["signal"]
    first, last = (reason.get("value") if reason and same else None for reason in reasons)
    return Cause("signal", topic, told["signal"], points, off_by, first, last, _sentence(was, now))


def _sentence(was: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> str:
    first, last = (_head(reason["sentence"]) if reason else "" for reason in (was, now))
    if not first:
        return f"{last}; it weighed little before"
    if not last:
        return f"Before: {_lower(first)}; that weighs little now"
    if first == last:
        return f"{last}, as before; it weighs differently beside the rest"
    return f"{last}; before: {_lower(first)}"


def _head(sentence: str) -> str:
    """What was seen, without the comparison with won deals."""
    return sentence.partition("; ")[0]


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _part(kind: Kind, points: float, sentence: str) -> Cause:
    return Cause(kind, REST if kind == "rest" else kind, "", points, 0.0, None, None, sentence)
