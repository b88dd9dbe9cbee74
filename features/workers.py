"""Processes that work on the parts of a company side by side, each on one core."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from itertools import count
from multiprocessing import get_context, parent_process
from tempfile import TemporaryDirectory
from typing import Any

import joblib
import pyarrow as pa

from features.kept_memory import keep_memory, kept_memory

Run = Callable[..., Iterator[Any]]
"""``run(act, shared, items)`` gives ``act(*shared, item, n)`` of each item and its place ``n``, in order."""


@contextmanager
def workers(processes: int) -> Iterator[Run]:
    """So many processes for as long as the block lasts; one of them is this one.

    ``act`` is a function of a module, and what is shared is handed over once: as a file that all processes map, for to
    send it along with every item may cost more than the item.
    """
    if processes == 1:
        with kept_memory():
            yield lambda act, shared, items: (act(*shared, item, n) for n, item in enumerate(items))
        return
    # Not forked: a library's threads would be missing in the copy, and their locks might be held.
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _begin)
    numbers = count()
    with TemporaryDirectory() as scratch, pool:

        def run(act: Callable[..., Any], shared: tuple[Any, ...], items: list[Any]) -> Iterator[Any]:
            path = f"{scratch}/{next(numbers)}"
            joblib.dump((act, shared), path)
            return pool.map(_act_on, [path] * len(items), items, range(len(items)))

        yield run


def _begin() -> None:
    pa.set_cpu_count(1)
    keep_memory()
    # One that waits for more work would not notice that nobody is left to send it.
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := parent_process():
        parent.join()
        os._exit(1)


def _act_on(path: str, item: Any, n: int) -> Any:
    act, shared = _shared(path)
    return act(*shared, item, n)


@lru_cache(maxsize=1)
def _shared(path: str) -> Any:
    return joblib.load(path, mmap_mode="r")
