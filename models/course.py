"""What a deal's course says: readings, which stand beside the signals as columns of a table.

Signals are the same for every scorer; readings are the scorer's own, for what a course means is learned
(``models/course_fit.py``). They are told as one reason.
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from features.declared import Declared
from features.signals import signals_of
from features.signals.declaration import Said, said

WITHIN_DAYS = 20
"""Working days ahead: four weeks."""
COURSE, TRAITS = "course", "traits"
"""Columns of ``features/pipeline.py`` that are read."""
_TOLD = {
    "course_win_rate": ("rate", "About {value} of deals that went like this one are won"),
    "course_forward_chance": ("share", "{value} of deals that went like this one move forward within four weeks"),
    "course_lost_chance": ("share", "{value} of deals that went like this one are lost within four weeks"),
    "course_lively": ("share", "By its last days it is lively, with a chance of {value}"),
    "course_dull": ("share", "By its last days it has gone quiet, with a chance of {value}"),
    "course_first_kind": ("share", "So far it goes like the deals won most often, with a chance of {value}"),
    "course_second_kind": ("share", "So far it goes like the deals won second most often, with a chance of {value}"),
    "course_third_kind": ("share", "So far it goes like the deals won third most often, with a chance of {value}"),
}
READINGS: dict[str, Said] = {
    name: said(name=name, topic="course", group="course", unit=unit, expect="depends", says=says)
    for name, (unit, says) in _TOLD.items()
}
"""Every reading by name, with its sentence."""


def sayings(declared: Declared) -> dict[str, Said]:
    """What every column that a model may look at says, by name: signals, and readings."""
    return {**signals_of(declared), **READINGS}


@dataclass(frozen=True)
class Course:
    """How to read courses: the laws of ``models/course_filter.py`` and what they imply, as plain numbers."""

    card: dict[str, Any]

    def readings(self, table: pd.DataFrame) -> pd.DataFrame:
        """What the course of each row of a table of ``features/pipeline.py`` says; columns as in ``READINGS``."""
        # numba takes a moment to import; whoever has no course to read does not wait for it.
        from models.course_filter import read

        found = read(table[COURSE].tolist(), table[TRAITS].tolist(), self.card)
        return pd.DataFrame(found, index=table.index, columns=list(READINGS))

    def read(self, table: pd.DataFrame) -> pd.DataFrame:
        """A table of ``features/pipeline.py`` with the readings beside; as it is where they are there."""
        return table if set(READINGS) <= set(table) else pd.concat([table, self.readings(table)], axis=1)
