"""The tables a CRM would show of simulated deals: ``deals``, ``deal_changes``, ``interactions``, in contract columns.

Whatever enters the system at or after the end is left out: late-logged calls among it. A meeting booked before the end
but planned for later stays.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm import simulation_laws as laws
from crm.arrow_columns import chosen, dates, decimals, instants, joined, numbered
from crm.simulated_courses import FIELDS, Course
from crm.simulated_openings import CURRENCIES, Openings
from crm.simulated_people import Accounts, People, Reps, account_ids, contact_ids, user_ids
from crm.simulation_calendar import DAY_US
from crm.tables import AMOUNT, CATEGORY, CLOSE_DATE, OWNER, STAGE

PIPELINE = "new-sales"
STAGES = ("Qualification", "Discovery", "Evaluation", "Proposal", "Negotiation", "Won", "Lost")
STAGE_PROBABILITIES = (0.10, 0.20, 0.40, 0.60, 0.80, 1.0, 0.0)
PLANNED_SHARE = 0.75
"""Share of meetings booked ahead; the others are entered on the day, after they took place."""
MAX_LEAD_DAYS = 14
_MINUTE_US = 60_000_000
_PURPOSES = {"new business": ("platform", "rollout", "pilot"), "expansion": ("expansion",), "renewal": ("renewal",)}
_PURPOSE_NAMES = tuple(name for names in _PURPOSES.values() for name in names)


@dataclass(frozen=True)
class Numbering:
    """How a run of deals is numbered: the first deal's number from 1, the digits of an id, and the end."""

    first: int
    width: int
    end_us: int

    def deal_ids(self, rows: np.ndarray) -> pa.Array:
        """Ids of deals by their position in the run."""
        return numbered("D", rows + self.first, self.width)


def deals_table(openings: Openings, people: People, numbering: Numbering, rng: np.random.Generator) -> pa.Table:
    """One row per deal, with what was known when it was created."""
    n = len(openings.day)
    account_names = people.tables["accounts"]["name"].combine_chunks()
    purpose = np.where(openings.deal_type > 0, openings.deal_type + 2, rng.integers(3, size=n))
    year = pc.utf8_slice_codeunits(dates(openings.day), 0, 4)
    return pa.table({
        "deal_id": numbering.deal_ids(np.arange(n)),
        "name": joined(chosen(account_names, openings.account), " – ", chosen(_PURPOSE_NAMES, purpose), " ", year),
        "account_id": account_ids(openings.account),
        "pipeline_id": chosen([PIPELINE], np.zeros(n, int)),
        "source": chosen(laws.SOURCES, openings.source),
        "deal_type": chosen(laws.DEAL_TYPES, openings.deal_type),
        "currency": chosen(CURRENCIES, openings.currency),
        "created_at": instants(openings.created_us),
        "attributes": _attributes(openings),
    })  # fmt: skip


def _attributes(openings: Openings) -> pa.Array:
    """JSON text with a category, a flag and a number."""
    return joined(
        '{"budget_confirmed": ',
        chosen(["false", "true"], openings.budget_confirmed.astype(int)),
        ', "competitor": "',
        chosen(laws.COMPETITORS, openings.competitor),
        '", "seats": ',
        pc.cast(pa.array(openings.seats), pa.string()),
        "}",
    )


def changes_table(course: Course, reps: Reps, numbering: Numbering) -> pa.Table:
    """One row per change of one field of one deal, the first value of each field included."""
    field, deal, at_us, user, new = (np.concatenate(column) for column in zip(*course.changes, strict=True))
    order = np.lexsort((at_us, field, deal))
    field, deal, at_us, user, new = (column[order] for column in (field, deal, at_us, user, new))
    is_first = np.ones(len(deal), bool)
    is_first[1:] = (deal[1:] != deal[:-1]) | (field[1:] != field[:-1])
    text, users = _values(field, new), user_ids(int(reps.user[-1]) + 1)
    return pa.table({
        "deal_id": numbering.deal_ids(deal),
        "field": chosen(FIELDS, field),
        "changed_at": instants(at_us),
        "seq": np.zeros(len(deal), np.int64),
        "old_value": text.take(pa.array(np.arange(len(deal)) - 1, pa.int64(), mask=is_first)),
        "new_value": text,
        "changed_by": users.take(pa.array(user)),
        "known_at": instants(at_us),
    })  # fmt: skip


def _values(field: np.ndarray, new: np.ndarray) -> pa.Array:
    """Write each new value as the contract wants the field written."""
    is_field = {name: field == FIELDS.index(name) for name in FIELDS}
    whole = new.astype(np.int64)
    users = user_ids(int(whole[is_field[OWNER]].max(initial=0)) + 1)
    return pc.case_when(
        pc.make_struct(*(pa.array(is_field[name]) for name in (STAGE, CLOSE_DATE, OWNER, CATEGORY))),
        chosen(STAGES, np.where(is_field[STAGE], whole, -1)),
        dates(np.where(is_field[CLOSE_DATE], whole, 0)),
        chosen(users, np.where(is_field[OWNER], whole, -1)),
        chosen(laws.CATEGORIES, np.where(is_field[CATEGORY], whole, -1)),
        decimals(np.where(is_field[AMOUNT], new, 0.0)),
    )


def interactions_table(
    course: Course, openings: Openings, people: People, numbering: Numbering, first_id: int, rng: np.random.Generator
) -> pa.Table:
    """One row per interaction, sorted by deal and by when it became known; ids count from ``first_id``."""
    deal, day, channel, rep = (np.concatenate(column) for column in zip(*course.talks, strict=True))
    occurred_us, known_us = _times(day, channel, rng)
    keep = np.flatnonzero(known_us < numbering.end_us)
    keep = keep[np.lexsort((known_us[keep], deal[keep]))]
    deal, channel, rep, occurred_us, known_us = (part[keep] for part in (deal, channel, rep, occurred_us, known_us))
    kind, direction, detail = zip(*laws.CHANNELS, strict=True)
    is_call = laws.IS_CALL[channel]
    contact = _contacts(openings.account[deal], channel, people.accounts, rng)
    return pa.table({
        "interaction_id": numbered("I", np.arange(first_id, first_id + len(deal)), 8),
        "deal_id": numbering.deal_ids(deal),
        "kind": chosen(kind, channel),
        "direction": chosen(pa.array(direction, pa.string()), channel),
        "occurred_at": instants(occurred_us),
        "known_at": instants(known_us),
        "contact_id": contact_ids(contact),
        "user_id": user_ids(int(people.reps.user[-1]) + 1).take(pa.array(people.reps.user[rep])),
        "duration_s": _durations(channel, rng),
        "outcome": chosen(pa.array(detail, pa.string()), np.where(is_call, channel, -1)),
    })  # fmt: skip


def _times(day: np.ndarray, channel: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """When each interaction took (or takes) place and when it became known, in microseconds.

    Calls are logged up to seven days late. Meetings belong to the day they are booked or entered on: planned ones take
    place on a later working day.
    """
    n = len(day)
    clock_us = rng.integers(480 * _MINUTE_US, 1000 * _MINUTE_US, size=n)
    entry_us = rng.integers(5_000_000, 15 * _MINUTE_US, size=n)
    occurred_us = day * DAY_US + clock_us
    lag = np.where(laws.IS_CALL[channel], rng.choice(len(laws.LAG_CHANCES), size=n, p=laws.LAG_CHANCES), 0)
    late_us = (day + lag) * DAY_US + rng.integers(480 * _MINUTE_US, 1140 * _MINUTE_US, size=n)
    known_us = np.where(lag > 0, late_us, occurred_us + entry_us)
    is_meeting = np.isin(channel, [i for i, (kind, _, _) in enumerate(laws.CHANNELS) if kind == "meeting"])
    planned = is_meeting & (rng.random(n) < PLANNED_SHARE)
    met = day + rng.integers(1, MAX_LEAD_DAYS + 1, size=n)
    met += np.where((met + 3) % 7 >= 5, 2, 0)  # 1970-01-01 was a Thursday: move weekends to the Monday or Tuesday after
    slot_us = 30 * _MINUTE_US * rng.integers(16, 34, size=n)
    return np.where(planned, met * DAY_US + slot_us, occurred_us), known_us


def _contacts(account: np.ndarray, channel: np.ndarray, accounts: Accounts, rng: np.random.Generator) -> np.ndarray:
    """Row of the contact of each interaction, -1 for notes and tasks; the account's first contact is the usual one."""
    u = rng.random(len(account))
    n_junior, n_senior = accounts.n_junior[account], accounts.n_senior[account]
    junior = (n_junior * u).astype(int)
    senior = n_junior + (n_senior * u).astype(int)
    anyone = ((n_junior + n_senior) * u**2).astype(int)
    detail = np.array([str(detail) for _, _, detail in laws.CHANNELS])[channel]
    kind = np.array([kind for kind, _, _ in laws.CHANNELS])[channel]
    place = np.select([detail == "junior", detail == "senior"], [junior, senior], anyone)
    return np.where((kind == "note") | (kind == "task"), -1, accounts.first_contact[account] + place)


def _durations(channel: np.ndarray, rng: np.random.Generator) -> pa.Array:
    """Seconds: connected calls are lognormal around 7 minutes, meetings booked for 30, 45 or 60; others have none."""
    connected = np.array([kind == "call" and detail == "connected" for kind, _, detail in laws.CHANNELS])[channel]
    meeting = np.array([kind == "meeting" for kind, _, _ in laws.CHANNELS])[channel]
    talk_s = np.rint(rng.lognormal(np.log(420), 0.8, size=len(channel)))
    meeting_s = rng.choice([1800.0, 2700.0, 3600.0], size=len(channel))
    return pa.array(np.where(connected, talk_s, meeting_s), mask=~(connected | meeting))
