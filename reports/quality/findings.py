"""A finding: so many of so many, with examples that can be looked up, and what to do."""

from dataclasses import dataclass

import pandas as pd

MAX_EXAMPLES = 5


@dataclass(frozen=True)
class Example:
    """One case: the id of its deal or user, that one's name (if it has one), and what was found."""

    id: str
    name: str | None
    what: str


@dataclass(frozen=True)
class Finding:
    """So many (``n``) of ``of``, counted in ``unit``; ``share`` is None where there was nothing to look at.

    ``title`` says what was counted, ``advice`` what to do where there are any.
    """

    name: str
    title: str
    advice: str
    unit: str
    n: int
    of: int
    share: float | None
    examples: tuple[Example, ...]


def finding(
    name: str,
    title: str,
    advice: str,
    bad: pd.DataFrame,
    of: int,
    *,
    unit: str = "deals",
    what: str = "",
    id_column: str = "deal_id",
) -> Finding:
    """Make a finding of the rows that are ``bad``.

    Parameters
    ----------
    bad
        Has ``id_column`` and ``name``, and what ``what`` names.
    what
        A template of columns in braces, filled from the first row of each example's id; a missing text is "nothing".

    Examples
    --------
    >>> bad = pd.DataFrame({"deal_id": ["D1"], "name": ["Acme"], "amount": ["-5"]})
    >>> found = finding("negative", "Negative amounts", "Correct it.", bad, 4, what="amount {amount}")
    >>> found.n, found.share, found.examples[0].what
    (1, 0.25, 'amount -5')
    """
    few = bad.drop_duplicates(id_column).head(MAX_EXAMPLES)
    rows = few.astype(object).where(few.notna(), None).to_dict("records")
    examples = tuple(
        Example(row[id_column], row["name"], what.format(**{k: "nothing" if v is None else v for k, v in row.items()}))
        for row in rows
    )
    return Finding(name, title, advice, unit, len(bad), of, share(len(bad), of), examples)


def share(n: int, of: int) -> float | None:
    """``n / of``, in [0, 1]; None where there is nothing to divide by."""
    return n / of if of else None


def in_percent(share: float | None) -> str:
    """A share in words: whole percent, but never 0% of something nor 100% of not all; a dash where there is none.

    >>> [in_percent(share) for share in (None, 0, 0.0004, 0.256, 0.9999, 1)]
    ['–', '0%', 'under 1%', '26%', 'over 99%', '100%']
    """
    if share is None:
        return "–"
    if 0 < share < 0.01:
        return "under 1%"
    return "over 99%" if 0.99 < share < 1 else f"{share:.0%}"
