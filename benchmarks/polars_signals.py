"""Every signal by Polars: ``python polars_signals.py CRM_FOLDER GRID.parquet OUT.parquet [--threads 2]``.

Runs in an environment of its own (``make build/peers-venv/ready``), without this project's packages. Prints one line of
JSON: seconds from tables in memory to the finished frame in memory, seconds with reading, and the peak of memory.
"""

import argparse
import os
import time
from pathlib import Path

from peer_report import report


def main() -> None:
    parser = argparse.ArgumentParser(description="Every signal of every row of a grid, by Polars.")
    parser.add_argument("crm_folder", type=Path, help="the tables of the contract as Parquet")
    parser.add_argument("grid", type=Path, help="Parquet with the columns deal_id and as_of")
    parser.add_argument("out", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--engine", default="in-memory", choices=("in-memory", "streaming"), help="the first is the faster one here"
    )
    given = parser.parse_args()
    # Polars takes the number of its threads once, when it is imported.
    os.environ["POLARS_MAX_THREADS"] = str(given.threads)
    import polars as pl
    from polars_peer import signals, tables

    pl.Config.set_engine_affinity(given.engine)
    started = time.perf_counter()
    company, grid = tables.read(given.crm_folder), pl.read_parquet(given.grid)
    loaded = time.perf_counter()
    found = signals.signals(company, grid)
    done = time.perf_counter()
    found.write_parquet(given.out)
    report(f"polars {pl.__version__}", started, loaded, done, found.height, found.columns[2:])


if __name__ == "__main__":
    main()
