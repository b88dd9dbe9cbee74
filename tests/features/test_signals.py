"""Signals of deals small enough to check by eye, all as of Monday 2024-03-04 00:00 UTC."""

import numpy as np
import pytest

from features.signals import SIGNALS
from features.talks import WAYS

NAN = np.nan
NOW = "2024-03-04"

DEALS = """
deal_id | pipeline_id | account_id | source | deal_type | currency | created_at
D1      | new         | A1         | web    | first     | USD      | 2024-01-04
P1      | new         | A1         | web    | first     | EUR      | 2023-06-01
P2      | new         | A1         | web    | renewal   | EUR      | 2023-06-01
P3      | new         | A2         | fair   | first     | EUR      | 2023-06-01
P4      | new         | A3         | fair   | renewal   | EUR      | 2023-06-01
"""
CHANGES = """
deal_id | field      | old_value  | new_value  | changed_at       | known_at
D1      | stage      |            | Demo       | 2024-01-04       |
D1      | stage      | Demo       | Terms      | 2024-01-24       |
D1      | stage      | Terms      | Demo       | 2024-02-03       |
D1      | stage      | Demo       | Offer      | 2024-02-23       |
D1      | stage      | Offer      | Terms      | 2024-03-03       | 2024-03-04
D1      | amount     |            | 1000       | 2024-01-04       |
D1      | amount     | 1000       | 1500       | 2024-02-01       |
D1      | amount     | 1500       | 9000       | 2024-03-04       |
D1      | close_date |            | 2024-02-15 | 2024-01-04       |
D1      | close_date | 2024-02-15 | 2024-02-28 | 2024-02-10       |
D1      | close_date | 2024-02-28 | 2024-02-20 | 2024-02-12       |
D1      | close_date | 2024-02-20 | 2024-02-29 | 2024-02-18T12:00 |
D1      | owner_id   |            | U2         | 2024-01-04       |
D1      | owner_id   | U2         | U1         | 2024-02-13       |
P1      | owner_id   |            | U1         | 2023-06-01       |
P2      | owner_id   |            | U2         | 2023-06-01       |
P2      | owner_id   | U2         | U1         | 2023-09-01       |
P3      | owner_id   |            | U3         | 2023-06-01       |
P4      | owner_id   |            | U1         | 2023-06-01       |
P1      | amount     |            | 200        | 2023-06-01       |
P2      | amount     |            | 800        | 2023-06-01       |
P1      | stage      |            | Offer      | 2023-06-01       |
P1      | stage      | Offer      | Won        | 2023-07-01       |
P2      | stage      |            | Offer      | 2023-06-01       |
P2      | stage      | Offer      | Lost       | 2023-08-01       |
P3      | stage      |            | Demo       | 2023-06-01       |
P3      | stage      | Demo       | Won        | 2023-08-01       |
P4      | stage      |            | Demo       | 2023-06-01       |
"""
TALKS = """
interaction_id | deal_id | kind    | direction | contact_id | user_id | occurred_at      | known_at
I01            | D1      | email   | outbound  | C1         | U1      | 2024-01-10       |
I02            | D1      | email   | inbound   | C1         |         | 2024-01-12       |
I03            | D1      | call    | outbound  | C2         | U1      | 2024-02-10       | 2024-02-14
I04            | D1      | call    | inbound   | C2         | U2      | 2024-02-19       |
I05            | D1      | email   | inbound   | C1         | U2      | 2024-02-19       |
I06            | D1      | meeting |           | C3         | U1      | 2024-02-27       | 2024-02-20
I07            | D1      | email   | outbound  | C1         | U1      | 2024-02-24       |
I08            | D1      | email   | outbound  | C1         | U3      | 2024-03-01       |
I09            | D1      | note    |           |            |         | 2024-02-21       |
I10            | D1      | task    |           |            |         | 2024-01-05       |
I11            | D1      | call    | inbound   | C2         |         | 2024-03-03       | 2024-03-04
I12            | D1      | meeting |           | C2         |         | 2024-03-14       | 2024-02-26
I13            | D1      | meeting |           | C2         |         | 2024-03-09       | 2024-02-20
I14            | D1      | meeting |           | C2         |         | 2024-03-05       | 2024-03-04
"""

EXPECTED = {
    # I05 on 19 February is the 14th day before; I02 in January is past 30 days.
    "inbound_emails_7d": 0,
    "inbound_emails_14d": 1,
    "inbound_emails_30d": 1,
    "inbound_emails_90d": 2,
    "inbound_emails_ever": 2,
    "outbound_emails_7d": 1,
    "outbound_emails_14d": 2,
    "outbound_emails_30d": 2,
    "outbound_emails_90d": 3,
    "outbound_emails_ever": 3,
    # I11 was entered at the very instant: not known yet.
    "inbound_calls_7d": 0,
    "inbound_calls_14d": 1,
    "inbound_calls_30d": 1,
    "inbound_calls_90d": 1,
    "inbound_calls_ever": 1,
    # I03 counts from its entry on 14 February.
    "outbound_calls_7d": 0,
    "outbound_calls_14d": 0,
    "outbound_calls_30d": 1,
    "outbound_calls_90d": 1,
    "outbound_calls_ever": 1,
    # I06 was planned, and took place on 27 February; I12 to I14 lie ahead.
    "meetings_7d": 1,
    "meetings_14d": 1,
    "meetings_30d": 1,
    "meetings_90d": 1,
    "meetings_ever": 1,
    "notes_7d": 0,
    "notes_14d": 1,
    "notes_30d": 1,
    "notes_90d": 1,
    "notes_ever": 1,
    "tasks_7d": 0,
    "tasks_14d": 0,
    "tasks_30d": 0,
    "tasks_90d": 1,
    "tasks_ever": 1,
    "interactions_7d": 2,
    "interactions_14d": 6,
    "interactions_30d": 7,
    "interactions_90d": 10,
    "interactions_ever": 10,
    "days_since_last_interaction": 3,
    "days_since_last_inbound": 14,
    "days_since_last_meeting": 6,
    # First message since the customer's of 19 February: I07.
    "days_unanswered": 9,
    # Too few answers are known to tell what is usual.
    "days_unanswered_vs_norm": NAN,
    # I02 answered I01 after 2 days, I04 the call known since 14 February after 5.
    "days_to_reply": 3.5,
    # I03 answered I02 after 33 days, I07 the first of two words of 19 February after 5.
    "days_to_our_reply": 19,
    # 3 from the customer, 4 to the customer.
    "two_way_share_90d": 3 / 7,
    # I04 to I09 less I03.
    "interactions_trend_14d": 6 - 1,
    "contacts_ever": 3,
    "senior_contacts_ever": 2,
    # I03 and I04 with a director, I06 with an executive.
    "senior_interactions_90d": 3,
    "senior_meetings_30d": 1,
    "senior_meetings_90d": 1,
    "senior_meetings_ever": 1,
    "days_since_last_senior_meeting": 6,
    # I13; I14 was booked at the very instant.
    "days_to_next_meeting": 5,
    "planned_ahead": 2,
    # In order: I10, I01, I02, I03, I04, I05, I09, I07, I06, I08.
    "last_interaction": WAYS.index("an email to the customer"),
    "last_but_one_interaction": WAYS.index("a meeting"),
    "third_last_interaction": WAYS.index("an email to the customer"),
    "last_gap_days": 3,
    "gap_before_days": 3,
    "mean_gap_days": 56 / 9,
    "users_ever": 3,
    # From U1 to U2 with I04, back with I07, to U3 with I08.
    "handovers_ever": 3,
    # Three deals have closed, two of them won; each rate is mixed with 20 deals of 2/3.
    "source_win_rate": (1 + 20 * 2 / 3) / 22,
    "deal_type_win_rate": (2 + 20 * 2 / 3) / 22,
    "industry_win_rate": (1 + 20 * 2 / 3) / 22,
    "size_win_rate": (1 + 20 * 2 / 3) / 22,
    "region_win_rate": (2 + 20 * 2 / 3) / 23,
    "account_won": 1,
    "account_lost": 1,
    # The move to Terms was entered at the very instant, so the deal is in Offer since 23 February.
    "stage_position": 2,
    "stage_win_rate": (1 + 20 * 2 / 3) / 22,
    "days_in_stage": 10,
    "days_in_stage_vs_norm": NAN,
    "forward_moves": 2,
    "forward_moves_30d": 1,
    "backward_moves": 1,
    "skipped_stages": 1,
    "days_since_forward_move": 10,
    "moves_ever": 3,
    "days_in_last_stage": 20,
    "last_stage_position": 1,
    "days_between_last_moves": 20,
    # Two stages, then one, in 60 days.
    "stages_per_month": 1.5,
    # 1,500 USD at 0.5, the rate of 3 March, the last day that had ended.
    "amount": 750,
    "amount_changes": 1,
    "amount_vs_first": 1.5,
    "amount_vs_last": 1.5,
    # Customers of this size: 200, 800 and 1,000 USD at 0.8 on the third day of its rate.
    "amount_vs_size": 750 / (200 * 800 * 800) ** (1 / 3),
    # U1 was the owner of P1 when its amount was entered, U2 of P2 and D1.
    "amount_vs_owner": 750 / 200,
    # P1 and P2 closed while U1 owned P1 and U2 owned P2.
    "owner_win_rate": (1 + 20 * 2 / 3) / 21,
    "team_win_rate": (1 + 20 * 2 / 3) / 22,
    # U1 reports to himself, U2 and U3 to him.
    "manager_win_rate": (2 + 20 * 2 / 3) / 23,
    "owner_closed_deals": 1,
    # D1 and P4; P2 came to U1 after it had closed.
    "owner_open_deals": 2,
    "owner_changes": 1,
    "days_with_owner": 20,
    "age_days": 60,
    # 29 February 2024 there was.
    "days_to_close_date": -4,
    "overdue_days": 3,
    # Set for 29 February on the 18th at noon; at first for 15 February on 4 January.
    "days_planned": 10.5,
    "days_planned_first": 42,
    "pushes": 2,
    "pushed_days": 13 + 9,
    "days_since_push": 14.5,
    "days_to_quarter_end": 28,
}


@pytest.fixture(scope="module")
def found(company, signals, at):
    return signals(company(deals=DEALS, deal_changes=CHANGES, interactions=TALKS), "D1", at(NOW))


@pytest.mark.parametrize("name", EXPECTED)
def test_a_signal_says_what_one_counts_by_eye(found, name):
    near = 1e-6 if name.startswith("amount_vs") else 1e-12  # logarithms of amounts are kept in millionths
    assert found[name] == pytest.approx(EXPECTED[name], rel=near, nan_ok=True)


def test_every_signal_has_its_case():
    assert EXPECTED.keys() == SIGNALS.keys()


BARE = """
deal_id | pipeline_id | currency | created_at
D1      | new         | EUR      | 2024-03-01
"""
FIRST = "deal_id | field | seq | old_value | new_value | changed_at | known_at\nD1 | stage | 0 | | Demo | 2024-03-01 |"


def test_a_deal_without_anything_has_no_values_but_counts_of_zero(company, signals, at):
    found = signals(company(deals=BARE, deal_changes=FIRST), "D1", at(NOW))
    missing = {name for name, value in found.items() if np.isnan(value)}
    assert missing == {
        *("days_since_last_interaction", "days_since_last_inbound", "days_since_last_meeting", "days_unanswered"),
        *("two_way_share_90d", "days_to_next_meeting", "days_in_stage_vs_norm", "days_since_forward_move"),
        *("source_win_rate", "deal_type_win_rate", "industry_win_rate", "size_win_rate", "region_win_rate"),
        *("stage_win_rate", "owner_win_rate", "team_win_rate", "manager_win_rate", "days_with_owner"),
        *("days_to_reply", "days_to_our_reply", "days_unanswered_vs_norm", "days_since_last_senior_meeting"),
        *("last_interaction", "last_but_one_interaction", "third_last_interaction"),
        *("last_gap_days", "gap_before_days", "mean_gap_days"),
        *("days_in_last_stage", "last_stage_position", "days_between_last_moves"),
        *("amount", "amount_vs_first", "amount_vs_last", "amount_vs_size", "amount_vs_owner"),
        *("days_to_close_date", "overdue_days", "days_planned", "days_planned_first", "days_since_push"),
    }
    present = {name: value for name, value in found.items() if name not in missing and value != 0}
    assert present == {"stage_position": 1, "days_in_stage": 3, "age_days": 3, "days_to_quarter_end": 28}


@pytest.mark.parametrize(
    ("talks", "days"),
    [
        ([], NAN),
        (["inbound 2024-03-02"], 0),
        (["outbound 2024-03-02"], 2),
        (["outbound 2024-03-02", "outbound 2024-03-03"], 2),
        (["outbound 2024-03-02", "inbound 2024-03-03"], 0),
        (["outbound 2024-03-02", "inbound 2024-03-02T12:00", "outbound 2024-03-03"], 1),
    ],
)
def test_days_unanswered_run_from_the_first_message_since_the_customer_spoke(company, signals, at, talks, days):
    header = "interaction_id | deal_id | kind | direction | occurred_at\n"
    rows = [f"I{place} | D1 | email | {' | '.join(talk.split())}" for place, talk in enumerate(talks)]
    tables = company(deals=BARE, deal_changes=FIRST, interactions=header + "\n".join(rows))
    np.testing.assert_equal(signals(tables, "D1", at(NOW))["days_unanswered"], days)


@pytest.mark.parametrize(
    ("close_date", "to_close", "overdue"), [("2024-03-05", 1, 0), ("2024-03-04", 0, 0), ("2024-03-03", -1, 0)]
)
def test_a_close_date_is_overdue_once_its_day_has_ended(company, signals, at, close_date, to_close, overdue):
    tables = company(deals=BARE, deal_changes=f"{FIRST}\nD1 | close_date | 0 | | {close_date} | 2024-03-01 |")
    found = signals(tables, "D1", at(NOW))
    assert (found["days_to_close_date"], found["overdue_days"]) == (to_close, overdue)
    assert signals(tables, "D1", at("2024-03-04T06:00"))["overdue_days"] == (0.25 if to_close == -1 else 0)


@pytest.mark.parametrize(("owner", "days"), [("U1", 2), ("U9", 2), ("", NAN)])
def test_days_with_owner_are_not_counted_once_the_owner_is_removed(company, signals, at, owner, days):
    changes = f"{FIRST}\nD1 | owner_id | 0 | | U2 | 2024-03-01 |\nD1 | owner_id | 1 | U2 | {owner} | 2024-03-02 |"
    found = signals(company(deals=BARE, deal_changes=changes), "D1", at(NOW))
    np.testing.assert_equal((found["days_with_owner"], found["owner_changes"]), (days, 1))


@pytest.mark.parametrize(
    ("instant", "days"), [("2024-03-31T23:59:59.999999", 1 / 86400e6), ("2024-04-01", 91), ("2024-12-31T12:00", 0.5)]
)
def test_a_quarter_ends_at_midnight_utc(company, signals, at, instant, days):
    found = signals(company(deals=BARE, deal_changes=FIRST), "D1", at(instant))
    assert found["days_to_quarter_end"] == pytest.approx(days, rel=1e-12)


@pytest.mark.parametrize(("pattern", "days"), [("4-4-5", 0.5), ("months", 1.5)])
def test_a_quarter_ends_as_the_company_counts_it(company, signals, at, pattern, days):
    """2025 of 4-4-5 starts on Monday 2024-12-30, so 13 weeks later is 2025-03-31."""
    calendar = f"setting | value\nfiscal_pattern | {pattern}"
    found = signals(company(deals=BARE, deal_changes=FIRST, calendar=calendar), "D1", at("2025-03-30T12:00"))
    assert found["days_to_quarter_end"] == days


def test_windows_are_half_open_to_the_microsecond(company, signals, at):
    header = "interaction_id | deal_id | kind | direction | occurred_at\n"
    moments = ["2024-02-26", "2024-02-25T23:59:59.999999", "2024-03-03T23:59:59.999999", "2024-03-04"]
    rows = [f"I{place} | D1 | email | inbound | {moment}" for place, moment in enumerate(moments)]
    tables = company(deals=BARE, deal_changes=FIRST, interactions=header + "\n".join(rows))
    found = signals(tables, "D1", at(NOW))
    assert (found["interactions_7d"], found["interactions_ever"]) == (2, 3)
    assert found["days_since_last_interaction"] == pytest.approx(1 / 86400e6)


def test_an_hour_written_in_another_time_zone_is_the_same_instant(company, signals, at):
    """Daylight saving began in Paris on 2024-03-31 at 02:00; in UTC nothing happened."""
    changes = FIRST + "\nD1 | stage | 1 | Demo | Offer | 2024-03-31T03:00+02:00 |"
    tables = company(deals=BARE, deal_changes=changes)
    assert signals(tables, "D1", at("2024-04-01"))["days_in_stage"] == pytest.approx(23 / 24)
