"""The store: every table of the contract behind one small interface, in SQLite or, by changing one URL, in PostgreSQL.

One writer at a time. SQLite gives that with ``BEGIN IMMEDIATE``; PostgreSQL with an advisory lock. So the counts of
new, changed and same rows are exact, and several processes may write without losing or blocking each other for good.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Executable,
    Select,
    Table,
    and_,
    func,
    literal,
    select,
    true,
)

from crm.errors import StoreError
from crm.ledger_weeks import thinned
from crm.store_arrow import read_arrow
from crm.store_engine import prepared_engine, sentence, writing
from crm.store_ledgers import instants_of, issued_last, let_go, next_batch
from crm.store_rows import rows_of, schema_of, table_of
from crm.store_statements import (
    Deals,
    among,
    issued,
    key_of,
    last_issued,
    n_told_before,
    of_deals,
    same_key,
    selected,
    told_since,
    upsert,
)
from crm.store_tables import BATCH, staging, stored
from crm.tables import LEDGERS, TABLES, TOLD

_ROWS_PER_BATCH = 50_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Thinned:
    """How many instants a ledger let go of, and how many rows they had."""

    instants: int
    rows: int


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
        self._kind = engine.dialect.name
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
            known = connection.scalar(select(func.count()).select_from(source).where(same_key(target, source))) or 0
            touched = _rows_touched(connection, upsert(self._kind, target, source))
        new = len(rows) - known
        return Written(new, touched - new, len(rows) - touched)

    def append(self, table: str, rows: pd.DataFrame) -> int:
        """Insert the rows whose key is not stored yet and return how many; stored rows are never touched."""
        if rows.empty:
            return 0
        target = stored(table)
        with self._staged(table, rows) as (connection, source):
            more = [next_batch(connection, target)] if table in LEDGERS else []
            names = [column.name for column in source.c] + [BATCH] * len(more)
            new = select(*source.c, *more).where(~same_key(target, source)).order_by(*key_of(source, table))
            return _rows_touched(connection, target.insert().from_select(names, new))

    def read(self, table: str, *, deal_ids: Sequence[str] | None = None) -> pd.DataFrame:
        """Return a table with every column of the contract, ordered by key; of these deals only, where given."""
        target = stored(table)
        if deal_ids is None:
            return self._frame(table, true())
        if "deal_id" not in target.c:
            raise StoreError(f"{table} has no deal_id, so it cannot be read by deal; read it whole.")
        return self._frame(table, among(self._kind, target.c.deal_id, deal_ids))

    def read_all(self) -> dict[str, pd.DataFrame]:
        """Return every table but the ledgers, as of one moment, by name."""
        tables = self.arrow([name for name in TABLES if name not in LEDGERS])
        return {name: tables.pop(name).to_pandas() for name in list(tables)}

    def arrow(
        self,
        names: Sequence[str],
        *,
        deals: Deals | None = None,
        columns: Mapping[str, Sequence[str]] | None = None,
    ) -> dict[str, pa.Table]:
        """Return tables as Arrow, ordered by key, all as of one moment; the fast way to read many rows.

        Two calls are of two moments: what is to agree, such as deals and their changes, is to be asked for in one.

        Parameters
        ----------
        deals
            The first deal_id, and the one before which to end (``None``: no end), by bytes; or a list of
            ids. Of tables that have a deal_id only these deals' rows are read; of others, such as ``users``, all.
        columns
            The columns to read, by table; a table that is not named in it comes with every column.

        Examples
        --------
        >>> import tempfile
        >>> store = open_store(f"sqlite:///{tempfile.mkdtemp()}/plumbline.db")
        >>> store.write("users", pd.DataFrame({"user_id": ["U2", "U1"], "active": [True, False]}))
        Written(new=2, changed=0, same=0)
        >>> store.arrow(["users"], columns={"users": ["user_id", "active"]})["users"].to_pylist()
        [{'user_id': 'U1', 'active': False}, {'user_id': 'U2', 'active': True}]
        >>> store.close()
        """
        queries = [(name, selected(name, (columns or {}).get(name))) for name in names]
        if deals is not None:
            queries = [(name, of_deals(self._kind, name, query, deals)) for name, query in queries]
        if (mine := getattr(self._mine, "connection", None)) is not None:
            # Another connection would not see what this thread's transaction has written.
            return {name: _answer(mine, name, query) for name, query in queries}
        # Arrow tells by errors of its own that the database failed half way.
        with sentence(self._engine.url, OSError, pa.ArrowException):
            found = read_arrow(self._engine, queries)
        if found is not None:
            return found
        with self._reading() as connection:
            return {name: _answer(connection, name, query) for name, query in queries}

    def deal_ids(self) -> pa.Array:
        """Return the id of every deal, in the order of their bytes."""
        return self.arrow(["deals"], columns={"deals": ["deal_id"]})["deals"]["deal_id"].combine_chunks()

    def told_since(self, instant: int) -> list[str]:
        """Return the ids of the deals of which anything became known at or after an instant (microseconds), sorted."""
        with self._reading() as connection:
            return list(connection.scalars(told_since(instant)))

    def n_told_before(self, instant: int) -> dict[str, int]:
        """Return how many deals, changes and interactions were known before an instant (microseconds), by table."""
        with self._reading() as connection:
            return {name: connection.scalar(n_told_before(name, instant)) or 0 for name in TOLD}

    def latest_scores(self, deal_ids: Sequence[str] | None = None) -> pd.DataFrame:
        """Return the scores of the latest ``as_of``, by the model that issued last; of these deals only, if given."""
        latest = select(func.max(stored("scores").c.as_of)).scalar_subquery()
        return self._issued(latest, deal_ids)

    def scores_at(self, as_of: datetime) -> pd.DataFrame:
        """Return the scores of one of ``score_instants``, by the model that issued last."""
        return self._issued(literal((as_of - _EPOCH) // timedelta(microseconds=1), BigInteger), None)

    def score_instants(self) -> list[datetime]:
        """Return every instant as of which there are scores, the oldest first."""
        as_of = stored("scores").c.as_of
        with self._reading() as connection:
            found = connection.scalars(select(as_of).distinct().order_by(as_of)).all()
        return [_EPOCH + timedelta(microseconds=instant) for instant in found]

    def _issued(self, as_of: ColumnElement[int], deal_ids: Sequence[str] | None) -> pd.DataFrame:
        scores = stored("scores")
        model = select(scores.c.model_version).where(scores.c.as_of == as_of).order_by(scores.c[BATCH].desc()).limit(1)
        where = and_(scores.c.as_of == as_of, scores.c.model_version == model.scalar_subquery())
        if deal_ids is not None:
            where = and_(where, among(self._kind, scores.c.deal_id, deal_ids))
        return self._frame("scores", where)

    def past_scores(self, instants: Sequence[int], within: int, columns: Sequence[str]) -> pd.DataFrame:
        """Return columns of the last scores issued up to each instant, if at most ``within`` before (microseconds)."""
        with self._reading() as connection:
            found = (connection.execute(last_issued(instant - within, instant)).first() for instant in instants)
            batches = [(row.as_of, row.model_version) for row in found if row is not None]
            return _answer(connection, "scores", issued(batches, columns)).to_pandas()

    def issued_forecasts(self, currency: str) -> pd.DataFrame:
        """Return every forecast in a currency; as of each instant only those of the model that issued last."""
        return self._frame("forecasts", issued_last(stored("forecasts"), currency))

    def thin(self, ledger: str, keep_since: int) -> Thinned:
        """Keep all points of a ledger from an instant on (microseconds), and before it the last of each ISO week.

        All rows of an instant stay or go together. The database refuses to delete any other.
        """
        with self._writing() as connection:
            gone = thinned(instants_of(connection, stored(ledger)), keep_since)
            return Thinned(len(gone), let_go(connection, stored(ledger), gone))

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
            return _answer(connection, table, selected(table).where(where)).to_pandas()


def _answer(connection: Connection, name: str, query: Select) -> pa.Table:
    schema = schema_of(name, query.selected_columns.keys())
    with connection.execute(query, execution_options={"stream_results": True}) as result:
        return table_of(schema, result.partitions(_ROWS_PER_BATCH))


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


def _rows_touched(connection: Connection, statement: Executable) -> int:
    # Without the option SQLAlchemy does not keep the count that PostgreSQL gives for an INSERT.
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount
