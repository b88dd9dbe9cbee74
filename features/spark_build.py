"""The same snapshots on Spark: the kernel inside ``applyInArrow``, over partitions by deal.

On a cluster the project is installed on the workers, or handed to them by ``spark.submit.pyFiles``.
"""

from collections.abc import Callable, Mapping
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import BinaryType, StructField, StructType

from crm.company_files import empty_table
from features.arrow import arrow
from features.norm_facts import NormFacts, together
from features.partition import (
    ALL_COLUMNS,
    NORM_COLUMNS,
    SnapshotPlan,
    additions_to_norms,
    norms_of_whole,
    snapshot_rows,
    snapshots_of,
)

_PART, _TABLE = "_part", "_table"
_BYTES = StructType([StructField("content", BinaryType())])


def spark_snapshots(
    spark: SparkSession, tables: Mapping[str, DataFrame], plan: SnapshotPlan, *, n_parts: int
) -> DataFrame:
    """Every snapshot of a company as a Spark frame, in the columns of ``features/partition.py``.

    Parameters
    ----------
    tables : contract tables by name; those that are not about single deals are collected, the large ones never
    n_parts : into how many parts the deals are cut; a part of 20,000 deals takes about 500 MB
    """
    spark.conf.set("spark.sql.session.timeZone", "UTC")  # the instants of the result are in UTC
    small = {
        name: arrow({name: tables[name].toArrow()}, name) if name in tables else empty_table(name)
        for name in ("accounts", "contacts", "users", "stages", "fx_rates", "calendar")
    }
    shared = spark.sparkContext.broadcast(small)

    def add(rows: pa.Table) -> pa.Table:
        added = additions_to_norms(shared.value | _apart(rows, NORM_COLUMNS), plan)
        return pa.table({"content": pa.array([added.to_bytes()], pa.binary())})

    parts = _over_parts(tables, NORM_COLUMNS, n_parts, add, _BYTES).collect()
    norms = norms_of_whole(together([NormFacts.from_bytes(bytes(row["content"])) for row in parts]), small, plan)
    known = spark.sparkContext.broadcast(norms)

    def compute(rows: pa.Table) -> pa.Table:
        return snapshot_rows(snapshots_of(shared.value | _apart(rows, ALL_COLUMNS), known.value, plan))

    nothing = small | {name: empty_table(name) for name in ALL_COLUMNS}
    schema = snapshot_rows(snapshots_of(nothing, norms, plan)).schema
    return _over_parts(tables, ALL_COLUMNS, n_parts, compute, from_arrow_schema(schema))


def _over_parts(
    tables: Mapping[str, DataFrame],
    columns: Mapping[str, tuple[str, ...]],
    n_parts: int,
    act: Callable[[pa.Table], pa.Table],
    schema: StructType,
) -> DataFrame:
    """Bring the rows of each part of the deals together, of all tables at once, and act on them."""
    part = sf.pmod(sf.hash("deal_id"), sf.lit(n_parts))
    each = [
        tables[name]
        .select(*(column for column in chosen if column in tables[name].columns))
        .withColumns({_TABLE: sf.lit(name), _PART: part})
        for name, chosen in columns.items()
    ]
    rows = reduce(lambda some, more: some.unionByName(more, allowMissingColumns=True), each)
    return rows.groupBy(_PART).applyInArrow(act, schema)


def _apart(rows: pa.Table, columns: Mapping[str, tuple[str, ...]]) -> dict[str, pa.Table]:
    """The tables that were brought together."""
    table = rows[_TABLE].combine_chunks().dictionary_encode()
    return {
        name: rows.filter(pc.equal(table, name)).select([column for column in chosen if column in rows.column_names])
        for name, chosen in columns.items()
    }
