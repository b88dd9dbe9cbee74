"""Digests: from what a figure was computed, in sixteen letters. The same inputs give the same ones on any machine."""

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_LENGTH = 8


def row_digests(table: pd.DataFrame) -> list[str]:
    """Return a digest of each row: of its values, and of the names of the columns.

    >>> signals = pd.DataFrame({"stage": ["Demo", "Demo", "Demo"], "calls": [0.0, 1.0, -0.0]})
    >>> first, second, third = row_digests(signals)
    >>> first == third, first == second, len(first)
    (True, False, 16)
    """
    numeric = [pd.api.types.is_numeric_dtype(dtype) for dtype in table.dtypes]
    numbers = _canonical(table.loc[:, numeric])
    texts = [_encoded(table[name]) for name in table.columns[np.invert(numeric)]]
    named = hashlib.blake2b(b"".join(_encoded(table.columns.to_series())), digest_size=_LENGTH)
    found = []
    for row, *text in zip(numbers, *texts, strict=True):
        one = named.copy()
        one.update(row.tobytes())
        one.update(b"".join(text))
        found.append(one.hexdigest())
    return found


def digest(tables: Iterable[pd.DataFrame], beside: str = "") -> str:
    """Return one digest of whole tables in their order, and of what stands beside them as text.

    >>> table = pd.DataFrame({"deal_id": ["D1", None], "cents": [1.0, float("nan")]})
    >>> digest([table]) == digest([table.copy()]), digest([table]) == digest([table.iloc[:1]])
    (True, False)
    """
    found = hashlib.blake2b(beside.encode(), digest_size=_LENGTH)
    for table in tables:
        found.update(b"".join(_encoded(table.columns.to_series())))
        for name in table.columns:
            if pd.api.types.is_numeric_dtype(table[name].dtype):
                found.update(_canonical(table[[name]]).tobytes())
            else:
                found.update(b"".join(_encoded(table[name])))
    return found.hexdigest()


def _canonical(numbers: pd.DataFrame) -> NDArray[np.float64]:
    """The numbers with one zero and one NaN, in one order of bytes, row by row."""
    values = np.ascontiguousarray(numbers.to_numpy(np.float64, na_value=np.nan), "<f8") + 0.0
    values[np.isnan(values)] = np.nan
    return values


def _encoded(column: pd.Series) -> Iterator[bytes]:
    """Each value as bytes after their number, so that no two rows of texts run into the same; a missing one has -1."""
    for value in column:
        text = b"" if pd.isna(value) else str(value).encode()
        yield (-1 if pd.isna(value) else len(text)).to_bytes(4, "little", signed=True) + text
