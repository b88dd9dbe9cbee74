"""How deals of the demo CRM come into being: when, with whom, owned by whom, and with which hidden type."""

from dataclasses import dataclass

import numpy as np

from crm import simulation_laws as laws
from crm.simulated_people import TEAMS, People, Reps
from crm.simulation_calendar import DAY_US, Calendar

CURRENCIES = ("EUR", "USD", "GBP", "CHF")
FIRST_RATES = (1.0, 0.92, 1.17, 1.04)
_CURRENCY_SHARES = {
    "DACH": (0.72, 0.0, 0.0, 0.28),
    "UK & Ireland": (0.2, 0.0, 0.8, 0.0),
    "North America": (0.0, 1.0, 0.0, 0.0),
    "France & Benelux": (1.0, 0.0, 0.0, 0.0),
    "Nordics": (0.75, 0.25, 0.0, 0.0),
    "Southern Europe": (1.0, 0.0, 0.0, 0.0),
}
MEDIAN_AMOUNT = (9_000.0, 22_000.0, 60_000.0, 150_000.0)
"""By size of the account, in EUR."""
AMOUNT_SPREAD = 0.8
_HOUR_US = DAY_US // 24


@dataclass(frozen=True)
class Openings:
    """Deals as they were created, one element per deal, in order of creation.

    ``source``, ``deal_type``, ``competitor``, ``currency`` are positions in the tuples of those names, ``account`` and
    ``rep`` rows of the people; ``type`` and ``momentum`` are hidden.
    """

    day: np.ndarray
    created_us: np.ndarray
    account: np.ndarray
    rep: np.ndarray
    source: np.ndarray
    deal_type: np.ndarray
    competitor: np.ndarray
    budget_confirmed: np.ndarray
    seats: np.ndarray
    currency: np.ndarray
    amount: np.ndarray
    close_day: np.ndarray
    type: np.ndarray
    momentum: np.ndarray


def creation_instants(n_deals: int, calendar: Calendar, rng: np.random.Generator) -> np.ndarray:
    """Draw when ``n_deals`` are created, sorted, in microseconds; the business grows by a third over the run."""
    days = np.arange(calendar.first, calendar.stop)
    weight = calendar.creation * np.linspace(0.86, 1.14, len(days))
    day = np.repeat(days, rng.multinomial(n_deals, weight / weight.sum()))
    return np.sort(day * DAY_US + rng.integers(8 * _HOUR_US, 17 * _HOUR_US, size=n_deals))


def open_deals(created_us: np.ndarray, people: People, rng: np.random.Generator) -> Openings:
    """Create one deal at each of the sorted instants ``created_us``, in microseconds."""
    n, day = len(created_us), created_us // DAY_US
    accounts, reps = people.accounts, people.reps
    account = rng.integers(len(accounts.size), size=n)
    rep = employed_rep(reps, rng.integers(len(reps.team), size=n), accounts.region[account], day)
    source, deal_type, competitor = (
        rng.choice(len(shares), size=n, p=shares)
        for shares in (laws.SOURCE_SHARES, laws.DEAL_TYPE_SHARES, laws.COMPETITOR_SHARES)
    )
    budget = rng.random(n) < laws.BUDGET_SHARE
    size = accounts.size[account]
    prior = laws.type_chances(
        source, accounts.industry[account], size, deal_type, competitor, budget, reps.skill[rep]
    )  # fmt: skip
    kind = drawn(prior, rng)
    currency = drawn(np.array([_CURRENCY_SHARES[team] for team in TEAMS])[accounts.region[account]], rng)
    weeks = drawn(laws.CLOSE_WEEK_CHANCES[kind, 0], rng)
    return Openings(
        day=day,
        created_us=created_us,
        account=account,
        rep=rep,
        source=source,
        deal_type=deal_type,
        competitor=competitor,
        budget_confirmed=budget,
        seats=np.ceil(12 * 3.0**size * rng.lognormal(0, 0.6, size=n)).astype(int),
        currency=currency,
        amount=_first_amount(size, currency, rng),
        close_day=day + 7 * weeks + rng.integers(7, size=n),
        type=kind,
        momentum=drawn(laws.FIRST_MOMENTUM[kind], rng),
    )


def drawn(chances: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw one position per row of ``chances``, whose rows sum to 1."""
    below = rng.random((len(chances), 1)) >= np.cumsum(chances, axis=1)[:, :-1]
    return below.sum(axis=1)


def employed_rep(reps: Reps, wish: np.ndarray, region: np.ndarray, day: np.ndarray | int) -> np.ndarray:
    """Return a rep of the region's team employed on ``day``: the wished one, or the next in line who is."""
    n_teams = int(reps.team.max()) + 1
    team = region % n_teams
    rep = team + n_teams * (wish // n_teams)
    rep = np.where(rep < len(reps.team), rep, team)
    while (gone := (day < reps.hired[rep]) | (day >= reps.left[rep])).any():
        following = np.where(rep + n_teams < len(reps.team), rep + n_teams, team)
        rep = np.where(gone, following, rep)
    return rep


def _first_amount(size: np.ndarray, currency: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lognormal in EUR around the size's median, in the deal's currency, rounded to 50; it says nothing of the type."""
    euros = np.take(MEDIAN_AMOUNT, size) * rng.lognormal(0, AMOUNT_SPREAD, size=len(size))
    return np.maximum(500.0, 50 * np.rint(euros / np.take(FIRST_RATES, currency) / 50))
