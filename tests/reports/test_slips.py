"""Slips: of the deals due in a quarter as known at its start, what became of them by its end."""

from collections.abc import Callable

import pandas as pd
import pytest

from crm.money import Rate
from crm.present import present
from reports.people import People, people
from reports.slips import ALL

AS_OF = pd.Timestamp("2026-11-16", tz="UTC").as_unit("us")
EUROS = {"EUR": Rate("EUR", "EUR", "2026-11-15", 1.0)}
NO_SCORES = pd.DataFrame({"deal_id": [], "as_of": pd.Series([], dtype="datetime64[us, UTC]"), "win_within": []})
USERS = """
user_id | name | manager_id | team
U1      | Ann  | M1         | North
U2      | Ben  | M1         | North
M1      | Mia  |            |
"""
DEALS = """
deal_id  | created_at
won      | 2026-05-01
pushed   | 2026-05-01
lost     | 2026-05-01
next     | 2026-05-01
young    | 2026-07-02
forgot   | 2026-05-01
late     | 2026-05-01
handed   | 2026-05-01
over     | 2026-05-01
"""
CHANGES = """
deal_id  | field      | changed_at | known_at   | seq | new_value
won      | stage      | 2026-05-01 |            | 0   | Offer
won      | owner_id   | 2026-05-01 |            | 0   | U1
won      | amount     | 2026-05-01 |            | 0   | 100.50
won      | close_date | 2026-05-01 |            | 0   | 2026-08-10
won      | stage      | 2026-08-20 |            | 0   | Won
pushed   | stage      | 2026-05-01 |            | 0   | Demo
pushed   | owner_id   | 2026-05-01 |            | 0   | U1
pushed   | amount     | 2026-05-01 |            | 0   | 10
pushed   | close_date | 2026-05-01 |            | 0   | 2026-08-01
pushed   | close_date | 2026-06-01 |            | 0   | 2026-09-01
pushed   | close_date | 2026-08-25 |            | 0   | 2026-09-20
pushed   | close_date | 2026-09-19 |            | 0   | 2026-10-15
pushed   | close_date | 2026-09-20 |            | 0   | 2026-10-05
pushed   | close_date | 2026-10-01 |            | 0   | 2026-12-31
pushed   | stage      | 2026-10-02 |            | 0   | Won
lost     | stage      | 2026-05-01 |            | 0   | Offer
lost     | close_date | 2026-05-01 |            | 0   | 2026-09-30
lost     | stage      | 2026-09-15 |            | 0   | Lost
next     | stage      | 2026-05-01 |            | 0   | Offer
next     | close_date | 2026-05-01 |            | 0   | 2026-10-01
young    | stage      | 2026-07-02 |            | 0   | Offer
young    | close_date | 2026-07-02 |            | 0   | 2026-08-01
forgot   | stage      | 2026-05-01 |            | 0   | Offer
forgot   | owner_id   | 2026-05-01 |            | 0   | U2
forgot   | close_date | 2026-05-01 |            | 0   | 2026-08-01
late     | stage      | 2026-05-01 |            | 0   | Offer
late     | close_date | 2026-06-01 | 2026-07-05 | 0   | 2026-08-01
handed   | stage      | 2026-05-01 |            | 0   | Offer
handed   | owner_id   | 2026-05-01 |            | 0   | U1
handed   | close_date | 2026-05-01 |            | 0   | 2026-08-01
handed   | owner_id   | 2026-07-01 |            | 0   | U2
over     | stage      | 2026-05-01 |            | 0   | Offer
over     | close_date | 2026-05-01 |            | 0   | 2026-08-01
over     | stage      | 2026-06-20 | 2026-07-10 | 0   | Lost
"""


@pytest.fixture(scope="module")
def people_of(written) -> Callable[..., People]:
    def made(deals: str = DEALS, changes: str = CHANGES, as_of: pd.Timestamp = AS_OF) -> People:
        tables = written(deals=deals, deal_changes=changes, users=USERS)
        return people(tables, present(tables, as_of), EUROS, NO_SCORES, as_of.to_pydatetime())

    return made


@pytest.fixture(scope="module")
def slips(people_of) -> pd.DataFrame:
    return people_of().slips


def row(slips: pd.DataFrame, level: str = "whole", id: str = "", period: str = "FY2026 Q3") -> pd.Series:
    (place,) = slips.index[(slips["level"] == level) & (slips["id"] == id) & (slips["period"] == period)]
    return slips.loc[place]


def test_what_was_due_in_the_quarter_and_what_became_of_it(slips):
    """Due: won, pushed, lost, forgot, handed. Not: due later, created later, dated later, over already."""
    found = row(slips)
    assert (found["n_due"], found["n_won"], found["n_lost"], found["n_slipped"]) == (5, 1, 1, 3)
    assert found["slip_rate"] == 0.6
    assert found["slip_low"] < 0.6 < found["slip_high"]
    assert (found["amount_due"], found["amount_slipped"]) == (110.5, 10)


def test_pushes_are_moves_to_a_later_day_within_the_quarter(slips):
    """By 19 and 25 days; the one in June, the one back and the one in October are none of this quarter's."""
    found = row(slips, "owner", "U1")
    assert (found["n_pushes"], found["pushed_days"], found["days_per_push"]) == (2, 44, 22)
    assert (found["n_pushed_out"], found["push_rate"]) == (1, 1 / 3)
    forgot = row(slips, "owner", "U2")
    assert (forgot["n_pushes"], forgot["slip_rate"]) == (0, 1)
    assert pd.isna(forgot["days_per_push"])


def test_a_deal_is_its_owners_at_the_start_of_the_quarter(slips):
    assert row(slips, "owner", "U1")["n_due"] == 3
    assert row(slips, "owner", "U2")["n_due"] == 1
    assert row(slips, "owner", "(no owner)")["n_due"] == 1
    assert row(slips, "manager", "M1")["n_due"] == 4
    assert (row(slips, "owner", "U1")["name"], row(slips, "owner", "U1")["team"]) == ("Ann", "North")


def test_a_deal_counts_in_its_stage_at_the_start(slips):
    assert row(slips, "stage", "Demo")["n_due"] == 1
    assert row(slips, "stage", "Offer")["n_due"] == 4


def test_all_quarters_together_are_their_sum(slips):
    counts = ["n_due", "n_won", "n_lost", "n_slipped", "n_pushes"]
    each = slips[slips["period"] != ALL].groupby(["level", "id"])[counts].sum()
    together = slips[slips["period"] == ALL].set_index(["level", "id"])[counts]
    pd.testing.assert_frame_equal(each.sort_index(), together.sort_index())


@pytest.mark.slow
def test_the_future_is_not_seen(people_of):
    """In the middle of the fourth quarter it is not over, whatever becomes of it later."""
    later = CHANGES + "next | stage | 2026-12-01 | | 0 | Won\n"
    pd.testing.assert_frame_equal(people_of(changes=later).slips, people_of().slips)
    assert set(people_of().slips["period"]) == {"FY2026 Q3", ALL}


def test_a_company_without_close_dates_has_no_slips(people_of):
    lines = [line for line in CHANGES.splitlines() if "close_date" not in line]
    assert people_of(changes="\n".join(lines)).slips.empty


def test_a_company_without_history_has_none_either(people_of):
    found = people_of(
        deals="deal_id | created_at\nD1 | 2026-11-01",
        changes=("deal_id | field | changed_at | new_value\nD1 | stage | 2026-11-01 | Offer"),
    )
    assert found.slips.empty
    assert found.commits.empty
