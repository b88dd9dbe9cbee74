"""Reasons: what each signal adds to or takes from a score, in probability, as sentences.

Contributions are exact and additive in log-odds. They are carried over to probability with one factor per
deal, ``(p - base) / (log-odds(p) - log-odds(base))``, so that base + all reasons = score holds exactly,
and every reason keeps its sign and its share.
"""

from dataclasses import dataclass
from math import isnan

import numpy as np
import pandas as pd

from features.facts import FloatColumn
from features.signals.declaration import Said
from models.arithmetic import probability
from models.course import sayings
from models.probability import ProbabilityModel

TOP = 8
"""Reasons kept one by one; the small rest is pooled, so that the sum stays exact."""


@dataclass(frozen=True)
class Reason:
    """One reason: ``points`` is in probability (0.08 is eight percentage points), ``value`` in the signal's unit."""

    signal: str
    group: str
    value: float | None
    typical: float | None
    points: float
    sentence: str


def points(base: FloatColumn | float, added: FloatColumn) -> tuple[FloatColumn, FloatColumn]:
    """Carry log-odds over to probability.

    Parameters
    ----------
    base : array of shape (n,), log-odds; or one for all
    added : array of shape (n, n_signals), log-odds

    Returns
    -------
    base : array of shape (n,), probability
    added : array of shape (n, n_signals); base + row sum = probability of the summed log-odds
    """
    base = np.broadcast_to(np.asarray(base, np.float64), len(added))
    start = probability(base)
    total = added.sum(axis=1)
    moved = probability(base + total) - start
    factor = np.divide(moved, total, out=start * (1 - start), where=np.abs(total) > 1e-12)
    return start, added * factor[:, None]


def reasons(model: ProbabilityModel, snapshots: pd.DataFrame) -> tuple[FloatColumn, list[list[Reason]]]:
    """Base probability and reasons of every snapshot, the largest first; they sum to the score."""
    base, added = model.contributions(snapshots)
    start, shares = points(base, added)
    values = snapshots[list(model.signals)].to_numpy(np.float64)
    known = sayings(model.declared)
    if model.is_rate and known[model.stage_signal].unit == "rate":
        # The stage's own rate decides here, which may come from what the CRM states, not from past deals.
        values[:, model.signals.index(model.stage_signal)] = model.predict(snapshots)
    signals = [known[name] for name in model.signals]
    topics = [signal.topic for signal in signals]
    members = [[i for i, other in enumerate(topics) if other == topic] for topic in dict.fromkeys(topics)]
    # Summed for all rows at once, then told from plain numbers: one row at a time would take as long as the sentences.
    # Added column by column: numpy would add up a deal alone in another order than many.
    totals = np.stack([sum(shares[:, place] for place in places) for places in members], axis=1)
    typical = (model.typical.get(stage, {}) for stage in snapshots["stage"])
    rows = zip(values.tolist(), shares.tolist(), totals.tolist(), typical, strict=True)
    return start, [_of_one(signals, members, *row) for row in rows]


def _of_one(
    signals: list[Said],
    members: list[list[int]],
    values: list[float],
    shares: list[float],
    totals: list[float],
    typical: dict[str, float],
) -> list[Reason]:
    """Reasons of one snapshot: one per topic, told by its strongest signal."""
    ranked = sorted((topic for topic, total in enumerate(totals) if total), key=lambda topic: -abs(totals[topic]))
    found = []
    for topic in ranked[:TOP]:
        choose = max if totals[topic] > 0 else min
        strongest = choose(members[topic], key=shares.__getitem__)
        found.append(_reason(signals[strongest], values[strongest], typical, totals[topic]))
    rest = sum(totals[topic] for topic in ranked[TOP:])
    if rest:
        found.append(Reason("other", "other", None, None, rest, "All other signals together"))
    return found


def _reason(signal: Said, value: float, typical: dict[str, float], share: float) -> Reason:
    usual = typical.get(signal.name, float("nan"))
    sentence = signal.sentence(value, usual)
    return Reason(signal.name, signal.group, _or_none(value), _or_none(usual), share, sentence)


def _or_none(value: float) -> float | None:
    return None if isnan(value) else round(value, 6)


def as_documents(found: list[list[Reason]]) -> list[list[dict[str, object]]]:
    """Reasons as plain data, ready for JSON."""
    return [[dict(vars(reason)) for reason in of_one] for of_one in found]
