"""The database brought up to the contract: tables made, columns added that may be missing, ledgers guarded.

The database itself keeps a ledger's word, whoever is connected to it: no row is ever changed or written over, and
none is deleted unless a later one of its week stays (``crm/ledger_weeks.py``).
"""

from collections.abc import Iterator

from sqlalchemy import Connection, Table, inspect, text
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable

from crm.errors import StoreError
from crm.ledger_weeks import MONDAY, WEEK
from crm.store_tables import METADATA
from crm.tables import ISSUED, LEDGERS

_TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND pg_table_is_visible(tgrelid)",
}


def lacking(connection: Connection, store: str) -> list[str]:
    """Return the statements that bring the database up to the contract, in order; none where it is.

    Parameters
    ----------
    store
        What the store is called where something is wrong.

    Raises
    ------
    StoreError
        A table that is there lacks a column that every row needs, so nobody can tell what its rows would hold.
    """
    inspector, there = inspect(connection), set(connection.scalars(text(_TRIGGERS[connection.dialect.name])))
    tables, statements = set(inspector.get_table_names()), list[str]()
    for name, table in METADATA.tables.items():
        if name in tables:
            present = {column["name"] for column in inspector.get_columns(name)}
            statements += _added_columns(connection, table, present, store)
        else:
            statements += _made(connection, table)
        if name in LEDGERS:
            statements += (sql for trigger, sql in _guards(connection, table) if trigger not in there)
    return statements


def _made(connection: Connection, table: Table) -> Iterator[str]:
    yield str(CreateTable(table).compile(connection))
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        yield str(CreateIndex(index).compile(connection))


def _added_columns(connection: Connection, table: Table, present: set[str], store: str) -> Iterator[str]:
    absent = [column for column in table.c if column.name not in present]
    if needed := sorted(column.name for column in absent if not column.nullable):
        raise StoreError(
            f"The store {store} was made by another version of Plumbline: {table.name} lacks {', '.join(needed)};"
            " import into a new store, or use the version that made it."
        )
    for column in absent:
        yield f"ALTER TABLE {table.name} ADD COLUMN {CreateColumn(column).compile(connection)}"


def _guards(connection: Connection, table: Table) -> Iterator[tuple[str, str]]:
    """The statements that make each trigger, by its name."""
    name = table.name
    changed = f"'{name} is a ledger: its rows are never changed'"
    needed, later = f"'{name} is a ledger: its rows are kept for good'", "FALSE"
    if name in ISSUED:
        needed = f"'{name} is a ledger: the last rows of every week are kept for good'"
        end_of_week = f"(OLD.as_of - {MONDAY}) / {WEEK} * {WEEK} + {MONDAY + WEEK}"
        later = f"EXISTS (SELECT 1 FROM {name} WHERE as_of > OLD.as_of AND as_of < {end_of_week})"  # noqa: S608 (our own names)
    if connection.dialect.name == "sqlite":
        same_key = " AND ".join(f"{column.name} = NEW.{column.name}" for column in table.primary_key)
        same = f"EXISTS (SELECT 1 FROM {name} WHERE {same_key})"  # noqa: S608 (our own names)
        # INSERT OR REPLACE deletes the old row without a word to the trigger on DELETE.
        yield f"{name}_once", _trigger(f"{name}_once BEFORE INSERT ON {name} WHEN {same}", changed)
        yield f"{name}_unchanged", _trigger(f"{name}_unchanged BEFORE UPDATE ON {name}", changed)
        yield f"{name}_kept", _trigger(f"{name}_kept BEFORE DELETE ON {name} WHEN NOT {later}", needed)
        return
    each = f"ON {name} FOR EACH"
    yield f"{name}_unchanged", _function(f"{name}_unchanged", f"RAISE EXCEPTION {changed};")
    yield f"{name}_unchanged", _calling(f"{name}_unchanged", f"BEFORE UPDATE OR TRUNCATE {each} STATEMENT")
    yield f"{name}_kept", _function(f"{name}_kept", f"IF NOT {later} THEN RAISE EXCEPTION {needed}; END IF;")
    yield f"{name}_kept", _calling(f"{name}_kept", f"BEFORE DELETE {each} ROW")


def _trigger(when: str, says: str) -> str:
    return f"CREATE TRIGGER {when} BEGIN SELECT RAISE(ABORT, {says}); END"


def _function(name: str, body: str) -> str:
    return f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN OLD; END $$"


def _calling(name: str, when: str) -> str:
    return f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION {name}()"
