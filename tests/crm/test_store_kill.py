"""What was acknowledged is there, whoever else writes and whatever is killed."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crm.store import open_store

# One transaction writes an account and, of the same number, its contact; the number is printed once it is done.
WRITER = """
import sys, pandas as pd
from crm.store import open_store
url, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = open_store(url)
print("open", flush=True)
for i in range(count):
    with store.transaction():
        store.write("accounts", pd.DataFrame({"account_id": [f"{name}{i}"], "name": ["x" * 500]}))
        store.write("contacts", pd.DataFrame({"contact_id": [f"{name}{i}"], "account_id": [f"{name}{i}"]}))
    print(i, flush=True)
"""


def writer(url: str, name: str, count: int) -> subprocess.Popen:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", WRITER, url, name, str(count)]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_two_processes_that_open_and_write_a_new_store_at_once_lose_nothing(store_url):
    writers = [writer(store_url, name, 60) for name in "ab"]
    for process in writers:
        process.communicate(timeout=120)
        assert process.returncode == 0
    store = open_store(store_url)
    expected = sorted(f"{name}{i}" for name in "ab" for i in range(60))
    assert store.read("accounts")["account_id"].tolist() == expected
    assert store.read("contacts")["contact_id"].tolist() == expected
    store.close()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_writer_killed_at_a_random_moment_loses_nothing_acknowledged(store_url, seed):
    process = writer(store_url, "a", 1_000_000)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    time.sleep(random.Random(seed).uniform(0.2, 1.5))
    process.send_signal(signal.SIGKILL)
    acknowledged = [line for line in process.communicate()[0].splitlines(keepends=True) if line.endswith("\n")]
    store = open_store(store_url)
    stored = store.read("accounts")["account_id"].tolist()
    assert acknowledged, "killed before its first transaction: the test shows nothing"
    assert {f"a{int(line)}" for line in acknowledged} <= set(stored)
    assert len(stored) <= len(acknowledged) + 1
    assert store.read("contacts")["contact_id"].tolist() == stored, "half a transaction is in the store"
    store.close()
