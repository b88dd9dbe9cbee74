"""Who may come in: one gate before every route, closed unless a path is listed as public.

A program shows the API key with each request (``Authorization: Bearer <key>`` or ``X-API-Key``); a person
signs in with it once and then carries a signed session cookie. The key is compared in constant time, is
never logged and never part of an address.
"""

import hashlib
import hmac
from urllib.parse import quote, urlsplit

from fastapi import Request, Security
from fastapi.responses import RedirectResponse, Response
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

from crm.errors import SettingsError
from serving.problems import Problem, answer
from serving.rendering import SIGNED_IN, wants_page

PUBLIC_PATHS = frozenset({"/healthz", "/readyz", "/sign-in"})
PUBLIC_FOLDER = "/static/"
SHORTEST_KEY = 16

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

# The gate below decides; these only tell readers of the OpenAPI document how to show the key.
KEY_SCHEMES = [
    Security(HTTPBearer(auto_error=False, description="The API key, as `Authorization: Bearer <key>`.")),
    Security(APIKeyHeader(name="X-API-Key", auto_error=False, description="The API key.")),
]


class ApiKey:
    """The key that opens the service.

    Raises
    ------
    SettingsError
        When there is none, or it is shorter than 16 characters.
    """

    def __init__(self, key: SecretStr | str | None) -> None:
        text = key.get_secret_value() if isinstance(key, SecretStr) else (key or "")
        if not text.strip():
            raise SettingsError(
                "There is no API key, and Plumbline is never an open service: set PLUMBLINE_API_KEY to a secret "
                f"of at least {SHORTEST_KEY} characters, for example from `openssl rand -hex 24`."
            )
        if len(text) < SHORTEST_KEY:
            raise SettingsError(
                f"The API key has {len(text)} characters; it must have at least {SHORTEST_KEY}. "
                "Set PLUMBLINE_API_KEY to a longer secret, for example from `openssl rand -hex 24`."
            )
        # Only digests are kept: of equal length, so that comparing them takes the same time for any guess.
        self._digest = hashlib.sha256(text.encode()).digest()
        self.session_secret = hmac.new(text.encode(), b"plumbline session cookie", hashlib.sha256).hexdigest()

    def matches(self, given: str | None) -> bool:
        """Whether ``given`` is the key, in a time that does not depend on how much of it is right."""
        return hmac.compare_digest(hashlib.sha256((given or "").encode()).digest(), self._digest)


class Gate:
    """ASGI middleware: lets a request through when it is public, shows the key, or comes with a session."""

    def __init__(self, app: ASGIApp, api_key: ApiKey) -> None:
        self.app, self.api_key = app, api_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it at the door."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        refusal = self._refusal(Request(scope, receive))
        await (refusal or self.app)(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        if self.api_key.matches(_shown_key(request)):
            return None
        if not (is_public(request.url.path) or request.session.get(SIGNED_IN)):
            return _sign_in_first(request)
        # A browser adds the cookie to requests that other sites make it send; those must not act for the person.
        if request.method not in _SAFE_METHODS and not _from_our_own_page(request):
            return answer(
                request,
                Problem(403, "The request came from another site.", "Open the page here and send the form again."),
            )
        return None


def is_public(path: str) -> bool:
    """Whether ``path`` is open to everyone: health, the sign-in page and its style.

    Examples
    --------
    >>> is_public("/healthz"), is_public("/static/style.css"), is_public("/v1/deals"), is_public("/healthz/more")
    (True, True, False, False)
    """
    return path in PUBLIC_PATHS or path.startswith(PUBLIC_FOLDER)


def _shown_key(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return request.headers.get("x-api-key")


def _sign_in_first(request: Request) -> Response:
    if wants_page(request) and request.method in _SAFE_METHODS:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/sign-in?next={quote(request.url.path + query, safe='/')}", status_code=303)
    return answer(
        request,
        Problem(
            401,
            "The API key is missing or wrong.",
            "Send it as `Authorization: Bearer <key>` or `X-API-Key: <key>`; people sign in at /sign-in.",
            headers={"WWW-Authenticate": 'Bearer realm="plumbline"'},
        ),
    )


def _from_our_own_page(request: Request) -> bool:
    origin = request.headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc == request.headers.get("host")
    return request.headers.get("sec-fetch-site") == "same-origin"
