"""Python's SQLite and ADBC's are two copies of one library: they never have the same file open together."""

import sqlite3
import threading
from pathlib import Path

import pandas as pd
import pytest

from crm.one_sqlite import CountedConnection, turns_of
from crm.store import open_store


def test_a_connection_waits_for_the_bulk_read_and_then_opens(tmp_path: Path):
    database, opened = str(tmp_path / "one.db"), threading.Event()

    def connect() -> None:
        sqlite3.connect(database, factory=CountedConnection, timeout=10).close()
        opened.set()

    with turns_of(database).adbc() as may:
        assert may
        thread = threading.Thread(target=connect)
        thread.start()
        assert not opened.wait(0.1)
    thread.join(10)
    assert opened.is_set()


def test_no_bulk_read_while_a_connection_is_open_however_the_path_is_written(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    connection = sqlite3.connect(tmp_path / "one.db", factory=CountedConnection)
    with turns_of(f"{tmp_path}/folder/../one.db").adbc() as may:
        assert not may
    connection.close()
    connection.close()
    with turns_of(f"{tmp_path}/one.db").adbc() as may:
        assert may


def test_a_file_that_cannot_be_opened_keeps_nobody_waiting(tmp_path: Path):
    database = str(tmp_path / "nowhere" / "one.db")
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        sqlite3.connect(database, factory=CountedConnection)
    with turns_of(database).adbc() as may:
        assert may


def test_a_connection_does_not_wait_for_good(tmp_path: Path):
    database = str(tmp_path / "one.db")
    with turns_of(database).adbc(), pytest.raises(sqlite3.OperationalError, match="bulk read of this process"):
        sqlite3.connect(database, factory=CountedConnection, timeout=0.05)


def test_many_threads_read_in_bulk_and_row_by_row_while_one_writes(tmp_path: Path):
    store, mistakes = open_store(f"sqlite:///{tmp_path}/store.db"), []
    accounts = pd.DataFrame({"account_id": [f"A{n}" for n in range(500)], "name": "Acme"})
    store.write("accounts", accounts)

    def work(number: int) -> None:
        try:
            for turn in range(15):
                if number == 0:
                    store.write("accounts", accounts.assign(name=f"Acme {turn}"))
                rows = store.arrow(["accounts"])["accounts"].to_pandas() if number % 2 else store.read("accounts")
                assert len(rows) == 500
                assert rows["name"].nunique() == 1
        except BaseException as error:
            mistakes.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    assert mistakes == []
