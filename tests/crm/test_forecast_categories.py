"""Every CRM spells the forecast categories its own way; a word that is none of them is never taken for one."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.forecast_categories import BEST_CASE, CATEGORIES, COMMIT, OMITTED, PIPELINE, categories_of, unknown_words


@pytest.mark.parametrize(
    ("word", "category"),
    [
        *[(word, COMMIT) for word in ("Commit", "COMMIT", "committed", "Forecast")],
        *[(word, BEST_CASE) for word in ("Best Case", "BestCase", "best_case", "BEST-CASE", " best  case ", "Upside")],
        *[(word, PIPELINE) for word in ("Pipeline", "PIPELINE")],
        *[(word, OMITTED) for word in ("Omitted", "OMIT", "Not forecasted")],
    ],
)
def test_the_words_of_the_large_crms_are_understood(word, category):
    assert categories_of(pd.Series([word])).tolist() == [category]


@given(st.sampled_from(CATEGORIES), st.sampled_from(["", " ", "_", "-"]), st.booleans())
def test_case_and_what_stands_between_words_do_not_matter(category, between, loud):
    spelled = category.replace(" ", between)
    assert categories_of(pd.Series([spelled.upper() if loud else spelled.title()])).tolist() == [category]


@pytest.mark.parametrize("word", ["Closed", "most likely", "commitment", "", "  ", "?", None])
def test_any_other_word_is_no_category(word):
    assert categories_of(pd.Series([word], dtype="str")).isna().all()


def test_words_that_are_none_are_counted_and_blanks_are_not():
    said = pd.Series(["Closed", "most likely", " Closed", "", None, "commit"], dtype="str")
    assert unknown_words(said) == {"Closed": 2, "most likely": 1}
    assert unknown_words(said[:0]) == {}
