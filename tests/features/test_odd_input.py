"""Histories that are odd but possible have defined results."""

import math

import numpy as np
import pandas as pd
import pytest

from features.facts import DAY
from features.histories import Histories
from features.norms import norms_of
from features.pipeline import signal_matrix, snapshot_table
from features.signals import SIGNALS
from features.snapshots import Snapshots

DEALS = """
deal_id | pipeline_id | account_id | currency | created_at
D1      | new         | A1         | EUR      | 2024-02-01
"""
HEADER = "deal_id | field | seq | new_value | changed_at | known_at\n"
FIRST = HEADER + "D1 | stage | 0 | Demo | 2024-02-01 |\n"


def test_a_stage_unknown_to_the_pipeline_says_nothing(company, signals, at):
    """Check is a stage of another pipeline, Nowhere of none."""
    odd = "D1 | stage | 1 | Check | 2024-02-10 |\nD1 | stage | 2 | Nowhere | 2024-02-11 |\n"
    plain = signals(company(deals=DEALS, deal_changes=FIRST), "D1", at("2024-03-04"))
    np.testing.assert_equal(signals(company(deals=DEALS, deal_changes=FIRST + odd), "D1", at("2024-03-04")), plain)


def test_a_change_before_the_creation_is_known_from_the_creation(company, signals, at, weekly):
    early = HEADER + "D1 | stage | 0 | Offer | 2024-01-02 |\nD1 | amount | 0 | 500 | 2024-01-02 |\n"
    tables = company(deals=DEALS, deal_changes=early)
    grid = weekly(tables, at("2024-02-20"))
    assert [int(day) for day in (grid.at - at("2024-02-01")) // DAY] == [4, 11, 18]
    found = signals(tables, "D1", at("2024-02-05"))
    assert (found["stage_position"], found["amount"], found["days_in_stage"]) == (2, 500, 34)


def test_interactions_before_the_creation_count_from_when_they_were_known(company, signals, at):
    header = "interaction_id | deal_id | kind | direction | occurred_at\n"
    tables = company(deals=DEALS, deal_changes=FIRST, interactions=header + "I1 | D1 | email | inbound | 2024-01-20\n")
    assert signals(tables, "D1", at("2024-02-05"))["days_since_last_interaction"] == 16


@pytest.fixture(scope="module")
def many(company):
    """One deal with 100,000 interactions, one every half minute from 1 February on."""
    n = 100_000
    instants = pd.Timestamp("2024-02-01", tz="UTC").as_unit("us") + pd.to_timedelta(np.arange(n) * 30, unit="s")
    talks = pd.DataFrame({"interaction_id": [f"I{i}" for i in range(n)], "deal_id": "D1", "kind": "email"})
    talks = talks.assign(direction=np.where(np.arange(n) % 2, "inbound", "outbound"))
    empty = dict.fromkeys(("contact_id", "user_id", "duration_s", "outcome"))
    talks = talks.assign(occurred_at=instants, known_at=instants, **empty)
    return company(deals=DEALS, deal_changes=FIRST) | {"interactions": talks}


def test_a_deal_with_a_hundred_thousand_interactions_is_a_deal_like_others(many, signals, at):
    found = signals(many, "D1", at("2024-03-11"))
    assert found["interactions_ever"] == 100_000
    assert found["inbound_emails_ever"] == 50_000
    assert found["mean_gap_days"] == pytest.approx(30 / 86400)
    assert found["days_to_reply"] == pytest.approx(30 / 86400)
    assert found["two_way_share_90d"] == 0.5


def test_managers_who_manage_themselves_or_each_other_are_managers(company, signals, at):
    users = """
    user_id | manager_id | team | active
    U1      | U1         | North | 1
    U2      | U3         | North | 1
    U3      | U2         | North | 1
    """
    owner = "D1 | owner_id | 0 | {} | 2024-02-01 |\n"
    closed = "D2 | stage | 0 | Demo | 2024-01-01 |\nD2 | stage | 1 | Won | 2024-01-09 |\n"
    closed += "D2 | owner_id | 0 | U2 | 2024-01-01 |\n"
    deals = DEALS + "D2 | new | A1 | EUR | 2024-01-01\n"
    rates = [
        signals(
            company(deals=deals, users=users, deal_changes=FIRST + owner.format(name) + closed), "D1", at("2024-03-04")
        )["manager_win_rate"]
        for name in ("U1", "U2", "U3")
    ]
    assert rates == [1.0, 1.0, 1.0]


def test_users_accounts_and_contacts_that_are_in_no_table_are_known_by_their_ids_alone(company, signals, at):
    changes = FIRST + "D1 | owner_id | 0 | ghost | 2024-02-01 |\n"
    header = "interaction_id | deal_id | kind | direction | contact_id | user_id | occurred_at\n"
    talks = header + "I1 | D1 | email | inbound | nobody | nobody | 2024-02-20\n"
    tables = company(deals=DEALS, deal_changes=changes, interactions=talks)
    tables |= {name: tables[name].iloc[:0] for name in ("users", "accounts", "contacts")}
    found = signals(tables, "D1", at("2024-03-04"))
    assert (found["owner_open_deals"], found["contacts_ever"], found["users_ever"]) == (1, 1, 1)
    assert math.isnan(found["team_win_rate"])


@pytest.mark.parametrize("empty", ["interactions", "users", "accounts", "contacts", "fx_rates", "stages", "calendar"])
def test_any_table_may_be_empty(demo, at, empty):
    tables = demo | {empty: demo[empty].iloc[:0]}
    histories = Histories.from_tables(tables)
    norms = norms_of(histories, tables["fx_rates"], "EUR")
    every = Snapshots(histories, norms, np.arange(len(histories)), np.full(len(histories), at("2026-06-01")))
    assert signal_matrix(every).shape == (len(histories), len(SIGNALS))
    assert len(snapshot_table(every)) == len(histories)


def test_a_company_of_nothing_has_no_snapshots(company, weekly, at):
    tables = company()
    assert len(weekly(tables, at("2024-03-04"))) == 0
    assert snapshot_table(weekly(tables, at("2024-03-04"))).shape == (0, 7 + len(SIGNALS))


def test_the_order_of_rows_means_nothing(demo, at):
    """Ties at one instant are told apart by what the rows say, not by where they stand."""
    mixed = {name: rows.sample(frac=1, random_state=3) for name, rows in demo.items()}
    tables = []
    for given in (demo, mixed):
        histories = Histories.from_tables(given)
        norms = norms_of(histories, given["fx_rates"], "EUR")
        deals = np.arange(len(histories))
        tables.append(signal_matrix(Snapshots(histories, norms, deals, np.full(len(deals), at("2026-06-01")))))
    np.testing.assert_array_equal(tables[0].view(np.int64), tables[1].view(np.int64))
