"""What every answer and every request must be, whatever page it is of.

Answers carry a Content-Security-Policy that lets nothing run or load but files of this server. Requests must name this
server as their host, which stops a foreign page that has its own name resolve to it (DNS rebinding); and a request that
changes something must come from a page of this server (`Sec-Fetch-Site`, or `Origin` where a browser does not send it).

Fetch Metadata, https://www.w3.org/TR/fetch-metadata/. Content Security Policy Level 3, https://www.w3.org/TR/CSP3/.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
MOST_BODY_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Origin:
    """How browsers reach the server: `https://shoal.example`, or `http://127.0.0.1:8420`."""

    scheme: str
    netloc: str

    @classmethod
    def of(cls, url: str) -> Origin:
        parts = urlsplit(url)
        return cls(parts.scheme, parts.netloc.lower())

    @property
    def secure(self) -> bool:
        return self.scheme == "https"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}"


class Shield:
    """Middleware round the whole application: refuses what no page of ours asks, and seals every answer."""

    def __init__(self, app: ASGIApp, origins: frozenset[Origin]) -> None:
        self._app = app
        self._origins = frozenset(map(str, origins))
        self._hosts = frozenset(origin.netloc for origin in origins)
        self._secure = any(origin.secure for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if self._secure:
                    headers["Strict-Transport-Security"] = "max-age=31536000"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refusal(scope["method"], Headers(scope=scope))
        if refusal:
            status, why = refusal
            await PlainTextResponse(why, status)(scope, receive, sealed)
            return
        await self._app(scope, _bounded(receive), sealed)

    def _refusal(self, method: str, headers: Headers) -> tuple[int, str] | None:
        if headers.get("host", "").lower() not in self._hosts:
            return 421, "This is not the server of that name.\n"
        announced = headers.get("content-length", "0")
        if not announced.isdecimal() or int(announced) > MOST_BODY_BYTES:
            return 413, "The request is too large.\n"
        if method in SAFE_METHODS:
            return None
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        ours = site == "same-origin" and origin in (None, *self._origins)
        if not ours and not (site is None and origin in self._origins):
            return 403, "Changes are taken from this server's own pages only.\n"
        return None


def _bounded(receive: Receive) -> Receive:
    """The body, no further than it may go, whatever length it announced."""
    taken = 0

    async def limited() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MOST_BODY_BYTES:
            return {"type": "http.disconnect"}
        return message

    return limited
