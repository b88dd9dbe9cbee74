"""The store: every table of the contract behind one small interface, in SQLite or, by changing one URL, in PostgreSQL.

One writer at a time. SQLite gives that with ``BEGIN IMMEDIATE``; PostgreSQL with an advisory lock. So the counts of
new, changed and same rows are exact, and several processes may write without losing or blocking each other for good.
"""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Engine,
    Executable,
    Insert,
    Table,
    Text,
    and_,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite

from crm.errors import StoreError
from crm.store_engine import prepared_engine, sentence, writing
from crm.store_rows import frame_of, rows_of
from crm.store_tables import BATCH, staging, stored
from crm.tables import LEDGERS, TABLES

_ROWS_PER_BATCH = 50_000


@dataclass(frozen=True)
class Written:
    """How many of the rows handed to ``Store.write`` were new, changed a stored row, or said what it says."""

    new: int
    changed: int
    same: int


def open_store(url: str) -> "Store":
    """Open the store at ``url``, making its folder and its tables where they are missing.

    Parameters
    ----------
    url
        ``sqlite:///path/to/file.db`` or ``postgresql://user:password@host/database``.

    Raises
    ------
    StoreError
        The kind of URL is unknown, the file is not a database, the folder cannot be written, the
        server does not answer, or the tables were made by another version.

    Examples
    --------
    >>> import tempfile
    >>> store = open_store(f"sqlite:///{tempfile.mkdtemp()}/plumbline.db")
    >>> store.write("accounts", pd.DataFrame({"account_id": ["A1"], "name": ["Acme"]}))
    Written(new=1, changed=0, same=0)
    >>> store.read("accounts")["name"].tolist()
    ['Acme']
    >>> store.close()
    """
    return Store(prepared_engine(url))


class Store:
    """The tables of the contract in one database; made by ``open_store``, safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._one_writer = threading.RLock()
        self._mine = threading.local()

    def write(self, table: str, rows: pd.DataFrame) -> Written:
        """Insert rows, or update those whose key is stored already; writing twice changes nothing.

        Parameters
        ----------
        rows
            In the contract's dtypes. A column that is absent is left as it is in stored rows
            and is missing in new ones; a missing *value* overwrites.
        """
        if table in LEDGERS:
            raise StoreError(f"{table} is a ledger: its rows are never changed; use append.")
        if rows.empty:
            return Written(0, 0, 0)
        target = stored(table)
        with self._staged(table, rows) as (connection, source):
            known = connection.scalar(select(func.count()).select_from(source).where(_same_key(target, source))) or 0
            touched = _rows_touched(connection, _upsert(connection, target, source))
        new = len(rows) - known
        return Written(new, touched - new, len(rows) - touched)

    def append(self, table: str, rows: pd.DataFrame) -> int:
        """Insert the rows whose key is not stored yet and return how many; stored rows are never touched."""
        if rows.empty:
            return 0
        target = stored(table)
        with self._staged(table, rows) as (connection, source):
            more = [_next_batch(connection, target)] if table in LEDGERS else []
            names = [column.name for column in source.c] + [BATCH] * len(more)
            new = select(*source.c, *more).where(~_same_key(target, source)).order_by(*_key(source, table))
            return _rows_touched(connection, target.insert().from_select(names, new))

    def read(self, table: str, *, deal_ids: Sequence[str] | None = None) -> pd.DataFrame:
        """Return a table with every column of the contract, ordered by key; of these deals only, where given."""
        target = stored(table)
        if deal_ids is None:
            return self._frame(table, true())
        if "deal_id" not in target.c:
            raise StoreError(f"{table} has no deal_id, so it cannot be read by deal; read it whole.")
        return self._frame(table, self._among(target.c.deal_id, deal_ids))

    def read_all(self) -> dict[str, pd.DataFrame]:
        """Return every table but the ledgers, as of one moment, by name."""
        with self._reading() as connection:
            return {name: _read(connection, name, true()) for name in TABLES if name not in LEDGERS}

    def latest_scores(self, deal_ids: Sequence[str] | None = None) -> pd.DataFrame:
        """Return the scores of the latest ``as_of``, by the model that issued last; of these deals only, if given."""
        scores = stored("scores")
        latest = select(func.max(scores.c.as_of)).scalar_subquery()
        model = select(scores.c.model_version).where(scores.c.as_of == latest).order_by(scores.c[BATCH].desc()).limit(1)
        where = and_(scores.c.as_of == latest, scores.c.model_version == model.scalar_subquery())
        if deal_ids is not None:
            where = and_(where, self._among(scores.c.deal_id, deal_ids))
        return self._frame("scores", where)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the writes inside all happen or, when an error leaves it, none; reads inside see them."""
        with self._writing():
            yield

    def close(self) -> None:
        """Let go of the database's connections."""
        self._engine.dispose()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """The connection that writes: that of this thread's transaction, or of a new one."""
        if (mine := getattr(self._mine, "connection", None)) is not None:
            yield mine
            return
        with self._one_writer, sentence(self._engine.url), writing(self._engine) as connection:
            self._mine.connection = connection
            try:
                yield connection
            finally:
                self._mine.connection = None

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        if (mine := getattr(self._mine, "connection", None)) is not None:
            yield mine
            return
        with sentence(self._engine.url), self._engine.connect() as connection:
            if self._engine.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def _staged(self, table: str, rows: pd.DataFrame) -> Iterator[tuple[Connection, Table]]:
        """The rows in a temporary table, on the connection that writes."""
        columns, values = rows_of(table, rows)
        source = staging(table, columns)
        with self._writing() as connection:
            source.create(connection)
            _fill(connection, source, values)
            yield connection, source
            source.drop(connection)

    def _frame(self, table: str, where: ColumnElement[bool]) -> pd.DataFrame:
        with self._reading() as connection:
            return _read(connection, table, where)

    def _among(self, column: ColumnElement[str], ids: Sequence[str]) -> ColumnElement[bool]:
        """Any number of ids in one parameter: databases take only so many parameters in a statement."""
        if self._engine.dialect.name == "sqlite":
            each = func.json_each(json.dumps(list(ids))).table_valued("value")
            return column.in_(select(each.c.value))
        return column == func.any(cast(list(ids), ARRAY(Text)))


def _read(connection: Connection, table: str, where: ColumnElement[bool]) -> pd.DataFrame:
    target = stored(table)
    query = select(*(target.c[name] for name in TABLES[table].names)).where(where).order_by(*_key(target, table))
    with connection.execute(query, execution_options={"stream_results": True}) as result:
        return frame_of(table, result.partitions(_ROWS_PER_BATCH))


def _fill(connection: Connection, source: Table, values: list[tuple]) -> None:
    """Send rows by the fastest way the database has: COPY, or one prepared statement run over plain tuples."""
    cursor: Any = connection.connection.cursor()
    names = ", ".join(column.name for column in source.c)
    try:
        if connection.dialect.name == "postgresql":
            with cursor.copy(f"COPY {source.name} ({names}) FROM STDIN") as copy:
                for row in values:
                    copy.write_row(row)
        else:
            marks = ", ".join("?" * len(source.c))
            cursor.executemany(f"INSERT INTO {source.name} ({names}) VALUES ({marks})", values)  # noqa: S608 (our own names)
    finally:
        cursor.close()


def _upsert(connection: Connection, target: Table, source: Table) -> Insert:
    """Insert every row of ``source``; a stored one is updated, and counted, only where a column differs."""
    insert = (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(target)
    names = [column.name for column in source.c]
    rest = [name for name in names if not target.c[name].primary_key]
    # "WHERE true" keeps SQLite from reading ON CONFLICT as the condition of a join.
    insert = insert.from_select(names, select(*source.c).where(true()).order_by(*_key(source, target.name)))
    if not rest:
        return insert.on_conflict_do_nothing()
    differs = or_(*(target.c[name].is_distinct_from(insert.excluded[name]) for name in rest))
    key = [column.name for column in target.primary_key]
    return insert.on_conflict_do_update(
        index_elements=key, set_={name: insert.excluded[name] for name in rest}, where=differs
    )


def _rows_touched(connection: Connection, statement: Executable) -> int:
    # Without the option SQLAlchemy does not keep the count that PostgreSQL gives for an INSERT.
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount


def _same_key(target: Table, source: Table) -> ColumnElement[bool]:
    return exists().where(*(target.c[name] == source.c[name] for name in TABLES[target.name].key))


def _key(table: Table, name: str) -> list[ColumnElement]:
    return [table.c[column] for column in TABLES[name].key]


def _next_batch(connection: Connection, ledger: Table) -> ColumnElement[int]:
    return literal((connection.scalar(select(func.max(ledger.c[BATCH]))) or 0) + 1)
