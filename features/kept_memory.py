"""Memory of arrays that are let go, kept by the process for those that it makes next, and in pages of the usual size.

The C library of most Linux systems gives a large array back to the system as soon as it is free, and the system clears
every page that it gives out. Work that makes one large array after another waits longer for that than it computes, and
several processes wait for each other. numpy asks for huge pages besides; a virtual machine may have to fetch each of
those from its host, where it has small ones at hand: that took a third of the kernel's time on one. (Arrow keeps its
memory by itself, and asks for no huge pages.)
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
_SET_THP_DISABLE, _GET_THP_DISABLE = 41, 42
"""Of ``prctl(2)``: whether the process has no huge pages."""


@contextmanager
def kept_memory() -> Iterator[None]:
    """Keep what arrays let go for those made next; all that is free is given back at the end."""
    library = _library()
    had_none = library is not None and bool(library.prctl(_GET_THP_DISABLE, 0, 0, 0, 0))
    keep_memory()
    try:
        yield
    finally:
        _set(library, _USUAL, huge_pages=not had_none)


def keep_memory() -> None:
    """The same, until the process ends."""
    _set(_library(), _KEPT, huge_pages=False)


def _library() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


def _set(library: ctypes.CDLL | None, options: dict[int, int], *, huge_pages: bool) -> None:
    """Set options of the C library, and give back all that is free; nothing where it is another library."""
    if library is None:
        return
    for option, value in options.items():
        library.mallopt(option, value)
    library.prctl(_SET_THP_DISABLE, int(not huge_pages), 0, 0, 0)
    library.malloc_trim(0)
