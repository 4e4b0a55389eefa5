"""The consumer of the documentation, run as its page says, does what it promises."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from pydantic import SecretStr
from webhook_receivers import CONSUMER, OLD_SECRET, SECRET, an_outgoing, consumer, settings_for

from enforcement.outbox import encoded
from enforcement.sinks import Outcome, Outgoing
from enforcement.sinks.webhook import WebhookSink

_START_SECONDS = 30.0


def a_message(version: int, accounts: Sequence[str] = (), campaign: str = "c-aaaa1111") -> Outgoing:
    body = {
        "message_id": f"{campaign}.{version}",
        "campaign_id": campaign,
        "version": version,
        "effect": "confirmed" if accounts else "withdrawn",
        "accounts": [{"account_id": account, "strength": 0.9, "reasons": []} for account in accounts],
    }
    return an_outgoing(campaign, version, encoded(body))


@contextmanager
def running(database: Path, secrets: str) -> Iterator[int]:
    """The consumer as a process of its own; its port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port: int = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, str(CONSUMER), str(port), str(database)],
        env={**os.environ, "SECRETS": secrets},
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=10)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    pytest.fail("the consumer did not start")


def actions(database: Path) -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(database)) as db:
        return db.execute("SELECT action, account, message FROM actions ORDER BY id").fetchall()


def test_it_is_short_enough_to_be_read() -> None:
    assert len(CONSUMER.read_text(encoding="utf-8").splitlines()) < 60


def test_run_as_documented_it_applies_what_is_signed_once_and_the_latest_version_last(tmp_path: Path) -> None:
    database = tmp_path / "consumer.db"
    with running(database, f"{OLD_SECRET} {SECRET}") as port:
        settings = settings_for(f"http://127.0.0.1:{port}/", webhook_networks="127.0.0.0/8")
        sink = WebhookSink.of(settings)
        first, second, third = a_message(1, ["a", "b"]), a_message(2), a_message(3, ["b", "c"])
        for message in (first, first, third, second, first, third):
            assert [result.outcome for result in sink.send([message])] == [Outcome.DELIVERED]
        sink.close()
    assert actions(database) == [
        ("block", "a", "c-aaaa1111.1"),
        ("block", "b", "c-aaaa1111.1"),
        ("unblock", "a", "c-aaaa1111.3"),
        ("block", "c", "c-aaaa1111.3"),
    ]


def test_what_is_not_signed_with_its_secrets_changes_nothing(tmp_path: Path) -> None:
    database = tmp_path / "consumer.db"
    with running(database, OLD_SECRET) as port:
        url = f"http://127.0.0.1:{port}/"
        stranger = WebhookSink.of(settings_for(url, webhook_networks="127.0.0.0/8"))
        (result,) = stranger.send([a_message(1, ["a"])])
        stranger.close()
        assert (result.outcome, result.error) == (Outcome.REFUSED, "the receiver answered 401")
        body = a_message(1, ["a"]).body
        for headers in ({}, {"webhook-id": "x", "webhook-timestamp": "now", "webhook-signature": "v1"}):
            assert httpx.post(url, content=body, headers=headers).status_code == 401
        both = WebhookSink.of(
            settings_for(url, webhook_networks="127.0.0.0/8", webhook_old_secret=SecretStr(OLD_SECRET))
        )
        assert both.send([a_message(1, ["a"])])[0].outcome == Outcome.DELIVERED
        both.close()
    assert actions(database) == [("block", "a", "c-aaaa1111.1")]


def test_an_account_stays_blocked_as_long_as_one_campaign_names_it(tmp_path: Path) -> None:
    database = tmp_path / "consumer.db"
    steps = [
        a_message(1, ["a", "b"], "c-1"),
        a_message(1, ["b", "c"], "c-2"),
        a_message(2, [], "c-1"),
        a_message(2, [], "c-2"),
    ]
    _apply(database, steps)
    assert [(action, account) for action, account, _ in actions(database)] == [
        ("block", "a"),
        ("block", "b"),
        ("block", "c"),
        ("unblock", "a"),
        ("unblock", "b"),
        ("unblock", "c"),
    ]


def test_ban_undo_ban_in_any_order_and_number_ends_with_the_last_version(tmp_path: Path) -> None:
    """A thousand shuffles of three versions, some of them twice, each about a campaign of its own."""
    rng = np.random.default_rng(5)
    steps = []
    for number in range(1_000):
        versions = [
            a_message(version, ["a", f"only-{version}"] * (version % 2), f"c-{number}")
            for version in (1, 2, 3)
        ]
        drawn = [*rng.permutation(3), *rng.integers(0, 3, int(rng.integers(3)))]
        steps += [versions[int(place)] for place in drawn]
    database = tmp_path / "consumer.db"
    _apply(database, steps)
    with closing(sqlite3.connect(database)) as db:
        named: set[tuple[Any, ...]] = set(db.execute("SELECT account, campaign FROM named").fetchall())
    assert named == {(account, f"c-{number}") for number in range(1_000) for account in ("a", "only-3")}


def _apply(database: Path, steps: Sequence[Outgoing]) -> None:
    module = consumer()
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous=OFF")
        db.executescript(module.TABLES)
        for step in steps:
            module.apply(db, json.loads(step.body))
