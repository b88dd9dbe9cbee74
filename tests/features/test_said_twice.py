"""Every signal, said a second time in plain SQL (``benchmarks/duckdb_signals.py``), has the same value."""

from collections import defaultdict

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings

from benchmarks.duckdb_signals import duckdb_signals
from crm.fiscal import fiscal_calendar
from features.facts import DAY
from features.grid import training_grid
from features.pipeline import signal_matrix
from features.signals import SIGNALS

NEAR = defaultdict(
    lambda: {"rtol": 0, "atol": 0},
    {name: {"rtol": 0, "atol": 1e-9} for name in SIGNALS if SIGNALS[name].unit in ("days", "stages a month")}
    | {
        name: {"rtol": 0, "atol": 1e-9}
        for name in SIGNALS
        if SIGNALS[name].unit in ("rate", "share", "times the usual time")
    }
    # The kernel adds up logarithms in millionths, and counts times in bins of one percent.
    | {name: {"rtol": 2e-6, "atol": 0} for name in SIGNALS if SIGNALS[name].group == "money"}
    | {name: {"rtol": 0.012, "atol": 0} for name in SIGNALS if name.endswith("_vs_norm")},
)
"""How near two values must be; counts and everything else unnamed, exactly the same."""


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect(config={"threads": 1}) as connection:
        yield connection


def as_table(grid):
    """The grid's rows as those who ask in SQL give them."""
    as_of = pa.array(grid.at, pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    return pa.table({"deal_id": pa.array(grid.histories.deal_ids[grid.deal], pa.large_string()), "as_of": as_of})


def said_twice(grid, tables, connection):
    """Every signal by name, by the kernel and in SQL; raises where they differ."""
    rows, month = as_table(grid), fiscal_calendar(tables["calendar"]).start_month
    again = duckdb_signals(tables, rows, "EUR", month, connection)
    assert again.select(rows.column_names).cast(rows.schema) == rows
    matrix = signal_matrix(grid)
    for name, mine in zip(SIGNALS, matrix.T, strict=True):
        theirs = again[name].to_numpy()
        far = np.flatnonzero(~np.isclose(mine, theirs, equal_nan=True, **NEAR[name]))
        where = rows.take(far[:1]).to_pylist()
        assert not len(far), f"{name} of {where} is {mine[far[0]]}, in SQL {theirs[far[0]]}; {len(far)} rows differ"
    return dict(zip(SIGNALS, matrix.T, strict=True))


def constant_in(companies, known, connection, *, examples, until):
    """Signals that take a single value in all of that many random companies, in which kernel and SQL agree."""
    values = defaultdict(set)

    @settings(max_examples=examples, phases=[Phase.generate])
    @given(futures=companies)
    def agree(futures):
        grid = training_grid(*known(futures[0]), every_days=1, until=until)
        for name, column in said_twice(grid, futures[0], connection).items():
            values[name] |= set(column[~np.isnan(column)].tolist())

    agree()
    return {name for name in SIGNALS if len(values[name]) < 2}


@pytest.mark.slow
def test_sql_agrees_in_random_companies(companies, known, cut, connection):
    assert len(constant_in(companies, known, connection, examples=8, until=cut + 30 * DAY)) < 5


@pytest.mark.slow
def test_sql_agrees_in_many_random_companies_and_every_signal_varies(companies, known, cut, connection):
    assert constant_in(companies, known, connection, examples=80, until=cut + 30 * DAY) == set()


def test_sql_agrees_in_the_demo_and_every_signal_varies(known, demo, at, connection):
    columns = said_twice(training_grid(*known(demo), every_days=7, until=at("2026-11-16")), demo, connection)
    assert [name for name, column in columns.items() if len(np.unique(column[~np.isnan(column)])) < 2] == []
