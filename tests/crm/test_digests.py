"""Equal inputs have equal digests, and others have others."""

import math

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.digests import digest, row_digests

ROWS = st.lists(
    st.tuples(st.one_of(st.none(), st.text(max_size=5)), st.floats(), st.integers(-(2**31), 2**31)), max_size=6
)


def table(rows: list[tuple]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["stage", "amount", "calls"]).astype(
        {"stage": "str", "amount": "float64", "calls": "int64"}
    )


@settings(max_examples=30)
@given(ROWS)
def test_a_rows_digest_depends_on_nothing_but_the_row(rows):
    alone = [row_digests(table([row]))[0] for row in rows]
    assert row_digests(table(rows)) == alone


@settings(max_examples=30)
@given(ROWS)
def test_a_copy_has_the_same_digest_and_one_more_row_another(rows):
    whole = table(rows)
    assert digest([whole]) == digest([whole.copy()])
    assert digest([whole]) != digest([pd.concat([whole, table([("x", 1.0, 1)])])])


def test_a_value_that_moves_into_the_next_column_makes_another_digest():
    first, second = (pd.DataFrame({"a": [a], "b": [b]}) for a, b in (("x\x1fy", "z"), ("x", "y\x1fz")))
    assert row_digests(first) != row_digests(second)
    assert digest([first]) != digest([second])


def test_a_missing_value_is_none_of_the_others():
    values = [math.nan, 0.0, 1.0]
    assert len(set(row_digests(pd.DataFrame({"amount": values})))) == 3
    texts = pd.DataFrame({"stage": pd.Series([None, "", "nan"], dtype="str")})
    assert len(set(row_digests(texts))) == 3


def test_what_stands_beside_the_tables_counts():
    assert digest([], "EUR") != digest([], "USD")
    assert digest([table([])]) != digest([])


def test_the_digest_is_the_same_on_every_machine_and_forever():
    assert row_digests(pd.DataFrame({"stage": ["Demo"], "calls": [2.0]})) == ["b9710080d84942b4"]
