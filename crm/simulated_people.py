"""The people of the demo CRM: companies that buy, their contacts, and a sales force with hidden skills and habits."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm.arrow_columns import chosen, joined, numbered
from crm.simulated_names import company_names, distinct_person_names, person_names
from crm.simulation_laws import INDUSTRIES, SIZES
from crm.tables import SENIORITIES

TEAMS = ("DACH", "UK & Ireland", "North America", "France & Benelux", "Nordics", "Southern Europe")
SIZE_SHARES = (0.42, 0.33, 0.17, 0.08)
REPS_AT_6000_DEALS = 32
DEALS_PER_ACCOUNT = 2.8
OVER_REPORTING_SHARE = 0.17
LEAVER_SHARE = 0.2
NEVER = 1_000_000
"""A day number later than any other."""

_ROLES = {
    "junior": ("Analyst", "Engineer", "Buyer", "Specialist"),
    "manager": ("IT Manager", "Operations Manager", "Purchasing Manager", "Project Manager"),
    "director": ("Director of IT", "Director of Operations", "Head of Procurement", "Head of Digital"),
    "executive": ("CEO", "CFO", "COO", "CTO"),
}


@dataclass(frozen=True)
class Reps:
    """Those who own deals, one element per rep; ``skill`` and ``over_reporting`` are hidden from the CRM.

    Attributes
    ----------
    team : position in ``TEAMS``
    skill : standard normal; tilts the prior of the types
    over_reporting : factor on logged outbound work that never happened otherwise; 1 for honest reps
    hired, left : day numbers; employed on days with ``hired <= day < left``
    user : row of the rep in table ``users``
    manager : row of the rep's manager in table ``users``
    """

    team: np.ndarray
    skill: np.ndarray
    over_reporting: np.ndarray
    hired: np.ndarray
    left: np.ndarray
    user: np.ndarray
    manager: np.ndarray


@dataclass(frozen=True)
class Accounts:
    """One element per account: positions in ``INDUSTRIES``, ``SIZES``, ``TEAMS``, and where its contacts lie.

    The contacts of account ``a`` are rows ``first_contact[a]`` onward: ``n_junior[a]`` juniors and managers, then
    ``n_senior[a]`` directors and executives, at least one of each sort.
    """

    industry: np.ndarray
    size: np.ndarray
    region: np.ndarray
    first_contact: np.ndarray
    n_junior: np.ndarray
    n_senior: np.ndarray


@dataclass(frozen=True)
class People:
    """The sales force, the accounts, and the tables ``users``, ``accounts``, ``contacts`` that show them."""

    reps: Reps
    accounts: Accounts
    tables: dict[str, pa.Table]


def simulate_people(n_deals: int, first_day: int, last_day: int, rng: np.random.Generator) -> People:
    """Invent the people for ``n_deals`` deals; reps may join and leave between the two day numbers."""
    reps = _hire(n_deals, first_day, last_day, rng)
    accounts = _found_accounts(max(8, round(n_deals / DEALS_PER_ACCOUNT)), rng)
    tables = {
        "accounts": _accounts_table(accounts, rng),
        "contacts": _contacts_table(accounts, rng),
        "users": _users_table(reps, last_day, rng),
    }
    return People(reps, accounts, tables)


def user_ids(n_users: int) -> pa.Array:
    """Ids of the first ``n_users`` users."""
    return numbered("U", np.arange(1, n_users + 1), 3)


def account_ids(rows: np.ndarray) -> pa.Array:
    """Ids of accounts by row."""
    return numbered("A", rows + 1, 6)


def contact_ids(rows: np.ndarray) -> pa.Array:
    """Ids of contacts by row; missing where a row is negative."""
    return pc.if_else(pa.array(rows >= 0), numbered("C", rows + 1, 6), pa.scalar(None, pa.string()))


def _hire(n_deals: int, first_day: int, last_day: int, rng: np.random.Generator) -> Reps:
    n = int(np.clip(round(REPS_AT_6000_DEALS * np.sqrt(n_deals / 6000)), 4, 2000))
    n_teams = min(len(TEAMS), n // 2)
    team = np.arange(n) % n_teams
    founder = np.arange(n) < n_teams  # the first rep of each team never leaves, so that every deal finds an owner
    hired = np.where(rng.random(n) < 0.75, first_day, rng.integers(first_day, last_day, size=n))
    leaves = rng.random(n) < LEAVER_SHARE
    left = np.where(leaves, np.maximum(hired + 120, rng.integers(first_day, last_day, size=n)), NEVER)
    over = np.where(rng.random(n) < OVER_REPORTING_SHARE, rng.uniform(1.7, 2.8, size=n), 1.0)
    over[rng.integers(n)] = 2.2  # at least one, however small the sales force
    return Reps(
        team=team,
        skill=rng.standard_normal(n),
        over_reporting=over,
        hired=np.where(founder, first_day, hired),
        left=np.where(founder, NEVER, left),
        user=1 + n_teams + np.arange(n),
        manager=1 + team,
    )


def _found_accounts(n: int, rng: np.random.Generator) -> Accounts:
    size = rng.choice(len(SIZES), size=n, p=SIZE_SHARES)
    n_junior = 1 + rng.binomial(1 + size, 0.5)
    n_senior = 1 + rng.binomial(1 + size, 0.3)
    return Accounts(
        industry=rng.integers(len(INDUSTRIES), size=n),
        size=size,
        region=rng.integers(len(TEAMS), size=n),
        first_contact=np.cumsum(n_junior + n_senior) - n_junior - n_senior,
        n_junior=n_junior,
        n_senior=n_senior,
    )


def _accounts_table(accounts: Accounts, rng: np.random.Generator) -> pa.Table:
    return pa.table({
        "account_id": account_ids(np.arange(len(accounts.size))),
        "name": company_names(accounts.industry, INDUSTRIES, rng),
        "industry": chosen(INDUSTRIES, accounts.industry),
        "size": chosen(SIZES, accounts.size),
        "region": chosen(TEAMS, accounts.region),
    })  # fmt: skip


def _contacts_table(accounts: Accounts, rng: np.random.Generator) -> pa.Table:
    per_account = accounts.n_junior + accounts.n_senior
    account = np.repeat(np.arange(len(per_account)), per_account)
    n = len(account)
    is_senior = np.arange(n) - accounts.first_contact[account] >= accounts.n_junior[account]
    seniority = 2 * is_senior + (rng.random(n) < np.where(is_senior, 0.35, 0.45))
    roles = [role for name in SENIORITIES for role in _ROLES[name]]
    return pa.table({
        "contact_id": contact_ids(np.arange(n)),
        "account_id": account_ids(account),
        "name": person_names(n, rng),
        "role": chosen(roles, 4 * seniority + rng.integers(4, size=n)),
        "seniority": chosen(SENIORITIES, seniority),
    })  # fmt: skip


def _users_table(reps: Reps, last_day: int, rng: np.random.Generator) -> pa.Table:
    """The head of sales, then a manager per team, then the reps."""
    n_teams = int(reps.team.max()) + 1
    n = 1 + n_teams + len(reps.team)
    names, ids = distinct_person_names(n, rng), user_ids(n)
    team = np.concatenate([[-1], np.arange(n_teams), reps.team])
    manager = np.concatenate([[-1], np.zeros(n_teams, int), reps.manager])
    return pa.table({
        "user_id": ids,
        "name": names,
        "email": joined(pc.replace_substring(pc.utf8_lower(names), " ", "."), "@plumbline.example"),
        "manager_id": chosen(ids, manager),
        "team": chosen(TEAMS, team),
        "active": np.concatenate([np.ones(1 + n_teams, bool), reps.left >= last_day]),
    })  # fmt: skip
