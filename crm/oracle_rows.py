"""One row per deal and working day, and how changes of a field are laid along these rows.

Rows run from the day after a deal's creation to the last Monday on which it is known to be open (excluded), by deal,
then by day, so that whatever holds on a row is found by arithmetic and a running maximum, never by a loop over deals.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm import simulation_laws as laws
from crm.simulated_tables import STAGES
from crm.simulated_world import World
from crm.simulation_calendar import DAY_US
from crm.tables import AMOUNT, CATEGORY, CLOSE_DATE, OWNER, STAGE

_EVENING_US = 1022 * 60_000_000


@dataclass(frozen=True)
class Changes:
    """Changes of one field, by deal and time: ``first`` is each deal's first value, the rest are the later changes."""

    first: np.ndarray
    deal: np.ndarray
    day: np.ndarray
    evening: np.ndarray
    value: np.ndarray


class DealDays:
    """Where the rows of each deal lie, and how values are carried along them."""

    def __init__(self, world: World, created: np.ndarray, last: np.ndarray) -> None:
        worked = np.append(world.calendar.working, True)
        self._first, self._worked = world.first, worked
        self._before = np.cumsum(worked) - worked
        self._created, self._last = created, last
        n_rows = np.maximum(0, self._at(np.maximum(last, created + 1)) - self._at(created + 1))
        self.starts = np.cumsum(n_rows) - n_rows
        self.n_rows = int(n_rows.sum())
        self.offset = self.starts - self._at(created + 1)
        self.deal = np.repeat(np.arange(len(created)), n_rows)
        row_in_deal = np.arange(self.n_rows) - self.starts[self.deal]
        self.day = self._first + np.flatnonzero(worked)[self._at(created + 1)[self.deal] + row_in_deal]
        self._begun = n_rows > 0

    def _at(self, day: np.ndarray) -> np.ndarray:
        """Number of working days before each day."""
        return self._before[day - self._first]

    def of(self, deal: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Row of a deal on a day; -1 where there is none."""
        exists = (day > self._created[deal]) & (day < self._last[deal])
        day = np.where(exists, day, self._first)
        return np.where(exists & self._worked[day - self._first], self.offset[deal] + self._at(day), -1)

    def held(self, changes: Changes, *, morning: bool) -> np.ndarray:
        """Value in force on each row: in the morning, or in the night after the day's changes."""
        rows = self.of(changes.deal, changes.day)
        values, rows = changes.value[rows >= 0], rows[rows >= 0] + morning
        values, rows = values[rows < self.n_rows], rows[rows < self.n_rows]
        starts, first = self.starts[self._begun], changes.first[self._begun]
        held, is_set = np.zeros(self.n_rows, changes.first.dtype), np.zeros(self.n_rows, bool)
        is_set[rows] = is_set[starts] = True
        # A change on a deal's last row must not reach the next deal's morning, nor a first value undo the first day.
        for where, what in ((rows, values), (starts, first)) if morning else ((starts, first), (rows, values)):
            held[where] = what
        return held[np.maximum.accumulate(np.where(is_set, np.arange(self.n_rows), 0))]

    def spread(self, changes: Changes, among: np.ndarray, missing: float) -> np.ndarray:
        """The new value on the rows where one of the changes ``among`` took place, else ``missing``."""
        rows = self.of(changes.deal, changes.day)
        among = among & (rows >= 0)
        values = np.full(self.n_rows, missing, changes.first.dtype)
        values[rows[among]] = changes.value[among]
        return values


def read_changes(tables: dict[str, pd.DataFrame], name: str) -> Changes:
    """Changes of the field ``name``, its values as positions, day numbers or amounts; each deal has a first value."""
    changes = tables["deal_changes"]
    changes = changes[changes["field"] == name]
    deal = pd.Index(tables["deals"]["deal_id"]).get_indexer(changes["deal_id"])
    known_us = instants_us(changes["known_at"])
    order = np.lexsort((changes["seq"], instants_us(changes["changed_at"]), deal))
    deal, known_us, value = deal[order], known_us[order], _read_values(name, changes["new_value"])[order]
    is_first = np.append(True, deal[1:] != deal[:-1])
    day, clock_us = np.divmod(known_us[~is_first], DAY_US)
    return Changes(value[is_first], deal[~is_first], day, clock_us >= _EVENING_US, value[~is_first])


def instants_us(column: pd.Series) -> np.ndarray:
    """Microseconds since 1970 of instants."""
    return column.to_numpy("datetime64[us]").astype(np.int64)


def _read_values(name: str, text: pd.Series) -> np.ndarray:
    """Undo what ``crm/simulated_tables.py`` wrote."""
    if name == CLOSE_DATE:
        return text.to_numpy(object).astype("datetime64[D]").astype(np.int64)
    if name == AMOUNT:
        return text.astype(float).to_numpy()
    if name == OWNER:
        return text.str[1:].astype(int).to_numpy() - 1
    return pd.Index({STAGE: STAGES, CATEGORY: laws.CATEGORIES}[name]).get_indexer(text)
