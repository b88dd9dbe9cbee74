"""The statements about ledgers: which instants they hold, which batch issued last, and letting points go."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Table, and_, func, literal, select, tuple_

from crm.store_tables import BATCH


def next_batch(connection: Connection, ledger: Table) -> ColumnElement[int]:
    """The number of the next call of ``append``."""
    return literal((connection.scalar(select(func.max(ledger.c[BATCH]))) or 0) + 1)


def instants_of(connection: Connection, ledger: Table) -> list[int]:
    """Every ``as_of`` of a ledger, the earliest first; from one to the next by the index, for each has many rows."""
    found: list[int] = []
    following = connection.scalar(select(func.min(ledger.c.as_of)))
    while following is not None:
        found.append(following)
        following = connection.scalar(select(func.min(ledger.c.as_of)).where(ledger.c.as_of > following))
    return found


def let_go(connection: Connection, ledger: Table, instants: Sequence[int]) -> int:
    """Delete the rows of these instants and return how many there were."""
    return sum(connection.execute(ledger.delete().where(ledger.c.as_of == instant)).rowcount for instant in instants)


def issued_last(forecasts: Table, currency: str) -> ColumnElement[bool]:
    """Whether a row is in this currency, and of the model that issued last of all that did so as of its instant."""
    mine = forecasts.alias()
    in_currency = mine.c.reporting_currency == currency
    last = select(mine.c.as_of, func.max(mine.c[BATCH]).label("batch")).where(in_currency).group_by(mine.c.as_of)
    of_last = last.subquery()
    issued = (
        select(mine.c.as_of, mine.c.model_version)
        .join(of_last, and_(mine.c.as_of == of_last.c.as_of, mine.c[BATCH] == of_last.c.batch))
        .distinct()
    )
    key = tuple_(forecasts.c.as_of, forecasts.c.model_version)
    return and_(forecasts.c.reporting_currency == currency, key.in_(issued))
