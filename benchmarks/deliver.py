"""How fast do confirmed campaigns leave? To files, and to a webhook on this machine that answers at once.

Composing bodies from the run, keeping them, noting what was delivered, signatures and connections are in the time.
"""

from __future__ import annotations

import multiprocessing
import secrets
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import uvicorn
from pydantic import SecretStr

from benchmarks.results import Figure, Result
from benchmarks.review_run import Sizes, publish_day
from campaigns.decisions import record
from campaigns.entries import Verdict
from campaigns.settings import DeliverySettings, Settings
from campaigns.store import Store
from enforcement.rounds import deliver as deliver_round

PROMPTS_EACH: Final = 120
"""Prompts of a campaign, on the mean; four make an account."""
_DAY: Final = date(2026, 1, 5)


def deliver(prompts: int, folder: Path) -> Result:
    """Messages per second, one for each campaign of a day of `prompts` prompts."""
    home = folder / "deliver"
    run = publish_day(home, _DAY, Sizes(max(prompts // PROMPTS_EACH, 1), prompts))
    accounts = run.table("accounts", ["is_core"])["is_core"].to_pylist()
    names = run.table("campaigns", ["campaign_id"])["campaign_id"].to_pylist()
    url = f"sqlite:///{home / 'shoal.db'}"
    rows: list[tuple[str, float, float]] = []
    with Store.open_url(url, home) as store, _receiver() as port:
        started = time.perf_counter()
        with store.writing() as session:
            for name in names:
                record(session, name, Verdict.CONFIRMED, reason="measured", author="benchmark")
        rows.append(("decide", *_speed(len(names), started)))
        for sink in ("jsonl", "csv", "webhook"):
            settings = _settings(home, sink, port)
            started = time.perf_counter()
            made = deliver_round(store, settings, [sink])
            if made.done.delivered[sink] != len(names):
                raise RuntimeError(f"{sink} took {made.done.delivered[sink]} of {len(names)} messages")
            rows.append((sink, *_speed(len(names), started)))
    title = f"{len(names):,} messages with {sum(accounts) / len(names):.0f} accounts each"
    figures = tuple(Figure(name, per_second, "messages/s") for name, _, per_second in rows)
    return Result(title, figures, ("to", "seconds", "per second"), tuple(rows))


def _speed(n: int, started: float) -> tuple[float, float]:
    seconds = time.perf_counter() - started
    return seconds, n / seconds


def _settings(home: Path, sink: str, port: int) -> Settings:
    secret = "whsec_" + b64encode(secrets.token_bytes(32)).decode()
    delivery = DeliverySettings(
        sinks=sink,
        webhook_url=f"http://127.0.0.1:{port}/",
        webhook_networks="127.0.0.0/8",
        webhook_secret=SecretStr(secret),
    )
    return Settings(home=home, delivery=delivery)


@contextmanager
def _receiver() -> Iterator[int]:
    """The port of a receiver in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_receive, args=(theirs,), daemon=True)
    process.start()
    try:
        yield int(ours.recv())
    finally:
        process.terminate()
        process.join()


def _receive(told: Connection) -> None:
    config = uvicorn.Config(_take, port=0, log_level="error", access_log=False, lifespan="off")
    listener = config.bind_socket()
    told.send(listener.getsockname()[1])
    uvicorn.Server(config).run(sockets=[listener])


async def _take(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ARG001 the form is ASGI's
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})
