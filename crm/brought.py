"""What an import brings, before it is checked: rows per table, facts about deals, and what was wrong with the files."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pandas as pd


@dataclass(frozen=True)
class Piece:
    """Rows of one table from one file, in contract column names.

    ``named`` says what the file calls the columns; ``n_unreadable`` counts its lines that are no rows at all.
    """

    table: str
    rows: pd.DataFrame
    file: Path
    named: dict[str, str] = field(default_factory=dict)
    n_unreadable: int = 0


@dataclass
class Brought:
    """Everything the sources hold, in terms of the contract.

    Attributes
    ----------
    files
        In the order of their numbers in the rows' origins.
    n_read
        Rows read, by file.
    facts
        Pieces of ``deal_changes`` that still lack ``seq`` and ``old_value`` (``crm/history.py``).
    exported_at
        When the present that the facts may tell was exported.
    first_seen
        Whether deals without a creation date are taken to begin at the export, so that the store may know better.
    whole_history
        Whether the facts are all there is, rather than something to compare with the store.
    """

    files: list[Path] = field(default_factory=list)
    n_read: dict[Path, int] = field(default_factory=dict)
    pieces: list[Piece] = field(default_factory=list)
    facts: list[Piece] = field(default_factory=list)
    rejects: list[pd.DataFrame] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    exported_at: datetime | None = None
    first_seen: bool = False
    whole_history: bool = False

    def number(self, path: Path) -> int:
        """Enter a file and return its number."""
        self.files.append(path)
        return len(self.files) - 1
