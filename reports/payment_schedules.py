"""When each deal's money is due once it is won: the payment terms of its line items, each for its share of the deal.

A line without terms, one whose terms are not understood, and a deal without line items are paid by the company's usual
terms: those that most of its line items have. How many deals that concerns is counted.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.payment_terms import Due, Terms, parsed_terms
from reports.product_lines import product_lines

NOTHING_USUAL = "net 30"
"""What is taken as usual where no line item has terms that are understood."""


@dataclass(frozen=True)
class Usual:
    """A company's usual terms.

    Attributes
    ----------
    text : as they are written most often
    not_understood : how many line items have each text that is not understood, the most frequent first
    """

    text: str
    terms: Terms
    not_understood: dict[str, int]


@dataclass(frozen=True)
class Schedules:
    """When deals' money is due.

    Attributes
    ----------
    dues : every way in which money is due
    share : of a deal's money that is due in each way, shape (n_deals, n_dues); rows sum to 1
    by_usual : whether some of a deal's money is due by the usual terms because it has none that are understood
    """

    dues: tuple[Due, ...]
    share: NDArray[np.float64]
    by_usual: NDArray[np.bool_]


def usual_terms(line_items: pd.DataFrame) -> Usual:
    """Return the terms that most line items have; of two as frequent, those that come first in the alphabet.

    >>> found = usual_terms(pd.DataFrame({"payment_terms": ["net 30", "30 days", "net 60", "as agreed", None]}))
    >>> found.text, found.terms, found.not_understood
    ('30 days', ((1.0, Due(days=30, end_of_month=False)),), {'as agreed': 1})
    """
    written = (
        line_items["payment_terms"].dropna().value_counts().sort_index().sort_values(ascending=False, kind="stable")
    )
    counts: dict[Terms, int] = {}
    called: dict[Terms, str] = {}
    not_understood = dict[str, int]()
    for text, n in written.items():
        terms = parsed_terms(str(text))
        if terms is None:
            not_understood[str(text)] = int(n)
        else:
            counts[terms] = counts.get(terms, 0) + int(n)
            called.setdefault(terms, str(text))
    if not counts:
        terms = parsed_terms(NOTHING_USUAL)
        assert terms is not None  # noqa: S101
        return Usual(NOTHING_USUAL, terms, not_understood)
    most = max(counts, key=lambda terms: counts[terms])
    return Usual(called[most], most, not_understood)


def schedules(deal_ids: pd.Series, line_items: pd.DataFrame, usual: Usual) -> Schedules:
    """Return when the money of each of ``deal_ids`` is due; its lines share it by what they are worth.

    >>> items = pd.DataFrame({"deal_id": ["D1", "D1"], "product_id": ["A", "B"], "quantity": [1, 1],
    ...     "unit_price": ["30", "10"], "payment_terms": ["net 60", "50% upfront, 50% net 60"]})
    >>> found = schedules(pd.Series(["D1", "D2"]), items, usual_terms(items))
    >>> [due.days for due in found.dues], found.share.tolist(), found.by_usual.tolist()
    ([0, 60], [[0.125, 0.875], [0.5, 0.5]], [False, True])
    """
    lines = product_lines(line_items, deal_ids)
    row, share = lines["row"].to_numpy(), lines["share"].to_numpy(np.float64)
    written = [*line_items["payment_terms"], None]  # the last one for deals without lines
    texts = pd.Series([written[line] for line in lines["line"]], dtype=object)
    understood = {text: parsed_terms(text) for text in texts.dropna().unique()}
    by_usual = np.zeros(len(deal_ids), bool)
    groups: dict[Terms, list[NDArray[np.int64]]] = {usual.terms: []}
    for text, places in texts.fillna("").groupby(texts.fillna("")).indices.items():
        terms = understood.get(text)
        if terms is None:
            by_usual[row[places]] = True
        groups.setdefault(terms or usual.terms, []).append(places)
    dues = tuple(sorted({due for terms in groups for _, due in terms}, key=lambda due: (due.days, due.end_of_month)))
    found = np.zeros((len(deal_ids), len(dues)))
    for terms, parts in groups.items():
        places = np.concatenate([np.empty(0, np.int64), *parts])
        for of_line, due in terms:
            np.add.at(found[:, dues.index(due)], row[places], of_line * share[places])
    return Schedules(dues, found, by_usual)
