"""The statements that the store sends, in the words of either database."""

import json
from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    Insert,
    Select,
    Table,
    Text,
    and_,
    cast,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
    union,
)
from sqlalchemy.dialects import postgresql, sqlite

from crm.store_rows import no_such_columns
from crm.store_tables import BATCH, stored
from crm.tables import TABLES, TOLD

Deals = tuple[str, str | None] | list[str]
"""The first deal_id and the one before which to end (None: no end), by bytes; or a list of ids."""


def key_of(table: Table, name: str) -> list[ColumnElement]:
    """The key of table ``name``, as columns of ``table``."""
    return [table.c[column] for column in TABLES[name].key]


def same_key(target: Table, source: Table) -> ColumnElement[bool]:
    """Whether the other table holds the key."""
    return exists().where(*(target.c[name] == source.c[name] for name in TABLES[target.name].key))


def upsert(kind: str, target: Table, source: Table) -> Insert:
    """Insert every row of ``source``; a stored one is updated, and counted, only where a column differs."""
    insert = (postgresql.insert if kind == "postgresql" else sqlite.insert)(target)
    names = [column.name for column in source.c]
    rest = [name for name in names if not target.c[name].primary_key]
    # "WHERE true" keeps SQLite from reading ON CONFLICT as the condition of a join.
    insert = insert.from_select(names, select(*source.c).where(true()).order_by(*key_of(source, target.name)))
    if not rest:
        return insert.on_conflict_do_nothing()
    differs = or_(*(target.c[name].is_distinct_from(insert.excluded[name]) for name in rest))
    key = [column.name for column in target.primary_key]
    return insert.on_conflict_do_update(
        index_elements=key, set_={name: insert.excluded[name] for name in rest}, where=differs
    )


def last_issued(first: int, last: int) -> Select:
    """The ``as_of`` and model of the latest scores from one instant to another (microseconds, both included)."""
    scores = stored("scores")
    latest = select(func.max(scores.c.as_of)).where(scores.c.as_of.between(first, last)).scalar_subquery()
    newest = select(scores.c.as_of, scores.c.model_version).where(scores.c.as_of == latest)
    return newest.order_by(scores.c[BATCH].desc()).limit(1)


def issued(batches: Sequence[tuple[int, str]], columns: Sequence[str]) -> Select:
    """Columns of the scores of each ``as_of`` by one model."""
    scores = stored("scores")
    one_of = (and_(scores.c.as_of == as_of, scores.c.model_version == version) for as_of, version in batches)
    return selected("scores", columns).where(or_(false(), *one_of))


def selected(name: str, columns: Sequence[str] | None = None) -> Select:
    """Columns of a table (all where not given), ordered by its key."""
    target = stored(name)
    chosen = TABLES[name].names if columns is None else columns
    if unknown := [column for column in chosen if column not in TABLES[name].names]:
        raise no_such_columns(name, unknown)
    return select(*(target.c[column] for column in chosen)).order_by(*key_of(target, name))


def of_deals(kind: str, name: str, query: Select, deals: Deals) -> Select:
    """The rows of these deals only, where the table has a deal_id."""
    target = stored(name)
    if "deal_id" not in target.c:
        return query
    if kind == "sqlite" and (key := TABLES[name].key[0]) != "deal_id":
        # SQLite would fetch rows in the index's order and sort them whole; so it sorts keys, and fetches in order.
        other = target.alias()
        return query.where(target.c[key].in_(select(other.c[key]).where(_are(kind, other.c.deal_id, deals))))
    return query.where(_are(kind, target.c.deal_id, deals))


def _are(kind: str, column: ColumnElement[str], deals: Deals) -> ColumnElement[bool]:
    if isinstance(deals, list):
        return among(kind, column, deals)
    first, end = deals
    return column >= first if end is None else and_(column >= first, column < end)


def among(kind: str, column: ColumnElement[str], ids: Sequence[str]) -> ColumnElement[bool]:
    """Any number of ids in one parameter: databases take only so many parameters in a statement."""
    if kind == "sqlite":
        each = func.json_each(json.dumps(list(ids))).table_valued("value")
        return column.in_(select(each.c.value))
    # As text in JSON, for ADBC binds no arrays.
    texts = func.json_array_elements_text(cast(literal(json.dumps(list(ids)), Text), postgresql.JSON))
    return column.in_(select(texts.table_valued("value").c.value))


def told_since(instant: int) -> Select:
    """The deals of which anything became known at or after an instant, sorted."""
    parts = [select(stored(name).c.deal_id).where(stored(name).c[time] >= instant) for name, time in TOLD.items()]
    told = union(*parts).subquery()
    return select(told.c.deal_id).order_by(told.c.deal_id)


def n_told_before(name: str, instant: int) -> Select:
    """How many rows of a table were known before an instant."""
    return select(func.count()).select_from(stored(name)).where(stored(name).c[TOLD[name]] < instant)
