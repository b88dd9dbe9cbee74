"""Forecast categories: the words in which reps say how sure they are of a deal, however their CRM spells them."""

import pandas as pd

COMMIT, BEST_CASE, PIPELINE, OMITTED = "commit", "best case", "pipeline", "omitted"

_WORDS = {
    COMMIT: ("commit", "committed", "forecast"),
    BEST_CASE: ("best case", "upside"),
    PIPELINE: ("pipeline",),
    OMITTED: ("omitted", "omit", "not forecasted"),
}
"""What counts as each category: the words of Salesforce (whose API calls a commit "Forecast"), Dynamics and HubSpot."""

CATEGORIES = tuple(_WORDS)
"""From the surest to what is left out of every forecast."""


def _letters(words: pd.Series) -> pd.Series:
    """Words without case, spaces, hyphens and underscores."""
    return words.str.casefold().str.replace(r"[\W_]+", "", regex=True)


_CATEGORY_OF = {
    letters: category for category, words in _WORDS.items() for letters in _letters(pd.Series(words, dtype="str"))
}


def categories_of(values: pd.Series) -> pd.Series:
    """Return the category that each value of the field ``category`` says; missing where it says none of them.

    >>> categories_of(pd.Series(["BestCase", "best_case", "COMMIT ", "most likely", None])).fillna("?").tolist()
    ['best case', 'best case', 'commit', '?', '?']
    """
    return _letters(values.astype("str")).map(_CATEGORY_OF).astype("str")


def unknown_words(values: pd.Series) -> dict[str, int]:
    """Return the values that say none of the categories, with how often each is there, the most frequent first.

    >>> unknown_words(pd.Series(["commit", "most likely", " ", None, "most likely"]))
    {'most likely': 2}
    """
    said = values.astype("str").str.strip()
    unknown = said[categories_of(values).isna() & said.notna() & (said != "")]
    return {str(word): int(n) for word, n in unknown.value_counts().items()}
