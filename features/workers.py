"""Processes that work on the parts of a company side by side, each on one core."""

import mmap
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import lru_cache
from itertools import count
from multiprocessing import get_context, parent_process
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from crm.errors import PlumblineError
from features.kept_memory import keep_memory, kept_memory

Run = Callable[..., Iterator[Any]]
"""``run(act, shared, items)`` gives ``act(*shared, item, n)`` of each item and its place ``n``, in order."""
Cuts = tuple[tuple[int, int], ...]
_ALIGNED = 64


@contextmanager
def workers(processes: int) -> Iterator[Run]:
    """So many processes for as long as the block lasts; where one is enough, it is this one.

    ``act`` is a function of a module. What is shared is handed over once, as a file that all processes map: to send it
    along with every item may cost more than the item. Results raise ``PlumblineError`` where a process was ended from
    outside.
    """
    with kept_memory():
        if processes == 1:
            yield lambda act, shared, items: (act(*shared, item, n) for n, item in enumerate(items))
            return
        # Not forked: a library's threads would be missing in the copy, and their locks might be held.
        pool, numbers = ProcessPoolExecutor(processes, get_context("spawn"), _begin), count()
        for _ in range(processes):  # they take a second to start: from now on, not from the first work on
            pool.submit(os.getpid)

        with TemporaryDirectory() as scratch:

            def run(act: Callable[..., Any], shared: tuple[Any, ...], items: list[Any]) -> Iterator[Any]:
                path = Path(scratch, str(next(numbers)))
                where = path, _write(path, (act, shared))
                return _unless_ended(pool.map(_act_on, [where] * len(items), items, range(len(items))))

            try:
                yield run
            finally:
                pool.shutdown(wait=False, cancel_futures=True)  # there is nothing to wait for but their end


def _unless_ended(results: Iterator[Any]) -> Iterator[Any]:
    try:
        yield from results
    except BrokenProcessPool as error:
        raise PlumblineError(
            "a process that worked on a part of the deals was ended from outside, most likely because memory ran out;"
            " run it again with --processes 1, which needs the least"
        ) from error


def _begin() -> None:
    pa.set_cpu_count(1)
    keep_memory()
    # One that waits for more work would not notice that nobody is left to send it.
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := parent_process():
        parent.join()
        os._exit(1)


def _act_on(where: tuple[Path, Cuts], item: Any, n: int) -> Any:
    act, shared = _read(*where)
    return act(*shared, item, n)


def _write(path: Path, what: Any) -> Cuts:
    """Write an object with its arrays beside it, and say where they lie."""
    arrays: list[pickle.PickleBuffer] = []
    head = pickle.dumps(what, pickle.HIGHEST_PROTOCOL, buffer_callback=arrays.append)
    pieces: list[bytes | memoryview] = [head, *(one.raw() for one in arrays)]
    cuts: list[tuple[int, int]] = []
    with path.open("wb") as file:
        for piece in pieces:
            file.write(bytes(-file.tell() % _ALIGNED))
            start = file.tell()
            file.write(piece)
            cuts.append((start, file.tell()))
    return tuple(cuts)


@lru_cache(maxsize=1)
def _read(path: Path, cuts: Cuts) -> Any:
    """The object, its arrays mapped from the file, read-only."""
    with path.open("rb") as file:
        whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    head, *arrays = (whole[start:end] for start, end in cuts)
    return pickle.loads(head, buffers=arrays)  # noqa: S301 - written by the process that started this one
