"""Run a command, and see how long it took by its own word and how much memory it and its children held at once."""

import json
import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

MOST_BYTES = 18 * 2**30
"""A command that holds more is stopped, before the machine stops something else."""
_EVERY_S = 0.1
_PAGE = os.sysconf("SC_PAGE_SIZE")


def run_measured(command: list[str], time_limit_s: float = 600) -> dict[str, Any] | None:
    """Run a command whose last line is a JSON object of figures, and add ``peak_gib``.

    Returns None where it ran out of time or memory.

    Raises
    ------
    RuntimeError
        The command failed; its last words are quoted.
    """
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    peak = _Peak(process.pid)
    try:
        out, err = process.communicate(timeout=time_limit_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None
    finally:
        peak.stop()
    if peak.bytes > MOST_BYTES:
        return None
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{err[-2000:]}")
    return json.loads(out.strip().splitlines()[-1]) | {"peak_gib": peak.bytes / 2**30}


class _Peak:
    """The most memory that a process and its children held at once; pages they share count for each.

    To count those once, Linux must walk all pages, and stops the process meanwhile: half a core for a few GiB.
    """

    def __init__(self, pid: int) -> None:
        self.bytes, self._pid, self._over = 0, pid, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_EVERY_S):
            family = _family(self._pid)
            self.bytes = max(self.bytes, sum(map(_resident, family)))
            if self.bytes > MOST_BYTES:
                for member in family:
                    with suppress(ProcessLookupError):
                        os.kill(member, signal.SIGKILL)


def _family(pid: int) -> list[int]:
    try:  # any of its threads may have started a child
        lists = [task.joinpath("children").read_text(encoding="ascii") for task in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return []
    return [pid, *(member for children in lists for child in children.split() for member in _family(int(child)))]


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    except OSError:  # it has just ended
        return 0


def timed(act: Any, *arguments: Any) -> tuple[float, Any]:
    """Seconds that ``act`` took, and what it gave."""
    started = time.perf_counter()
    result = act(*arguments)
    return time.perf_counter() - started, result
