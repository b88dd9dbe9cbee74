"""The demo CRM: a B2B pipeline with known truth, from 200 deals to a million.

Every deal has a hidden type with known laws (``crm/simulation_laws.py``), so the best possible answer is known too: the
*oracle*, the chance that a deal is won given just what the CRM knew at an instant (``crm/oracle.py``).

Deals are drawn in chunks, in order of creation; each chunk has its own seed, spawned from the one given, and is
finished before the next begins: memory stays bounded, and the same seed, size and chunk length give the same deals.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa

from crm.simulated_courses import run_courses
from crm.simulated_openings import creation_days, open_deals
from crm.simulated_people import People, simulate_people
from crm.simulated_settings import simulate_settings
from crm.simulated_tables import Numbering, changes_table, deals_table, interactions_table
from crm.simulation_calendar import DAY_US, Calendar, day_number, working_calendar

DEMO_DEALS = 6_000
DEMO_SEED = 20261116
DEMO_END = date(2026, 11, 16)
DEMO_YEARS = 3
CHUNK_DEALS = 20_000


@dataclass(frozen=True)
class Simulation:
    """A simulated CRM: ``tables`` by name, in contract dtypes."""

    tables: dict[str, pd.DataFrame]


@dataclass(frozen=True)
class World:
    """What all deals of a simulation share: the period, the calendar, the people."""

    n_deals: int
    first: int
    stop: int
    calendar: Calendar
    people: People
    settings: dict[str, pa.Table]


def simulate_world(n_deals: int, seed: int, *, end: date = DEMO_END, years: int = DEMO_YEARS) -> World:
    """Make what all deals share, for a history of ``years`` up to the start of the day ``end`` (UTC)."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
    first, stop = day_number(end) - round(365.25 * years), day_number(end)
    people = simulate_people(n_deals, first, stop, rng)
    settings = simulate_settings(n_deals, people.reps, first, stop, rng)
    return World(n_deals, first, stop, working_calendar(first, stop), people, settings)


def simulate_chunks(world: World, seed: int, *, chunk_deals: int = CHUNK_DEALS) -> Iterator[dict[str, pa.Table]]:
    """Simulate deals in order of creation; yields ``deals``, ``deal_changes``, ``interactions`` chunk by chunk."""
    day_rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1,)))
    days = creation_days(world.n_deals, world.calendar, world.stop, day_rng)
    width, next_id = max(6, len(str(world.n_deals))), 1
    for start in range(0, world.n_deals, chunk_deals):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2, start // chunk_deals)))
        openings = open_deals(days[start : start + chunk_deals], world.people, rng)
        course = run_courses(openings, world.people.accounts, world.people.reps, world.calendar, world.stop, rng)
        numbering = Numbering(start + 1, width, world.stop * DAY_US)
        chunk = {
            "deals": deals_table(openings, world.people, numbering, rng),
            "deal_changes": changes_table(course, world.people.reps, numbering),
            "interactions": interactions_table(course, openings, world.people, numbering, next_id, rng),
        }
        next_id += len(chunk["interactions"])
        yield chunk


def simulate(n_deals: int, seed: int, *, end: date = DEMO_END, years: int = DEMO_YEARS) -> Simulation:
    """Simulate a CRM with ``n_deals`` deals over ``years`` years up to the start of the day ``end`` (UTC)."""
    world = simulate_world(n_deals, seed, end=end, years=years)
    chunks = list(simulate_chunks(world, seed))
    shared = {**world.people.tables, **world.settings}
    large = {name: pa.concat_tables([chunk[name] for chunk in chunks]) for name in chunks[0]}
    return Simulation({name: table.to_pandas() for name, table in {**shared, **large}.items()})
