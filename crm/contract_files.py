"""Files that are in the contract already: each named after its table, each column after the contract's."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from crm.blocks import Progress
from crm.brought import Brought, Piece
from crm.errors import SchemaError
from crm.files import TABLE_SUFFIXES, read_rows
from crm.origins import ORIGIN
from crm.rejects import did_you_mean
from crm.source_files import last_written
from crm.tables import LEDGERS, TABLES

_IMPORTED = tuple(name for name in TABLES if name not in LEDGERS)


def read_contract_files(
    sources: Sequence[Path], exported_at: datetime | None = None, progress: Progress | None = None
) -> Brought:
    """Read files such as ``deals.csv`` or ``interactions/part-0.parquet``, given by name or with their folder.

    They tell the present of users as of ``exported_at``, or where that is missing as of when the latest was written.

    Raises
    ------
    SchemaError
        A source is not there, is named after no table, or no file of the contract is among them.
    """
    brought = Brought()
    for path, table in _found(sources, brought.warnings):
        number = brought.number(path)
        read = read_rows(path, number, progress=progress)
        brought.n_read[path] = read.n_read
        brought.rejects.append(read.rejects)
        brought.warnings.extend(read.warnings)
        unknown = [name for name in read.rows if name not in (*TABLES[table].names, ORIGIN)]
        if unknown:
            names = ", ".join(f'"{name}"{did_you_mean(name, TABLES[table].names)}' for name in unknown)
            brought.warnings.append(f"{path}: {names} not read, as {table} has no such column.")
        if list(read.rows) != [ORIGIN]:  # a file with nothing in it has no header to check
            brought.pieces.append(Piece(table, read.rows, path, n_unreadable=read.n_unreadable))
    if not brought.files:
        where = ", ".join(map(str, sources))
        raise SchemaError(
            f"{where} holds no table; name files after tables ({', '.join(_IMPORTED)}), or use a mapping."
        )
    brought.exported_at = exported_at or last_written(brought.files)
    return brought


def _found(sources: Sequence[Path], warnings: list[str]) -> Iterator[tuple[Path, str]]:
    for source in sources:
        if source.is_dir():
            yield from _in_folder(source, warnings)
        elif source.exists():
            yield source, _table_of(source)
        else:
            raise SchemaError(f"{source} is not there; name a folder or a file of CSV or Parquet.")


def _in_folder(folder: Path, warnings: list[str]) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.iterdir()):
        table = stem(path)
        if path.is_dir() and table in _IMPORTED:
            yield from ((part, table) for part in sorted(path.iterdir()) if part.name.endswith(TABLE_SUFFIXES))
        elif table in _IMPORTED and path.name.endswith(TABLE_SUFFIXES):
            yield path, table
        elif path.is_dir() or path.name.endswith(TABLE_SUFFIXES):
            warnings.append(f"{path} not read: it is named after no table{did_you_mean(table, _IMPORTED)}.")


def _table_of(path: Path) -> str:
    """The table a file is named after, or else its folder."""
    if not path.name.endswith(TABLE_SUFFIXES):
        raise SchemaError(f"{path} is neither CSV nor Parquet; its name must end in {', '.join(TABLE_SUFFIXES)}.")
    for name in (stem(path), path.parent.name):
        if name in _IMPORTED:
            return name
    tables = ", ".join(_IMPORTED)
    hint = did_you_mean(stem(path), _IMPORTED)
    raise SchemaError(
        f"{path} is named after no table{hint}; rename it to one of {tables}, or say what it is in a mapping."
    )


def stem(path: Path) -> str:
    """A file's name without what says how it is written.

    >>> stem(Path("exports/deals.csv.gz"))
    'deals'
    """
    return path.name.split(".")[0]
