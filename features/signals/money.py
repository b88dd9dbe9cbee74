"""Money: the amount, how it changed, and how it compares with what this owner and this kind of customer buy."""

import numpy as np

from features.facts import FloatColumn
from features.histories import in_effect_before
from features.signals.declaration import signal
from features.snapshots import Snapshots


@signal(
    topic="amount",
    group="money",
    unit="in the reporting currency",
    expect="depends",
    says="The amount is {value}; {typical} in deals won from this stage",
    says_none="The amount is not known",
)
def amount(at: Snapshots) -> FloatColumn:
    """Amount in the reporting currency at the last rate before each snapshot; NaN where not known."""
    return at.amount


@signal(
    topic="amount changes",
    group="money",
    unit="changes",
    expect="depends",
    says="{value} of the amount so far; {typical} in deals won from this stage",
)
def amount_changes(at: Snapshots) -> FloatColumn:
    """How often the amount was changed after it was first set."""
    return np.maximum(at.changes(at.histories.amount).count() - 1, 0)


@signal(
    topic="amount changes",
    group="money",
    unit="share",
    expect="more is better",
    says="The amount is {value} of the first; {typical} in deals won from this stage",
    says_none="The amount is not known",
)
def amount_vs_first(at: Snapshots) -> FloatColumn:
    """Amount over the first amount known; NaN where there is none or the first was not positive."""
    return _ratio(at.amount, at.first_amount)


@signal(
    topic="amount changes",
    group="money",
    unit="share",
    expect="more is better",
    says="The last change made the amount {value} of what it was; {typical} in deals won from this stage",
    says_none="The amount has not changed, or is not known",
)
def amount_vs_last(at: Snapshots) -> FloatColumn:
    """Amount over the one that it last took the place of; NaN where there is none or that was not positive."""
    facts = at.histories.amount
    now = at.in_effect(facts)
    before = np.append(in_effect_before(facts), -1)[now]
    return _ratio(at.value(facts, now), at.value(facts, before))


@signal(
    topic="amount",
    group="money",
    unit="share",
    expect="depends",
    says="The amount is {value} of what customers of this size usually buy; {typical} in deals won from this stage",
    says_none="The amount, or what customers of this size usually buy, is not known yet",
)
def amount_vs_size(at: Snapshots) -> FloatColumn:
    """Amount over the geometric mean of first amounts at accounts of the same size, as known then."""
    return _ratio(at.amount, at.norms.typical_amount("size", at.static("size"), at.moments))


@signal(
    topic="amount",
    group="money",
    unit="share",
    expect="depends",
    says="The amount is {value} of what this owner usually sells; {typical} in deals won from this stage",
    says_none="The amount, or what this owner usually sells, is not known yet",
)
def amount_vs_owner(at: Snapshots) -> FloatColumn:
    """Amount over the geometric mean of first amounts of the same owner's deals, as known then."""
    return _ratio(at.amount, at.norms.typical_amount("owner", at.owner, at.moments))


def _ratio(amount: FloatColumn, reference: FloatColumn) -> FloatColumn:
    return np.divide(amount, reference, out=np.full(len(amount), np.nan), where=reference > 0)
