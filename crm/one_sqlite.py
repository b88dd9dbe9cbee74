"""One copy of SQLite at a time: Python's own and that of ADBC never have the same file open together in a process.

Locks on a file belong to the process, and closing the file anywhere lets go of all of them (POSIX). Two copies of the
library do not know of each other: each would take the file for its own, and cut away what the other has mapped into
memory ("How To Corrupt An SQLite Database File", 2.2.1, sqlite.org). Other processes are kept apart by SQLite itself.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Turns:
    """How many connections of each copy have a file open."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._n_python = self._n_adbc = 0

    def open_python(self, wait_s: float) -> None:
        """Wait until ADBC has closed the file; raises ``sqlite3.OperationalError`` after ``wait_s``."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._n_adbc, wait_s):
                raise sqlite3.OperationalError("database is locked by a bulk read of this process")
            self._n_python += 1

    def close_python(self) -> None:
        """A connection of Python's copy is closed."""
        with self._changed:
            self._n_python -= 1

    @contextmanager
    def adbc(self) -> Iterator[bool]:
        """Whether ADBC may open the file; while it does, Python's copy waits."""
        with self._changed:
            may = not self._n_python
            self._n_adbc += may
        try:
            yield may
        finally:
            with self._changed:
                self._n_adbc -= may
                self._changed.notify_all()


class CountedConnection(sqlite3.Connection):
    """A connection of Python's own copy that takes its turn when it opens; for ``sqlite3.connect(factory=...)``."""

    def __init__(self, database: str, timeout: float = 5.0, **more: Any) -> None:
        self._turns: Turns | None = None
        turns = turns_of(database)
        turns.open_python(timeout)
        try:
            super().__init__(database, timeout=timeout, **more)
        except BaseException:
            turns.close_python()
            raise
        self._turns = turns

    def close(self) -> None:
        """Close, and let the other copy have its turn."""
        super().close()
        turns, self._turns = self._turns, None
        if turns is not None:
            turns.close_python()


def turns_of(database: str | Path) -> Turns:
    """The turns of a file, however its path is written."""
    with _finding:
        return _turns.setdefault(str(Path(database).resolve()), Turns())


_turns: dict[str, Turns] = {}
_finding = threading.Lock()
