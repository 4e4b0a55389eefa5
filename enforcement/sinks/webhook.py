"""The webhook: each message as one signed POST, to one receiver, over connections that stay open.

httpcore does no more than it is told: it follows no redirect, keeps no cookie, asks no proxy of the environment. What
a receiver answers beyond its status is read to a limit and thrown away.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterable, Sequence
from typing import Final

import httpcore
import httpx

from campaigns.entries import Clock, utc_now
from campaigns.errors import UsageError
from campaigns.settings import DeliverySettings
from enforcement.addresses import (
    LOOPBACK,
    CheckedBackend,
    HostError,
    Network,
    Resolve,
    networks_of,
    resolve,
)
from enforcement.signing import Signer
from enforcement.sinks import Outcome, Outgoing, Result

_MOST_ANSWER_BYTES: Final = 64 * 1024
_IDLE_SECONDS: Final = 15.0
_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_AGAIN: Final = frozenset({408, 425, 429})
"""Answers of the 400s that speak of now and not of the message."""


class WebhookSink:
    """Sends to the URL of the settings."""

    name = "webhook"

    def __init__(
        self,
        url: httpx.URL,
        signer: Signer,
        backend: httpcore.AsyncNetworkBackend,
        *,
        concurrency: int,
        timeout_seconds: float,
        tls: ssl.SSLContext | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._url = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        self._host = url.netloc
        self._signer = signer
        self._timeout = timeout_seconds
        self._clock = clock
        trust = tls or ssl.create_default_context()
        self._lanes = [
            httpcore.AsyncConnectionPool(
                ssl_context=trust,
                max_connections=1,
                keepalive_expiry=_IDLE_SECONDS,
                network_backend=backend,
            )
            for _ in range(concurrency)
        ]  # one pool of so many connections would look at each of them for every message
        self._loop = asyncio.Runner()  # one for all batches: connections belong to their loop

    @classmethod
    def of(
        cls,
        settings: DeliverySettings,
        *,
        resolve: Resolve = resolve,
        dial: httpcore.AsyncNetworkBackend | None = None,
        tls: ssl.SSLContext | None = None,
        clock: Clock = utc_now,
    ) -> WebhookSink:
        """
        Args:
            resolve, dial: how names are looked up and connections made; by default as the system does.
            tls: whom to trust; None: the authorities of the system (or of SSL_CERT_FILE).

        Raises:
            UsageError: URL, networks or secrets of the settings are not what they should be.
        """
        networks = networks_of(settings.webhook_networks)
        url = checked_url(settings.webhook_url, networks)
        only = LOOPBACK if url.scheme == "http" else ()
        return cls(
            url,
            Signer.of(settings),
            CheckedBackend(networks, only=only, resolve=resolve, dial=dial),
            concurrency=settings.concurrency,
            timeout_seconds=settings.webhook_timeout_seconds,
            tls=tls,
            clock=clock,
        )

    def send(self, batch: Sequence[Outgoing]) -> Sequence[Result]:
        return self._loop.run(self._send_all(batch))

    def close(self) -> None:
        self._loop.run(self._hang_up())
        self._loop.close()

    async def _hang_up(self) -> None:
        for lane in self._lanes:
            await lane.aclose()

    async def _send_all(self, batch: Sequence[Outgoing]) -> list[Result]:
        results: dict[int, Result] = {}
        waiting = iter(enumerate(batch))

        async def work_off(lane: httpcore.AsyncConnectionPool) -> None:
            for place, outgoing in waiting:
                results[place] = await self._send_one(outgoing, lane)

        async with asyncio.TaskGroup() as group:
            for lane in self._lanes[: len(batch)]:
                group.create_task(work_off(lane))
        return [results[place] for place in range(len(batch))]

    async def _send_one(self, outgoing: Outgoing, lane: httpcore.AsyncConnectionPool) -> Result:
        result: Result | None = None
        try:
            async with asyncio.timeout(self._timeout):
                response = await lane.handle_async_request(self._request(outgoing))
                result = _result(response)
                await _swallow(response)
        except TimeoutError:
            return result or _failed(f"no answer within {self._timeout:g} seconds")
        except HostError as error:
            return _failed(str(error))
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            return result or _failed(_in_words(error))
        return result

    def _request(self, outgoing: Outgoing) -> httpcore.Request:
        signed = self._signer.headers(outgoing.message_id, outgoing.body, self._clock())
        headers: list[tuple[bytes | str, bytes | str]] = [
            ("host", self._host),
            ("content-type", "application/json"),
            ("content-length", str(len(outgoing.body))),
            ("user-agent", "shoal"),
            *signed.items(),
        ]
        return httpcore.Request("POST", self._url, headers=headers, content=outgoing.body)


def checked_url(text: str, networks: Sequence[Network]) -> httpx.URL:
    """Where the webhook is: https, or http on this machine where `networks` let it in.

    Raises:
        UsageError: it is anything else. The URL is not repeated, for it may hold a secret.
    """
    hint = "Set delivery.webhook_url, for example to https://receiver.example/shoal."
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise UsageError("delivery.webhook_url cannot be read", hint=hint) from None
    if url.scheme not in ("https", "http") or not url.host:
        raise UsageError("delivery.webhook_url is no https URL with a host", hint=hint)
    if url.userinfo or url.fragment:
        raise UsageError(
            "delivery.webhook_url names a user, or ends in a fragment",
            hint="Receivers know a message by its signature; nothing else is sent to prove it.",
        )
    url = url.copy_with(host=url.host.rstrip("."))  # certificates name hosts without the dot of the root
    if url.scheme == "http" and not (url.host in _THIS_MACHINE and any(map(_is_loopback, networks))):
        raise UsageError(
            "delivery.webhook_url is not https",
            hint="http goes to this machine alone, and only if delivery.webhook_networks has 127.0.0.0/8.",
        )
    return url


def _is_loopback(network: Network) -> bool:
    return any(network.version == one.version and network.overlaps(one) for one in LOOPBACK)


def _result(response: httpcore.Response) -> Result:
    """What the status says; of the headers `Retry-After` is told to people, and shoal keeps to its own backoff."""
    status = response.status
    if 200 <= status < 300:
        return Result(Outcome.DELIVERED)
    told = f"the receiver answered {status}"
    if status == 410:
        return Result(Outcome.GONE, told)
    if 400 <= status < 500 and status not in _AGAIN:
        return Result(Outcome.REFUSED, told)
    if 300 <= status < 400:
        return _failed(f"{told}, and redirects are not followed")
    wait = next((value for name, value in response.headers if name.lower() == b"retry-after"), b"")
    return _failed(f"{told}, retry after {int(wait)} seconds" if wait.isdigit() and len(wait) < 8 else told)


def _failed(error: str) -> Result:
    return Result(Outcome.FAILED, error)


async def _swallow(response: httpcore.Response) -> None:
    """Read a short answer to its end, so that the connection can be used again; a long one ends the connection."""
    assert isinstance(response.stream, AsyncIterable)  # noqa: S101  -- of an asynchronous pool it is
    size = 0
    try:
        async for chunk in response.stream:
            size += len(chunk)
            if size > _MOST_ANSWER_BYTES:
                break
    finally:
        await response.aclose()


def _in_words(error: Exception) -> str:
    """What went wrong, with nothing that a receiver wrote."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate is not trusted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"no TLS: {cause.reason}"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpcore.ConnectError | httpcore.ConnectTimeout):
        return "no connection"
    return "the connection broke" if isinstance(error, httpcore.NetworkError) else "no proper answer"
