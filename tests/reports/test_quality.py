"""The quality of an import: every finding is shown on a company small enough to check by eye."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.simulate import DEMO_END, simulate
from crm.store_rows import frame_of
from crm.tables import LEDGERS, TABLES
from features.signals import SIGNALS
from reports.quality import open_signals, quality
from reports.quality.extent import MINIMUM_CLOSED, MINIMUM_OF_EACH
from reports.quality.fields import empty_tables
from reports.quality.management import impossible_management
from reports.quality.signals import coverage
from training.plan import Plan

pytestmark = pytest.mark.slow

AS_OF = datetime(2024, 6, 3, tzinfo=UTC)
DEALS = """
deal_id | name  | created_at
D1      | Acme  | 2024-01-02
D2      | Bolt  | 2024-01-02
D3      |       | 2024-01-02
D4      | Delta | 2024-01-02
"""


@pytest.fixture(scope="module")
def report(written):
    """Measures a company written by hand."""

    def measured(as_of=AS_OF, **texts):
        tables = written(**texts)
        return quality(tables, open_signals(tables, as_of, "EUR"), as_of)

    return measured


def found(measured, name):
    """Which deals or users a finding is about: those of its examples."""
    (one,) = [one for one in (*measured.without_history, *measured.orders) if one.name == name]
    assert one.n == len(one.examples)
    return [example.id for example in one.examples]


def says(measured, level):
    return " ".join(verdict.says for verdict in measured.verdicts if verdict.level == level)


# --- How much there is ---------------------------------------------------------------------------------------------


def test_a_deal_is_counted_by_the_last_stage_that_its_pipeline_has(report):
    changes = """
    deal_id | field | changed_at | new_value
    D1      | stage | 2024-01-02 | Demo
    D1      | stage | 2024-03-01 | Won
    D2      | stage | 2024-01-02 | Demo
    D2      | stage | 2024-03-01 | Nowhere
    D3      | stage | 2024-01-02 | Lost
    """
    extent = report(deals=DEALS, deal_changes=changes).extent
    assert (extent.n_won, extent.n_open, extent.n_lost, extent.n_without_stage) == (1, 1, 1, 1)
    assert (extent.n_deals, extent.n_changes, extent.span_days) == (4, 5, 59)


def test_a_closed_deal_that_was_not_open_on_any_monday_teaches_nothing(report):
    """2024-01-08 was a Monday. D1 is open on it, D2 closes before, D3 is known only closed, D4's opening comes late."""
    changes = """
    deal_id | field | changed_at       | new_value | known_at
    D1      | stage | 2024-01-02       | Demo      |
    D1      | stage | 2024-01-08T00:00 | Won       |
    D2      | stage | 2024-01-02       | Demo      |
    D2      | stage | 2024-01-07T23:59 | Won       |
    D3      | stage | 2024-03-01       | Won       |
    D4      | stage | 2024-01-02       | Demo      | 2024-02-01
    D4      | stage | 2024-01-20       | Lost      |
    """
    extent = report(deals=DEALS, deal_changes=changes).extent
    assert (extent.n_won, extent.n_won_to_learn_from) == (3, 1)
    assert (extent.n_lost, extent.n_lost_to_learn_from) == (1, 0)


def test_the_deals_to_learn_from_are_those_that_training_counts(company, dataset):
    as_of = datetime.combine(DEMO_END, datetime.min.time(), UTC)
    extent = quality(with_every_table(company.tables), no_signals(), as_of).extent
    won = dataset.labels(dataset.until).won
    n_won, n_lost = (len(np.unique(dataset.snapshots.deal[won == outcome])) for outcome in (1, 0))
    assert (extent.n_won_to_learn_from, extent.n_lost_to_learn_from) == (n_won, n_lost)


def test_what_is_needed_to_train_is_what_training_needs(report):
    plan = Plan(AS_OF.date())
    assert (plan.minimum_closed, plan.minimum_of_each) == (MINIMUM_CLOSED, MINIMUM_OF_EACH)
    measured = report(deals=DEALS)
    assert "not enough to train" in says(measured, "attention")
    enough = replace(measured.extent, n_won_to_learn_from=5, n_lost_to_learn_from=35)
    assert enough.enough_to_train
    assert not replace(enough, n_lost_to_learn_from=34).enough_to_train
    assert not replace(enough, n_won_to_learn_from=4, n_lost_to_learn_from=400).enough_to_train


def test_an_import_of_last_month_is_said_to_be_stale(report):
    changes = "deal_id | field | changed_at | new_value\nD1 | stage | 2024-05-04 | Demo"
    measured = report(deals=DEALS, deal_changes=changes)
    assert measured.extent.last_known_at == "2024-05-04T00:00:00+00:00"
    assert "Nothing new became known in the 30 days before" in says(measured, "attention")


def test_the_future_cannot_be_seen_but_is_counted(report):
    past = "deal_id | field | changed_at | new_value\nD1 | stage | 2024-06-02 | Demo"
    late = f"{past}\nD1 | stage | 2024-06-03 | Lost\nD2 | stage | 2024-06-04 | Demo"
    talks = "deal_id | occurred_at | known_at\nD1 | 2024-05-20 | 2024-06-03"
    without = report(deals=DEALS, deal_changes=past)
    later = report(deals=f"{DEALS}D5 | | 2024-06-03", deal_changes=late, interactions=talks)
    assert later.extent == replace(without.extent, n_left_out=3)
    assert "left out: 3" in says(later, "attention")
    assert replace(later, verdicts=(), extent=without.extent) == replace(without, verdicts=())


# --- Deals without history -----------------------------------------------------------------------------------------


def test_deals_whose_past_is_missing_are_found(report):
    changes = """
    deal_id | field  | changed_at | new_value
    D1      | stage  | 2024-01-02 | Demo
    D1      | stage  | 2024-02-02 | Offer
    D2      | stage  | 2024-01-02 | Demo
    D2      | amount | 2024-02-02 | 500
    D3      | stage  | 2024-01-05 | Demo
    D3      | stage  | 2024-02-02 | Offer
    D4      | amount | 2024-01-02 | 500
    """
    talks = "deal_id | occurred_at\nD1 | 2024-02-01\nD2 | 2024-02-01"
    measured = report(deals=DEALS, deal_changes=changes, interactions=talks)
    assert found(measured, "no_stage_change") == ["D4"]
    assert found(measured, "only_first_values") == ["D2", "D4"]
    assert found(measured, "history_begins_late") == ["D3"]
    assert found(measured, "no_interactions") == ["D3", "D4"]
    assert "Deals without interactions: 2 of 4 deals (50%)" in says(measured, "attention")


def test_five_examples_are_named_and_all_are_counted(report):
    deals = "deal_id | name | created_at\n" + "\n".join(f"D{n} | Deal {n} | 2024-01-02" for n in range(1, 8))
    (without_stage, *_) = report(deals=deals).without_history
    assert (without_stage.n, without_stage.of, without_stage.share) == (7, 7, 1)
    assert [(one.id, one.name) for one in without_stage.examples] == [(f"D{n}", f"Deal {n}") for n in range(1, 6)]
    assert without_stage.examples[0].what == "created 2024-01-02"


def test_each_example_is_another_deal(report):
    talks = "deal_id | occurred_at\nD1 | 2023-01-01\nD1 | 2023-01-02\nD2 | 2023-01-03"
    (early, *_) = report(deals=DEALS, interactions=talks).orders
    assert (early.n, [one.id for one in early.examples]) == (3, ["D1", "D2"])


# --- Impossible orders ---------------------------------------------------------------------------------------------


def test_interactions_in_an_impossible_order_are_found(report):
    changes = "deal_id | field | changed_at | new_value\nD4 | stage | 2024-01-02 | Demo\nD4 | stage | 2024-03-01 | Won"
    talks = """
    deal_id | kind    | occurred_at | known_at
    D1      | call    | 2024-01-01  |
    D2      | email   | 2024-02-02  | 2024-02-01
    D2      | meeting | 2024-02-02  | 2024-02-01
    D4      | call    | 2024-02-29  | 2024-03-02
    D4      | call    | 2024-03-02  | 2024-03-09
    D4      | call    | 2024-02-28  | 2024-02-29
    """
    measured = report(deals=DEALS, deal_changes=changes, interactions=talks)
    assert found(measured, "interactions_before_creation") == ["D1"]
    assert found(measured, "interactions_known_before_they_happened") == ["D2"]
    assert found(measured, "interactions_logged_after_closing") == ["D4"]
    (one, *_) = measured.orders
    assert one.examples[0].what == "call I0 of 2024-01-01 00:00, deal created 2024-01-02 00:00"
    assert "Interactions before their deal was created: 1 of 6 interactions (17%)" in says(measured, "attention")


def test_changes_in_an_impossible_order_are_found(report):
    changes = """
    deal_id | field      | changed_at | seq | new_value  | known_at
    D1      | amount     | 2024-01-01 | 0   | 500        |
    D2      | amount     | 2024-02-02 | 0   | 500        | 2024-02-01
    D3      | amount     | 2024-02-02 | 0   | 500        |
    D3      | amount     | 2024-02-02 | 1   |            |
    D4      | amount     | 2024-02-02 | 0   | 500        |
    D4      | amount     | 2024-02-02 | 1   | 500        |
    D4      | close_date | 2024-02-02 | 0   | 2024-01-01 |
    D4      | close_date | 2024-02-03 | 0   | 2024-01-02 |
    """
    measured = report(deals=DEALS, deal_changes=changes)
    assert found(measured, "changes_before_creation") == ["D1"]
    assert found(measured, "changes_known_before_they_happened") == ["D2"]
    assert found(measured, "two_values_at_one_instant") == ["D3"]
    assert found(measured, "close_dates_before_creation") == ["D4"]
    (twice,) = [one for one in measured.orders if one.name == "two_values_at_one_instant"]
    assert twice.examples[0].what == "amount: 500 and nothing at 2024-02-02 00:00:00"
    assert twice.of == 6


def test_moves_that_cannot_be_are_found_and_a_reopened_deal_is_not(report):
    changes = """
    deal_id | field | changed_at | new_value
    D1      | stage | 2024-01-01 | Won
    D2      | stage | 2024-02-02 | Nowhere
    D3      | stage | 2024-02-02 | Won
    D3      | stage | 2024-02-03 | Lost
    D4      | stage | 2024-02-02 | Lost
    D4      | stage | 2024-02-03 | Demo
    D4      | stage | 2024-02-04 | Won
    D4      | stage | 2024-02-05 | Won
    """
    measured = report(deals=DEALS, deal_changes=changes)
    assert found(measured, "closings_before_creation") == ["D1"]
    assert found(measured, "changes_before_creation") == []
    assert found(measured, "moves_to_unknown_stages") == ["D2"]
    assert found(measured, "moves_after_closing") == ["D3"]


def test_nobody_manages_themselves_neither_at_once_nor_through_others(report):
    users = """
    user_id | name | manager_id
    U1      | Ann  | U1
    U2      | Bob  | U3
    U3      | Cora | U4
    U4      | Dan  | U2
    U5      | Eve  | U2
    U6      | Finn | U1
    U7      | Gil  | gone
    """
    measured = report(users=users)
    assert found(measured, "own_managers") == ["U1"]
    assert found(measured, "circles_of_managers") == ["U2", "U3", "U4"]


@given(st.lists(st.integers(-1, 7), min_size=8, max_size=8))
def test_circles_are_those_found_by_walking_up(managers):
    users = pd.DataFrame({"user_id": [f"U{n}" for n in range(8)], "name": "x"})
    users["manager_id"] = [f"U{n}" if n >= 0 else None for n in managers]
    in_circle = []
    for user, above in enumerate(managers):
        for _ in range(8):
            if above in (-1, user):
                break
            above = managers[above]
        if above == user != managers[user]:
            in_circle.append(f"U{user}")
    _, circles = impossible_management(users)
    assert circles.n == len(in_circle)
    assert [one.id for one in circles.examples] == in_circle[:5]


def test_an_import_in_order_is_said_to_be(report):
    changes = "deal_id | field | changed_at | new_value\nD1 | stage | 2024-01-02 | Demo"
    assert "No fact is in an impossible order." in says(report(deals=DEALS, deal_changes=changes), "good")


# --- Late logging --------------------------------------------------------------------------------------------------


def test_late_logging_is_told_by_kind_with_its_delays(report):
    """Calls 0, 0, 1 and 10 days late (one day is not more than a day); a planned meeting 0; one to come not at all."""
    talks = """
    deal_id | kind    | occurred_at | known_at
    D1      | call    | 2024-02-01  | 2024-02-01
    D1      | call    | 2024-02-02  | 2024-02-02
    D1      | call    | 2024-02-03  | 2024-02-04
    D1      | call    | 2024-02-04  | 2024-02-14
    D1      | meeting | 2024-02-09  | 2024-02-02
    D1      | meeting | 2024-07-09  | 2024-02-02
    """
    measured = report(deals=DEALS, interactions=talks)
    whole, call, meeting = measured.lateness
    assert (whole.kind, whole.n, whole.n_late, whole.share_late) == ("all", 5, 1, 0.2)
    assert (call.kind, call.share_late, call.median_days, call.p90_days) == ("call", 0.25, 0.5, pytest.approx(7.3))
    assert (meeting.n, meeting.n_late, meeting.p90_days) == (1, 0, 0)
    assert "20% of the interactions were logged more than a day after they took place: 25% of calls." in says(
        measured, "attention"
    )


def test_a_crm_that_gives_no_time_of_entry_is_told_so(report):
    talks = "deal_id | occurred_at\nD1 | 2024-02-01\nD2 | 2024-02-02"
    assert "so late logging cannot be seen" in says(report(deals=DEALS, interactions=talks), "attention")


# --- Fields and signals --------------------------------------------------------------------------------------------


def test_fields_that_are_never_filled_are_found_wherever_they_are(report):
    deals = """
    deal_id | name | created_at | source | attributes
    D1      | Acme | 2024-01-02 |        | {"seats": 5, "rival": null, "note": ""}
    D2      |      | 2024-01-02 |        | {"seats": 0}
    D3      |      | 2024-01-02 | web    |
    D4      |      | 2024-01-02 |        |
    """
    changes = """
    deal_id | field    | changed_at | new_value
    D1      | amount   | 2024-01-02 | 500
    D1      | amount   | 2024-02-02 | 600
    D2      | amount   | 2024-01-02 |
    D2      | priority | 2024-01-02 | high
    """
    measured = report(deals=deals, deal_changes=changes)
    fills = {(one.what, one.table, one.field): (one.n, one.of, one.share) for one in measured.fields}
    assert fills["column", "deals", "name"] == fills["column", "deals", "source"] == (1, 4, 0.25)
    assert fills["column", "deals", "deal_type"] == (0, 4, 0)
    assert fills["column", "line_items", "payment_terms"] == (0, 0, None)
    assert fills["change", "deal_changes", "amount"] == fills["change", "deal_changes", "priority"] == (1, 4, 0.25)
    assert fills["change", "deal_changes", "next_step"] == (0, 4, 0)
    assert fills["attribute", "deals", "seats"] == (2, 4, 0.5)
    assert fills["attribute", "deals", "rival"] == fills["attribute", "deals", "note"] == (0, 4, 0)
    assert ("column", "deals", "attributes") not in fills
    assert ("column", "deals", "created_at") not in fills
    assert empty_tables(measured.fields) == ["accounts", "contacts", "users", "interactions", "line_items"]
    assert "Fields never or almost never filled: " in says(measured, "attention")


def test_less_than_one_in_twenty_is_almost_never_and_an_empty_text_is_nothing(written):
    deals = "deal_id | created_at | source\n" + "\n".join(f"D{n} | 2024-01-02 | web" for n in range(40))
    tables = written(deals=deals)
    for n_filled, rare in ((0, False), (1, True), (2, False)):
        texts = ["web"] * n_filled + [""] * (40 - n_filled)
        tables["deals"] = tables["deals"].assign(source=pd.Series(texts, dtype="str"))
        fills = quality(tables, open_signals(tables, AS_OF, "EUR"), AS_OF).fields
        (source,) = [one for one in fills if one.field == "source"]
        assert (source.n, source.rare, source.never) == (n_filled, rare, n_filled == 0)


def no_signals(n=0, **columns):
    """A table of signals of ``n`` deals, all of them missing but those given."""
    return pd.DataFrame(np.nan, index=range(n), columns=list(SIGNALS)).assign(**columns)


def test_a_signal_is_looked_at_for_values_for_zeros_and_for_differences():
    some = {"amount": [100.0, 200.0, np.nan], "pushes": [0.0, 0.0, 1.0], "age_days": 5.0, "days_to_quarter_end": 9.0}
    of = {one.name: one for one in coverage(no_signals(3, **some))}
    assert list(of) == list(SIGNALS)
    assert (of["amount"].n, of["amount"].share, of["amount"].constant) == (2, pytest.approx(2 / 3), False)
    assert (of["pushes"].share, of["pushes"].share_not_zero) == (1, pytest.approx(1 / 3))
    assert of["age_days"].same_for_all
    assert of["days_to_quarter_end"].constant
    assert not of["days_to_quarter_end"].same_for_all
    assert of["meetings_14d"].silent
    assert of["meetings_14d"].group == "engagement"


def test_one_open_deal_does_not_show_whether_signals_tell_deals_apart(report):
    changes = "deal_id | field | changed_at | new_value\nD1 | stage | 2024-01-02 | Demo"
    measured = report(deals=DEALS, deal_changes=changes)
    assert {one.constant for one in measured.signals} == {None}
    assert "One deal is open" in says(measured, "attention")


def test_signals_that_say_nothing_of_the_open_deals_are_named(report):
    changes = "deal_id | field | changed_at | new_value\nD1 | stage | 2024-01-02 | Demo\nD2 | stage | 2024-02-02 | Demo"
    measured = report(deals=DEALS, deal_changes=changes)
    assert {"days_since_last_interaction", "amount"} <= {one.name for one in measured.signals if one.silent}
    assert {"forward_moves", "inbound_emails_14d"} <= {one.name for one in measured.signals if one.same_for_all}
    assert "without any value, " in says(measured, "attention")


# --- Whole companies -----------------------------------------------------------------------------------------------


def with_every_table(tables):
    """The tables of a simulation, and those that it leaves out, empty."""
    return {name: tables.get(name, frame_of(name, [])) for name in TABLES if name not in LEDGERS}


def test_an_empty_store_has_a_report_that_says_so(report):
    measured = report(stages="")
    assert measured.extent.n_deals == 0
    assert measured.extent.first_created_at is measured.extent.span_days is None
    assert [(one.level, one.advice) for one in measured.verdicts] == [
        ("attention", "Import some with `plumbline import`.")
    ]
    assert {one.share for one in (*measured.without_history, *measured.orders, *measured.fields)} == {None}
    assert {(one.of, one.share, one.constant) for one in measured.signals} == {(0, None, None)}
    assert measured.lateness[0].median_days is None


def test_deals_without_interactions_have_a_report(report):
    changes = "deal_id | field | changed_at | new_value\nD1 | stage | 2024-01-02 | Demo"
    measured = report(deals=DEALS, deal_changes=changes)
    (whole,) = measured.lateness
    assert (whole.n, whole.share_late) == (0, None)
    assert "Deals without interactions: 4 of 4 deals (100%)" in says(measured, "attention")


def test_a_single_deal_has_a_report(report):
    measured = report(deals="deal_id | created_at\nD1 | 2024-01-02")
    assert (measured.extent.n_deals, measured.extent.span_days) == (1, 0)
    assert found(measured, "no_stage_change") == ["D1"]


def test_the_simulated_demo_is_whole_but_for_calls_logged_late():
    tables = with_every_table(simulate(200, seed=7).tables)
    as_of = datetime.combine(DEMO_END, datetime.min.time(), UTC)
    measured = quality(tables, open_signals(tables, as_of, "EUR"), as_of)
    assert measured.extent.n_deals == 200
    assert measured.extent.n_open == measured.signals[0].of
    assert measured.extent.n_left_out == 0
    impossible = {one.name: one.n for one in measured.orders}
    del impossible["interactions_logged_after_closing"]
    assert set(impossible.values()) == {0}
    assert measured.lateness[1].kind == "call"
    assert 0.1 < measured.lateness[1].share_late < 0.6
    assert [one.field for one in measured.fields if one.never] == ["next_step"]
