"""Connections to the store's database: how they are opened, how they begin a transaction, and what their errors say."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from adbc_driver_sqlite.dbapi import Error as AdbcError
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from crm.errors import StoreError
from crm.one_sqlite import CountedConnection
from crm.store_schema import lacking

WAIT_S = 60
"""How long to wait for another writer; an import of millions of rows holds the database for about this long."""

POSTGRES_OPTIONS = {"client_encoding": "utf8", "connect_timeout": 10}
"""What every connection to a server asks for, beside what the URL says."""

# Any number will do, as long as every version of this project uses the same.
_WRITER_LOCK = 7_158_654_632
_DATABASE_ERRORS: tuple[type[Exception], ...] = (SQLAlchemyError, sqlite3.Error, psycopg.Error, AdbcError)
_KINDS = "use sqlite:///path/to/file.db or postgresql://user:password@host/database"


def prepared_engine(url: str) -> Engine:
    """Return an engine for ``url`` whose tables exist; raises ``StoreError`` with a sentence where that cannot be."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Not quoted: it may hold a password.
        raise StoreError(f"The store's URL cannot be read; {_KINDS}.") from None
    with sentence(parsed):
        engine = _engine(parsed)
        try:
            _make_tables(engine)
        except BaseException:
            engine.dispose()
            raise
        return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction that no other process writes beside; commits at the end, rolls back on an error."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})")
        yield connection


@contextmanager
def sentence(url: URL, *also: type[Exception]) -> Iterator[None]:
    """Turn a database's error, or one of ``also``, into a ``StoreError``: which store, what happened, what to do.

    It never says a password.
    """
    try:
        yield
    except _DATABASE_ERRORS + also as error:
        said = " ".join(str(getattr(error, "orig", None) or error).split())
        raise StoreError(f"The store {_shown(url)} cannot be used: {said}. {_advice(said)}") from error


def _engine(url: URL) -> Engine:
    if url.drivername == "sqlite":
        return _sqlite_engine(url)
    if url.drivername in ("postgresql", "postgresql+psycopg"):
        return _postgres_engine(url)
    raise StoreError(f"{url.drivername!r} is not a kind of store; {_KINDS}.")


def _sqlite_engine(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise StoreError(f"The store's URL names no file; {_KINDS}.")
    if Path(url.database).is_dir():
        raise StoreError(
            f"The store {url.database} is a folder; name a file in it, such as {url.database}/plumbline.db."
        )
    folder = Path(url.database).absolute().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The store's folder {folder} cannot be made ({error.strerror}); choose another in PLUMBLINE_STORE_URL."
        ) from error
    if not os.access(folder, os.W_OK):
        raise StoreError(
            f"The store's folder {folder} cannot be written; allow it, or choose another in PLUMBLINE_STORE_URL."
        )
    # Closed after each use: an idle connection would keep bulk reads waiting (crm/one_sqlite.py).
    arguments = {"timeout": WAIT_S, "factory": CountedConnection, "check_same_thread": False}
    engine = create_engine(url, connect_args=arguments, poolclass=NullPool, hide_parameters=True)
    event.listen(engine, "connect", _settle)
    event.listen(engine, "begin", _begin)
    return engine


def _settle(connection: Any, _record: Any) -> None:
    """Each new SQLite connection: we begin transactions ourselves, and a commit is on the disk when it returns."""
    connection.isolation_level = None
    for setting in ("journal_mode = WAL", "synchronous = FULL", "temp_store = MEMORY", "cache_size = -65536"):
        connection.execute(f"PRAGMA {setting}")


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later cannot wait for another writer, it fails: writers say so at once.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgres_engine(url: URL) -> Engine:
    if "@" in (url.host or ""):
        raise StoreError("The store's URL holds more than one @; write an @ in the password as %40.")
    url = url.set(drivername="postgresql+psycopg")
    # Asked before each use, so that a server's restart costs one new connection instead of an error.
    return create_engine(url, connect_args=POSTGRES_OPTIONS, hide_parameters=True, pool_pre_ping=True)


def _make_tables(engine: Engine) -> None:
    """Bring the tables up to the contract; under the writers' lock, so that two processes may open a store at once."""
    store = _shown(engine.url)
    with engine.connect() as connection:
        complete = not lacking(connection, store)
    if complete:
        return
    with writing(engine) as connection:
        for statement in lacking(connection, store):
            connection.exec_driver_sql(statement)


def _shown(url: URL) -> str:
    """The store's place without user or password, which also may stand among the URL's options."""
    if url.drivername == "sqlite":
        return str(url.database)
    return f"{url.host or url.query.get('host', 'localhost')}:{url.port or 5432}/{url.database}"


def _advice(said: str) -> str:
    if "not a database" in said or "malformed" in said:
        return "Choose another file in PLUMBLINE_STORE_URL; this one is left as it is."
    if "locked" in said:
        return f"Another process has been writing for over {WAIT_S} seconds; try again when it is done."
    if "readonly" in said or "to open" in said:
        return "Allow this user to write the file and its folder, or choose another in PLUMBLINE_STORE_URL."
    return "Check PLUMBLINE_STORE_URL, and that the server runs and lets this user in."
