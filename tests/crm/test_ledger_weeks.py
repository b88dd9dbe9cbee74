"""Which points of a ledger stay, for any instants at all."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from crm.ledger_weeks import DAY, WEEK, thinned, week_of

INSTANTS = st.lists(st.integers(0, 3 * 52 * WEEK), max_size=60)


@given(INSTANTS, st.integers(0, 3 * 52 * WEEK))
def test_every_week_that_had_a_point_keeps_its_last(instants, keep_since):
    kept = set(instants) - set(thinned(instants, keep_since))
    last = {week_of(one): one for one in sorted(instants)}
    assert set(last.values()) <= kept


@given(INSTANTS, st.integers(0, 3 * 52 * WEEK))
def test_nothing_goes_that_is_not_older_than_asked(instants, keep_since):
    gone = thinned(instants, keep_since)
    assert set(gone) <= {one for one in instants if one < keep_since}


@given(INSTANTS, st.integers(0, 3 * 52 * WEEK))
def test_of_the_older_ones_one_a_week_is_left(instants, keep_since):
    left = (set(instants) - set(thinned(instants, keep_since))) & {one for one in instants if one < keep_since}
    weeks = [week_of(one) for one in left]
    assert len(weeks) == len(set(weeks))


@given(INSTANTS, st.integers(0, 3 * 52 * WEEK))
def test_thinning_again_takes_nothing_more(instants, keep_since):
    kept = set(instants) - set(thinned(instants, keep_since))
    assert thinned(sorted(kept), keep_since) == []


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 (made UTC below)
def test_weeks_are_those_of_iso_8601(moment):
    at, later = moment.replace(tzinfo=UTC), moment.replace(tzinfo=UTC) + timedelta(days=3)
    numbers = [week_of(round(one.timestamp() * 1_000_000)) for one in (at, later)]
    assert (numbers[0] == numbers[1]) == (at.isocalendar()[:2] == later.isocalendar()[:2])


def test_a_day_is_a_day():
    assert timedelta(days=1) // timedelta(microseconds=1) == DAY
