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

    >>> located(origins(1, np.array([1, 7])), [Path("deals.csv"), Path("users.csv")])[1].tolist()
    [1, 7]
    """
    return (np.int64(file) << _LINE_BITS) | lines.astype(np.int64)


def whole_file(file: int) -> int:
    """The origin that stands for a file as a whole."""
    return file << _LINE_BITS


def located(values: np.ndarray, files: list[Path]) -> tuple[list[str], pd.Series]:
    """The file's name and the line of each origin; the line is missing where the whole file is meant."""
    numbers, lines = values >> _LINE_BITS, values & _LINE_MASK
    line = pd.Series(lines, dtype="Int64")
    return [str(files[number]) for number in numbers], line.mask(line == 0)
