"""The company of ``make bench-forecast``: 50,000 deals of 500 owners in 50 teams, four quarters, one shared shock."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reports.shocks import Shock

N_DEALS, N_OWNERS, N_TEAMS = 50_000, 500, 50
MEDIAN_CENTS, LOG_SPREAD = 2_000_000, 1.0
QUARTER_CHANCES = (0.16, 0.12, 0.10, 0.08)
SHOCK = Shock(0.25)
LEVELS = np.array([0.1, 0.5, 0.9])


@dataclass(frozen=True)
class Case:
    """The deals, ordered by owner: amounts in cents, chances of shape (n_deals, n_quarters), owner and team numbers."""

    amount: NDArray[np.float64]
    chance: NDArray[np.float64]
    owner: NDArray[np.int64]
    team: NDArray[np.int64]


def case(n_deals: int = N_DEALS, n_owners: int = N_OWNERS, n_teams: int = N_TEAMS, seed: int = 2026) -> Case:
    """Draw the company: lognormal amounts, chances spread around the quarter's as Beta variables."""
    rng = np.random.default_rng(seed)
    owner = np.sort(rng.integers(0, n_owners, n_deals))
    amount = np.round(MEDIAN_CENTS * np.exp(LOG_SPREAD * rng.standard_normal(n_deals)))
    chance = np.column_stack([rng.beta(2, 2 / mean - 2, n_deals) for mean in QUARTER_CHANCES])
    return Case(amount, chance / np.maximum(1, chance.sum(axis=1, keepdims=True)), owner, owner * n_teams // n_owners)
