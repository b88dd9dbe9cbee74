"""Reading tables from files: CSV (gzipped too) and Parquet, each row with its line, as far as the file can be read."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from crm.blocks import Blocks, Progress, lines
from crm.csv_records import Feed, records
from crm.errors import SchemaError
from crm.origins import ORIGIN, lines_of, origins
from crm.rejects import joined, no_rejects, refused, refused_file

TABLE_SUFFIXES = (".csv", ".csv.gz", ".parquet")
_DELIMITERS = (",", ";", "\t", "|")
_ROWS_PER_CHUNK = 50_000


@dataclass(frozen=True)
class CsvFormat:
    """How a CSV file is written; what is missing is found out from the file."""

    encoding: str | None = None
    delimiter: str | None = None


@dataclass(frozen=True)
class FileRows:
    """What a file held: its rows (text where it is CSV) with their origin, what was refused, what is worth saying."""

    rows: pd.DataFrame
    rejects: pd.DataFrame
    warnings: tuple[str, ...] = ()

    @property
    def n_unreadable(self) -> int:
        """Lines that are no rows; a reject of the file as a whole is none of them."""
        return int(lines_of(self.rejects[ORIGIN].to_numpy()).notna().sum())

    @property
    def n_read(self) -> int:
        """Rows in the file, refused ones included."""
        return len(self.rows) + self.n_unreadable


def read_rows(path: Path, file: int, written: CsvFormat | None = None, progress: Progress | None = None) -> FileRows:
    """Read the rows of a CSV or Parquet file; ``file`` is its number in their origins.

    Raises
    ------
    SchemaError
        The file cannot be opened, its bytes are not in the encoding named, or its header is unusable.
    """
    if path.suffix == ".parquet":
        return _read_parquet(path, file)
    return _CsvFile(path, file, written or CsvFormat()).read(progress)


class _CsvFile:
    """One pass over one CSV file: collects columns chunk by chunk, and the lines that are no rows."""

    def __init__(self, path: Path, file: int, written: CsvFormat) -> None:
        self.path, self.file, self.written = path, file, written
        self.bad: list[tuple[int, str, str]] = []
        self.chunks: list[pa.Table] = []
        self.rows: list[list[str]] = []
        self.numbers: list[int] = []

    def read(self, progress: Progress | None) -> FileRows:
        blocks = Blocks(self.path, progress)
        feed = Feed(lines(blocks, self.written.encoding))
        names = self._header(feed)
        if names is None:
            rule = f"{blocks.damage or 'the file is empty'}, not even a header line was found; export it again"
            return FileRows(pd.DataFrame({ORIGIN: np.array([], dtype="int64")}), refused_file(self.file, rule))
        for number, fields in records(feed, self.delimiter, len(names)):
            if isinstance(fields, str):
                self.bad.append((number, feed.first, fields))
            elif any(fields):
                if len(self.rows) == _ROWS_PER_CHUNK:
                    self._keep(names)
                self.rows.append(fields)
                self.numbers.append(number)
        warnings = self._end(feed, blocks.damage)
        self._keep(names)
        return FileRows(self._frame(), self._rejects(blocks.damage, feed.number), warnings)

    def _header(self, feed: Feed) -> list[str] | None:
        first = next((line for line in feed if line.strip()), None)
        if first is None:
            return None
        self.delimiter = self.written.delimiter or max(_DELIMITERS, key=first.count)
        names = [name.strip() for name in next(csv.reader([first], delimiter=self.delimiter))]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SchemaError(
                f"{self.path} has more than one column {', '.join(map(repr, twice))}; rename or drop one."
            )
        return names

    def _end(self, feed: Feed, damage: str | None) -> tuple[str, ...]:
        """Say what an unfinished last line means: refused where something is surely lost, else a warning."""
        if feed.last.endswith(("\n", "\r")) or not self.numbers or self.numbers[-1] != feed.started:
            return ()
        if not damage:
            return (f"{self.path}: the last line has no line end; if the file was cut there, its last value is too.",)
        self.rows.pop()
        self.bad.append((self.numbers.pop(), feed.first, "the file ends in the middle of this line; export it again"))
        return ()

    def _keep(self, names: list[str]) -> None:
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(names)
        arrays = [pa.array(values, pa.large_string()) for values in columns]
        filled = [pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.large_string()), values) for values in arrays]
        line = pa.array(origins(self.file, np.array(self.numbers, dtype="int64")))
        self.chunks.append(pa.table([*filled, line], names=[*names, ORIGIN]))
        self.rows, self.numbers = [], []

    def _frame(self) -> pd.DataFrame:
        return pa.concat_tables(self.chunks).to_pandas()

    def _rejects(self, damage: str | None, last: int) -> pd.DataFrame:
        rows = np.array([line for line, _, _ in self.bad], dtype="int64")
        texts = [text.rstrip("\r\n")[:200] for _, text, _ in self.bad]
        bad = refused(origins(self.file, rows), None, texts, [rule for _, _, rule in self.bad])
        if not damage:
            return bad
        rule = f"the file cannot be read to its end: {damage}; what came after line {last} is lost, export it again"
        return joined([bad, refused_file(self.file, rule)])


def _read_parquet(path: Path, file: int) -> FileRows:
    """Row group by row group, so that a damaged one loses its own rows only."""
    try:
        source = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        if not path.exists() or path.is_dir():
            raise SchemaError(f"{path} cannot be read: {error}.") from error
        what = "the file is empty" if path.stat().st_size == 0 else "the file is damaged or ends in the middle"
        rule = f"{what}, and Parquet cannot be read without its end; export it again"
        return FileRows(pd.DataFrame({ORIGIN: np.array([], dtype="int64")}), refused_file(file, rule))
    parts, bad, row = [], [no_rejects()], 0
    for group in range(source.num_row_groups):
        n_rows = source.metadata.row_group(group).num_rows
        lines_ = origins(file, np.arange(row + 1, row + n_rows + 1))
        row += n_rows
        try:
            parts.append(source.read_row_group(group, use_threads=False).append_column(ORIGIN, pa.array(lines_)))
        except (pa.ArrowException, OSError):
            rule = f"rows {row - n_rows + 1} to {row} are damaged and cannot be read; export the file again"
            bad.append(refused(lines_[:1], None, [None], [rule]))
    table = (
        pa.concat_tables(parts)
        if parts
        else source.schema_arrow.empty_table().append_column(ORIGIN, pa.array([], pa.int64()))
    )
    return FileRows(_readable(table).to_pandas(ignore_metadata=True), joined(bad))


def _readable(table: pa.Table) -> pa.Table:
    """Types that pandas holds as Python objects, or would round, as text; dictionaries as what they stand for."""
    for position, field in enumerate(table.schema):
        column = table.column(position)
        if pa.types.is_dictionary(field.type):
            column = column.cast(field.type.value_type)
        rounded = pa.types.is_integer(column.type) and column.null_count > 0
        if rounded or pa.types.is_date(column.type) or pa.types.is_decimal(column.type):
            column = column.cast(pa.string())
        table = table.set_column(position, field.name, column)
    return table
