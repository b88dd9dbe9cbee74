"""Builds: cut as one likes, on any number of processes, added to day by day, and never half done."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings

from crm.company_files import CompanyFiles
from crm.company_store import CompanyStore
from crm.errors import SchemaError
from crm.store import open_store
from crm.tables import LEDGERS
from features.arrow import arrow
from features.build import build
from features.facts import DAY
from features.histories import Histories, instant
from features.manifest import BuildFolder
from features.norms import norms_of
from features.partition import SnapshotPlan, snapshot_rows, snapshots_of
from features.snapshots import Snapshots

ROOT = Path(__file__).parents[2]
CUT = instant(datetime(2024, 3, 4, tzinfo=UTC))
KEY = [("deal_id", "ascending"), ("as_of", "ascending")]


@pytest.fixture(autouse=True)
def _empty_memory():
    """An empty file system in memory for each test."""
    files = fsspec.filesystem("memory")
    files.store.clear()
    files.pseudo_dirs.clear()


def write_company(tables, folder):
    """Contract tables as Parquet under a folder of any file system."""
    files, root = fsspec.core.url_to_fs(folder)
    files.makedirs(root, exist_ok=True)
    for name in (name for name in tables if name not in LEDGERS):
        pq.write_table(arrow(tables, name), f"{root}/{name}.parquet", filesystem=files)
    return CompanyFiles(folder)


def rows_of(out, kind="files"):
    folder = BuildFolder(out)
    return folder.dataset(getattr(folder.current(), kind)).to_table().sort_by(KEY)


def assert_same_bits(some, other):
    assert some.schema.equals(other.schema)
    for name in some.column_names:
        one, two = (table[name].to_numpy() for table in (some, other))
        same = one.view(np.int32) == two.view(np.int32) if one.dtype == np.float32 else one == two
        assert same.all(), name


def in_one_pass(tables, plan):
    histories = Histories.from_tables(tables)
    norms = norms_of(histories, tables["fx_rates"], "EUR")
    return snapshot_rows(snapshots_of(tables, norms, plan)).sort_by(KEY)


def daily(until):
    return SnapshotPlan(until=until, every_days=1)


def quick(examples):
    return settings(max_examples=examples, phases=[Phase.generate])


def parts_agree(companies, examples):
    @quick(examples)
    @given(futures=companies)
    def agree(futures):
        fsspec.filesystem("memory").store.clear()
        build(write_company(futures[0], "memory://crm"), "memory://out", daily(CUT + 5 * DAY), deals_per_range=3)
        assert_same_bits(rows_of("memory://out"), in_one_pass(futures[0], daily(CUT + 5 * DAY)))

    agree()


@pytest.mark.slow
def test_parts_of_random_companies_give_the_bits_of_the_whole(companies):
    parts_agree(companies, 3)


@pytest.mark.slow
def test_parts_of_many_random_companies_give_the_bits_of_the_whole(companies):
    parts_agree(companies, 15)


def additions_agree(companies, examples):
    @quick(examples)
    @given(futures=companies)
    def agree(futures):
        fsspec.filesystem("memory").store.clear()
        past, grown = futures[2], futures[0]  # what was known before the cut, and the same with what came later
        for until, known in ((CUT, past), (CUT + 3 * DAY, grown), (CUT + 20 * DAY, grown)):
            built = build(write_company(known, "memory://crm"), "memory://out", daily(until), deals_per_range=4)
        assert built.said.startswith("added"), built.said
        build(CompanyFiles("memory://crm"), "memory://anew", daily(until), anew=True)
        assert_same_bits(rows_of("memory://out"), rows_of("memory://anew"))

    agree()


@pytest.mark.slow
def test_days_added_to_random_companies_give_the_bits_of_a_full_build(companies):
    additions_agree(companies, 3)


@pytest.mark.slow
def test_days_added_to_many_random_companies_give_the_bits_of_a_full_build(companies):
    additions_agree(companies, 8)


@pytest.mark.slow
def test_two_processes_give_the_bits_of_one(demo, tmp_path, at):
    plan = SnapshotPlan(until=at("2026-11-16"))
    company = write_company(demo, f"{tmp_path}/crm")
    for processes in (1, 2):
        build(company, f"{tmp_path}/{processes}", plan, processes=processes, deals_per_range=70)
    assert_same_bits(rows_of(f"{tmp_path}/1"), rows_of(f"{tmp_path}/2"))
    assert_same_bits(rows_of(f"{tmp_path}/1"), in_one_pass(demo, plan))


@pytest.mark.slow
def test_the_store_gives_the_bits_of_files(demo, tmp_path, at):
    store = open_store(f"sqlite:///{tmp_path}/crm.db")
    for name in (name for name in demo if name not in LEDGERS):
        store.write(name, demo[name])
    company = CompanyStore(f"sqlite:///{tmp_path}/crm.db")
    for until in ("2026-06-01", "2026-06-10", "2026-11-16"):
        built = build(company, f"{tmp_path}/out", daily(at(until)), deals_per_range=70)
    assert built.said == "added to the build until 2026-06-10"
    assert_same_bits(rows_of(f"{tmp_path}/out"), in_one_pass(demo, daily(at("2026-11-16"))))


def test_one_deal_alone_has_the_bits_it_has_among_all(demo, at):
    histories = Histories.from_tables(demo)
    norms = norms_of(histories, demo["fx_rates"], "EUR")
    as_of = at("2026-06-01")
    for deal in (0, 50, 150):
        deal_id = histories.deal_ids[deal]
        of_deal = {name: demo[name][demo[name]["deal_id"] == deal_id] for name in ("deals", "deal_changes")}
        talks = demo["interactions"][demo["interactions"]["deal_id"] == deal_id]
        alone = Histories.from_tables(demo | of_deal | {"interactions": talks}, norms.vocabulary)
        one = snapshot_rows(Snapshots(alone, norms, np.array([0]), np.array([as_of])))
        assert_same_bits(one, snapshot_rows(Snapshots(histories, norms, np.array([deal]), np.array([as_of]))))


FIRST = """
deal_id | pipeline_id | account_id | currency | created_at
D1      | new         | A1         | EUR      | 2024-01-01
D2      | new         | A1         | EUR      | 2024-01-02
"""
CHANGES = """
deal_id | field    | seq | new_value | changed_at | known_at
D1      | stage    | 0   | Demo      | 2024-01-01 |
D1      | owner_id | 0   | U1        | 2024-01-01 |
D2      | stage    | 0   | Demo      | 2024-01-02 |
"""
TALKS = """
interaction_id | deal_id | kind  | direction | occurred_at | known_at
I1             | D1      | email | inbound   | 2024-01-05  |
"""


@pytest.fixture
def two_deals(company):
    def _two_deals(changes="", talks="", **more):
        given = {"deals": FIRST, "deal_changes": CHANGES + changes, "interactions": TALKS + talks} | more
        return company(**given)

    return _two_deals


def build_until(tables, day, at, **options):
    return build(write_company(tables, "memory://crm"), "memory://out", daily(at(day)), **options)


def test_a_fact_entered_late_is_known_from_the_day_of_its_entry(two_deals, at):
    build_until(two_deals(), "2024-01-10", at)
    late = "I2 | D1 | call | inbound | 2024-01-06 | 2024-01-10T12:00\n"
    built = build_until(two_deals(talks=late), "2024-01-13", at)
    assert built.said == "added to the build until 2024-01-10"
    rows = rows_of("memory://out").to_pandas().set_index(["deal_id", "as_of"])["interactions_ever"]
    seen = rows.loc["D1"].rename(lambda moment: moment.strftime("%m-%d"))
    assert (seen["01-09"], seen["01-10"], seen["01-11"]) == (1, 1, 2)


def test_an_addition_reads_only_deals_that_were_open_or_told_of(two_deals, at, monkeypatch):
    closed = "D2 | stage | 1 | Lost | 2024-01-04 |\n"
    build_until(two_deals(changes=closed), "2024-01-10", at)
    read = []
    honest = CompanyFiles.of_deals
    monkeypatch.setattr(CompanyFiles, "of_deals", lambda *given: (read.append(given[1]), honest(*given))[1])
    build_until(two_deals(changes=closed), "2024-01-12", at)
    assert read == [["D1"], ["D1"]]  # once for the norms, once for the snapshots


def test_a_deal_that_reopens_comes_back(two_deals, at):
    closed = "D2 | stage | 1 | Lost | 2024-01-04 |\n"
    build_until(two_deals(changes=closed), "2024-01-10", at)
    build_until(two_deals(changes=closed + "D2 | stage | 2 | Demo | 2024-01-10 |\n"), "2024-01-13", at)
    days = [str(moment)[5:10] for moment in rows_of("memory://out").to_pandas().query("deal_id == 'D2'")["as_of"]]
    assert days == ["01-03", "01-04", "01-11", "01-12"]


OTHER_STAGES = """
pipeline_id | stage | position | category
new         | Demo  | 9        | open
"""


@pytest.mark.parametrize(
    ("tables", "day", "options", "why"),
    [
        ({}, "2024-01-12", {"anew": True}, "as asked"),
        ({}, "2024-01-08", {}, "for the build there goes on until 2024-01-10"),
        ({"talks": "I9 | D1 | call | inbound | 2024-01-06 |\n"}, "2024-01-12", {}, "for the past before 2024-01-10"),
        ({"stages": OTHER_STAGES}, "2024-01-12", {}, "for rows of stages changed"),
    ],
)
def test_what_cannot_be_added_to_is_built_anew_and_says_why(two_deals, at, tables, day, options, why):
    build_until(two_deals(), "2024-01-10", at)
    assert build_until(two_deals(**tables), day, at, **options).said.startswith(f"built anew, {why}")
    build(CompanyFiles("memory://crm"), "memory://anew", daily(at(day)))
    assert_same_bits(rows_of("memory://out"), rows_of("memory://anew"))


def test_another_grid_or_currency_is_built_anew(two_deals, at):
    build_until(two_deals(), "2024-01-10", at)
    weekly = SnapshotPlan(until=at("2024-01-15"))
    assert "every_days is another" in build(CompanyFiles("memory://crm"), "memory://out", weekly).said
    dollars = SnapshotPlan(until=at("2024-01-15"), reporting_currency="USD")
    assert "reporting_currency is another" in build(CompanyFiles("memory://crm"), "memory://out", dollars).said


def test_labels_stand_beside_their_snapshots_and_are_made_anew(two_deals, at):
    def label(snapshots, cutoff):
        return {"cutoff": np.full(len(snapshots), cutoff)}

    build_until(two_deals(), "2024-01-10", at, label=label)
    build_until(two_deals(), "2024-01-12", at, label=label)
    rows, labels = rows_of("memory://out"), rows_of("memory://out", "labels")
    assert rows.select(["deal_id", "as_of"]).equals(labels.select(["deal_id", "as_of"]))
    assert set(labels["cutoff"].to_pylist()) == {at("2024-01-12")}


def test_a_company_without_deals_has_a_build_without_snapshots(two_deals, at):
    nothing = {name: rows.iloc[:0] for name, rows in two_deals().items()}
    assert build_until(nothing, "2024-01-10", at).manifest.n_rows == 0
    assert build_until(two_deals(), "2024-01-12", at).manifest.n_rows == 10 + 9


def test_an_interrupted_build_leaves_the_last_one_and_the_next_sweeps_up(two_deals, at):
    first = build_until(two_deals(), "2024-01-10", at).manifest

    def fail(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_until(two_deals(), "2024-01-12", at, label=fail)
    assert BuildFolder("memory://out").current() == first
    assert rows_of("memory://out").num_rows == first.n_rows
    build_until(two_deals(), "2024-01-12", at, anew=True)
    files = fsspec.filesystem("memory")
    assert sorted(path.rsplit("/", 1)[-1] for path in files.ls("/out", detail=False)) == ["build-2", "current.json"]


@pytest.mark.slow
def test_a_build_killed_at_any_moment_leaves_the_last_one(demo, tmp_path):
    write_company(demo, f"{tmp_path}/crm")
    command = [sys.executable, "-m", "training.snapshots", "--crm", f"{tmp_path}/crm", "--out", f"{tmp_path}/out"]
    command += ["--processes", "1", "--until"]
    run = {"cwd": ROOT, "env": os.environ | {"PYTHONPATH": str(ROOT)}, "stdout": subprocess.DEVNULL}
    subprocess.run([*command, "2026-06-01"], check=True, **run)
    whole = rows_of(f"{tmp_path}/out")
    for seconds in np.linspace(1.5, 4, 3):
        process = subprocess.Popen([*command, "2026-06-01", "--anew"], start_new_session=True, **run)
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert_same_bits(rows_of(f"{tmp_path}/out"), whole)
        json.loads((tmp_path / "out" / "current.json").read_text())


def test_a_folder_without_deals_says_what_it_needs():
    with pytest.raises(SchemaError, match=r"memory://crm holds no deals; name a folder with deals\.parquet"):
        build(CompanyFiles("memory://crm"), "memory://out", daily(CUT))


def test_unsorted_files_give_the_same_bits(demo, at):
    """Rows in any order, in any number of files: the order of a file means nothing."""
    plan = SnapshotPlan(until=at("2025-06-02"))
    mixed = {name: rows.sample(frac=1, random_state=1) for name, rows in demo.items()}
    build(write_company(mixed, "memory://crm"), "memory://out", plan, deals_per_range=90)
    assert_same_bits(rows_of("memory://out"), in_one_pass(demo, plan))


def test_days_of_summer_time_and_leap_days_are_days_like_others(two_deals, at):
    """The grid is of UTC midnights: 29 February and the Sunday of 23 hours in Berlin are in it once."""
    build_until(two_deals(), "2024-04-02", at)
    days = rows_of("memory://out").to_pandas().query("deal_id == 'D1'")["as_of"]
    assert (days.diff().dropna() == timedelta(days=1)).all()
    assert pd.Timestamp("2024-02-29", tz="UTC") in set(days)
    assert len(days) == 30 + 29 + 31 + 1
