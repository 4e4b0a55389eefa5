"""Receivers of webhooks on real ports of the loopback address, that answer as a test tells them."""

from __future__ import annotations

import base64
import importlib.util
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import httpcore
from pydantic import SecretStr

from campaigns.settings import DeliverySettings
from enforcement.sinks import Outgoing

CONSUMER: Final = Path(__file__).parent.parent / "docs" / "consumer.py"
NEW_KEY, OLD_KEY = b"new key of a test, 32 bytes long", b"old key of a test, 32 bytes long"
SECRET = f"whsec_{base64.b64encode(NEW_KEY).decode()}"
OLD_SECRET = f"whsec_{base64.b64encode(OLD_KEY).decode()}"


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """`silent`: says nothing, as long as the sender waits. `reset`: breaks the connection off."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    silent: bool = False
    reset: bool = False


SILENT, RESET = Answer(silent=True), Answer(reset=True)
Behaviour = Callable[[Request], Answer]


@dataclass(slots=True)
class Receiver:
    port: int
    requests: list[Request] = field(default_factory=list)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    block_on_close = False

    def handle_error(self, *_: Any) -> None:
        """The sender broke off, as some tests have it do."""


@contextmanager
def receiving(
    behaviour: Behaviour = lambda _: Answer(), *, tls: ssl.SSLContext | None = None
) -> Iterator[Receiver]:
    closed = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = Request(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            receiver.requests.append(request)
            answer = behaviour(request)
            if answer.silent:
                closed.wait()
            if answer.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if answer.silent or answer.reset:
                self.connection.close()
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: Any) -> None: ...

    with _Server(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        receiver = Receiver(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield receiver
        finally:
            closed.set()
            server.shutdown()
            thread.join()


class Trap:
    """Listens where nothing may ever connect, on IPv4 and IPv6, at one port; counts who does all the same."""

    def __init__(self) -> None:
        self.accepted = 0
        self._ready = ExitStack()
        first = self._ready.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port: int = first.getsockname()[1]
        second = self._ready.enter_context(socket.create_server(("::1", self.port), family=socket.AF_INET6))
        self._listeners = (first, second)

    def count(self) -> int:
        """How many connections wait to be accepted, or were."""
        for listener in self._listeners:
            listener.setblocking(False)
            while True:
                try:
                    connection, _ = listener.accept()
                except BlockingIOError:
                    break
                connection.close()
                self.accepted += 1
        return self.accepted

    def close(self) -> None:
        self._ready.close()


class Dial(httpcore.AsyncNetworkBackend):
    """Notes what is connected to. Goes there, or to nobody: then every connection is refused."""

    def __init__(self, *, nobody: bool = False) -> None:
        self.asked: list[tuple[str, int]] = []
        self._nobody = nobody
        self._real = httpcore.AnyIOBackend()

    async def connect_tcp(self, host: str, port: int, *args: Any, **more: Any) -> httpcore.AsyncNetworkStream:
        self.asked.append((host, port))
        if self._nobody:
            raise httpcore.ConnectError
        return await self._real.connect_tcp(host, port, *args, **more)


class Names:
    """Resolves names as a test tells: each question gets the next of a name's answers, and the last one for good."""

    def __init__(self, answers: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self._answers = {name: list(every) for name, every in answers.items()}
        self.questions: list[str] = []

    async def __call__(self, host: str, _: int) -> Sequence[str]:
        self.questions.append(host)
        waiting = self._answers[host]
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


def settings_for(url: str, **changes: Any) -> DeliverySettings:
    values = {"webhook_secret": SecretStr(SECRET), "webhook_timeout_seconds": 5.0, "concurrency": 4}
    return DeliverySettings(webhook_url=url, **(values | changes))


def local_settings(receiver: Receiver, **changes: Any) -> DeliverySettings:
    return settings_for(
        f"http://127.0.0.1:{receiver.port}/shoal", **({"webhook_networks": "127.0.0.0/8"} | changes)
    )


def an_outgoing(name: str = "c-aaaa1111", version: int = 1, body: bytes = b'{"a":"\xc3\xa4"}') -> Outgoing:
    return Outgoing(
        message_id=f"{name}.{version}",
        campaign_id=name,
        version=version,
        attempt=1,
        created_at=datetime(2026, 1, 5, tzinfo=UTC),
        body=body,
    )


def consumer() -> ModuleType:
    """The reference consumer of the documentation, as a module."""
    spec = importlib.util.spec_from_file_location("consumer", CONSUMER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
