"""The webhook: what is sent is signed, what comes back is understood, and whatever fails, effects are applied once."""

from __future__ import annotations

import ipaddress
import sqlite3
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from handoff_examples import publish_accounts
from pydantic import SecretStr
from standardwebhooks import Webhook, WebhookVerificationError
from store_examples import NOON, a_run
from webhook_receivers import (
    NEW_KEY,
    OLD_KEY,
    OLD_SECRET,
    RESET,
    SECRET,
    SILENT,
    Answer,
    Behaviour,
    Names,
    Request,
    an_outgoing,
    consumer,
    local_settings,
    receiving,
    settings_for,
)

from campaigns.delivery_tables import DeliveryRow
from campaigns.entries import Verdict
from campaigns.errors import UsageError
from campaigns.settings import DeliverySettings
from campaigns.store import Store
from enforcement.outbox import drain
from enforcement.sinks import Outcome, Result
from enforcement.sinks.webhook import WebhookSink
from enforcement.states import State

MESSAGE = an_outgoing()


def send_to(behaviour: Behaviour, **changes: Any) -> tuple[Result, list[Request]]:
    """What comes of one message, and the requests that its receiver got."""
    with receiving(behaviour) as receiver:
        sink = WebhookSink.of(local_settings(receiver, **changes))
        (result,) = sink.send([MESSAGE])
        sink.close()
    return result, receiver.requests


def sent(**changes: Any) -> Request:
    _, (request,) = send_to(lambda _: Answer(), **changes)
    return request


# -- what is sent ----------------------------------------------------------------------------------------


def test_the_bytes_of_the_body_are_sent_as_signed_json_and_nothing_else_with_them() -> None:
    request = sent()
    assert request.body == MESSAGE.body
    assert request.path == "/shoal"
    assert set(request.headers) == {
        "host",
        "content-type",
        "content-length",
        "user-agent",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
    }
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == "c-aaaa1111.1"
    assert Webhook(NEW_KEY).verify(request.body, request.headers) == {"a": "ä"}
    assert Webhook(SECRET).verify(request.body, request.headers) == {"a": "ä"}


def test_at_every_attempt_the_id_is_the_same_and_the_time_is_that_of_the_attempt() -> None:
    times = iter(datetime.now(UTC) + timedelta(seconds=seconds) for seconds in (0, 60))
    with receiving() as receiver:
        sink = WebhookSink.of(local_settings(receiver), clock=lambda: next(times))
        sink.send([MESSAGE])
        sink.send([replace(MESSAGE, attempt=2)])
        sink.close()
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 60
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


def _tampered(request: Request) -> Iterator[tuple[bytes, dict[str, str]]]:
    headers = request.headers
    yield request.body[:-1] + b" }", headers
    yield request.body.replace(b"a", b"b"), headers
    yield b"", headers
    yield request.body, {**headers, "webhook-id": "c-aaaa1111.2"}
    yield request.body, {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}
    yield request.body, {**headers, "webhook-signature": "v1," + 43 * "A" + "="}
    yield request.body, {**headers, "webhook-signature": headers["webhook-signature"].replace("v1,", "v2,")}
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        yield request.body, {key: value for key, value in headers.items() if key != name}


def test_what_was_tampered_with_is_refused_by_the_reference_library() -> None:
    request = sent()
    for body, headers in _tampered(request):
        with pytest.raises(WebhookVerificationError):
            Webhook(NEW_KEY).verify(body, headers)


@pytest.mark.parametrize(("minutes", "good"), [(-6, False), (-4, True), (0, True), (4, True), (6, False)])
def test_what_is_stale_or_ahead_is_refused_by_the_reference_library(minutes: int, good: bool) -> None:
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    with receiving() as receiver:
        sink = WebhookSink.of(local_settings(receiver), clock=lambda: at)
        sink.send([MESSAGE])
        sink.close()
    (request,) = receiver.requests
    if good:
        assert Webhook(NEW_KEY).verify(request.body, request.headers) == {"a": "ä"}
    else:
        with pytest.raises(WebhookVerificationError, match="too"):
            Webhook(NEW_KEY).verify(request.body, request.headers)


def test_a_secret_is_changed_without_a_gap() -> None:
    """Receivers know the old secret, then both, then the new one; at each step of the sender one of theirs fits."""
    old, new = SecretStr(OLD_SECRET), SecretStr(SECRET)
    steps = [
        (DeliverySettings(webhook_secret=old), [OLD_KEY]),
        (DeliverySettings(webhook_secret=new, webhook_old_secret=old), [OLD_KEY, NEW_KEY]),
        (DeliverySettings(webhook_secret=new), [NEW_KEY]),
    ]
    for settings, known in steps:
        secrets = {name: getattr(settings, name) for name in ("webhook_secret", "webhook_old_secret")}
        request = sent(**secrets)
        for key in (OLD_KEY, NEW_KEY):
            if key in known:
                assert Webhook(key).verify(request.body, request.headers) == {"a": "ä"}
            else:
                with pytest.raises(WebhookVerificationError):
                    Webhook(key).verify(request.body, request.headers)
        signatures = request.headers["webhook-signature"].split(" ")
        assert len(signatures) == len(known)
        assert all(signature.startswith("v1,") for signature in signatures)


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_c2hvcnQ=", SECRET.removeprefix("whsec_"), SECRET + "!", "whsec_" + "A" * 120, "ä"],
)
def test_a_secret_that_is_none_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(UsageError, match="secret") as caught:
        WebhookSink.of(settings_for("https://receiver.example/", webhook_secret=SecretStr(secret)))
    assert len(secret) < 8 or secret not in str(caught.value)


# -- what comes back ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.DELIVERED),
        (202, Outcome.DELIVERED),
        (204, Outcome.DELIVERED),
        (299, Outcome.DELIVERED),
        (302, Outcome.FAILED),
        (304, Outcome.FAILED),
        (400, Outcome.REFUSED),
        (401, Outcome.REFUSED),
        (404, Outcome.REFUSED),
        (408, Outcome.FAILED),
        (409, Outcome.REFUSED),
        (410, Outcome.GONE),
        (413, Outcome.REFUSED),
        (425, Outcome.FAILED),
        (429, Outcome.FAILED),
        (500, Outcome.FAILED),
        (503, Outcome.FAILED),
        (599, Outcome.FAILED),
    ],
)
def test_each_status_has_its_outcome(status: int, outcome: Outcome) -> None:
    result, requests = send_to(lambda _: Answer(status))
    assert result.outcome == outcome
    assert (str(status) in result.error) == (outcome != Outcome.DELIVERED)
    assert len(requests) == 1


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ("120", "the receiver answered 503, retry after 120 seconds"),
        ("Fri, 31 Dec 2027 23:59:59 GMT", "the receiver answered 503"),
        ("9" * 5000, "the receiver answered 503"),
        ("\x1b[31mnow", "the receiver answered 503"),
    ],
)
def test_of_an_answer_people_are_told_its_status_and_how_long_to_wait(told: str, error: str) -> None:
    answer = Answer(503, {"Retry-After": told}, b"<script>a secret</script>")
    assert send_to(lambda _: answer)[0].error == error


def test_a_receiver_that_is_silent_or_breaks_off_has_failed() -> None:
    result, _ = send_to(lambda _: SILENT, webhook_timeout_seconds=0.2)
    assert (result.outcome, result.error) == (Outcome.FAILED, "no answer within 0.2 seconds")
    result, _ = send_to(lambda _: RESET)
    assert (result.outcome, result.error) == (Outcome.FAILED, "the connection broke")
    with receiving() as receiver:
        settings = local_settings(receiver)
    sink = WebhookSink.of(settings)  # nobody listens there any more
    assert sink.send([MESSAGE])[0].error == "no connection"
    sink.close()


def test_an_endless_answer_is_not_read_and_does_not_count_against_a_good_status() -> None:
    endless = Answer(200, {"Content-Length": str(10**12)}, b"x" * 300_000)
    result, _ = send_to(lambda _: endless, webhook_timeout_seconds=2.0)
    assert result.outcome == Outcome.DELIVERED
    dripping = Answer(200, {"Content-Length": "10"}, b"x")
    result, _ = send_to(lambda _: dripping, webhook_timeout_seconds=0.2)
    assert result.outcome == Outcome.DELIVERED


def test_connections_stay_open_and_no_more_are_under_way_than_are_allowed() -> None:
    lock, now, most = threading.Lock(), 0, 0
    meeting = threading.Barrier(4)

    def behave(_: Request) -> Answer:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        meeting.wait(timeout=10)
        with lock:
            now -= 1
        return Answer()

    with receiving(behave) as receiver:
        sink = WebhookSink.of(local_settings(receiver, concurrency=4))
        batch = [an_outgoing(f"c-{number:04d}") for number in range(40)]
        results = sink.send(batch)
        sink.close()
    assert {result.outcome for result in results} == {Outcome.DELIVERED}
    assert most == 4
    assert sorted(request.headers["webhook-id"] for request in receiver.requests) == [
        one.message_id for one in batch
    ]


def test_results_come_in_the_order_of_the_messages() -> None:
    def behave(request: Request) -> Answer:
        return Answer(400 if request.headers["webhook-id"].endswith("7.1") else 204)

    with receiving(behave) as receiver:
        sink = WebhookSink.of(local_settings(receiver))
        results = sink.send([an_outgoing(f"c-{number:04d}") for number in range(30)])
        sink.close()
    refused = [number for number, result in enumerate(results) if result.outcome == Outcome.REFUSED]
    assert refused == [7, 17, 27]


# -- TLS -----------------------------------------------------------------------------------------------------


class Authority:
    """Signs certificates for receivers of tests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test")])
        self.trusted = ssl.create_default_context(cadata=_pem(self._sign(self._name, self._key, ca=True)))

    def server(self, host: str, *, days: int = 1) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        path = self._folder / f"{host}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_text(private.decode() + _pem(self._sign(name, key, host=host, days=days)))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _sign(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        host: str = "",
        days: int = 1,
        ca: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=10))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if host:
            made = made.add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
        return made.sign(self._key, hashes.SHA256())


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def over_tls(
    server: ssl.SSLContext, trusted: ssl.SSLContext | None
) -> tuple[Result, list[Request], list[str]]:
    """A message to https://receiver.example, which is on this machine: its result, requests, and names asked for."""
    asked: list[str] = []
    server.sni_callback = lambda _, name, __: asked.append(name)
    with receiving(tls=server) as receiver:
        settings = settings_for(
            f"https://receiver.example:{receiver.port}/shoal", webhook_networks="127.0.0.0/8"
        )
        names = Names({"receiver.example": [["127.0.0.1"]]})
        sink = WebhookSink.of(settings, resolve=names, tls=trusted)
        (result,) = sink.send([MESSAGE])
        sink.close()
    return result, receiver.requests, asked


def test_over_tls_the_certificate_is_checked_for_the_name_though_the_address_is_connected_to(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)
    result, (request,), asked = over_tls(authority.server("receiver.example"), authority.trusted)
    assert result.outcome == Outcome.DELIVERED
    assert asked == ["receiver.example"]
    assert request.headers["host"].startswith("receiver.example:")


@pytest.mark.parametrize(
    ("host", "days", "trusted", "why"),
    [
        ("receiver.example", 1, False, "unable to get local issuer certificate"),
        ("other.example", 1, True, "not valid for 'receiver.example'"),
        ("127.0.0.1", 1, True, "not valid for 'receiver.example'"),
        ("receiver.example", -1, True, "expired"),
    ],
)
def test_a_wrong_certificate_is_refused_before_anything_is_sent(
    host: str, days: int, trusted: bool, why: str, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    result, requests, _ = over_tls(authority.server(host, days=days), authority.trusted if trusted else None)
    assert result.outcome == Outcome.FAILED
    assert result.error.startswith("the certificate is not trusted")
    assert why in result.error
    assert requests == []


def test_a_receiver_without_tls_gets_nothing() -> None:
    with receiving() as receiver:
        settings = settings_for(f"https://127.0.0.1:{receiver.port}/", webhook_networks="127.0.0.0/8")
        sink = WebhookSink.of(settings)
        (result,) = sink.send([MESSAGE])
        sink.close()
    assert result.outcome == Outcome.FAILED
    assert receiver.requests == []


# -- through the outbox --------------------------------------------------------------------------------------


class MovingClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


class Blocklist:
    """A receiver that does as the reference consumer does, and notes in which order versions took effect."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._consumer = consumer()
        self._lock = threading.Lock()
        self.applied: list[str] = []
        with closing(self._connect()) as db:
            db.executescript(self._consumer.TABLES)

    def apply(self, request: Request) -> None:
        message = Webhook(NEW_KEY).verify(request.body, request.headers)
        with self._lock, closing(self._connect()) as db:
            before = db.execute("SELECT count(*), sum(version) FROM versions").fetchone()
            self._consumer.apply(db, message)
            if db.execute("SELECT count(*), sum(version) FROM versions").fetchone() != before:
                self.applied.append(message["message_id"])

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(self._connect()) as db:
            return db.execute(query).fetchall()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, isolation_level=None)


def mishaps(blocklist: Blocklist, seed: int) -> Behaviour:
    """Half of the requests go well. Of the others the receiver has the message or not, and says so or not."""
    lock, chance = threading.Lock(), np.random.default_rng(seed)
    kinds: list[Callable[[Request], Answer]] = [
        lambda _: Answer(500),
        lambda _: RESET,
        lambda _: SILENT,
        lambda request: (blocklist.apply(request), Answer(500))[1],
        lambda request: (blocklist.apply(request), RESET)[1],
        lambda request: (blocklist.apply(request), SILENT)[1],
        lambda request: (blocklist.apply(request), blocklist.apply(request), Answer())[2],
    ]

    def behave(request: Request) -> Answer:
        with lock:
            drawn = int(chance.integers(2 * len(kinds)))
        if drawn < len(kinds):
            return kinds[drawn](request)
        blocklist.apply(request)
        return Answer()

    return behave


CAMPAIGNS = {
    f"c-{number:08d}": [f"acct-{number}-{n}" for n in range(3)] + ["acct-in-all"] for number in range(8)
}


def states(store: Store) -> dict[str, int]:
    with store.reading() as session:
        found = [row.state for row in session.query(DeliveryRow)]
    return {state: found.count(state) for state in sorted(set(found))}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_through_timeouts_errors_resets_and_duplicates_each_effect_is_applied_once_and_in_order(
    seed: int, tmp_path: Path
) -> None:
    clock, chance = MovingClock(), np.random.default_rng(seed)
    blocklist = Blocklist(tmp_path / "blocklist.db")
    with (
        Store.open_url(f"sqlite:///{tmp_path / 'shoal.db'}") as store,
        receiving(mishaps(blocklist, seed)) as receiver,
    ):
        settings = local_settings(receiver, webhook_timeout_seconds=0.25, attempts=60, concurrency=8)
        sink = WebhookSink.of(settings)
        publish_accounts(store, tmp_path, a_run(), CAMPAIGNS)
        standing: dict[str, int] = {}
        for _ in range(4):
            for name in chance.choice(sorted(CAMPAIGNS), 5, replace=False).tolist():
                clock.now += timedelta(seconds=1)
                if name in standing:
                    store.undo(standing.pop(name), reason="wrong", author="ada", clock=clock)
                else:
                    made = store.decide(name, Verdict.CONFIRMED, reason="a pool", author="ada", clock=clock)
                    standing[name] = made.id
            drain(store, tmp_path, [sink], settings, clock=clock)
            clock.now += timedelta(hours=1)
        for _ in range(60):
            drain(store, tmp_path, [sink], settings, clock=clock)
            clock.now += timedelta(hours=7)
            if State.WAITING not in states(store):
                break
        sink.close()
        assert set(states(store)) <= {State.DELIVERED, State.SUPERSEDED}
        with store.reading() as session:
            delivered = session.query(DeliveryRow).filter_by(state=State.DELIVERED.value).count()
    assert len(blocklist.applied) == len(set(blocklist.applied)) == delivered
    by_campaign: dict[str, list[int]] = {}
    for name, version in (message_id.rsplit(".", 1) for message_id in blocklist.applied):
        by_campaign.setdefault(name, []).append(int(version))
    assert all(versions == sorted(versions) for versions in by_campaign.values())
    expected = {(account, name) for name in standing for account in CAMPAIGNS[name]}
    assert set(blocklist.rows("SELECT account, campaign FROM named")) == expected
    blocked: set[str] = set()
    for action, account in blocklist.rows("SELECT action, account FROM actions ORDER BY id"):
        assert (account in blocked) == (action == "unblock"), "nobody is blocked twice or unblocked twice"
        blocked ^= {account}
    assert blocked == {account for account, _ in expected}


def test_a_receiver_that_is_gone_is_switched_off_and_its_messages_wait(tmp_path: Path) -> None:
    clock = MovingClock()
    with (
        Store.open_url(f"sqlite:///{tmp_path / 'shoal.db'}") as store,
        receiving(lambda _: Answer(410)) as receiver,
    ):
        settings = local_settings(receiver)
        publish_accounts(store, tmp_path, a_run(), CAMPAIGNS)
        store.decide("c-00000001", Verdict.CONFIRMED, reason="a pool", author="ada", clock=clock)
        sink = WebhookSink.of(settings)
        drain(store, tmp_path, [sink], settings, clock=clock)
        clock.now += timedelta(days=1)
        again = drain(store, tmp_path, [sink], settings, clock=clock)
        sink.close()
        assert again.disabled == {"webhook"}
        assert len(receiver.requests) == 1
        assert states(store) == {State.WAITING: 1}
