"""The tables around the deals of the demo CRM: ``stages``, ``calendar``, ``fx_rates``, ``quotas``."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from crm import simulation_laws as laws
from crm.arrow_columns import chosen, dates, decimals, numbered
from crm.simulated_openings import AMOUNT_SPREAD, CURRENCIES, FIRST_RATES, MEDIAN_AMOUNT
from crm.simulated_people import SIZE_SHARES, Reps
from crm.simulated_tables import PIPELINE, STAGE_PROBABILITIES, STAGES
from crm.simulation_calendar import EPOCH, HOLIDAYS, day_number

FX_HISTORY_DAYS = 31
FX_DAILY_CHANGE = 0.004
QUOTA_STRETCH = 1.15
EXPECTED_WIN_RATE = 0.25


def simulate_settings(n_deals: int, reps: Reps, first: int, stop: int, rng: np.random.Generator) -> dict[str, pa.Table]:
    """Make the four tables for a history from day number ``first`` to ``stop`` (excluded)."""
    return {
        "stages": _stages(),
        "calendar": _calendar(first, stop),
        "fx_rates": _fx_rates(first - FX_HISTORY_DAYS, stop, rng),
        "quotas": _quotas(n_deals, reps, first, stop, rng),
    }


def _stages() -> pa.Table:
    category = ["open"] * laws.N_OPEN_STAGES + ["won", "lost"]
    return pa.table({
        "pipeline_id": [PIPELINE] * len(STAGES),
        "stage": list(STAGES),
        "position": np.arange(1, len(STAGES) + 1),
        "category": category,
        "default_probability": list(STAGE_PROBABILITIES),
    })  # fmt: skip


def _calendar(first: int, stop: int) -> pa.Table:
    years = range((EPOCH + timedelta(first)).year, (EPOCH + timedelta(stop)).year + 2)
    holidays = [date(year, month, day).isoformat() for year in years for month, day in HOLIDAYS]
    return pa.table({
        "setting": ["fiscal_year_start_month", "week_start"] + ["holiday"] * len(holidays),
        "value": ["1", "monday", *holidays],
    })  # fmt: skip


def _fx_rates(first: int, stop: int, rng: np.random.Generator) -> pa.Table:
    """A random walk in EUR per unit of each currency, one row per currency and day; EUR itself is 1."""
    days = np.arange(first, stop)
    steps = rng.normal(0, FX_DAILY_CHANGE, size=(len(CURRENCIES), len(days)))
    steps[0] = 0
    rates = np.array(FIRST_RATES)[:, None] * np.exp(np.cumsum(steps, axis=1))
    return pa.table({
        "currency": chosen(CURRENCIES, np.repeat(np.arange(len(CURRENCIES)), len(days))),
        "quote_currency": ["EUR"] * rates.size,
        "day": dates(np.tile(days, len(CURRENCIES))),
        "rate": np.round(rates, 6).ravel(),
    })  # fmt: skip


def _quotas(n_deals: int, reps: Reps, first: int, stop: int, rng: np.random.Generator) -> pa.Table:
    """What each rep is to win per quarter in EUR, a little above what is usual, to the second quarter after the end."""
    starts = _quarter_starts(EPOCH + timedelta(first), EPOCH + timedelta(stop) + timedelta(184))
    mean_euros = float(np.dot(SIZE_SHARES, MEDIAN_AMOUNT)) * np.exp(AMOUNT_SPREAD**2 / 2)
    won_per_quarter = EXPECTED_WIN_RATE * n_deals * mean_euros * 91.3 / (stop - first)
    quarter, rep = (part.ravel() for part in np.meshgrid(np.arange(len(starts) - 1), np.arange(len(reps.team))))
    start, end = (np.array([day_number(day) for day in part])[quarter] for part in (starts[:-1], starts[1:]))
    employed = (reps.hired[rep] < end) & (reps.left[rep] > start)
    amount = QUOTA_STRETCH * won_per_quarter / len(reps.team) * rng.uniform(0.8, 1.2, size=len(reps.team))[rep]
    return pa.table({
        "owner_id": numbered("U", reps.user[rep] + 1, 3),
        "period_start": dates(start),
        "period_end": dates(end),
        "amount": decimals(1000 * np.ceil(amount / 1000)),
        "currency": ["EUR"] * len(rep),
    }).filter(employed)  # fmt: skip


def _quarter_starts(first: date, last: date) -> list[date]:
    """Starts of the quarters from the one holding ``first`` to the one holding ``last``."""
    quarters = range(4 * first.year + (first.month - 1) // 3, 4 * last.year + (last.month - 1) // 3 + 1)
    return [date(n // 4, 3 * (n % 4) + 1, 1) for n in quarters]
