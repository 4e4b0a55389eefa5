"""Serving the page, or the feed, from this process: the port is taken first, and the log holds no values."""

from __future__ import annotations

import errno
import logging
import socket
import traceback
from types import TracebackType
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp

from campaigns.errors import UsageError

_IN_WORDS: Final = {
    errno.EADDRINUSE: (
        "the port is in use",
        "It may be open already; or take another port: --set {setting}={other}.",
    ),
    errno.EACCES: ("the port may not be taken", "Take one from 1024 on: --set {setting}=8420."),
    errno.EADDRNOTAVAIL: ("this machine has no such address", "Name one of its own after --host."),
}


def listen(host: str, port: int, setting: str = "review.port") -> socket.socket:
    """
    Args:
        setting: where `port` comes from.

    Raises:
        UsageError: nobody can listen there.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except socket.gaierror:
        raise UsageError(
            "there is no such host", where=host, hint="Name an address of this machine."
        ) from None
    except OSError as error:
        if error.errno not in _IN_WORDS:
            raise
        what, hint = _IN_WORDS[error.errno]
        hint = hint.format(setting=setting, other=port + 1)
        raise UsageError(what, where=f"{host}:{port}", hint=hint) from None


def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Answer until Ctrl-C or SIGTERM.

    Who calls is the peer of the connection: no header of a request says otherwise.
    """
    keep_values_out_of_the_log()
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="off",
    )
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:  # Ctrl-C, told again by uvicorn once all answers are out
        return


def keep_values_out_of_the_log() -> None:
    """Warnings and faults go to stderr; of a fault its kind and its lines of code, and never its message.

    Messages of errors are made of what was at hand, and that may be a prompt, an account id or a token.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(Discreet("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    for name in ("enforcement", "review", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.WARNING)


class Discreet(logging.Formatter):
    def formatException(self, ei: Any) -> str:  # noqa: N802 its name in logging
        return "\n".join(_without_message(*ei))


def _without_message(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> list[str]:
    lines = [line.rstrip("\n") for line in traceback.format_tb(trace)]
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    earlier = [] if before is None else _without_message(type(before), before, before.__traceback__)
    return [*earlier, *lines, kind.__name__]
