"""An application on a real port of the loopback address, from a thread."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp

_START_SECONDS: Final = 30.0


@contextmanager
def served(app: ASGIApp, listener: socket.socket) -> Iterator[None]:
    """Answers on `listener`, which is bound, until the block ends."""
    config = uvicorn.Config(app, log_level="error", access_log=False, lifespan="off", proxy_headers=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    deadline = time.monotonic() + _START_SECONDS
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        thread.join(0.02)
    try:
        assert server.started, "the server did not start"
        yield
    finally:
        server.should_exit = True
        thread.join()
