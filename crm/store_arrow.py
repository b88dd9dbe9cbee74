"""Bulk reads of the store as Arrow, through ADBC: whole columns out of the database, no Python value for each cell."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
from adbc_driver_postgresql import dbapi as postgres
from adbc_driver_sqlite import dbapi as sqlite
from psycopg.conninfo import make_conninfo
from sqlalchemy import CompoundSelect, Engine, Select, literal_column, null, select, union_all
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.engine import Dialect

from crm.one_sqlite import turns_of
from crm.store_engine import POSTGRES_OPTIONS, WAIT_S
from crm.store_rows import schema_of
from crm.store_tables import stored
from crm.tables import TABLES

# In rows. More is not faster, and the driver sets as much aside for each column of the smallest table.
_SQLITE_BATCH = {"adbc.sqlite.query.batch_rows": "65536"}


def read_arrow(engine: Engine, queries: Iterable[tuple[str, Select]]) -> dict[str, pa.Table] | None:
    """Answer queries as of one moment, in the contract's Arrow types, over a connection of their own.

    None where that cannot be: this process has the SQLite file open otherwise (``crm/one_sqlite.py``).

    Parameters
    ----------
    queries
        Each with the name of the table it reads: it selects columns of that table, ordered by key.
    """
    # Both drivers begin a transaction when they connect; the first SELECT in it fixes the moment.
    if engine.dialect.name == "sqlite":
        database = str(engine.url.database)
        address = f"{Path(database).absolute().as_uri()}?mode=ro"
        with turns_of(database).adbc() as may:
            if not may:
                return None
            with sqlite.connect(address) as connection:
                _run(connection, f"PRAGMA busy_timeout = {WAIT_S * 1000}")
                return {name: _sqlite_answer(connection, name, query) for name, query in queries}
    with postgres.connect(_conninfo(engine)) as connection:
        _run(connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return {name: _postgres_answer(connection, name, query) for name, query in queries}


def _sqlite_answer(connection: Any, name: str, query: Select) -> pa.Table:
    with connection.cursor(adbc_stmt_kwargs=_SQLITE_BATCH) as cursor:
        _execute(cursor, _typed(name, query), SQLiteDialect(paramstyle="qmark"))
        return _fetched(cursor, _schema(name, query)).slice(1)


def _postgres_answer(connection: Any, name: str, query: Select) -> pa.Table:
    with connection.cursor() as cursor:
        _execute(cursor, query, PGDialect(paramstyle="numeric_dollar"))
        return _fetched(cursor, _schema(name, query))


def _typed(name: str, query: Select) -> CompoundSelect:
    """The query's rows after one of our own with a value of the right type in every column that may be missing.

    SQLite's driver takes types from the values of the first batch: a column that is missing there
    becomes int64, and the first text after it an error. Our row is first because its key is missing.
    """
    key = TABLES[name].key
    selected = set(query.selected_columns.keys())
    query = query.add_columns(*(stored(name).c[column] for column in key if column not in selected))
    types = schema_of(name, query.selected_columns.keys())
    examples = [null() if field.name in key else literal_column(_example(field.type)) for field in types]
    ours = select(*(example.label(field.name) for example, field in zip(examples, types, strict=True)))
    return union_all(ours, query.order_by(None)).order_by(*key)


def _example(kind: pa.DataType) -> str:
    if pa.types.is_large_string(kind):
        return "''"
    return "0.0" if pa.types.is_floating(kind) else "0"


def _schema(name: str, query: Select) -> pa.Schema:
    return schema_of(name, query.selected_columns.keys())


def _execute(cursor: Any, query: Select | CompoundSelect, dialect: Dialect) -> None:
    compiled: Any = query.compile(dialect=dialect)
    values = [compiled.params[name] for name in compiled.positiontup or ()]
    cursor.execute(str(compiled), values or None)


def _fetched(cursor: Any, schema: pa.Schema) -> pa.Table:
    # Each batch is cast as it comes, so that a big table is never held in two types.
    batches = [batch.select(schema.names).cast(schema) for batch in cursor.fetch_record_batch()]
    return pa.Table.from_batches(batches, schema)


def _run(connection: Any, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _conninfo(engine: Engine) -> str:
    """The store's URL as SQLAlchemy understands it, in the words of PostgreSQL's own library."""
    arguments, options = engine.dialect.create_connect_args(engine.url)
    options.pop("context", None)  # psycopg's own
    return make_conninfo(*arguments, **{**options, **POSTGRES_OPTIONS})
