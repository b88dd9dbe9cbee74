"""Work side by side: in order, on any number of processes, and over when it fails or its starter is gone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from crm.errors import PlumblineError
from features.workers import workers

STARTER = """
import time
from tests.features.test_workers import pid_after
from features.workers import workers
if __name__ == "__main__":
    with workers(2) as run:
        for pid in run(pid_after, (0,), [0]):
            print(pid, flush=True)
        time.sleep(600)
"""


def scaled(factors, item, n):
    return item * factors.sum() + n


def as_lists(one, none, texts, item, n):
    return one.tolist(), none.tolist(), texts.to_pylist(), item, n


def fails(item, n):
    raise ValueError(f"item {item} at {n}")


def is_killed(item, n):
    os.kill(os.getpid(), item + n)


def pid_after(seconds, item, n):
    time.sleep(seconds + item + n)
    return os.getpid()


def runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_items_and_each_task_has_what_it_shares(processes):
    with workers(processes) as run:
        assert list(run(scaled, (np.ones(3),), [10, 20, 30])) == [30, 61, 92]
        assert list(run(scaled, (np.ones(4),), [10])) == [40]
        assert list(run(scaled, (np.ones(4),), [])) == []


@pytest.mark.parametrize("processes", [1, 2])
def test_shared_columns_of_numpy_and_arrow_arrive_as_they_are_and_empty_ones_too(processes):
    shared = np.arange(6.0).reshape(2, 3, order="F")[:, ::2], np.zeros(0, np.int32), pa.array(["a", None])
    with workers(processes) as run:
        assert list(run(as_lists, shared, ["x"])) == [([[0, 4], [1, 5]], [], ["a", None], "x", 0)]


@pytest.mark.parametrize("processes", [1, 2])
def test_what_a_task_raises_reaches_who_asked(processes):
    with pytest.raises(ValueError, match="item a at 0"), workers(processes) as run:
        list(run(fails, (), ["a", "b"]))


def test_a_process_ended_from_outside_is_said_in_a_sentence():
    with pytest.raises(PlumblineError, match=r"ended from outside.*--processes 1"), workers(2) as run:
        list(run(is_killed, (), [signal.SIGKILL]))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks Linux which processes run")
def test_workers_end_when_the_process_that_started_them_is_killed():
    command = [sys.executable, "-c", STARTER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as starter:
        worker = int(starter.stdout.readline())
        assert runs(worker)
        starter.send_signal(signal.SIGKILL)
    until = time.monotonic() + 30
    while runs(worker) and time.monotonic() < until:
        time.sleep(0.1)
    assert not runs(worker)
