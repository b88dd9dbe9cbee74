"""Which fields the CRM fills, and which never: columns that may be missing, fields that change, attributes of deals."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from crm.tables import AMOUNT, CATEGORY, CLOSE_DATE, LEDGERS, NEXT_STEP, OWNER, STAGE, TABLES
from reports.quality.findings import share
from reports.quality.known import Known

RARE_SHARE = 0.05
"""Below this a field is as good as empty: fewer than one row in twenty."""

_UNDERSTOOD = (STAGE, AMOUNT, CLOSE_DATE, OWNER, CATEGORY, NEXT_STEP)


@dataclass(frozen=True)
class Fill:
    """How often one field is filled.

    Attributes
    ----------
    what : column (of a table's rows), change (a field of deals that changes: of the deals, those that ever had
        a value), or attribute (a key of the deals' attributes, of the deals)
    n, of : filled, of all; an empty text is not filled
    share : None where the table has no rows
    """

    what: Literal["column", "change", "attribute"]
    table: str
    field: str
    n: int
    of: int
    share: float | None

    @property
    def never(self) -> bool:
        """Whether there are rows and none of them is filled."""
        return self.share == 0

    @property
    def rare(self) -> bool:
        """Whether it is filled now and then, in fewer than one row in twenty."""
        return self.share is not None and 0 < self.share < RARE_SHARE


def fields(known: Known) -> tuple[Fill, ...]:
    """Measure every column that may be missing, table by table, then every changing field, then every attribute."""
    return (*_columns(known), *_changes(known), *_attributes(known))


def empty_tables(fills: tuple[Fill, ...]) -> list[str]:
    """Name the tables among them that have no rows."""
    return list(dict.fromkeys(fill.table for fill in fills if fill.what == "column" and not fill.of))


def _columns(known: Known) -> Iterator[Fill]:
    for table in TABLES.values():
        if table.name in (*LEDGERS, "user_changes"):  # that nobody has moved is no fault of the data
            continue
        rows = known.tables[table.name]
        for column in table.columns:
            if not column.required and column.name != "attributes":
                n = int(_filled(rows[column.name]).sum())
                yield Fill("column", table.name, column.name, n, len(rows), share(n, len(rows)))


def _changes(known: Known) -> Iterator[Fill]:
    """Every field that Plumbline understands, seen or not, then the custom ones."""
    filled = known.changes[_filled(known.changes["new_value"])]
    n_deals = filled.drop_duplicates(["deal", "field"])["field"].value_counts()
    custom = sorted(set(known.changes["field"]) - set(_UNDERSTOOD))
    for field in (*_UNDERSTOOD, *custom):
        n = int(n_deals.get(field, 0))
        yield Fill("change", "deal_changes", field, n, len(known.deals), share(n, len(known.deals)))


def _attributes(known: Known) -> Iterator[Fill]:
    texts = known.deals["attributes"].dropna()
    documents = json.loads(f"[{','.join(texts)}]")
    keys = Counter(key for document in documents for key in document)
    filled = Counter(key for document in documents for key, value in document.items() if value not in (None, ""))
    for key in sorted(keys):
        yield Fill("attribute", "deals", key, filled[key], len(known.deals), share(filled[key], len(known.deals)))


def _filled(values: pd.Series) -> pd.Series:
    if pd.api.types.is_string_dtype(values.dtype):
        return values.fillna("") != ""
    return values.notna()
