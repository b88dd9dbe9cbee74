"""How the loops of the forecast's distributions are compiled."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(loop: F) -> F:
    """Compile a loop at its first call, to run without Python's lock; kept on disk where some folder can be written."""
    try:
        return cast(F, numba.njit(nogil=True, cache=True)(loop))
    except RuntimeError:  # an installation that may not be written to, of a user without a home
        return cast(F, numba.njit(nogil=True)(loop))
