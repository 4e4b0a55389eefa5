"""What every request to the feed must be and every answer is: no body worth the name, no guess at types, no frame."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY_BYTES: Final = 4_096
"""Nothing that is asked has a body; some clients send an empty object all the same."""
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """Round the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        if _too_large(Headers(scope=scope)):
            body = {"error": "the request is too large", "hint": "Send no body."}
            await JSONResponse(body, 413)(scope, receive, sealed)
            return
        await self._app(scope, receive, sealed)


def _too_large(headers: Headers) -> bool:
    """By what is announced; a body that announces no length is taken for a long one, and none is ever read."""
    announced = headers.get("content-length", "0")
    known = announced.isdecimal() and len(announced) < 10 and "transfer-encoding" not in headers
    return not known or int(announced) > MOST_BODY_BYTES
