"""From Arrow columns to the numbers that the kernel reads; pandas frames are taken for Arrow, without a copy."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import DTypeLike, NDArray

from crm.store_rows import ARROW_TYPES
from crm.tables import TABLES
from features.facts import FloatColumn, IntColumn

Tables = Mapping[str, pa.Table | pd.DataFrame]
"""Contract tables by name, each as Arrow or as a frame."""


def arrow(tables: Tables, name: str) -> pa.Table:
    """A table of the contract as Arrow, in the contract's types; a column that is absent is missing throughout."""
    given = tables[name]
    present = given.column_names if isinstance(given, pa.Table) else given.columns
    columns = {
        column.name: _typed(given[column.name], ARROW_TYPES[column.kind])
        if column.name in present
        else pa.chunked_array([pa.nulls(len(given), ARROW_TYPES[column.kind])])
        for column in TABLES[name].columns
    }
    return pa.table(columns)


def _typed(values: pa.ChunkedArray | pd.Series, kind: pa.DataType) -> pa.ChunkedArray:
    if isinstance(values, pd.Series):
        values = pa.chunked_array([_of_series(values)])
    # A short string and a long one are looked up alike; casting millions of them would copy for nothing.
    alike = pa.types.is_large_string(kind) and pa.types.is_string(values.type)
    return values if alike or values.type == kind else values.cast(kind)


def _of_series(values: pd.Series) -> pa.Array:
    if not isinstance(values.dtype, pd.DatetimeTZDtype):
        return pa.array(values, from_pandas=True)
    # pyarrow's own way asks pandas for something that it is about to change.
    return pa.array(values.dt.tz_convert(None).to_numpy()).cast(pa.timestamp("us", tz="UTC"))


def codes(values: Any, names: Sequence[str] | pa.Array, kind: DTypeLike = np.int64) -> NDArray:
    """The place of each value in ``names``; -1 for a missing or an unknown one. ``kind`` is the type of the numbers.

    >>> codes(pa.array(["email", None, "fax"]), ["call", "email"]).tolist()
    [1, -1, -1]
    """
    column = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, pa.large_string())
    if not len(names):
        return np.full(len(column), -1, kind)
    text = column.type if pa.types.is_string(column.type) else pa.large_string()
    known = names if isinstance(names, pa.Array) else pa.array(names, text)
    found = pc.index_in(column.cast(text), known.cast(text))
    return pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(kind)


def numbered(values: pa.ChunkedArray) -> tuple[NDArray[np.int32], pa.Array]:
    """A number for each distinct value, in the order in which they first come, -1 for a missing one; and the values."""
    found = pc.dictionary_encode(values.combine_chunks())
    return pc.fill_null(found.indices, -1).to_numpy(zero_copy_only=False), found.dictionary


def microseconds(instants: pa.ChunkedArray | pd.Series) -> IntColumn:
    """Instants as whole microseconds since 1970 UTC."""
    return _typed(instants, pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()


def numbers(texts: pa.ChunkedArray) -> FloatColumn:
    """Numbers of texts that hold them; NaN where missing or where a text is no number."""
    try:
        return pc.cast(texts, pa.float64()).to_numpy()
    except pa.ArrowInvalid:  # a custom field may hold anything
        return pd.to_numeric(texts.to_pandas(), errors="coerce").to_numpy(np.float64)


def day_numbers(dates: pa.ChunkedArray) -> FloatColumn:
    """Days since 1970 of dates ``YYYY-MM-DD``; NaN where missing."""
    return pc.cast(pc.cast(dates, pa.date32()).cast(pa.int32()), pa.float64()).to_numpy()
