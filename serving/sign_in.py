"""``/sign-in`` and ``/sign-out``: the key, typed once, becomes a session of half a day."""

import re
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from serving.auth import SIGNED_IN
from serving.rendering import page

router = APIRouter(include_in_schema=False)

SESSION_S = 12 * 3600
_FAILURES, _WINDOW_S = 5, 60.0
# Addresses remembered at once; the one that failed longest ago is forgotten first.
_MOST_CLIENTS = 10_000
# One slash, then anything but a second one; no backslash, which browsers read as a slash, and nothing unprintable.
_LOCAL_ADDRESS = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")


class Attempts:
    """Failed sign-ins of the last minute by client address, in this process.

    Examples
    --------
    >>> attempts = Attempts(clock=lambda: 100.0)
    >>> for _ in range(5):
    ...     attempts.failed("10.0.0.9")
    >>> attempts.wait_s("10.0.0.9"), attempts.wait_s("10.0.0.1")
    (60.0, 0.0)
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, client: str) -> float:
        """Return how many seconds this client must wait before the next attempt; 0 when it need not."""
        times = self._failures.get(client)
        if times is None or len(times) < _FAILURES:
            return 0.0
        return max(0.0, times[0] + _WINDOW_S - self._clock())

    def failed(self, client: str) -> None:
        """Remember a wrong key."""
        self._failures.setdefault(client, deque(maxlen=_FAILURES)).append(self._clock())
        self._failures.move_to_end(client)
        if len(self._failures) > _MOST_CLIENTS:
            self._failures.popitem(last=False)


@router.get("/sign-in")
async def sign_in_page(request: Request, next: str = "/") -> Response:
    """Show the form."""
    return page(request, "sign_in.html", {"next": _local(next), "mistake": None})


@router.post("/sign-in")
async def sign_in(
    request: Request,
    key: Annotated[str, Form(max_length=1_000)] = "",
    next: Annotated[str, Form(max_length=2_000)] = "/",
) -> Response:
    """Compare the key and start a session, or say what is wrong."""
    attempts: Attempts = request.app.state.attempts
    client = request.client.host if request.client else "unknown"
    wait_s = attempts.wait_s(client)
    if wait_s > 0:
        context = {"next": _local(next), "mistake": f"Too many attempts. Try again in {wait_s:.0f} seconds."}
        answer = page(request, "sign_in.html", context, 429)
        answer.headers["Retry-After"] = str(int(wait_s) + 1)
        return answer
    if not request.app.state.api_key.matches(key.strip()):
        attempts.failed(client)
        context = {"next": _local(next), "mistake": "That is not the key. Whoever set up Plumbline has it."}
        return page(request, "sign_in.html", context, 401)
    request.session[SIGNED_IN] = True
    return RedirectResponse(_local(next), status_code=303)


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session."""
    request.session.clear()
    return RedirectResponse("/sign-in", status_code=303)


def _local(address: str) -> str:
    r"""Keep an address only when it is on this site: a sign-in page must not send people elsewhere.

    Examples
    --------
    >>> _local("/deals/D1?x=1"), _local("//evil.example"), _local("https://evil.example"), _local("/\\evil.example")
    ('/deals/D1?x=1', '/', '/', '/')
    """
    return address if _LOCAL_ADDRESS.fullmatch(address) else "/"
