"""Spark gives the bits that one process gives."""

import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings

from crm.company_files import CompanyFiles
from crm.tables import LEDGERS, TABLES
from features.arrow import arrow
from features.build import build
from features.declared import Custom, Declared
from features.facts import DAY
from features.histories import instant
from features.manifest import BuildFolder
from features.partition import SnapshotPlan, additions_to_norms, norms_of_whole, snapshot_rows, snapshots_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java 17, which is not on this machine"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:pyspark", "ignore::ResourceWarning"),
]
KEY = [("deal_id", "ascending"), ("as_of", "ascending")]


@pytest.fixture(scope="module")
def spark():
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed")
    # The workers find the project as this process does.
    os.environ |= {"PYSPARK_PYTHON": sys.executable, "PYTHONPATH": str(Path(__file__).parents[2])}
    quiet = {"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "3", "spark.log.level": "ERROR"}
    builder = sql.SparkSession.builder.master("local[2]")
    for name, value in quiet.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


def test_spark_gives_the_bits_of_one_process(spark, demo, tmp_path):
    from features.spark_build import spark_snapshots

    declared = Declared((Custom("attribute", "seats", "number"), Custom("attribute", "competitor", "category")))
    plan = SnapshotPlan(until=instant(datetime(2026, 11, 16, tzinfo=UTC)), declared=declared)
    (tmp_path / "crm").mkdir()
    for name in (name for name in demo if name not in LEDGERS):
        pq.write_table(arrow(demo, name), tmp_path / "crm" / f"{name}.parquet")
    tables = {path.stem: spark.read.parquet(str(path)) for path in (tmp_path / "crm").iterdir()}
    found = spark_snapshots(spark, tables, plan, n_parts=3)
    found.write.parquet(str(tmp_path / "spark"))
    build(CompanyFiles(str(tmp_path / "crm")), str(tmp_path / "out"), plan)
    folder = BuildFolder(str(tmp_path / "out"))
    ours = folder.dataset(folder.current().files).to_table().sort_by(KEY)
    theirs = pq.read_table(tmp_path / "spark").cast(ours.schema).sort_by(KEY)
    assert_same_bits(ours, theirs)


def test_spark_gives_the_bits_of_one_process_in_random_companies(spark, companies, cut):
    from features.spark_build import spark_snapshots

    plan = SnapshotPlan(until=cut + 30 * DAY, every_days=1)

    @settings(max_examples=4, phases=[Phase.generate])
    @given(futures=companies)
    def agree(futures):
        tables = {name: arrow(futures[0], name) for name in TABLES if name not in LEDGERS}
        norms = norms_of_whole(additions_to_norms(tables, plan), tables, plan)
        ours = snapshot_rows(snapshots_of(tables, norms, plan)).sort_by(KEY)
        frames = {name: spark.createDataFrame(table) for name, table in tables.items() if len(table)}
        theirs = spark_snapshots(spark, frames, plan, n_parts=3).toArrow()
        assert_same_bits(ours, theirs.cast(ours.schema).sort_by(KEY))

    agree()


def assert_same_bits(ours, theirs):
    assert len(ours) == len(theirs) > 0
    for name in ours.column_names:
        one, two = (table[name].to_numpy() for table in (ours, theirs))
        same = one.view(np.int32) == two.view(np.int32) if one.dtype == np.float32 else one == two
        assert same.all(), name
