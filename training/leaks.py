"""Columns of users' own that tell how a deal ended, not what was known of it before.

Four rules, each by itself enough: the column tells the outcome too well, its values appear only once a deal closes,
it has no history before the closing, or its name says so. Such a column makes every figure look good and every
score of an open deal wrong, so it is refused unless somebody declares that it was known when the deal was created.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from crm.errors import LeakError
from features.facts import FloatColumn
from training.column_power import column_power, highest_honest_auc
from training.late_values import filled_once_closed, without_history
from training.leaking_names import telling_name

Rule = Literal["no history", "filled once closed", "power", "name"]

REMEDY = (
    "if it was known when the deal was created, declare `known_at_creation: true` for it in the signals file; "
    "otherwise leave it out"
)


@dataclass(frozen=True)
class Leak:
    """One reason to refuse one column; ``why`` goes on from the column's name."""

    column: str
    rule: Rule
    why: str

    @property
    def sentence(self) -> str:
        """Column, what was found, and what to do."""
        return f'"{self.column}" {self.why}; {REMEDY}.'


def find_leaks(
    columns: pd.DataFrame,
    won: pd.Series,
    *,
    history: pd.DataFrame | None = None,
    overruled: Collection[str] = frozenset(),
) -> list[Leak]:
    """Every reason to refuse a column, in the order of the columns.

    Parameters
    ----------
    columns : DataFrame, one row per deal
        What a deal has in each column: text, numbers, flags or instants.
    won
        1 won, 0 lost, missing while open; one per row of ``columns``, in its order. Without open deals nothing can be
        told from which deals are filled.
    history
        As ``late_first_values`` gives it, for columns that are fields with a history.
    overruled
        Names of columns that were declared to be known at creation; nothing is said of them.

    >>> won = pd.Series([1.0, 0.0] * 40)
    >>> columns = pd.DataFrame({"seats": range(80), "lost_reason": ["", "price"] * 40})
    >>> [(leak.column, leak.rule) for leak in find_leaks(columns, won)]
    [('lost_reason', 'power'), ('lost_reason', 'name')]
    >>> find_leaks(columns, won, overruled={"lost_reason"})
    []
    """
    outcome = pd.to_numeric(won).to_numpy(np.float64, na_value=np.nan)
    return [
        Leak(str(name), rule, why)
        for name, column in columns.items()
        if name not in overruled
        for rule, why in _found(str(name), column.reset_index(drop=True), outcome, history)
        if why
    ]


def refuse(leaks: Collection[Leak]) -> None:
    """Raise ``LeakError`` where there are leaks; its text has a line for each column, and what to do."""
    if not leaks:
        return
    whys: dict[str, list[str]] = {}
    for leak in leaks:
        whys.setdefault(leak.column, []).append(leak.why)
    lines = [f'  "{column}" {"; and it ".join(found)}.' for column, found in whys.items()]
    number = "1 column tells" if len(whys) == 1 else f"{len(whys):,} columns tell"
    head = f"{number} how deals ended, not what was known of them before; of each: {REMEDY}."
    raise LeakError("\n".join([head, *lines]))


def _found(
    name: str, column: pd.Series, won: FloatColumn, history: pd.DataFrame | None
) -> Iterator[tuple[Rule, str | None]]:
    if history is not None and name in history.index:
        n_values, n_late = history.loc[name, ["n_values", "n_late"]]
        yield "no history", without_history(int(n_values), int(n_late))
    yield "filled once closed", filled_once_closed(column, won)
    yield "power", _too_powerful(column, won)
    yield "name", telling_name(name)


def _too_powerful(column: pd.Series, won: FloatColumn) -> str | None:
    closed = ~np.isnan(won)
    auc, highest = column_power(column[closed], won[closed]), highest_honest_auc(won[closed])
    if not auc > highest:
        return None
    return (
        f"tells won from lost by itself with an AUC of {auc:.2f} on {closed.sum():,} closed deals, where a column "
        f"known before the closing has {highest:.2f} at most"
    )
