"""Courses: what became known of a deal, one working day after the other, in the order in which it did."""

from itertools import pairwise

import numpy as np
import pytest

from features.course import (
    ACTIVITY,
    AMOUNT,
    CLOSE_DATE,
    CLOSED,
    MOST_ACTIVITIES,
    MOST_DAYS,
    N_TOKENS,
    OTHER_OWNER,
    STAGE,
    TALK,
    courses,
)
from features.declared import Declared
from features.histories import Histories
from features.norms import norms_of
from features.snapshots import Snapshots
from features.talks import WAYS
from features.vocabulary import Vocabulary

# 2024-01-05 is a Friday.
DEALS = """
deal_id | pipeline_id | account_id | source | currency | created_at
D1      | new         | A1         | web    | EUR      | 2024-01-05T09:00
"""
STAGES = """
deal_id | field    | seq | new_value | changed_at       | known_at
D1      | stage    | 0   | Demo      | 2024-01-05T09:00 |
D1      | owner_id | 0   | U1        | 2024-01-05T09:00 |
"""
EMAIL_IN, EMAIL_OUT, MEETING = (
    WAYS.index(way) for way in ("an email from the customer", "an email to the customer", "a meeting")
)


def passed(days):
    """The token for so many working days."""
    return bytes([days - 1])


@pytest.fixture
def course(company, known):
    """The course of D1 as of an instant, with rows of changes, interactions and settings added."""

    def course(at_us, changes="", talks="", calendar="", declared=None):
        tables = company(
            deals=DEALS,
            deal_changes=STAGES + changes,
            interactions="interaction_id | deal_id | kind | direction | contact_id | outcome | occurred_at | known_at\n"
            + talks,
            calendar="setting | value\n" + calendar,
        )
        if declared is None:
            histories, norms = known(tables)
        else:
            histories = Histories.from_tables(tables, Vocabulary.from_tables(tables, declared))
            norms = norms_of(histories, tables["fx_rates"], "EUR")
        return courses(Snapshots(histories, norms, np.array([0]), np.array([at_us])))[0]

    return course


BEGUN = bytes([STAGE])


def test_it_begins_with_the_first_stage(course, at):
    assert course(at("2024-01-05T10:00")) == BEGUN


def test_working_days_pass_after_the_day_of_creation_and_no_others(course, at):
    assert course(at("2024-01-08")) == BEGUN
    assert course(at("2024-01-09")) == BEGUN + passed(1)
    assert course(at("2024-01-15")) == BEGUN + passed(5)


def test_holidays_do_not_pass(course, at):
    assert course(at("2024-01-15"), calendar="holiday | 2024-01-10") == BEGUN + passed(4)


def test_many_days_take_several_tokens(course, at):
    assert course(at("2024-06-03")) == BEGUN + bytes([MOST_DAYS - 1]) + passed(105 - MOST_DAYS)


def test_a_fact_stands_between_the_days_before_it_and_those_after_it(course, at):
    talks = "I1 | D1 | email | inbound | | | 2024-01-09T12:00 | "
    assert course(at("2024-01-11"), talks=talks) == BEGUN + passed(1) + bytes([TALK + 2 * EMAIL_IN]) + passed(2)


def test_what_is_known_at_the_weekend_belongs_to_the_monday_after(course, at):
    talks = "I1 | D1 | email | outbound | | | 2024-01-13T12:00 | "
    assert course(at("2024-01-16"), talks=talks) == BEGUN + passed(5) + bytes([TALK + 2 * EMAIL_OUT]) + passed(1)


def test_a_late_entry_belongs_to_the_day_on_which_it_became_known(course, at):
    talks = "I1 | D1 | email | inbound | | | 2024-01-08T12:00 | 2024-01-10T12:00"
    assert course(at("2024-01-10"), talks=talks) == BEGUN + passed(2)
    assert course(at("2024-01-11"), talks=talks) == BEGUN + passed(2) + bytes([TALK + 2 * EMAIL_IN]) + passed(1)


def test_a_meeting_with_a_director_is_another_than_one_with_a_manager(course, at):
    told = [
        course(at("2024-01-09"), talks=f"I1 | D1 | meeting | | {contact} | | 2024-01-08T12:00 | ")
        for contact in ("C1", "C2")
    ]
    assert told == [BEGUN + bytes([TALK + 2 * MEETING + senior]) + passed(1) for senior in (0, 1)]


def test_an_email_with_a_director_is_an_email(course, at):
    talks = "I1 | D1 | email | inbound | C2 | | 2024-01-08T12:00 | "
    assert course(at("2024-01-09"), talks=talks) == BEGUN + bytes([TALK + 2 * EMAIL_IN]) + passed(1)


def test_a_declared_activity_is_told_by_its_place(course, at):
    talks = "I1 | D1 | email | inbound | C2 | demo held | 2024-01-08T12:00 | "
    declared = Declared(activities=("other", "demo held"))
    token = bytes([ACTIVITY + len(WAYS) + EMAIL_IN])
    assert course(at("2024-01-09"), talks=talks, declared=declared) == BEGUN + token + passed(1)


def test_stages_are_told_by_their_place_among_the_open_ones(course, at):
    changes = "D1 | stage | 1 | Terms | 2024-01-08T12:00 | \nD1 | stage | 2 | Offer | 2024-01-09T12:00 | "
    expected = BEGUN + bytes([STAGE + 2]) + passed(1) + bytes([STAGE + 1]) + passed(1)
    assert course(at("2024-01-10"), changes) == expected


def test_a_closing_is_told_and_that_it_was_taken_back(course, at):
    changes = "D1 | stage | 1 | Lost | 2024-01-08T12:00 | \nD1 | stage | 2 | Demo | 2024-01-09T12:00 | "
    assert course(at("2024-01-10"), changes) == BEGUN + bytes([CLOSED]) + passed(1) + bytes([STAGE]) + passed(1)


def test_another_owner_is_told_and_the_same_one_again_is_not(course, at):
    changes = "D1 | owner_id | 1 | U1 | 2024-01-08T12:00 | \nD1 | owner_id | 2 | U2 | 2024-01-09T12:00 | "
    assert course(at("2024-01-10"), changes) == BEGUN + passed(1) + bytes([OTHER_OWNER]) + passed(1)


@pytest.mark.parametrize(
    ("amount", "step"),
    [("700", 0), ("750", 1), ("874", 1), ("875", 2), ("999", 2), ("1001", 3), ("1199", 3), ("1200", 4), ("9000", 4)],
)
def test_another_amount_is_told_by_what_it_is_of_the_one_before(course, at, amount, step):
    changes = f"D1 | amount | 0 | 1000 | 2024-01-05T09:00 | \nD1 | amount | 1 | {amount} | 2024-01-08T12:00 | "
    assert course(at("2024-01-09"), changes) == BEGUN + bytes([AMOUNT + step]) + passed(1)


@pytest.mark.parametrize("second", ["1000", ""], ids=["the same again", "none any more"])
def test_no_other_amount_is_not_told(course, at, second):
    changes = f"D1 | amount | 0 | 1000 | 2024-01-05T09:00 | \nD1 | amount | 1 | {second} | 2024-01-08T12:00 | "
    assert course(at("2024-01-09"), changes) == BEGUN + passed(1)


def test_a_first_amount_and_one_after_nothing_are_no_change(course, at):
    changes = "D1 | amount | 0 | 0 | 2024-01-08T09:00 | \nD1 | amount | 1 | 1000 | 2024-01-08T12:00 | "
    assert course(at("2024-01-09"), changes) == BEGUN + passed(1)


@pytest.mark.parametrize(
    ("date", "step"), [("2024-01-02", 0), ("2024-01-14", 0), ("2024-01-15", 1), ("2024-02-05", 4), ("2025-01-01", 10)]
)
def test_a_close_date_set_anew_is_told_by_how_far_ahead_it_lies(course, at, date, step):
    changes = (
        f"D1 | close_date | 0 | 2024-01-31 | 2024-01-05T09:00 | \nD1 | close_date | 1 | {date} | 2024-01-08T12:00 | "
    )
    assert course(at("2024-01-09"), changes) == BEGUN + bytes([CLOSE_DATE + step]) + passed(1)


def test_an_older_amount_entered_late_is_not_told(course, at):
    changes = (
        "D1 | amount | 0 | 1000 | 2024-01-05T09:00 | \n"
        "D1 | amount | 1 | 2000 | 2024-01-06T09:00 | 2024-01-09T12:00\n"
        "D1 | amount | 2 | 1000 | 2024-01-07T09:00 | "
    )
    assert course(at("2024-01-10"), changes) == BEGUN + passed(2)


def test_every_token_fits_a_byte():
    assert N_TOKENS <= 256
    assert ACTIVITY + MOST_ACTIVITIES * len(WAYS) == AMOUNT


def test_a_course_is_the_beginning_of_every_later_one(weekly, demo, at):
    grid = weekly(demo, at("2026-11-16"))
    days = bytes(range(MOST_DAYS))
    by_deal = {}
    for deal, _, course in sorted(zip(grid.deal.tolist(), grid.at.tolist(), courses(grid), strict=True)):
        by_deal.setdefault(deal, []).append(course)
    for told in by_deal.values():
        assert all(later.startswith(early.rstrip(days)) for early, later in pairwise(told))


def test_no_snapshots_have_no_courses(weekly, demo):
    assert courses(weekly(demo, 0)).shape == (0,)
