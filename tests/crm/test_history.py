"""Facts become changes: what is new against the store, in order, each once."""

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.history import changes, dated
from crm.origins import ORIGIN

CREATED = pd.Series([pd.Timestamp("2026-01-01T00:00:00Z")], index=["D1"]).dt.as_unit("us")
NONE = pd.DataFrame()
COLUMNS = ["deal_id", "field", "new_value", "changed_at", "seq", "changed_by", "at", "first", ORIGIN]


def facts(*rows: tuple) -> pd.DataFrame:
    """Facts of one deal: field, value, day, and what they hold from."""
    made = [
        ("D1", field, value, day, order, None, at, "export", 1) for order, (field, value, day, at) in enumerate(rows)
    ]
    frame = pd.DataFrame(made, columns=COLUMNS)
    return frame.assign(changed_at=pd.to_datetime(frame["changed_at"], utc=True).dt.as_unit("us"))


def day(number: int) -> pd.Timestamp:
    return pd.Timestamp("2026-01-01T00:00:00Z") + pd.Timedelta(days=number)


def written(given_: pd.DataFrame, stored: pd.DataFrame, exported_at: pd.Timestamp | None) -> pd.DataFrame:
    return changes(dated(given_, CREATED, exported_at), stored, CREATED, exported_at, {"won", "lost"})


def story(rows: pd.DataFrame) -> list[tuple]:
    old = rows["old_value"].astype(object).where(rows["old_value"].notna(), None)
    return list(zip(old, rows["new_value"], rows["changed_at"], rows["seq"], strict=True))


def test_each_change_names_the_value_before_it():
    found = written(facts(("stage", "new", day(0), "date"), ("stage", "offer", day(3), "date")), NONE, None)
    assert story(found) == [(None, "new", day(0), 0), ("new", "offer", day(3), 0)]


def test_a_fact_that_says_what_held_already_is_no_change():
    found = written(facts(("stage", "new", day(0), "date"), ("stage", "new", day(3), "date")), NONE, None)
    assert len(found) == 1


def test_changes_at_one_instant_keep_their_order():
    found = written(facts(("stage", "a", day(0), "date"), ("stage", "b", day(0), "date")), NONE, None)
    assert story(found) == [(None, "a", day(0), 0), ("a", "b", day(0), 1)]


def test_the_present_is_compared_with_what_the_same_export_dates():
    found = written(facts(("stage", "won", day(5), "date"), ("stage", "won", None, "export")), NONE, day(9))
    assert story(found) == [(None, "won", day(5), 0)]


def test_a_value_that_comes_back_is_a_change_again():
    stored = written(facts(("amount", "1", None, "export")), NONE, day(1))
    stored = pd.concat([stored, written(facts(("amount", "2", None, "export")), stored, day(2))])
    assert story(written(facts(("amount", "1", None, "export")), stored, day(3))) == [("2", "1", day(3), 0)]


def test_two_exports_of_one_instant_that_differ_are_both_kept():
    stored = written(facts(("amount", "1", None, "export")), NONE, day(1))
    stored = pd.concat([stored, written(facts(("amount", "2", None, "export")), stored, day(2))])
    assert story(written(facts(("amount", "3", None, "export")), stored, day(2))) == [("2", "3", day(2), 1)]


def test_a_date_that_is_entered_late_is_known_when_the_export_shows_it():
    stored = written(facts(("stage", "new", None, "export")), NONE, day(2))
    stored = pd.concat([stored, written(facts(("stage", "offer", None, "export")), stored, day(9))])
    late = written(facts(("stage", "won", day(8), "date"), ("stage", "won", None, "export")), stored, day(12))
    assert list(zip(late["new_value"], late["changed_at"], late["known_at"], strict=True)) == [
        ("won", day(8), day(12)),
        ("won", day(12), day(12)),
    ]


@settings(max_examples=6)
@given(st.lists(st.sampled_from(["1", "2", "3"]), min_size=1, max_size=5))
def test_exports_in_order_tell_the_values_they_showed(values):
    stored = pd.DataFrame()
    for number, value in enumerate(values, start=1):
        stored = pd.concat([stored, written(facts(("amount", value, None, "export")), stored, day(number))])
        # The same export again adds nothing.
        assert written(facts(("amount", value, None, "export")), stored, day(number)).empty
    held = stored.set_index("known_at")["new_value"].sort_index()
    assert [held[: day(number)].iloc[-1] for number in range(1, len(values) + 1)] == values
