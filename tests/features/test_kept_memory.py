"""Memory kept for the next array, and given back when the work is done."""

import platform
import resource
from pathlib import Path

import numpy as np
import pytest

from features.kept_memory import kept_memory

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep memory")
N = 12_000_000  # 96 MB, more than the C library keeps by itself
PAGES = 8 * N // 4096


def fresh_pages(make):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    made = make()
    return made, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident_pages():
    return int(Path("/proc/self/statm").read_text().split()[1])


def test_an_array_as_large_as_one_let_go_takes_no_fresh_pages():
    with kept_memory():
        for _ in range(2):
            made, fresh = fresh_pages(lambda: np.full(N, 1.0))
            del made
    assert fresh < PAGES / 20


def test_all_is_given_back_at_the_end():
    before = resident_pages()
    with kept_memory():
        made = np.full(N, 1.0)
        del made
        assert resident_pages() > before + PAGES / 2
    assert resident_pages() < before + PAGES / 2
