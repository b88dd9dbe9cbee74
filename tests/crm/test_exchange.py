"""Rates over any way that quotes lead, as of any day."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.exchange import Quotes
from crm.money import Rate, cents_when, known_rates, rates_day

COLUMNS = ["currency", "quote_currency", "day", "rate"]
DAYS = [f"2026-01-{day:02}" for day in range(1, 29)]


def quotes(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS)


def test_two_quotes_lead_over_a_third_currency_and_the_older_one_dates_it():
    known = quotes(("USD", "EUR", "2026-01-01", 0.8), ("GBP", "EUR", "2026-01-05", 1.2))
    found = known_rates(known, "USD", "2026-01-09")
    assert found["GBP"] == Rate("GBP", "USD", "2026-01-01", pytest.approx(1.5))
    assert found["EUR"].rate == 1.25
    assert set(known_rates(known, "USD", "2026-01-04")) == {"EUR", "USD"}


def test_of_two_ways_of_one_day_the_quote_itself_holds_and_a_later_way_beats_it():
    own, legs = (
        ("GBP", "USD", "2026-01-05", 9.0),
        [("USD", "EUR", "2026-01-05", 0.8), ("GBP", "EUR", "2026-01-05", 1.2)],
    )
    assert known_rates(quotes(own, *legs), "USD", "2026-01-09")["GBP"].rate == 9.0
    later = [("USD", "EUR", "2026-01-06", 0.8), ("GBP", "EUR", "2026-01-07", 1.2)]
    assert known_rates(quotes(own, *legs, *later), "USD", "2026-01-09")["GBP"].rate == pytest.approx(1.5)


def test_a_rate_of_nothing_is_none():
    assert set(known_rates(quotes(("USD", "EUR", "2026-01-01", 0.0)), "EUR", "2026-01-09")) == {"EUR"}


PAIRS = st.sampled_from([("USD", "EUR"), ("EUR", "USD"), ("GBP", "EUR"), ("USD", "GBP"), ("CHF", "USD")])
QUOTES = st.lists(st.tuples(PAIRS, st.sampled_from(DAYS), st.floats(0.1, 10)), max_size=25, unique_by=lambda q: q[:2])


@pytest.mark.slow
@settings(max_examples=20)
@given(QUOTES, st.sampled_from(["USD", "GBP", "CHF"]))
def test_asked_for_many_days_at_once_it_says_what_it_says_of_each(made, currency):
    table = quotes(*((*pair, day, rate) for pair, day, rate in made))
    found = Quotes(table).worth(currency, "EUR", np.array(DAYS, "M8[D]"))
    for day, rate, quoted in zip(DAYS, found.rate, found.quoted, strict=True):
        one = known_rates(table, "EUR", day).get(currency)
        assert (one is None and np.isnan(rate)) or (one.rate, one.day) == (rate, str(quoted))
        assert np.isnan(rate) or str(quoted) <= day


@settings(max_examples=20)
@given(QUOTES, st.sampled_from(DAYS))
def test_a_later_quote_is_not_known_before_its_day(made, day):
    table = quotes(*((*pair, on, rate) for pair, on, rate in made))
    assert known_rates(table, "EUR", day) == known_rates(table[table["day"] <= day], "EUR", day)


def test_what_was_won_is_worth_what_it_was_worth_then_and_stays_so():
    at = pd.to_datetime(pd.Series(["2026-01-05T00:00", "2026-01-05T23:59", "2026-01-09"]), utc=True, format="ISO8601")
    amounts, usd = pd.Series([1.0, 1.0, 1.0]), pd.Series(["USD"] * 3)
    known = quotes(("USD", "EUR", "2026-01-04", 0.8), ("USD", "EUR", "2026-01-05", 0.9))
    assert cents_when(amounts, usd, at, known, "EUR").tolist() == [80, 80, 90]
    more = quotes(*known.itertuples(index=False), ("USD", "EUR", "2026-01-30", 0.1))
    assert cents_when(amounts, usd, at, more, "EUR").tolist() == [80, 80, 90]
    for instant, worth in zip(at, (80, 80, 90), strict=True):
        assert known_rates(known, "EUR", rates_day(instant))["USD"].rate * 100 == pytest.approx(worth)


def test_what_was_won_before_any_quote_has_no_worth():
    at = pd.to_datetime(pd.Series(["2025-12-31"]), utc=True)
    known = quotes(("USD", "EUR", "2026-01-04", 0.8))
    assert np.isnan(cents_when(pd.Series([1.0]), pd.Series(["USD"]), at, known, "EUR")).all()
