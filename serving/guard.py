"""What stands around every request: a limit on its size, and headers that tell browsers to be careful."""

from http.cookies import SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# A deal with 5,000 changes and 5,000 interactions is about 1.5 MB of JSON.
MAX_BODY_BYTES = 4_000_000

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": with it browsers send "Origin: null" with our own forms, and the origin check refuses them.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_STATIC_CACHE = "public, max-age=3600"


class CarefulHeaders:
    """ASGI middleware: adds the security headers, and ``Secure`` to cookies sent over https."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add headers to the start of its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/static/"):
                    headers["Cache-Control"] = _STATIC_CACHE
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = "max-age=31536000"
                    _secure_cookies(message)
            await send(message)

        await self.app(scope, receive, send_with_headers)


class BodyLimit:
    """ASGI middleware: refuses a request body of more than ``max_bytes``, declared or streamed."""

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BODY_BYTES) -> None:
        self.app, self.max_bytes = app, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and raise 413 from its body when that grows too long."""
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if max(received, declared) > self.max_bytes:
                raise HTTPException(413, f"The request body is larger than {self.max_bytes:,} bytes.")
            return message

        declared = _declared_length(scope)
        await self.app(scope, receive_limited, send)


def _declared_length(scope: Scope) -> int:
    text = Headers(scope=scope).get("content-length", "") if scope["type"] == "http" else ""
    return int(text) if text.isdigit() else 0


def _secure_cookies(message: Message) -> None:
    """Mark every cookie being set as Secure; the session middleware cannot know the scheme."""
    message["headers"] = [
        (name, value + b"; secure" if name == b"set-cookie" and not _is_secure(value) else value)
        for name, value in message["headers"]
    ]


def _is_secure(cookie: bytes) -> bool:
    return any(morsel["secure"] for morsel in SimpleCookie(cookie.decode("latin-1")).values())
