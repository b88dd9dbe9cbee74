"""The demo CRM: a B2B pipeline with known truth, from 200 deals to a million.

Every deal has a hidden type with known laws (``crm/simulation_laws.py``), so the best possible answer is known too: the
*oracle*, the chance that a deal is won given just what the CRM knew at an instant (``crm/oracle.py``).

Deals are drawn in chunks, in order of creation; each chunk has its own seed, spawned from the one given, and is
finished before the next begins: memory stays bounded, and the same seed, size and chunk length give the same deals.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from crm.arrow_columns import instants
from crm.oracle import oracle
from crm.simulated_courses import run_courses
from crm.simulated_openings import creation_instants, open_deals
from crm.simulated_products import line_items_table
from crm.simulated_tables import Numbering, changes_table, deals_table, interactions_table
from crm.simulated_world import DEMO_END, DEMO_YEARS, World, simulate_world
from crm.simulation_calendar import DAY_US

DEMO_DEALS = 6_000
DEMO_SEED = 20261116
CHUNK_DEALS = 20_000
ROWS_TOGETHER = 100_000
"""Rows of a group of a Parquet file: who reads some deals reads whole groups, and throws away the rest."""
MARKER = "simulation.json"
"""Written last: a folder that holds it is complete, and it says of what."""
SIGNALS = """\
# What this CRM keeps besides the standard, declared as signals of its own (PLUMBLINE_SIGNALS names this file).
attributes:
  seats: {type: number, unit: seats}
  competitor: {type: category}
  budget_confirmed: {type: flag, expect: more is better}
fields:
  category: {type: category}
activities: [connected, no answer]
"""
_LARGE, _ORACLE = ("deals", "deal_changes", "interactions", "line_items"), "oracle"


@dataclass(frozen=True)
class Simulation:
    """A simulated CRM: tables by name in contract dtypes, and what the oracle says of its deals (``crm/oracle.py``)."""

    tables: dict[str, pd.DataFrame]
    oracle: pd.DataFrame


def simulate(n_deals: int, seed: int, *, end: date = DEMO_END, years: int = DEMO_YEARS) -> Simulation:
    """Simulate a CRM with ``n_deals`` deals created in the ``years`` years up to the start of the day ``end`` (UTC).

    >>> simulation = simulate(20, seed=0)
    >>> simulation.tables["deals"]["deal_id"].iloc[0]
    'D000001'
    >>> bool(simulation.oracle["win_probability"].between(0, 1).all())
    True
    """
    world = simulate_world(n_deals, seed, end=end, years=years)
    chunks = list(simulate_chunks(world, seed))
    large = {name: pa.concat_tables([chunk[name] for chunk in chunks]) for name in chunks[0]}
    tables = {name: table.to_pandas() for name, table in {**world.tables, **large}.items()}
    return Simulation(tables, oracle(tables, world))


def simulate_chunks(world: World, seed: int, *, chunk_deals: int = CHUNK_DEALS) -> Iterator[dict[str, pa.Table]]:
    """Simulate deals in order of creation; yields the tables that are about single deals chunk by chunk."""
    created_us = creation_instants(world.n_deals, world.calendar, _rng(seed, 1))
    width, next_id = max(6, len(str(world.n_deals))), 1
    for start in range(0, world.n_deals, chunk_deals):
        rng = _rng(seed, 2, start // chunk_deals)
        openings = open_deals(created_us[start : start + chunk_deals], world.people, rng)
        course = run_courses(openings, world.people.accounts, world.people.reps, world.calendar, world.stop, rng)
        numbering = Numbering(start + 1, width, world.stop * DAY_US)
        chunk = {
            "deals": deals_table(openings, world.people, numbering, rng),
            "deal_changes": changes_table(course, world.people.reps, numbering),
            "interactions": interactions_table(course, openings, world.people, numbering, next_id, rng),
            "line_items": line_items_table(
                openings, world.people.accounts, numbering, _rng(seed, 3, start // chunk_deals)
            ),
        }
        next_id += len(chunk["interactions"])
        yield chunk


def write_simulation(
    folder: Path,
    n_deals: int = DEMO_DEALS,
    seed: int = DEMO_SEED,
    *,
    end: date = DEMO_END,
    years: int = DEMO_YEARS,
    with_oracle: bool = True,
    chunk_deals: int = CHUNK_DEALS,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, int]:
    """Simulate as ``simulate`` does, straight into Parquet files, one chunk of deals in memory at a time.

    Small tables become ``<table>.parquet``; those about single deals, and ``oracle``, become folders
    of ``part-00000.parquet`` and so on. What an earlier run left of these in ``folder`` is replaced.

    Parameters
    ----------
    progress : called after each chunk with the number of deals written so far

    Returns
    -------
    rows written, by table
    """
    world = simulate_world(n_deals, seed, end=end, years=years)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).unlink(missing_ok=True)
    for name in (*_LARGE, _ORACLE):
        shutil.rmtree(folder / name, ignore_errors=True)
    n_rows = {name: _write(folder / f"{name}.parquet", table) for name, table in world.tables.items()}
    for i, chunk in enumerate(simulate_chunks(world, seed, chunk_deals=chunk_deals)):
        if with_oracle:
            chunk[_ORACLE] = _oracle_table(chunk, world)
        for name, table in chunk.items():
            n_rows[name] = n_rows.get(name, 0) + _write(folder / name / f"part-{i:05}.parquet", table)
        progress(n_rows["deals"])
    (folder / "signals.yaml").write_text(SIGNALS, encoding="utf-8")
    made_of = {"n_deals": n_deals, "seed": seed, "end": end.isoformat(), "years": years, "chunk_deals": chunk_deals}
    (folder / MARKER).write_text(json.dumps({**made_of, "rows": n_rows}, indent=2), encoding="utf-8")
    return n_rows


def _rng(seed: int, *place: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=place))


def _oracle_table(chunk: dict[str, pa.Table], world: World) -> pa.Table:
    frames = {name: table.to_pandas() for name, table in {**chunk, "contacts": world.tables["contacts"]}.items()}
    judged = oracle(frames, world)
    columns = {name: pa.array(judged[name]) for name in judged if name != "as_of"}
    as_of = instants(judged["as_of"].to_numpy("datetime64[us]").astype(np.int64))
    return pa.table({**columns, "as_of": as_of}).select(list(judged))


def _write(file: Path, table: pa.Table) -> int:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, file, compression="zstd", row_group_size=ROWS_TOGETHER)
    return len(table)
