"""Traits: what sort of deal it is, a line each, as known at an instant."""

import numpy as np
import pytest

from features.declared import Custom, Declared
from features.facts import DAY
from features.histories import Histories
from features.norms import norms_of
from features.snapshots import Snapshots
from features.traits import traits, weeks_ahead
from features.vocabulary import Vocabulary

DEALS = """
deal_id | pipeline_id | account_id | source | currency | created_at | attributes
D1      | new         | A1         | web    | EUR      | 2024-01-01 | {"competitor": "Acme", "budget": "yes"}
D2      | renewal     |            |        | USD      | 2024-01-01 |
"""
CHANGES = """
deal_id | field    | seq | new_value | changed_at | known_at
D1      | stage    | 0   | Demo      | 2024-01-01 |
D1      | owner_id | 0   | U1        | 2024-01-01 |
D1      | owner_id | 1   | U1        | 2024-01-03 |
D1      | owner_id | 2   | U2        | 2024-01-05 | 2024-01-09
D1      | owner_id | 3   | U3        | 2024-01-20 |
D1      | close_date | 0 | 2024-03-05 | 2024-01-01 |
D1      | close_date | 1 | 2024-09-01 | 2024-01-20 |
D2      | close_date | 0 | 2024-03-05 | 2024-01-02 |
D2      | stage    | 0   | Check     | 2024-01-01 |
"""


@pytest.fixture
def told(company):
    """The traits of a deal as of an instant, line by line."""

    def told(deal, at_us, declared=Declared()):
        tables = company(deals=DEALS, deal_changes=CHANGES)
        histories = Histories.from_tables(tables, Vocabulary.from_tables(tables, declared))
        norms = norms_of(histories, tables["fx_rates"], "EUR")
        return traits(Snapshots(histories, norms, np.array([deal]), np.array([at_us])))[0].split("\n")

    return told


def test_what_was_known_at_creation_is_told_by_name(told, at):
    expected = ["pipeline: new", "source: web", "currency: EUR", "industry: steel", "size: small", "region: EMEA"]
    expected += ["first close date: 8 to 10 weeks ahead"]
    assert told(0, at("2024-01-02"))[:-1] == expected


def test_what_is_not_known_has_no_line(told, at):
    assert told(1, at("2024-01-02")) == ["pipeline: renewal", "currency: USD"]


def test_a_close_date_that_was_set_or_changed_later_is_none_of_the_creation(told, at):
    assert [line for line in told(0, at("2024-03-01")) if "close date" in line] == [
        "first close date: 8 to 10 weeks ahead"
    ]
    assert not any("close date" in line for line in told(1, at("2024-03-01")))


@pytest.mark.parametrize(
    ("days", "step"), [(-400, 0), (0, 0), (6, 0), (7, 1), (27, 3), (28, 4), (181, 9), (182, 10), (4_000, 10)]
)
def test_steps_of_weeks_ahead(days, step):
    created = np.array([20_000 * DAY + 5])
    assert weeks_ahead(np.array([20_000.0 + days]), created).tolist() == [step]


def test_owners_come_in_turn_each_once_known(told, at):
    owners = {
        day: [line for line in told(0, at(day)) if "owner" in line]
        for day in ("2024-01-01", "2024-01-08", "2024-01-10", "2024-02-01")
    }
    assert owners == {
        "2024-01-01": [],
        "2024-01-08": ["owner: U1"],
        "2024-01-10": ["owner: U1", "later owner: U2"],
        "2024-02-01": ["owner: U1", "later owner: U2", "later owner: U3"],
    }


def test_a_line_end_in_a_value_makes_no_trait_of_its_own(company, at):
    tables = company(deals=DEALS, deal_changes=CHANGES)
    tables["deals"] = tables["deals"].assign(source="web\nowner: U9")
    histories = Histories.from_tables(tables)
    norms = norms_of(histories, tables["fx_rates"], "EUR")
    lines = traits(Snapshots(histories, norms, np.array([0]), np.array([at("2024-01-02")])))[0].split("\n")
    assert "source: web owner: U9" in lines
    assert "owner: U9" not in lines


def test_declared_categories_and_flags_are_traits(told, at):
    declared = Declared((Custom("attribute", "competitor", "category"), Custom("attribute", "budget", "flag")))
    lines = told(0, at("2024-01-02"), declared)
    assert {"attribute_competitor: Acme", "attribute_budget: yes"} <= set(lines)
    assert not any("attribute" in line for line in told(1, at("2024-01-02"), declared))
