"""The tables of the contract as the store's databases hold them, made from ``crm/tables.py``."""

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import TEXT
from sqlalchemy.types import TypeEngine

from crm import tables
from crm.errors import StoreError
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
_INDEXED = (
    ("interactions", "deal_id"),
    ("interactions", "known_at"),
    ("deal_changes", "known_at"),
    ("scores", "as_of"),
)

BATCH = "appended_batch"
"""A ledger's own column, not in the contract: numbers the calls of ``append``, so that the last issued can be told."""


def is_required(table: tables.Table, column: tables.Column) -> bool:
    """Tell whether the store refuses a missing value: a required column, or part of the key."""
    return column.required or column.name in table.key


def stored(name: str) -> Table:
    """Return the table called ``name`` as it is stored; raises ``StoreError`` when the contract has none."""
    if name not in METADATA.tables:
        raise StoreError(f"There is no table {name!r}; the tables are {', '.join(TABLES)}.")
    return METADATA.tables[name]


def staging(name: str, columns: tuple[str, ...]) -> Table:
    """Return a temporary table that takes in rows of ``name`` before they are compared with what is stored."""
    plain = [Column(column, _TYPES[TABLES[name].column(column).kind]) for column in columns]
    return Table(f"staging_{name}", MetaData(), *plain, prefixes=["TEMPORARY"])


def _metadata() -> MetaData:
    """Every table of the contract; SQLite keeps the rows themselves in the order of the key."""
    metadata = MetaData()
    for name, table in TABLES.items():
        ledgers_own = [Column(BATCH, BigInteger, nullable=False)] if name in LEDGERS else []
        made = Table(name, metadata, *_columns(table), *ledgers_own, sqlite_with_rowid=False)
        for column in (column for indexed, column in _INDEXED if indexed == name):
            Index(f"{name}_by_{column}", made.c[column])
    return metadata


def _columns(table: tables.Table) -> list[Column]:
    """The columns of the key first, in its order: the order in which the database sorts by them."""
    key = [table.column(name) for name in table.key]
    rest = [column for column in table.columns if column not in key]
    return [
        Column(column.name, _TYPES[column.kind], primary_key=column in key, nullable=not is_required(table, column))
        for column in key + rest
    ]


METADATA = _metadata()
