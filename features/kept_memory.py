"""Memory of arrays that are let go, kept by the process for those that it makes next.

The C library of most Linux systems gives a large array back to the system as soon as it is free, and the system clears
every page that it gives out. Work that makes one large array after another waits longer for that than it computes, and
several processes wait for each other. (Arrow keeps its memory by itself.)
"""

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
"""Of ``mallopt(3)``: what may lie free before it is given back, how much is taken at once, what is mapped by itself."""
_KEPT = {_MMAP_THRESHOLD: 2**31 - 1, _TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 64 * 2**20}
_USUAL = {_MMAP_THRESHOLD: 32 * 2**20, _TRIM_THRESHOLD: 64 * 2**20, _TOP_PAD: 128 * 2**10}
"""What the C library comes to by itself in a process that has used large arrays for a while."""


@contextmanager
def kept_memory() -> Iterator[None]:
    """Keep what arrays let go for those made next; all that is free is given back at the end."""
    keep_memory()
    try:
        yield
    finally:
        _set(_USUAL)


def keep_memory() -> None:
    """The same, until the process ends."""
    _set(_KEPT)


def _set(options: dict[int, int]) -> None:
    """Set options of the C library, and give back all that is free; nothing where it is another library."""
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        for option, value in options.items():
            library.mallopt(option, value)
        library.malloc_trim(0)
