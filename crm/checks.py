"""The contract as checks: a pandera schema per table, made from ``crm/tables.py``; good rows pass, the rest is refused.

Rules that need other tables (a deal that is known, a stage of its pipeline) are in ``crm/relations.py``.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
import pandera.pandas as pa

from crm.currencies import CURRENCIES
from crm.errors import SchemaError
from crm.kinds import parsed
from crm.origins import ORIGIN
from crm.rejects import did_you_mean, joined, no_rejects, refused
from crm.tables import TABLES, Column

_NOT_NULL = "not_nullable"


@dataclass(frozen=True)
class Checked:
    """The rows of one table that keep the contract, in its dtypes, and a reject for every rule that others break."""

    rows: pd.DataFrame
    rejects: pd.DataFrame
    n_repeated: int = 0


def checked(table: str, rows: pd.DataFrame, file: str, named: Mapping[str, str] | None = None) -> Checked:
    """Check rows of one table column by column.

    Parameters
    ----------
    table
        Its name in the contract.
    rows
        One row per row of the table, with the contract's column names and ``_origin``; text, or
        typed as Parquet types it. Columns the contract does not know are left out.
    file
        What the rows were read from, for the error when a column is missing.
    named
        What the file calls a column, where that differs from the contract's name.

    Raises
    ------
    SchemaError
        A required column is not there.

    Examples
    --------
    >>> rows = pd.DataFrame({"account_id": ["A1", None], "name": ["Acme", "Bolt"], "_origin": [2, 3]})
    >>> checked("accounts", rows, "accounts.csv").rejects["rule"].tolist()
    ['account_id is missing; every row of accounts needs one']
    """
    _require_columns(table, rows, file)
    rows, named = rows.reset_index(drop=True), named or {}
    values: dict[str, pd.Series] = {}
    unread: dict[str, np.ndarray] = {}
    found = [no_rejects()]
    for column in TABLES[table].columns:
        if column.name in rows:
            raw = rows[column.name]
            read = parsed(raw, column.kind)
            values[column.name], unread[column.name] = read.values, read.bad
            called, sentences = named.get(column.name, column.name), read.sentences(column.name, raw)
            found.append(refused(rows[ORIGIN].to_numpy()[read.bad], called, raw[read.bad].tolist(), sentences))
    frame = pd.DataFrame({**values, ORIGIN: rows[ORIGIN]})
    found.extend(_broken_rules(table, frame, rows, unread, named))
    rejects = joined(found)
    good = frame[~frame[ORIGIN].isin(rejects[ORIGIN])] if len(rejects) else frame
    return Checked(_contract_dtypes(table, good), rejects)


def unique_keys(table: str, rows: pd.DataFrame) -> Checked:
    """Keep the first row of every key: a word-for-word repetition is folded into it, a contradiction is refused."""
    key = list(TABLES[table].key)
    later = rows.duplicated(key)
    if not later.any():
        return Checked(rows, no_rejects())
    repeated = rows.duplicated([name for name in rows if name != ORIGIN])
    contrary = (later & ~repeated).to_numpy()
    ids = [", ".join(map(str, values)) for values in rows.loc[contrary, key].itertuples(index=False)]
    what = " + ".join(key)
    rules = [
        f'{what} "{value}" was given before with other values; the first row is kept, give each its own'
        for value in ids
    ]
    rejects = refused(rows[ORIGIN].to_numpy()[contrary], key[0], rows.loc[contrary, key[0]].tolist(), rules)
    return Checked(rows[~later], rejects, int((later & repeated).sum()))


def _require_columns(table: str, rows: pd.DataFrame, file: str) -> None:
    present = [name for name in rows if name != ORIGIN]
    lacking = [column.name for column in TABLES[table].columns if column.required and column.name not in rows]
    if lacking:
        names = ", ".join(f'"{name}"{did_you_mean(name, present)}' for name in lacking)
        has = ", ".join(map(str, present)) or "no columns"
        raise SchemaError(
            f"{file} lacks {names}, which every row of {table} needs; it has {has}. "
            "Rename the column, or say in a mapping file which one it is."
        )


def _broken_rules(
    table: str, frame: pd.DataFrame, raw: pd.DataFrame, unread: Mapping[str, np.ndarray], named: Mapping[str, str]
) -> Iterator[pd.DataFrame]:
    """One reject per value that breaks a rule of its column; values that could not be read were refused already."""
    try:
        _schema(table, tuple(unread)).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
    else:
        return
    for (column, rule), group in cases.groupby(["column", "check"], sort=False):
        positions = group["index"].to_numpy(dtype="int64")
        positions = positions[~unread[column][positions]]
        values = raw[column].iloc[positions].tolist()
        sentences = [_sentence(table, column, value, rule) for value in values]
        yield refused(frame[ORIGIN].to_numpy()[positions], named.get(column, column), values, sentences)


def _sentence(table: str, column: str, value: object, rule: str) -> str:
    if rule == _NOT_NULL:
        return f"{column} is missing; every row of {table} needs one"
    return f'{column} "{value}" {rule}{did_you_mean(str(value), TABLES[table].column(column).choices)}'


@cache
def _schema(table: str, columns: tuple[str, ...]) -> pa.DataFrameSchema:
    """The rules of those columns; their dtypes are settled already (``crm/kinds.py``)."""
    declared = [TABLES[table].column(name) for name in columns]
    return pa.DataFrameSchema(
        {column.name: pa.Column(nullable=not column.required, checks=_checks(column)) for column in declared}
    )


def _checks(column: Column) -> list[pa.Check]:
    checks = []
    if column.choices:
        checks.append(pa.Check.isin(column.choices, error=f"is not one of {', '.join(column.choices)}"))
    if column.minimum is not None:
        checks.append(
            pa.Check.ge(column.minimum, error=f"is below {column.minimum:g}; it must be {column.minimum:g} or more")
        )
    if column.maximum is not None:
        checks.append(
            pa.Check.le(column.maximum, error=f"is above {column.maximum:g}; it must be {column.maximum:g} or less")
        )
    if column.name in ("currency", "quote_currency"):
        checks.append(pa.Check.isin(CURRENCIES, error="is not a currency of ISO 4217; write EUR, USD or another code"))
    if column.name == "attributes":
        checks.append(
            pa.Check(_are_attributes, error='is not a JSON object of text, numbers and flags; write {"size": 12}')
        )
    return checks


def _are_attributes(values: pd.Series) -> pd.Series:
    return values.map({text: _is_attributes(text) for text in values.unique()})


def _is_attributes(text: str) -> bool:
    try:
        document = json.loads(text, parse_constant=_no_constant)
    except (ValueError, TypeError):
        return False
    return isinstance(document, dict) and all(
        value is None or isinstance(value, str | int | float) for value in document.values()
    )


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _contract_dtypes(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Whole numbers and flags leave the dtypes that can hold missing values, now that none is missing."""
    plain = {"integer": "int64", "flag": "bool"}
    dtypes = {column.name: plain[column.kind] for column in TABLES[table].columns if column.kind in plain}
    return frame.astype({name: dtype for name, dtype in dtypes.items() if name in frame})
