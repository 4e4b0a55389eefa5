"""A Prefect server for the time that schedules are served. Import this before `prefect`.

The server that Prefect starts by itself when it is told of none answers calls but schedules nothing.
"""

from __future__ import annotations

import ctypes
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from campaigns.errors import ShoalError

HOST = "127.0.0.1"
USUAL_PORT = 4200
START_SECONDS = 120.0
STOP_SECONDS = 30.0
_VARIABLE = "PREFECT_API_URL"
_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


@contextmanager
def schedules_served() -> Iterator[str]:
    """Yield the URL of a server whose schedules run: that of `PREFECT_API_URL`, else a server of this process.

    Raises:
        ShoalError: the server did not come up.
    """
    given = os.environ.get(_VARIABLE)
    if given:
        yield given
        return
    port = _free_port()
    server = subprocess.Popen(  # noqa: S603 this module, in this Python
        [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port), "--no-ui"],
        stdout=subprocess.DEVNULL,  # a banner
        start_new_session=True,  # Ctrl-C is for us: what is being served still needs the server to sign off
        preexec_fn=_end_with_parent if sys.platform == "linux" else None,
    )
    try:
        _wait_until_healthy(server, port)
        os.environ[_VARIABLE] = f"http://{HOST}:{port}/api"
        yield os.environ[_VARIABLE]
    finally:
        os.environ.pop(_VARIABLE, None)
        server.terminate()
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _end_with_parent() -> None:
    """Runs in the child: a parent that is killed leaves no server behind."""
    ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGTERM)


def _free_port() -> int:
    for port in (USUAL_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ShoalError("no port is free for Prefect's server", where=HOST)


def _wait_until_healthy(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        if _healthy(port):
            return
        time.sleep(0.2)
    raise ShoalError(
        "Prefect's server did not start",
        where=f"{HOST}:{port}",
        hint="Run with --debug to see what it says, or set PREFECT_API_URL to a server that is running.",
    )


def _healthy(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/api/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
