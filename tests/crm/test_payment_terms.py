"""What payment terms say, and when money is due."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.errors import SettingsError
from crm.payment_terms import Due, due_days, parsed_terms
from crm.simulated_products import TERMS
from crm.working_days import holidays, n_working_days, next_working_days

NONE_OFF = np.empty(0, "M8[D]")
DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31))


@pytest.mark.parametrize(
    ("text", "days"),
    [
        *((text, 30) for text in ("net 30", "Net30", "n/30", "30 days", "30d", "30", "30 days net", "Net 30 days.")),
        *((text, 30) for text in ("2/10 net 30", "2/10, net 30", "2%/10 n/30", "within 30 days", "NET-30")),
        *((text, 0) for text in ("due on receipt", "Upfront", "in advance", "prepaid", "yearly", "net 0")),
    ],
)
def test_all_of_it_is_due_on_one_day(text, days):
    assert parsed_terms(text) == ((1.0, Due(days)),)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("50% upfront, 50% net 60", [(0.5, 0), (0.5, 60)]),
        ("30 % in advance and 70 % net 30", [(0.3, 0), (0.7, 30)]),
        ("25% upfront; 25% 30 days; 50% 90 days", [(0.25, 0), (0.25, 30), (0.5, 90)]),
        ("quarterly", [(0.25, 0), (0.25, 91), (0.25, 182), (0.25, 274)]),
        ("2 monthly payments", [(0.5, 0), (0.5, 30)]),
        ("3 instalments", [(1 / 3, 0), (1 / 3, 30), (1 / 3, 61)]),
    ],
)
def test_parts_are_due_one_by_one(text, parts):
    shares, dues = zip(*parsed_terms(text), strict=True)
    assert ([due.days for due in dues], shares) == (
        [days for _, days in parts],
        pytest.approx([one for one, _ in parts]),
    )


def test_a_year_of_months_is_twelve_equal_parts():
    parts = parsed_terms("monthly")
    assert sum(share for share, _ in parts) == pytest.approx(1)
    assert [due.days for _, due in parts][:4] == [0, 30, 61, 91]


@pytest.mark.parametrize(
    "text",
    ["", "as agreed", "on delivery", "50% upfront", "60% upfront, 60% net 30", "50% upfront, 50% later", "net thirty",
     "0 payments", "4 weekly payments", "net 30 or 60"],
)  # fmt: skip
def test_what_is_not_understood_is_none(text):
    assert parsed_terms(text) is None


def test_the_simulated_terms_are_understood_but_for_one():
    assert [text for text in TERMS if parsed_terms(text) is None] == ["as agreed"]


def test_the_end_of_the_month_is_its_last_day():
    closed = np.array(["2026-01-05", "2026-01-31"], "M8[D]")
    assert due_days(Due(30, end_of_month=True), closed, NONE_OFF).astype(str).tolist() == ["2026-03-02", "2026-03-31"]
    assert due_days(Due(0, end_of_month=True), closed, NONE_OFF).astype(str).tolist() == ["2026-02-02", "2026-02-02"]


def test_what_is_due_on_a_weekend_or_holiday_is_due_on_the_next_working_day():
    off = np.array(["2026-12-25", "2026-12-28"], "M8[D]")
    closed = np.array(["2026-12-24", "2026-12-25", "2026-12-26"], "M8[D]")
    assert due_days(Due(0), closed, off).astype(str).tolist() == ["2026-12-24", "2026-12-29", "2026-12-29"]


@settings(max_examples=30)
@given(DAYS, st.integers(0, 120), st.booleans(), st.lists(DAYS, max_size=20))
def test_due_days_are_worked_and_never_earlier_for_a_later_closing(first, days, end_of_month, off):
    closed = np.datetime64(first) + np.arange(400)
    free = np.unique(np.array(off, "M8[D]"))
    due = due_days(Due(days, end_of_month), closed, free)
    assert (np.diff(due) >= np.timedelta64(0)).all()
    assert (due >= closed + np.timedelta64(days, "D")).all()
    assert np.is_busday(due, holidays=free).all()


@settings(max_examples=30)
@given(DAYS, st.integers(0, 100), st.lists(DAYS, max_size=10))
def test_working_days_are_counted_as_on_a_wall_calendar(start, length, off):
    end, free = start + timedelta(days=length), set(off)
    days = [start + timedelta(days=n) for n in range(length)]
    counted = sum(day.weekday() < 5 and day not in free for day in days)
    assert n_working_days(start, end, np.unique(np.array(off, "M8[D]"))) == counted


def test_a_holiday_that_is_no_date_names_itself():
    with pytest.raises(SettingsError, match=r'holiday in table calendar is "25.12."; write it as YYYY-MM-DD'):
        holidays(pd.DataFrame({"setting": ["holiday"], "value": ["25.12."]}))


def test_a_calendar_without_holidays_has_none():
    off = holidays(pd.DataFrame({"setting": [], "value": []}, dtype="str"))
    assert next_working_days(np.array(["2026-11-21"], "M8[D]"), off).astype(str).tolist() == ["2026-11-23"]
