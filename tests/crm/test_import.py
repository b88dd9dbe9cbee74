"""The import as a whole: files in the contract come out of the store as they went in, once."""

import io
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from crm.import_report import render_report
from crm.importer import import_files
from crm.simulate import simulate
from crm.store import Store, open_store

SIMULATED = simulate(40, seed=5).tables


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/plumbline.db")
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "crm"
    made.mkdir()
    return made


def put(folder: Path, tables: dict[str, pd.DataFrame], suffix: str) -> None:
    for name, rows in tables.items():
        path = folder / f"{name}{suffix}"
        # With the line ends of RFC 4180, pandas quotes values that hold a carriage return.
        rows.to_parquet(path) if suffix == ".parquet" else rows.to_csv(path, index=False, lineterminator="\r\n")


def load(folder: Path, store: Store | None, **options):
    return import_files([folder], store, rejects_path=folder.parent / "rejects.csv", **options)


def assert_stored(store: Store, tables: dict[str, pd.DataFrame]) -> None:
    for name, rows in tables.items():
        stored = store.read(name)
        columns = [column for column in stored if column in rows]
        expected = rows.sort_values(columns, ignore_index=True)[columns]
        found = stored.sort_values(columns, ignore_index=True)[columns]
        pd.testing.assert_frame_equal(found, expected, check_dtype=False)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_a_simulated_crm_comes_out_of_the_store_as_it_went_in(folder, store, suffix):
    put(folder, SIMULATED, suffix)
    report = load(folder, store)
    assert report.rejects.empty
    assert_stored(store, SIMULATED)


@pytest.mark.slow
def test_importing_twice_changes_nothing(folder, store):
    put(folder, SIMULATED, ".parquet")
    load(folder, store)
    before = store.read_all()
    again = load(folder, store)
    assert all((counts.new, counts.changed) == (0, 0) for counts in again.tables.values())
    for name, rows in store.read_all().items():
        pd.testing.assert_frame_equal(rows, before[name])


def test_a_table_may_be_a_folder_of_parts(folder, store):
    calls = SIMULATED["interactions"]
    put(folder, {name: rows for name, rows in SIMULATED.items() if name != "interactions"}, ".csv")
    (folder / "interactions").mkdir()
    put(folder / "interactions", {"part-0": calls[:50], "part-1": calls[50:]}, ".parquet")
    assert load(folder, store).tables["interactions"].new == len(calls)


def test_files_may_be_named_one_by_one(folder, store):
    put(folder, SIMULATED, ".csv")
    sources = [folder / "deals.csv", folder / "accounts.csv"]
    import_files(sources, store, rejects_path=folder / "rejects.csv")
    assert len(store.read("deals")) == len(SIMULATED["deals"])
    assert store.read("interactions").empty


def test_a_change_in_a_file_is_one_changed_row(folder, store):
    put(folder, SIMULATED, ".csv")
    load(folder, store)
    renamed = SIMULATED["accounts"].copy()
    renamed.loc[0, "name"] = "Renamed Ltd"
    put(folder, {"accounts": renamed}, ".csv")
    counts = load(folder, store).tables["accounts"]
    assert (counts.new, counts.changed, counts.same) == (0, 1, len(renamed) - 1)


def test_a_dry_run_shows_everything_and_writes_nothing(folder, store):
    put(folder, SIMULATED, ".csv")
    (folder / "users.csv").write_text("user_id,active\nU1,true\nU2,perhaps\n")
    report = load(folder, store, dry_run=True)
    assert report.tables["users"].good == 1
    assert report.first_rows["users"]["user_id"].tolist() == ["U1"]
    assert len(report.rejects) == 1
    assert all(rows.empty for rows in store.read_all().values())


def test_a_dry_run_needs_no_store(folder):
    put(folder, SIMULATED, ".csv")
    assert load(folder, None, dry_run=True).tables["deals"].good == len(SIMULATED["deals"])


@pytest.mark.slow
def test_an_import_broken_off_in_the_middle_leaves_nothing_and_the_next_gives_all(folder, store):
    put(folder, SIMULATED, ".parquet")

    def break_off(*step: object) -> None:
        if step[0] == "writing deal_changes":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(folder, store, progress=break_off)
    assert all(rows.empty for rows in store.read_all().values())
    load(folder, store)
    assert_stored(store, SIMULATED)


KILLED = """
import os, signal, sys
from pathlib import Path
from crm.importer import import_files
from crm.store import open_store

def die(*step):
    if step[0] == "writing interactions":
        os.kill(os.getpid(), signal.SIGKILL)

import_files([Path(sys.argv[1])], open_store(sys.argv[2]), rejects_path=Path(sys.argv[3]), progress=die)
"""


@pytest.mark.slow
def test_an_import_that_is_killed_leaves_nothing_and_the_next_gives_all(folder, store, tmp_path):
    put(folder, SIMULATED, ".parquet")
    command = [sys.executable, "-c", KILLED, folder, f"sqlite:///{tmp_path}/plumbline.db", tmp_path / "rejects.csv"]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert all(rows.empty for rows in store.read_all().values())
    load(folder, store)
    assert_stored(store, SIMULATED)


def test_progress_counts_up_to_the_whole(folder, store):
    put(folder, SIMULATED, ".csv")
    seen: list[tuple[str, int, int]] = []
    load(folder, store, progress=lambda *step: seen.append(step))
    read, written = ([step for step in seen if step[0].startswith(word)] for word in ("reading", "writing"))
    assert {step[0] for step in read} >= {"reading deals.csv", "reading interactions.csv"}
    assert written[-1][1] == written[-1][2] == sum(len(rows) for rows in SIMULATED.values())


@pytest.mark.slow
def test_the_report_tells_counts_warnings_and_rejects(folder, store):
    put(folder, SIMULATED, ".csv")
    (folder / "users.csv").write_text("user_id,active\nU1,perhaps\n")
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(render_report(load(folder, store)))
    text = console.export_text()
    for words in ("deal_changes", "refused", "users.csv", "neither true nor false", "warning:", "1 rejects"):
        assert words in text


# Text that a CSV can carry: the empty text is missing there, and surrogates are no text.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=12)
INSTANTS = st.datetimes(pd.Timestamp("1990-01-01").to_pydatetime(), pd.Timestamp("2100-01-01").to_pydatetime())


@st.composite
def deals(draw: st.DrawFn) -> pd.DataFrame:
    ids = draw(st.lists(TEXTS, unique=True, min_size=1, max_size=5))
    n = len(ids)
    numbers = st.floats(allow_nan=False, allow_infinity=False)
    attributes = st.none() | st.dictionaries(TEXTS, TEXTS | numbers | st.booleans(), max_size=3).map(json.dumps)
    return pd.DataFrame(
        {
            "deal_id": pd.Series(ids, dtype="str"),
            "name": pd.Series(draw(st.lists(st.none() | TEXTS, min_size=n, max_size=n)), dtype="str"),
            "pipeline_id": pd.Series(draw(st.lists(TEXTS, min_size=n, max_size=n)), dtype="str"),
            "currency": draw(st.lists(st.sampled_from(["EUR", "JPY"]), min_size=n, max_size=n)),
            "created_at": pd.to_datetime(draw(st.lists(INSTANTS, min_size=n, max_size=n)), utc=True).as_unit("us"),
            "attributes": pd.Series(draw(st.lists(attributes, min_size=n, max_size=n)), dtype="str"),
        }
    )


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=deals())
def test_what_goes_in_comes_out(tmp_path, suffix, rows):
    folder = tmp_path / uuid4().hex
    folder.mkdir()
    put(folder, {"deals": rows}, suffix)
    store = open_store(f"sqlite:///{folder}/plumbline.db")
    report = import_files([folder / f"deals{suffix}"], store, rejects_path=folder / "rejects.csv")
    assert report.rejects.empty
    assert_stored(store, {"deals": rows})
    store.close()
