"""Exports of a CRM, read through a mapping into the contract: rows of its tables, and facts about its deals."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from crm.blocks import Progress
from crm.brought import Brought, Piece
from crm.errors import SchemaError
from crm.export_mapping import ChangeMapping, ExportMapping, FileMapping, TableMapping
from crm.files import TABLE_SUFFIXES, CsvFormat, read_rows
from crm.kinds import INSTANT
from crm.mapped_values import Source, read_value
from crm.mapping import exported_at
from crm.mapping_parts import Format, Lookup, StageMapping, Value
from crm.origins import ORIGIN, origins
from crm.rejects import joined, refused
from crm.relations import CALLED
from crm.source_files import given_files, matching, missing_file
from crm.tables import AMOUNT, CLOSE_DATE, TABLES, Kind

_KINDS: dict[str, Kind] = {AMOUNT: "decimal", CLOSE_DATE: "date"}
_ATTRIBUTES: dict[str, Kind] = {"category": "text", "number": "number", "flag": "flag"}


def read_export(
    sources: Sequence[Path], mapping: ExportMapping, at: datetime | None, progress: Progress | None = None
) -> Brought:
    """Read the files that a mapping names.

    Parameters
    ----------
    at
        When the export was made; if missing, the mapping says, or else the time of its latest file.

    Raises
    ------
    SchemaError
        A file or a column that the mapping names is not there.
    """
    brought = Brought()
    reader = _Reader(given_files(sources), mapping, brought, progress)
    found = [(named, path) for named in mapping.files for path in reader.paths(named)]
    brought.exported_at = exported_at(mapping, at, [path for _, path in found])
    if mapping.stages:
        brought.pieces.append(stages_piece(mapping.stages, mapping.pipeline, brought))
    for named, path in found:
        _bring(named, reader.source(path, named), path, mapping, brought)
    unread = [path.name for path in reader.files if path not in brought.n_read and path.name.endswith(TABLE_SUFFIXES)]
    if unread:
        brought.warnings.append(f"Not read, as the mapping does not name them: {', '.join(unread)}.")
    return brought


def stages_piece(stages: Sequence[StageMapping], pipeline: str, brought: Brought) -> Piece:
    """The stages a mapping lists, as rows of the table ``stages``; their positions count from 1."""
    path = Path("the mapping")
    number = brought.number(path)
    rows = pd.DataFrame(
        {
            "pipeline_id": pd.Series([pipeline] * len(stages), dtype="str"),
            "stage": pd.Series([stage.stage for stage in stages], dtype="str"),
            "position": np.arange(1, len(stages) + 1),
            "category": pd.Series([stage.category for stage in stages], dtype="str"),
            "default_probability": pd.Series([stage.default_probability for stage in stages], dtype="float64"),
            ORIGIN: origins(number, np.arange(1, len(stages) + 1)),
        }
    )
    return Piece("stages", rows, path)


class _Reader:
    """Reads each file once, for the tables it feeds and for lookups in it."""

    def __init__(self, files: list[Path], mapping: ExportMapping, brought: Brought, progress: Progress | None) -> None:
        self.files, self.mapping, self.brought, self.progress = files, mapping, brought, progress
        self._rows: dict[Path, pd.DataFrame] = {}
        self._taken: dict[Lookup, pd.Series] = {}

    def paths(self, named: FileMapping) -> list[Path]:
        """The files meant by one entry of the mapping."""
        found = matching(self.files, named.file)
        if not found and not named.optional:
            raise missing_file(self.files, named.file)
        return found

    def source(self, path: Path, written: Format) -> Source:
        """The rows of a file, with what is needed to read values from them."""
        if path not in self._rows:
            number = self.brought.number(path)
            read = read_rows(path, number, CsvFormat(written.encoding, written.delimiter), self.progress)
            self._rows[path] = read.rows
            self.brought.n_read[path] = read.n_read
            self.brought.rejects.append(read.rejects)
            self.brought.warnings.extend(read.warnings)
        return Source(self._rows[path], written, str(path), self.look_up)

    def look_up(self, lookup: Lookup) -> pd.Series:
        """Column ``take`` of the other file, by its column ``match``."""
        if lookup not in self._taken:
            paths = matching(self.files, lookup.file)
            if not paths:
                raise missing_file(self.files, lookup.file)
            written = next(
                (named for named in self.mapping.files if paths[0] in matching(self.files, named.file)), None
            )
            other = self.source(paths[0], written or Format())
            taken = pd.Series(other.text(lookup.take).to_numpy(), index=other.text(lookup.match).to_numpy())
            if twice := sorted(set(taken.index[taken.index.duplicated()].dropna())):
                raise SchemaError(
                    f"{paths[0]}: column {lookup.match} holds {', '.join(twice[:3])} more than once, "
                    "so values cannot be looked up by it; keep one row for each."
                )
            self._taken[lookup] = taken[taken.index.notna()]
        return self._taken[lookup]


def _bring(named: FileMapping, source: Source, path: Path, mapping: ExportMapping, brought: Brought) -> None:
    """Add what one file feeds to what the import brings."""
    if list(source.rows) == [ORIGIN]:
        return  # empty; its reject says so
    for table in named.tables:
        brought.pieces.append(_piece(table, source, path, mapping, brought))
    for order, change in enumerate(named.changes):
        brought.facts.append(_facts(change, order, named, source, path, brought))


def _piece(table: TableMapping, source: Source, path: Path, mapping: ExportMapping, brought: Brought) -> Piece:
    columns: dict[str, pd.Series] = {}
    for name, value in table.columns.items():
        columns[name], rejects = read_value(value, TABLES[table.table].column(name).kind, source)
        if value.otherwise == "export":
            unread = source.rows[ORIGIN].isin(joined(rejects)[ORIGIN])
            columns[name] = columns[name].mask(columns[name].isna() & ~unread, brought.exported_at).astype(INSTANT)
            brought.first_seen = True
        brought.rejects.extend(rejects)
    rows = pd.DataFrame(columns, index=source.rows.index)
    if table.attributes:
        rows["attributes"], rejects = _attributes(table, source)
        brought.rejects.extend(rejects)
    rows = _implied(table.table, rows, mapping).assign(**{ORIGIN: source.rows[ORIGIN]})
    if table.distinct:
        key = list(TABLES[table.table].key)
        rows = rows.dropna(subset=key).drop_duplicates([name for name in rows if name != ORIGIN])
    named = {name: value.column for name, value in table.columns.items() if value.column}
    return Piece(table.table, rows, path, named)


def _implied(table: str, rows: pd.DataFrame, mapping: ExportMapping) -> pd.DataFrame:
    """Fill in what the mapping says once for all rows, or what follows from another column."""
    if table == "deals":
        absent = {"pipeline_id": mapping.pipeline, "currency": mapping.currency}
        return rows.assign(**{name: value for name, value in absent.items() if name not in rows})
    if table == "interactions" and "known_at" not in rows:
        return rows.assign(known_at=rows["occurred_at"])
    if table == "users" and "active" not in rows:
        return rows.assign(active="true")
    if table == "user_changes":
        implied = rows.assign(seq=0, known_at=rows["changed_at"])
        return implied.assign(**{name: rows[name] for name in rows})
    return rows


def _attributes(table: TableMapping, source: Source) -> tuple[pd.Series, list[pd.DataFrame]]:
    """The attributes of each deal as one JSON document; what is missing is left out of it."""
    values: dict[str, list] = {}
    rejects: list[pd.DataFrame] = []
    for name, value in table.attributes.items():
        read, bad = read_value(value, _ATTRIBUTES[value.type], source)
        rejects.extend(bad)
        if value.type == "number":
            read = pd.to_numeric(read)
        elif value.type == "flag":
            read = read.str.lower().map({"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False})
        values[name] = read.astype(object).where(read.notna(), None).tolist()
    documents = [
        json.dumps({name: value for name, value in zip(values, row, strict=True) if value is not None})
        for row in zip(*values.values(), strict=True)
    ]
    return pd.Series(documents, index=source.rows.index, dtype="str"), rejects


def _facts(
    change: ChangeMapping, order: int, named: FileMapping, source: Source, path: Path, brought: Brought
) -> Piece:
    """One fact per line: a deal's field held a value, from the deal's creation, a date, or the export on."""
    by = change.deal_id or (named.deals.columns["deal_id"] if named.deals else None)
    if by is None:  # the mapping was checked for this when it was read
        raise SchemaError(f"{path}: the change of {change.field} names no deal.")
    deal, _ = read_value(by, "text", source)
    value, rejects = read_value(change.value, _KINDS.get(change.field, "text"), source)
    person = read_value(change.changed_by, "text", source)[0] if change.changed_by else None
    rows = pd.DataFrame({"deal_id": deal, "field": change.field, "new_value": value, "seq": order})
    rows = rows.assign(changed_at=pd.Series(pd.NaT, index=rows.index, dtype=INSTANT), changed_by=person)
    rows = rows.assign(at=change.at if isinstance(change.at, str) else "date", first=change.first)
    rows[ORIGIN] = source.rows[ORIGIN]
    rows[CALLED["new_value"]] = change.value.column
    rows[CALLED["changed_at"]] = change.at.column if isinstance(change.at, Value) else None
    happened = _when(change, source)
    if not isinstance(change.at, str):
        rows["changed_at"], undated = read_value(change.at, "instant", source)
        rejects += [*undated, *_never_dated(change, rows, happened, source)]
        happened &= rows["changed_at"].notna()
    if change.at != "export":
        happened &= value.notna()
    brought.rejects.extend(reject[reject[ORIGIN].isin(rows.loc[_when(change, source), ORIGIN])] for reject in rejects)
    return Piece("deal_changes", rows[happened], path, {"new_value": change.value.column or change.field})


def _when(change: ChangeMapping, source: Source) -> pd.Series:
    """The lines that the change is on."""
    held = pd.Series(True, index=source.rows.index)
    for name, wanted in change.when.items():
        held &= source.text(name).isin(wanted)
    return held


def _never_dated(change: ChangeMapping, rows: pd.DataFrame, held: pd.Series, source: Source) -> Iterator[pd.DataFrame]:
    """Lines that say that something happened, but not when; without ``when``, no date means that it did not happen."""
    if change.when and not isinstance(change.at, str) and change.at.column:
        bad = held & source.text(change.at.column).isna()
        said = " and ".join(change.when)
        rule = (
            f"{change.at.column} is missing; {said} on this line says that {change.field} changed, so it needs the date"
        )
        yield refused(
            rows.loc[bad, ORIGIN].to_numpy(), change.at.column, [None] * int(bad.sum()), [rule] * int(bad.sum())
        )
