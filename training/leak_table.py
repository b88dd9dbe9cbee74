"""The verdict on every column of a file, for whoever is about to declare columns as signals."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from crm.errors import SchemaError
from crm.rejects import did_you_mean
from training.column_power import column_power, highest_honest_auc
from training.leaks import REMEDY, find_leaks


def read_columns(
    path: Path, *, outcome: str, won: str, still_open: Collection[str] = (), delimiter: str = ","
) -> tuple[pd.DataFrame, pd.Series]:
    """The columns of a CSV file beside the outcome, and how each deal ended.

    Only an empty cell is missing: words such as "None" are values.

    Parameters
    ----------
    outcome : name of the column that says how a deal ended
    won : its value on deals that were won
    still_open : its values on deals that are open; so are those without a value, and all others are lost

    Returns
    -------
    columns, won
        One row per line; ``won`` is 1 won, 0 lost, NaN still open.

    Raises
    ------
    SchemaError
        The file cannot be read, lacks the column or a value for open deals, or shows no won or no lost deal.
    """
    try:
        table = pd.read_csv(
            path, sep=delimiter, keep_default_na=False, na_values=[""], dtype={outcome: "str"}, encoding="utf-8-sig"
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise SchemaError(
            f"{path} cannot be read as CSV in UTF-8 with {delimiter!r} between values: {error}"
        ) from error
    if outcome not in table:
        hint = did_you_mean(outcome, map(str, table.columns))
        raise SchemaError(
            f'{path} lacks the column "{outcome}"{hint}; name the one that says how a deal ended with --outcome, '
            f"and what stands between values, if not {delimiter!r}, with --delimiter"
        )
    ended = table.pop(outcome).str.strip()
    if strange := [value for value in still_open if value not in set(ended.dropna())]:
        hint = did_you_mean(strange[0], ended.dropna().unique())
        raise SchemaError(
            f'{path} has no deal of which "{outcome}" says "{strange[0]}"{hint}; correct it, or leave that --open out'
        )
    result = (ended == won).astype(np.float64).mask(ended.isin(["", *still_open]) | ended.isna())
    if result.dropna().nunique() < 2:
        found = ", ".join(f'"{value}"' for value in ended.value_counts().index[:5])
        raise SchemaError(
            f'{path} needs deals that were won and deals that were lost; "{outcome}" holds {found or "nothing"}, '
            f'"{won}" was given with --won, and with --open: {", ".join(still_open) or "nothing"}'
        )
    return table, result


def verdicts(columns: pd.DataFrame, won: pd.Series) -> pd.DataFrame:
    """Name, AUC on its own, and verdict of every column; an empty verdict where nothing speaks against it."""
    leaks, closed = find_leaks(columns, won), won.notna().to_numpy()
    ended = won[closed].to_numpy(np.float64)
    return pd.DataFrame(
        {
            "column": [str(name) for name in columns],
            "auc": [column_power(column[closed], ended) for _, column in columns.items()],
            "verdict": ["; and it ".join(leak.why for leak in leaks if leak.column == str(name)) for name in columns],
        }
    )


def render_verdicts(found: pd.DataFrame, won: pd.Series) -> RenderableType:
    """The verdicts for a terminal, to be printed with rich, with what they rest on."""
    table = Table("column", "AUC alone", "verdict", box=None)
    table.columns[1].justify = "right"
    for row in found.itertuples(index=False):
        verdict = Text(f"refused: it {row.verdict}", style="red") if row.verdict else Text("nothing against it")
        table.add_row(Text(row.column), f"{row.auc:.2f}", verdict)
    ended = won.dropna().to_numpy(np.float64)
    n_open = len(won) - len(ended)
    limit = highest_honest_auc(ended)
    notes = [
        f"{len(ended):,} closed deals, {n_open:,} open. A column known before the closing has {limit:.2f} at most."
    ]
    if limit >= 1:
        notes = [f"{len(ended):,} closed deals, {n_open:,} open: too few closed ones to judge a column by its AUC."]
    if not n_open:
        notes.append("Without open deals nothing can be told from what is filled only once a deal closes.")
    if (found["verdict"] != "").any():
        notes.append(f"Of each refused column: {REMEDY}.")
    return Group(table, Text("\n".join(notes)))
