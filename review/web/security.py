"""What every answer and every request must be, whatever page it is of.

Answers carry a Content-Security-Policy that lets nothing run or load but files of this server. Requests must name this
server as their host, which stops a foreign page that has its own name resolve to it (DNS rebinding); and a request that
changes something must come from a page of this server (`Sec-Fetch-Site`, or `Origin` where a browser does not send it).

Fetch Metadata, https://www.w3.org/TR/fetch-metadata/. Content Security Policy Level 3, https://www.w3.org/TR/CSP3/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from campaigns.errors import UsageError

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # without any, browsers post forms with the origin "null"
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
MOST_BODY_BYTES: Final = 1 << 20
LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
_USUAL_PORTS: Final = {"http": 80, "https": 443}
_MOST_PORT: Final = 65_535
_FORM: Final = re.compile(r"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?/?")


@dataclass(frozen=True, slots=True)
class Origin:
    """How browsers reach a server: `https://shoal.example`, or `http://127.0.0.1:8420`.

    Attributes:
        host: of IPv6 with its brackets.
        port: None: the usual one of the scheme, which browsers do not spell.
    """

    scheme: str
    host: str
    port: int | None = None

    @classmethod
    def of(cls, url: str, setting: str) -> Origin:
        """
        Raises:
            UsageError: `url`, which `setting` holds, is more or less than scheme, host and port.
        """
        found = _FORM.fullmatch(url.lower())
        scheme, host, port = found.groups() if found else ("", "", None)
        number = _USUAL_PORTS.get(scheme, 0) if port is None else int(port)
        if not 0 < number <= _MOST_PORT:
            raise UsageError(
                f"{setting} is no address of a server",
                where=url,
                hint="Write scheme, host and port alone, for example https://shoal.example.",
            )
        return cls(scheme, host, None if number == _USUAL_PORTS[scheme] else number)

    @property
    def secure(self) -> bool:
        """Whether nobody on the way can read or change what is sent: by TLS, or because there is no way."""
        return self.scheme == "https" or self.on_loopback

    @property
    def on_loopback(self) -> bool:
        return self.host in LOOPBACK

    @property
    def netloc(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}"


class Shield:
    """Round the whole application: refuses what no page of ours asks, and seals every answer, errors included."""

    def __init__(self, app: ASGIApp, origins: frozenset[Origin]) -> None:
        self._app = app
        self._origins = frozenset(map(str, origins))
        self._hosts = frozenset(origin.netloc for origin in origins)
        self._tls = any(origin.scheme == "https" and not origin.on_loopback for origin in origins)

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
                if self._tls:
                    headers["Strict-Transport-Security"] = "max-age=31536000"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refusal(scope["method"], Headers(scope=scope))
        if refusal is None and scope["method"] not in SAFE_METHODS:
            body = await _whole(receive)
            refusal = _TOO_LARGE if body is None else None
            receive = _again(body or b"", receive)
        if refusal:
            status, why = refusal
            await PlainTextResponse(why, status)(scope, receive, sealed)
            return
        await self._app(scope, receive, sealed)

    def _refusal(self, method: str, headers: Headers) -> tuple[int, str] | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return 421, "This is not the server of that name.\n"
        announced = headers.get("content-length", "0")
        if not announced.isdecimal() or int(announced) > MOST_BODY_BYTES:
            return _TOO_LARGE
        if method in SAFE_METHODS:
            return None
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        ours = site == "same-origin" and origin in (None, *self._origins)
        if not ours and not (site is None and origin in self._origins):
            return 403, "Changes are taken from this server's own pages only.\n"
        return None


_TOO_LARGE: Final = (413, "The request is too large.\n")


async def _whole(receive: Receive) -> bytes | None:
    """The body; None: it is longer than it may be, whatever was announced, or nobody is there to send the rest."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MOST_BODY_BYTES or message["type"] == "http.disconnect":
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """Hands out a body that was read already, then what comes after it."""
    read = False

    async def replayed() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
