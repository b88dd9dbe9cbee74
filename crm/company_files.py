"""A company's tables as Parquet, on any file system that fsspec knows, read a range of deals at a time.

One file ``<table>.parquet`` or one folder ``<table>/`` of them per table, as ``plumbline simulate`` writes them. Files
sorted by deal are read once; others as often as there are ranges, for Parquet has no other index.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from crm.errors import SchemaError
from crm.store_rows import ARROW_TYPES
from crm.tables import LEDGERS, OF_DEALS, TABLES, TOLD


def empty_table(name: str) -> pa.Table:
    """A table of the contract without rows."""
    return pa.schema([(column.name, ARROW_TYPES[column.kind]) for column in TABLES[name].columns]).empty_table()


@dataclass(frozen=True)
class CompanyFiles:
    """The tables under one folder; ``url`` as fsspec writes it: a path, ``s3://bucket/crm``, ``memory://crm``.

    Files are looked at when first asked for, and taken to stay as they are for as long as this lives.

    Raises
    ------
    SchemaError
        The folder holds no deals, or a file of it cannot be read.
    """

    url: str

    @cached_property
    def _found(self) -> tuple[fsspec.AbstractFileSystem, str]:
        return fsspec.core.url_to_fs(self.url)

    def __reduce__(self) -> tuple[type["CompanyFiles"], tuple[str]]:
        return CompanyFiles, (self.url,)  # another process opens them for itself

    @cached_property
    def _opened(self) -> dict[str, ds.Dataset | None]:
        return {}

    def _dataset(self, name: str) -> ds.Dataset | None:
        """The files of a table; what their ends say of all that is in them is read once for every range."""
        if name not in self._opened:
            self._opened[name] = self._open(name)
        return self._opened[name]

    def _open(self, name: str) -> ds.Dataset | None:
        files, root = self._found
        for path in (f"{root}/{name}", f"{root}/{name}.parquet"):
            if files.exists(path):
                try:
                    return ds.dataset(path, filesystem=files, format="parquet")
                except (pa.ArrowInvalid, OSError) as error:
                    raise SchemaError(f"{path} cannot be read as Parquet: {error}; write it anew.") from error
        return None

    def deal_ids(self) -> pa.Array:
        """Ids of all deals, sorted."""
        deals = self._dataset("deals")
        if deals is None:
            raise SchemaError(f"{self.url} holds no deals; name a folder with deals.parquet, or with a folder deals.")
        ids = deals.to_table(columns=["deal_id"])["deal_id"].combine_chunks()
        return ids.take(pc.sort_indices(ids))

    def small(self) -> dict[str, pa.Table]:
        """Every table that is not about single deals, whole."""
        return {name: self._read(name) for name in TABLES if name not in (*OF_DEALS, *LEDGERS)}

    def of_range(self, among: tuple[str, str | None], columns: Mapping[str, Sequence[str]]) -> dict[str, pa.Table]:
        """Some columns of the tables named, of the deals of a range."""
        first, end = among
        mine = ds.field("deal_id") >= first
        if end is not None:
            mine &= ds.field("deal_id") < end
        return {name: self._read(name, chosen, mine) for name, chosen in columns.items()}

    def of_deals(self, deal_ids: Sequence[str], columns: Mapping[str, Sequence[str]]) -> dict[str, pa.Table]:
        """Some columns of the tables named, of these deals."""
        mine = ds.field("deal_id").isin(pa.array(deal_ids, pa.string()))
        return {name: self._read(name, chosen, mine) for name, chosen in columns.items()}

    def told_since(self, instant: int) -> list[str]:
        """Ids of the deals of which anything became known at or after an instant, microseconds since 1970 UTC."""
        told: set[str] = set()
        for name, time in TOLD.items():
            told |= set(
                self._read(name, ["deal_id"], ds.field(time) >= _scalar(instant))["deal_id"].unique().to_pylist()
            )
        return sorted(told)

    def n_told_before(self, instant: int) -> dict[str, int]:
        """How many rows of each table were known before an instant."""
        counts = {}
        for name, time in TOLD.items():
            found = self._dataset(name)
            counts[name] = found.count_rows(filter=ds.field(time) < _scalar(instant)) if found else 0
        return counts

    def _read(self, name: str, columns: Sequence[str] | None = None, mine: Any = None) -> pa.Table:
        found = self._dataset(name)
        if found is None:
            return empty_table(name).select(columns or TABLES[name].names)
        known = [column for column in columns or TABLES[name].names if column in found.schema.names]
        # One core per process: several processes read side by side.
        return found.to_table(columns=known, filter=mine, use_threads=False)


def _scalar(instant: int) -> pa.Scalar:
    return pa.scalar(instant, pa.timestamp("us", tz="UTC"))
