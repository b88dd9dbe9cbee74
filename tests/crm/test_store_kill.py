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


# One transaction appends the scores of a day and, of the same day, a forecast; the day is printed once it is done.
LEDGER_WRITER = """
import sys, pandas as pd
from crm.store import open_store
store = open_store(sys.argv[1])
deals = pd.DataFrame({"deal_id": [f"D{n}" for n in range(400)], "model_version": "1"})
texts = dict.fromkeys(("win_within", "lost_within", "win_reasons", "stall_reasons"), "[]")
money = dict.fromkeys(("closed", "open_expected", "new_expected", "expected", "p10", "p50", "p90"), "1.00")
key = {"model_version": "1", "reporting_currency": "EUR", "period": "Q", "level": "whole", "id": "", "reasons": "{}"}
dates = {"period_start": "2026-10-01", "period_end": "2027-01-01"}
print("open", flush=True)
for day in range(1_000_000):
    as_of = pd.Timestamp("2026-11-02", tz="UTC").as_unit("us") + pd.Timedelta(day, "D")
    with store.transaction():
        store.append("scores", deals.assign(as_of=as_of, win_probability=0.5, win_base=0.5, **texts))
        store.append("forecasts", pd.DataFrame([key | dates | money | {"n_open": 400}]).assign(as_of=as_of))
    print(day, flush=True)
"""


@pytest.mark.slow
def test_a_process_killed_while_it_issues_leaves_scores_and_forecasts_or_neither(store_url):
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", LEDGER_WRITER, store_url]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    time.sleep(1.0)
    process.send_signal(signal.SIGKILL)
    acknowledged = [line for line in process.communicate()[0].splitlines(keepends=True) if line.endswith("\n")]
    store = open_store(store_url)
    scored, forecast = store.read("scores").groupby("as_of").size(), store.read("forecasts")["as_of"]
    store.close()
    assert acknowledged, "killed before its first transaction: the test shows nothing"
    assert len(acknowledged) <= len(scored) <= len(acknowledged) + 1
    assert set(scored) == {400}
    assert forecast.tolist() == scored.index.tolist()
