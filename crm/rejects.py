"""The rejects: every refused row, with its file, line, column and value, and the rule it broke, in words."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pandas as pd

from crm.origins import ORIGIN, located, whole_file

REJECT_COLUMNS = ("file", "line", "column", "value", "rule")


def refused(
    rows: np.ndarray, column: str | Sequence[str] | None, values: Sequence, rules: Sequence[str]
) -> pd.DataFrame:
    """Rejects before their origin is spelled out: one row per broken rule.

    Parameters
    ----------
    rows
        The origin (``crm/origins.py``) of each refused row.
    column
        The column that broke the rule, of all rows or of each; missing where it is the row as a whole.
    values
        What the column held, one per refused row; may be missing.
    rules
        One sentence per refused row: what was found, what was needed, what to do.
    """
    return pd.DataFrame(
        {
            ORIGIN: np.asarray(rows, dtype="int64"),
            "column": pd.Series(
                [column] * len(rows) if column is None or isinstance(column, str) else list(column), dtype="str"
            ),
            "value": pd.Series([None if pd.isna(value) else str(value) for value in values], dtype="str"),
            "rule": pd.Series(list(rules), dtype="str"),
        }
    )


def refused_file(file: int, rule: str) -> pd.DataFrame:
    """One reject for a file that cannot be read, or not to its end."""
    return refused(np.array([whole_file(file)]), None, [None], [rule])


def no_rejects() -> pd.DataFrame:
    """A frame of rejects with no row."""
    return refused(np.array([], dtype="int64"), None, [], [])


def joined(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Several frames of rejects as one."""
    full = [part for part in parts if len(part)]
    return pd.concat(full, ignore_index=True) if full else no_rejects()


def spelled_out(rejects: pd.DataFrame, files: list[Path]) -> pd.DataFrame:
    """The rejects as they are written: file, line, column, value, rule; in the order of the files and their lines."""
    ordered = rejects.drop_duplicates().sort_values(ORIGIN, kind="stable", ignore_index=True)
    names, lines = located(ordered[ORIGIN].to_numpy(), files)
    return ordered.assign(file=pd.Series(names, dtype="str"), line=lines)[list(REJECT_COLUMNS)]


def write_rejects(rejects: pd.DataFrame, path: Path) -> None:
    """Write spelled out rejects as CSV; a file with a header alone says that nothing was refused."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rejects.to_csv(path, index=False, encoding="utf-8")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint made of the nearest known name, or nothing.

    >>> did_you_mean("ammount", ["amount", "owner_id"])
    ' (did you mean "amount"?)'
    >>> did_you_mean("zzz", ["amount"])
    ''
    """
    by_folded = {candidate.casefold(): candidate for candidate in known}
    near = get_close_matches(str(name).casefold(), by_folded, n=1, cutoff=0.6)
    return f' (did you mean "{by_folded[near[0]]}"?)' if near else ""
