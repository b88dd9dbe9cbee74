"""What ``benchmarks/features.py`` measures, each in a process of its own.

Prints one JSON object of figures.
"""

import json
import sys
from bisect import bisect_left
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.memory import timed
from crm.company_files import CompanyFiles, empty_table
from crm.simulate import DEMO_END
from crm.store import open_store
from crm.tables import LEDGERS, TABLES
from features.build import DEALS_PER_RANGE, build
from features.company import ranges
from features.exchange import rates_of
from features.grid import now, training_grid
from features.histories import Histories, instant
from features.kept_memory import kept_memory
from features.norm_facts import NormFacts, norm_facts, together
from features.norms import Norms, norms_from, norms_of
from features.partition import ALL_COLUMNS, SnapshotPlan, snapshot_keys
from features.pipeline import signal_matrix
from features.signals import SIGNALS
from features.snapshots import Snapshots
from features.vocabulary import Vocabulary
from features.workers import workers

UNTIL = instant(datetime.combine(DEMO_END, datetime.min.time(), UTC))
CURRENCY = "EUR"
T = TypeVar("T")


def loaded(crm: str) -> dict[str, pa.Table]:
    """Every table of a simulated company, in memory."""
    return {name: _table(Path(crm), name) for name in TABLES if name not in LEDGERS}


def _table(crm: Path, name: str) -> pa.Table:
    for path in (crm / name, crm / f"{name}.parquet"):
        if path.exists():
            return pq.read_table(path)
    return empty_table(name)


def over_grid(act: Callable[[Snapshots], T], tables: dict[str, pa.Table], threads: int = 1) -> list[T]:
    """Act on the weekly grid of all deals, a range of them at a time."""
    vocabulary = Vocabulary.from_tables(tables)
    rates = rates_of(tables["fx_rates"].to_pandas(), vocabulary.names["currency"], CURRENCY)

    def told(part: dict[str, pa.Table]) -> tuple[Histories, NormFacts]:
        histories = Histories.from_tables(part, vocabulary)
        return histories, norm_facts(histories, rates)

    with ThreadPoolExecutor(threads) as pool:
        parts, additions = map(list, zip(*pool.map(told, ranges_of(tables)), strict=True))
        norms = norms_from(together(additions), vocabulary, rates)

        def acted(place: int) -> T:
            part, parts[place] = parts[place], None  # let go when done, with all that was made of it
            return act(training_grid(part, norms, every_days=7, until=UNTIL))

        return list(pool.map(acted, range(len(parts))))


def ranges_of(tables: dict[str, pa.Table]) -> list[dict[str, pa.Table]]:
    """The tables cut by their deals, which these are sorted by."""
    starts = {name: [] for name in ALL_COLUMNS}
    for first, _ in ranges(tables["deals"]["deal_id"].combine_chunks(), DEALS_PER_RANGE):
        for name, cuts in starts.items():
            ids = tables[name]["deal_id"]
            cuts.append(bisect_left(range(len(ids)), first, key=lambda place: ids[place].as_py()))
    return [
        tables | {name: tables[name][cuts[part] : [*cuts, None][part + 1]] for name, cuts in starts.items()}
        for part in range(len(starts["deals"]))
    ]


def kernel(crm: str, threads: str, only: str = "") -> dict[str, Any]:
    """From tables in memory to the matrix in memory; of some signals only, where they are named."""
    tables = loaded(crm)
    pa.set_cpu_count(1)
    names = only.split(",")

    def matrix(part: Snapshots) -> np.ndarray:
        if only:
            return np.column_stack([SIGNALS[name].compute(part) for name in names])
        return signal_matrix(part, np.float32)

    with kept_memory():  # as a build has it
        seconds, found = timed(over_grid, matrix, tables, int(threads))
    return {"seconds": seconds, "n_rows": sum(map(len, found))}


def grid(crm: str, out: str) -> dict[str, Any]:
    """Write the grid, for the peers."""
    table = pa.concat_tables(over_grid(lambda part: pa.table(snapshot_keys(part)), loaded(crm)))
    pq.write_table(table, out)
    return {"n_rows": len(table)}


def busy(processes: str) -> dict[str, Any]:
    """So many processes that each do the same arithmetic on numbers in their first-level cache, at once."""
    items = list(range(int(processes)))
    with workers(len(items)) as run:

        def all_of_them() -> list[None]:
            return list(run(_arithmetic, (), items))

        all_of_them()  # they have started
        return {"seconds": timed(all_of_them)[0]}


def _arithmetic(*_: object) -> None:
    numbers = np.linspace(1, 2, 1_000)
    for _round in range(500_000):
        np.sqrt(numbers, out=numbers)


def parquet(crm: str, out: str, processes: str) -> dict[str, Any]:
    """From Parquet to Parquet."""
    plan = SnapshotPlan(until=UNTIL)
    seconds, built = timed(lambda: build(CompanyFiles(crm), out, plan, anew=True, processes=int(processes)))
    return {"seconds": seconds, "n_rows": built.manifest.n_rows}


def duckdb(crm: str, grid_path: str) -> dict[str, Any]:
    """The same signals in SQL, two threads."""
    from duckdb import connect

    from benchmarks.duckdb_signals import duckdb_signals

    tables, rows = loaded(crm), pq.read_table(grid_path)
    connection = connect(config={"threads": 2, "memory_limit": "12GB"})
    seconds, found = timed(lambda: duckdb_signals(tables, rows, CURRENCY, connection=connection))
    return {"seconds": seconds, "n_rows": len(found)}


def one_deal(crm: str) -> dict[str, Any]:
    """A deal with 200 interactions, from its tables to its signals, as in a request; median of 200."""
    tables = loaded(crm)
    everyone = Histories.from_tables(tables)
    norms = norms_of(everyone, tables["fx_rates"].to_pandas(), CURRENCY)
    counts = np.diff(everyone.interactions.start)
    deal_id = everyone.deal_ids[int(np.argmax(counts))]
    mine = {name: tables[name].filter(pc.equal(tables[name]["deal_id"], deal_id)) for name in ("deals", "deal_changes")}
    talks = tables["interactions"].filter(pc.equal(tables["interactions"]["deal_id"], deal_id))
    talks = talks.take(pa.array(np.arange(200) % len(talks)))
    ids = pa.array([f"I{place}" for place in range(200)], talks["interaction_id"].type)
    talks = talks.set_column(0, "interaction_id", ids)
    accounts = tables["accounts"].filter(pc.equal(tables["accounts"]["account_id"], mine["deals"]["account_id"][0]))
    one = tables | mine | {"interactions": talks, "accounts": accounts}
    seconds = [timed(_signals_of_one, one, norms)[0] for _ in range(200)]
    return {"milliseconds": 1000 * median(seconds), "n_interactions": len(talks)}


def _signals_of_one(tables: dict[str, pa.Table], norms: Norms) -> np.ndarray:
    histories = Histories.from_tables(tables, norms.vocabulary)
    return signal_matrix(Snapshots(histories, norms, np.zeros(1, np.int64), np.array([UNTIL])))


def open_deals(url: str) -> dict[str, Any]:
    """Every open deal of a company, from the store to the matrix."""

    def run() -> tuple[int, int]:
        tables = open_store(url).arrow([name for name in TABLES if name not in LEDGERS])
        histories = Histories.from_tables(tables)
        norms = norms_of(histories, tables["fx_rates"].to_pandas(), CURRENCY)
        return len(signal_matrix(now(histories, norms, UNTIL))), len(tables["interactions"])

    seconds, (n_open, n_interactions) = timed(run)
    return {"seconds": seconds, "n_open": n_open, "n_interactions": n_interactions}


def store_of_open_deals(crm: str, url: str) -> dict[str, Any]:
    """Fill a store with a simulated company of which the 50,000 youngest deals are still open."""
    tables = loaded(crm)
    deals = tables["deals"].sort_by("created_at")
    still_open = deals["deal_id"].slice(max(len(deals) - 50_000, 0)).combine_chunks()
    changes = tables["deal_changes"]
    closing = pc.is_in(changes["new_value"], pa.array(["Won", "Lost"]))
    kept = pc.invert(pc.and_(closing, pc.is_in(changes["deal_id"], still_open)))
    store = open_store(url)
    for name, table in (tables | {"deal_changes": changes.filter(kept)}).items():
        store.write(name, table.to_pandas())
    return {"n_open": len(still_open)}


RUNS = {run.__name__: run for run in (busy, kernel, grid, parquet, duckdb, one_deal, open_deals, store_of_open_deals)}

if __name__ == "__main__":
    print(json.dumps(RUNS[sys.argv[1]](*sys.argv[2:])))
