"""Where a company's tables are, and how they are read a part at a time."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import pyarrow as pa

Columns = Mapping[str, Sequence[str]]
"""Names of columns by table."""
Range = tuple[str, str | None]
"""The first deal id of a range, and the first after it; None where there is none."""


class Company(Protocol):
    """What ``crm/company_files.py`` and ``crm/company_store.py`` have in common."""

    def deal_ids(self) -> pa.Array:
        """Ids of all deals, sorted."""

    def small(self) -> dict[str, pa.Table]:
        """Every table that is not about single deals, whole."""

    def of_range(self, among: Range, columns: Columns) -> dict[str, pa.Table]:
        """Some columns of some tables, of a range of deals."""

    def of_deals(self, deal_ids: Sequence[str], columns: Columns) -> dict[str, pa.Table]:
        """Some columns of some tables, of these deals."""

    def told_since(self, instant: int) -> list[str]:
        """Ids of the deals of which anything became known at or after an instant, microseconds since 1970 UTC."""

    def n_told_before(self, instant: int) -> dict[str, int]:
        """How many rows of each large table were known before an instant."""


def ranges(deal_ids: pa.Array, deals_per_range: int) -> list[Range]:
    """Cut sorted ids into ranges of so many deals.

    >>> ranges(pa.array(["D1", "D2", "D3"]), 2)
    [('D1', 'D3'), ('D3', None)]
    """
    firsts: list[str] = deal_ids.take(pa.array(range(0, len(deal_ids), deals_per_range), pa.int64())).to_pylist()
    return list(zip(firsts, [*firsts[1:], None], strict=True)) if firsts else []
