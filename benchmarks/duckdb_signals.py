"""Every signal a second time: plain SQL for DuckDB, which the kernel must agree with and is measured against.

The SQL is a definition of its own. It shares no code with ``features/`` but the types of the contract's columns.
"""

from collections.abc import Mapping
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from features.arrow import arrow
from features.signals import SIGNALS

SQL = Path(__file__).with_name("signals_in_sql")
FACTS = ("measures", "rates", "changes", "talks", "snapshots")
NORMS = ("win_rates", "usual_times", "typical_amounts")
GROUPS = ("engagement", "sequence", "momentum", "timing", "money", "people")
_READ = ("accounts", "contacts", "users", "stages", "deals", "deal_changes", "interactions", "fx_rates")


def duckdb_signals(
    tables: Mapping[str, pd.DataFrame | pa.Table],
    grid: pa.Table,
    reporting_currency: str = "EUR",
    fiscal_year_start_month: int = 1,
    connection: duckdb.DuckDBPyConnection | None = None,
) -> pa.Table:
    """Every signal of ``SIGNALS`` for deals at instants at which they were open.

    Parameters
    ----------
    tables : contract tables by name
    grid : columns ``deal_id`` and ``as_of`` (an instant); one row per snapshot
    connection : where the tables are made, in place of those of an earlier call; one in memory when absent

    Returns
    -------
    one row per row of ``grid``, ordered by deal_id and as_of
        Columns deal_id, as_of, then every signal as double, null where it has no value.
    """
    connection = connection or duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for name in _READ:
        connection.register(name, arrow(tables, name))
    connection.register("grid", grid)
    settings = {"reporting_currency": [reporting_currency], "fiscal_year_start_month": [fiscal_year_start_month]}
    connection.register("settings", pa.table(settings))
    for name in (*FACTS, *NORMS, *GROUPS):
        connection.execute((SQL / f"{name}.sql").read_text(encoding="utf-8"))
    rows = connection.sql((SQL / "signals.sql").read_text(encoding="utf-8")).to_arrow_table()
    return rows.select(["deal_id", "as_of", *SIGNALS])
