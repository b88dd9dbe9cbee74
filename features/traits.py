"""What sort of deal each one is, in words: a line for each trait, such as ``source: referral``.

As a column of a table it goes wherever signals go, for models to whom names say more than the rates behind them.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from features.declared import CATEGORY, FLAG
from features.facts import DAY, BoolColumn, FloatColumn, IntColumn
from features.histories import Histories, in_effect_before, in_force, took_effect
from features.snapshots import Snapshots
from features.vocabulary import STATIC

WEEKS_AHEAD = (1, 2, 3, 4, 6, 8, 10, 13, 17, 26)
"""Steps in which is told how many weeks ahead a close date is set."""
FIRST_OWNER, LATER_OWNER = "owner: ", "later owner: "
_NAMED = tuple(name for name in STATIC if name != "account")


def traits(snapshots: Snapshots) -> NDArray[np.object_]:
    """The traits of each snapshot's deal, as known then, joined by line ends: ``str``, shape (n_snapshots,).

    What was known at its creation, where it is known: declared categories and flags, and how far ahead its first close
    date lay; then its owners in turn.
    """
    histories, owner = snapshots.histories, snapshots.histories.owner
    texts = histories.once("traits", lambda: _texts(histories))
    last = owner.before(snapshots.deal, snapshots.at) - 1
    has_owner = last >= owner.start[snapshots.deal]
    return texts[np.where(has_owner, len(histories) + last, snapshots.deal)]


def weeks_ahead(date: FloatColumn, at: IntColumn) -> IntColumn:
    """Step of ``WEEKS_AHEAD`` in which a date, in days since 1970, lies after an instant: 0 before the first."""
    return np.searchsorted(WEEKS_AHEAD, (date - at // DAY) / 7, side="right")


def takes_over(histories: Histories) -> BoolColumn:
    """Whether each change of owner put another owner in place than the one before."""
    facts = histories.owner
    before, value = in_effect_before(facts), facts.columns["value"]
    effective = took_effect(facts)
    return effective & ((before < 0) | (value != value[before])) if len(facts) else effective


def _texts(histories: Histories) -> NDArray[np.object_]:
    """Of each deal without an owner, then of each once each change of owner is known."""
    columns = [*_columns(histories), _first_close_dates(histories)]
    found = ["\n".join(filter(None, lines)) for lines in zip(*columns, strict=True)]
    facts, names = histories.owner, [*map(_on_one_line, histories.vocabulary.names["owner"]), ""]
    changes = zip(facts.group.tolist(), facts.columns["value"].tolist(), takes_over(histories).tolist(), strict=True)
    deal_before = -1
    for deal, owner, is_other in changes:
        is_first = deal != deal_before
        text = found[deal] if is_first else found[-1]
        found.append(f"{text}\n{FIRST_OWNER if is_first else LATER_OWNER}{names[owner]}" if is_other else text)
        deal_before = deal
    return np.array([*found, ""], object)[:-1]


def _on_one_line(value: str) -> str:
    """A value as a line can hold it: else what stands after a line end would pass for another trait."""
    return value.replace("\n", " ")


def _columns(histories: Histories) -> Iterator[list[str]]:
    vocabulary = histories.vocabulary
    declared = vocabulary.declared.of("attribute")
    for name in (*_NAMED, *(one.key for one in declared if one.type == CATEGORY)):
        lines = [*(f"{name}: {_on_one_line(value)}" for value in vocabulary.names[name]), ""]
        yield [lines[number] for number in histories.static[name].tolist()]
    for one in (one for one in declared if one.type == FLAG):
        lines_of = {1.0: f"{one.key}: yes", 0.0: f"{one.key}: no"}
        yield [lines_of.get(value, "") for value in histories.static[one.key].tolist()]


def _first_close_dates(histories: Histories) -> list[str]:
    """The step in which each deal's close date lay ahead at its creation, if it was set by then."""
    spans = zip((0, *WEEKS_AHEAD), (*(str(weeks) for weeks in WEEKS_AHEAD), "more"), strict=True)
    lines = [*(f"first close date: {low} to {high} weeks ahead" for low, high in spans), ""]
    created_at = histories.created_at
    date = in_force(histories.close_date, "value", np.arange(len(created_at)), created_at + 1).astype(np.float64)
    is_set = np.isfinite(date) & (date >= 0)
    return [lines[step] for step in np.where(is_set, weeks_ahead(date, created_at), -1).tolist()]
