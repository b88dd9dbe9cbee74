"""A company's tables in the store, read a range of deals at a time; each process opens the store for itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import pyarrow as pa

from crm.store import Store, open_store
from crm.tables import LEDGERS, OF_DEALS, TABLES


@dataclass(frozen=True)
class CompanyStore:
    """The tables of the store at ``url``; reads raise ``StoreError`` as ``crm/store.py`` says."""

    url: str

    def deal_ids(self) -> pa.Array:
        """Ids of all deals, sorted."""
        return _opened(self.url).deal_ids()

    def small(self) -> dict[str, pa.Table]:
        """Every table that is not about single deals, whole."""
        return _opened(self.url).arrow([name for name in TABLES if name not in (*OF_DEALS, *LEDGERS)])

    def of_range(self, among: tuple[str, str | None], columns: Mapping[str, Sequence[str]]) -> dict[str, pa.Table]:
        """Some columns of the tables named, of the deals of a range."""
        return _opened(self.url).arrow(list(columns), deals=among, columns=columns)

    def of_deals(self, deal_ids: Sequence[str], columns: Mapping[str, Sequence[str]]) -> dict[str, pa.Table]:
        """Some columns of the tables named, of these deals."""
        return _opened(self.url).arrow(list(columns), deals=list(deal_ids), columns=columns)

    def told_since(self, instant: int) -> list[str]:
        """Ids of the deals of which anything became known at or after an instant, microseconds since 1970 UTC."""
        return _opened(self.url).told_since(instant)

    def n_told_before(self, instant: int) -> dict[str, int]:
        """How many rows of each large table were known before an instant."""
        return _opened(self.url).n_told_before(instant)


@cache
def _opened(url: str) -> Store:
    return open_store(url)
