"""What an import did, or in a dry run would do: the counts, the warnings, where the rejects are."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

_SHOWN_ROWS = 3
_SHOWN_REJECTS = 10


@dataclass(frozen=True)
class TableCounts:
    """Rows of one table: read, refused, folded into an equal row, fit to load; and what writing them did.

    ``new``, ``changed`` and ``same`` are 0 in a dry run. Rows of ``deal_changes`` made by comparing an
    export with the store count as read when they are a fact of the export, as loadable only when they differ.
    """

    read: int = 0
    refused: int = 0
    repeated: int = 0
    good: int = 0
    new: int = 0
    changed: int = 0
    same: int = 0


@dataclass(frozen=True)
class ImportReport:
    """The outcome of one import.

    Attributes
    ----------
    files
        Rows read, by file; events for an event log.
    tables
        Counts by table.
    rejects
        Every refused row: file, line, column, value, rule; also written to ``rejects_path``.
    first_rows
        The first rows of each table as they load; in a dry run only.
    """

    files: dict[str, int]
    tables: dict[str, TableCounts]
    rejects: pd.DataFrame
    rejects_path: Path
    warnings: tuple[str, ...]
    dry_run: bool
    first_rows: dict[str, pd.DataFrame]

    @property
    def nothing_was_fit(self) -> bool:
        """Whether something was refused and no row of the files is fit to load."""
        return len(self.rejects) > 0 and all(one.read <= one.refused for one in self.tables.values())


def render_report(report: ImportReport) -> RenderableType:
    """The report for a terminal, to be printed with rich."""
    parts: list[RenderableType] = [_files(report), _counts(report)]
    for name, rows in report.first_rows.items():
        parts.append(_frame(rows.head(_SHOWN_ROWS), f"first rows of {name}"))
    parts.extend(Text(f"warning: {warning}", style="yellow") for warning in report.warnings)
    if len(report.rejects):
        parts.append(_frame(report.rejects.head(_SHOWN_REJECTS), "refused"))
        parts.append(Text(f"{len(report.rejects):,} rejects, each with its rule: {report.rejects_path}", style="bold"))
    else:
        parts.append(Text("Nothing was refused."))
    if report.dry_run:
        parts.append(Text("Dry run: nothing was written to the store.", style="bold"))
    return Group(*parts)


def _files(report: ImportReport) -> Text:
    return Text("\n".join(f"{rows:,} rows read from {name}" for name, rows in report.files.items()))


def _counts(report: ImportReport) -> Table:
    outcome = ("to load",) if report.dry_run else ("new", "changed", "same")
    table = Table("table", *("read", "refused", "repeated", *outcome), box=None)
    for name, counts in report.tables.items():
        done = (counts.good,) if report.dry_run else (counts.new, counts.changed, counts.same)
        table.add_row(name, *(f"{count:,}" for count in (counts.read, counts.refused, counts.repeated, *done)))
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _frame(rows: pd.DataFrame, title: str) -> Table:
    table = Table(*map(str, rows.columns), title=title, title_justify="left", box=None)
    for row in rows.itertuples(index=False):
        table.add_row(*("" if pd.isna(value) else str(value) for value in row))
    return table
