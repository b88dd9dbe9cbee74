import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from crm.money import Rate, cents, known_rates, rates_day


def quotes(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["currency", "quote_currency", "day", "rate"])


def test_the_last_rate_on_or_before_the_day_holds():
    known = quotes(
        ("USD", "EUR", "2026-01-01", 0.9), ("USD", "EUR", "2026-01-05", 0.8), ("USD", "EUR", "2026-01-06", 0.7)
    )
    assert known_rates(known, "EUR", "2026-01-05")["USD"] == Rate("USD", "EUR", "2026-01-05", 0.8)


def test_the_inverse_of_a_quote_serves_where_there_is_no_direct_one():
    known = quotes(("EUR", "USD", "2026-01-01", 1.25))
    assert known_rates(known, "EUR", "2026-01-05")["USD"] == Rate("USD", "EUR", "2026-01-01", 0.8)


def test_of_two_quotes_on_one_day_the_direct_one_holds_and_a_later_inverse_beats_it():
    both = [("USD", "EUR", "2026-01-01", 0.9), ("EUR", "USD", "2026-01-01", 1.25)]
    assert known_rates(quotes(*both), "EUR", "2026-01-05")["USD"].rate == 0.9
    later = ("EUR", "USD", "2026-01-02", 1.25)
    assert known_rates(quotes(*both, later), "EUR", "2026-01-05")["USD"].rate == 0.8


def test_the_reporting_currency_needs_no_quote():
    assert known_rates(quotes(), "EUR", "2026-01-05")["EUR"].rate == 1.0


def test_a_currency_without_a_rate_by_then_is_not_among_them():
    known = quotes(("USD", "EUR", "2026-01-06", 0.9), ("CHF", "USD", "2026-01-01", 0.9))
    assert set(known_rates(known, "EUR", "2026-01-05")) == {"EUR"}


def test_a_rate_says_what_it_is():
    assert str(Rate("GBP", "EUR", "2026-01-05", 1.15)) == "1 GBP = 1.15 EUR on 2026-01-05"


def test_a_days_rate_is_not_known_before_the_day_has_ended():
    assert rates_day(pd.Timestamp("2026-11-16T00:00", tz="UTC")).isoformat() == "2026-11-15"
    assert rates_day(pd.Timestamp("2026-11-16T23:59", tz="UTC")).isoformat() == "2026-11-15"


def test_an_unknown_currency_is_never_worth_nothing():
    rates = {"EUR": Rate("EUR", "EUR", "2026-01-05", 1.0)}
    assert np.isnan(cents(pd.Series([1.0, 2.0]), pd.Series(["CHF", "CHF"]), rates)).all()


@given(st.lists(st.integers(0, 10**11), max_size=30))
def test_amounts_in_the_reporting_currency_keep_every_cent(amounts):
    rates = {"EUR": Rate("EUR", "EUR", "2026-01-05", 1.0)}
    series = pd.Series([amount / 100 for amount in amounts], dtype="float64")
    currencies = pd.Series(["EUR"] * len(amounts), dtype="str")
    assert np.array_equal(cents(series, currencies, rates), np.array(amounts, dtype="float64"))
