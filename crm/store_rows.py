"""Between frames and the rows of a database: tuples of plain Python values, in and out, column by column."""

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm.errors import StoreError
from crm.store_tables import is_required
from crm.tables import TABLES, Column, Kind

ARROW_TYPES: dict[Kind, pa.DataType] = {
    "text": pa.large_string(),
    "instant": pa.timestamp("us", tz="UTC"),
    "date": pa.large_string(),
    "decimal": pa.large_string(),
    "number": pa.float64(),
    "integer": pa.int64(),
    "flag": pa.bool_(),
    "json": pa.large_string(),
}
"""How each kind of the contract is held in Arrow."""


def rows_of(name: str, frame: pd.DataFrame) -> tuple[tuple[str, ...], list[tuple]]:
    """Return the columns of ``frame`` that table ``name`` has, in the contract's order, and its rows as tuples.

    Raises
    ------
    StoreError
        A column is unknown, a needed one is absent or holds missing values, a value is not
        of its column's kind, or two rows have the same key.
    """
    table = TABLES[name]
    _check_names(name, frame)
    columns = tuple(column for column in table.columns if column.name in frame.columns)
    values = [_plain(name, column, frame[column.name]) for column in columns]
    _check_keys(name, frame)
    return tuple(column.name for column in columns), list(zip(*values, strict=True))


def schema_of(name: str, columns: Sequence[str]) -> pa.Schema:
    """Return the Arrow types of these columns of table ``name``."""
    return pa.schema([(column, ARROW_TYPES[TABLES[name].column(column).kind]) for column in columns])


def frame_of(name: str, batches: Iterable[Sequence[Sequence[Any]]]) -> pd.DataFrame:
    """Return rows of table ``name``, in batches, as one frame with every column of the contract and its dtypes."""
    return table_of(schema_of(name, TABLES[name].names), batches).to_pandas()


def table_of(schema: pa.Schema, batches: Iterable[Sequence[Sequence[Any]]]) -> pa.Table:
    """Return rows, in batches, as one Arrow table of ``schema``."""
    # Batch by batch into Arrow, so that the Python values of a big table never exist all at once.
    parts = [
        pa.record_batch(
            [pa.array(values, kind) for values, kind in zip(zip(*rows, strict=True), schema.types, strict=True)], schema
        )
        for rows in batches
    ]
    return pa.Table.from_batches(parts, schema)


def no_such_columns(name: str, unknown: Sequence[str]) -> StoreError:
    """Return the error that tells which columns table ``name`` does not have, and which it has."""
    has = ", ".join(TABLES[name].names)
    return StoreError(f"{name} has no column {', '.join(map(repr, unknown))}; its columns are {has}.")


def _check_names(name: str, frame: pd.DataFrame) -> None:
    table = TABLES[name]
    unknown = [str(column) for column in frame.columns if column not in table.names]
    if unknown:
        raise no_such_columns(name, unknown)
    absent = [
        column.name for column in table.columns if is_required(table, column) and column.name not in frame.columns
    ]
    if absent:
        raise StoreError(f"{name} lacks {', '.join(map(repr, absent))}, which every row needs; add it before writing.")


def _check_keys(name: str, frame: pd.DataFrame) -> None:
    key = list(TABLES[name].key)
    twice = frame.duplicated(key)
    if twice.any():
        first = ", ".join(f"{column}={frame.loc[twice, column].iloc[0]}" for column in key)
        raise StoreError(
            f"{name}: {int(twice.sum())} rows repeat the key of another row ({first});"
            f" keep one row per {' + '.join(key)}."
        )


def _plain(name: str, column: Column, values: pd.Series) -> list:
    """One column as plain Python values, missing ones as ``None``."""
    missing = values.isna()
    if missing.any() and is_required(TABLES[name], column):
        raise StoreError(
            f"{name}: {int(missing.sum())} rows have no {column.name}, which every row needs; fill it before writing."
        )
    try:
        if column.kind == "instant":
            return values.dt.tz_convert("UTC").dt.as_unit("us").astype("int64").tolist()
        if column.kind in ("number", "integer", "flag"):
            plain = values.astype({"number": "float64", "integer": "int64", "flag": "bool"}[column.kind]).astype(object)
            return plain.where(~missing, None).tolist()
        texts = pa.array(values, pa.large_string(), from_pandas=True)
        if pc.any(pc.match_substring(texts, "\x00")).as_py():
            raise ValueError("some hold a NUL character, which PostgreSQL cannot keep")
        return texts.to_pylist()
    except (AttributeError, TypeError, ValueError, pa.ArrowException) as error:
        raise StoreError(f"{name}.{column.name} is to hold {column.kind} values, but {error}.") from error
