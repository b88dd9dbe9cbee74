"""The tables of the contract as the store's databases hold them, made from ``crm/tables.py``."""

from functools import cache

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import TEXT
from sqlalchemy.types import TypeEngine

from crm import tables
from crm.tables import LEDGERS, TABLES, Kind

# Byte order in both databases, so that "ordered by key" means the same whatever the server's language is.
_TEXT = Text().with_variant(TEXT(collation="C"), "postgresql")
_TYPES: dict[Kind, TypeEngine] = {
    "text": _TEXT,
    "instant": BigInteger(),
    "date": _TEXT,
    "decimal": _TEXT,
    "number": Double(),
    "integer": BigInteger(),
    "flag": Boolean(),
    "json": _TEXT,
}

BATCH = "appended_batch"
"""A ledger's own column, not in the contract: numbers the calls of ``append``, so that the last issued can be told."""


def is_required(table: tables.Table, column: tables.Column) -> bool:
    """Tell whether the store refuses a missing value: a required column, or part of the key."""
    return column.required or column.name in table.key


@cache
def stored(name: str) -> Table:
    """Return the table called ``name`` as it is stored, its rows kept in the order of its key."""
    table = TABLES[name]
    columns = [
        Column(
            column.name,
            _TYPES[column.kind],
            primary_key=column.name in table.key,
            nullable=not is_required(table, column),
        )
        for column in sorted(
            table.columns, key=lambda column: table.key.index(column.name) if column.name in table.key else 99
        )
    ]
    if name in LEDGERS:
        columns.append(Column(BATCH, BigInteger, nullable=False))
    made = Table(name, METADATA, *columns, sqlite_with_rowid=False)
    for column_name in _INDEXED.get(name, ()):
        Index(f"{name}_by_{column_name}", made.c[column_name])
    return made


def staging(name: str, columns: tuple[str, ...]) -> Table:
    """Return a temporary table that takes in rows of ``name`` before they are compared with what is stored."""
    plain = [Column(column, _TYPES[TABLES[name].column(column).kind]) for column in columns]
    return Table(f"staging_{name}", MetaData(), *plain, prefixes=["TEMPORARY"])


METADATA = MetaData()
_INDEXED = {"interactions": ("deal_id",), "scores": ("as_of",), "deals": ("account_id",)}
for _name in TABLES:
    stored(_name)
