"""Where a row came from: the file and the line, carried through the import as one number a row."""

from pathlib import Path

import numpy as np
import pandas as pd

ORIGIN = "_origin"
"""The column that holds it, in every frame between reading and writing."""

# 40 bits for the line: more lines than any file has, and 2^23 files still fit beside it in an int64.
_LINE_BITS = 40
_LINE_MASK = (1 << _LINE_BITS) - 1


def origins(file: int, lines: np.ndarray) -> np.ndarray:
    """The origin of each line of one file; line 0 means the file as a whole.

    >>> lines_of(origins(1, np.array([1, 7]))).tolist()
    [1, 7]
    """
    return (np.int64(file) << _LINE_BITS) | lines.astype(np.int64)


def whole_file(file: int) -> int:
    """The origin that stands for a file as a whole."""
    return file << _LINE_BITS


def lines_of(values: np.ndarray) -> pd.Series:
    """The line of each origin; missing where the whole file is meant."""
    line = pd.Series(values & _LINE_MASK, dtype="Int64")
    return line.mask(line == 0)


def located(values: np.ndarray, files: list[Path]) -> tuple[list[str], pd.Series]:
    """The file's name and the line of each origin; the line is missing where the whole file is meant."""
    return [str(files[number]) for number in values >> _LINE_BITS], lines_of(values)
