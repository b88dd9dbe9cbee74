"""The world of the demo CRM: what all its deals share, the hidden habits of the sales force included."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from crm.errors import NotEnoughDataError
from crm.simulated_people import People, simulate_people
from crm.simulated_settings import simulate_settings
from crm.simulation_calendar import Calendar, day_number, working_calendar

DEMO_END = date(2026, 11, 16)
DEMO_YEARS = 3


@dataclass(frozen=True)
class World:
    """What all deals of a simulation share: the days ``first`` to ``stop`` (excluded), the people, the small tables."""

    n_deals: int
    first: int
    stop: int
    calendar: Calendar
    people: People
    tables: dict[str, pa.Table]


def simulate_world(n_deals: int, seed: int, *, end: date = DEMO_END, years: int = DEMO_YEARS) -> World:
    """Make what all deals share, for a history of ``years`` years up to the start of the day ``end`` (UTC).

    Raises
    ------
    NotEnoughDataError
        If no deal or no year is asked for.
    """
    if n_deals < 1 or years < 1:
        raise NotEnoughDataError(
            f"a simulation of {n_deals} deals in {years} years was asked for; it takes at least one deal and one year"
        )
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
    first, stop = day_number(end) - round(365.25 * years), day_number(end)
    people = simulate_people(n_deals, first, stop, rng)
    settings = simulate_settings(n_deals, people.reps, first, stop, rng)
    return World(n_deals, first, stop, working_calendar(first, stop), people, {**people.tables, **settings})
