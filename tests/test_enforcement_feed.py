"""Receivers that pull miss nothing, get nothing twice or early, and learn no more than their token opens."""

from __future__ import annotations

import itertools
import json
import logging
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from feed_examples import CAMPAIGNS, KINDS, FeedExample, a_feed
from handoff_examples import PASSER_BY, Recorder, publish_accounts
from hypothesis import given
from hypothesis import strategies as st
from served import served
from sqlalchemy import select, update
from store_examples import TUESDAY, a_run

from campaigns.delivery_tables import DeliveryRow, MessageRow, TombstoneRow
from campaigns.errors import LockHeldError
from campaigns.outbox import Delay
from campaigns.settings import DeliverySettings
from campaigns.store import Store
from enforcement.feed_log import FEED, Place, hand_out, handed_out
from enforcement.outbox import drain
from enforcement.states import State
from enforcement.tokens import Scope

FIRST, SECOND = sorted(CAMPAIGNS)[:2]


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[FeedExample]:
    with a_feed(tmp_path) as made:
        yield made


# -- messages ------------------------------------------------------------------------------------------


def test_messages_come_as_sinks_get_them(store_url: str, tmp_path: Path) -> None:
    with a_feed(tmp_path, url=store_url) as feed:
        made = feed.confirm(FIRST)
        feed.read_all()
        feed.undo(made)
        feed.confirm(SECOND)
        found, _ = feed.read_all(limit=1)
        sink = Recorder("webhook")
        drain(feed.store, feed.home, [sink], DeliverySettings(), clock=feed.clock)
        assert feed.client().get("/v1/accounts/acct-1").status_code == 200
    assert [one["message_id"] for one in found] == [f"{FIRST}.1", f"{FIRST}.2", f"{SECOND}.1"]
    assert [account["account_id"] for account in found[0]["accounts"]] == sorted(CAMPAIGNS[FIRST])
    assert found[1]["accounts"] == []
    sent = {body["message_id"]: body for body in sink.bodies}
    assert sent == {one["message_id"]: one for one in found if one["message_id"] in sent}
    assert f"{FIRST}.2" in sent


def test_what_was_read_stays_in_its_order_and_what_is_new_comes_behind_it(tmp_path: Path) -> None:
    """Decisions of random delays between reads of random size; whoever starts late reads the same."""
    rng = np.random.default_rng(3)
    delay = Delay(timedelta(minutes=30), timedelta(hours=5))
    with a_feed(tmp_path, delay=delay, settings=DeliverySettings(batch=3)) as feed:
        standing: dict[str, int] = {}
        seen: list[str] = []
        cursor = ""
        for _ in range(60):
            name = str(rng.choice(sorted(CAMPAIGNS)))
            if name in standing:
                feed.undo(standing.pop(name))
            else:
                standing[name] = feed.confirm(name)
            feed.clock.move(minutes=float(rng.integers(120)))
            page = feed.client().get(
                "/v1/campaigns", params={"cursor": cursor, "limit": int(rng.integers(1, 4))}
            )
            cursor = page.json()["next"]
            seen += [one["message_id"] for one in page.json()["messages"]]
        feed.clock.move(days=1)
        rest, _ = feed.read_all(cursor=cursor)
        seen += [one["message_id"] for one in rest]
        for limit in (1, 4, 500):
            again, _ = feed.read_all(limit=limit)
            assert [one["message_id"] for one in again] == seen
        with feed.store.reading() as session:
            rows = session.execute(
                select(MessageRow.message_id, DeliveryRow.state).join(
                    DeliveryRow, DeliveryRow.message == MessageRow.id
                )
            ).all()
    assert len(seen) == len(set(seen))
    assert {name for name, state in rows if state == State.DELIVERED} == set(seen)
    assert {state for _, state in rows} == {State.DELIVERED, State.SUPERSEDED}
    versions = [tuple(name.rsplit(".", 1)) for name in seen]
    for name in CAMPAIGNS:
        of_campaign = [int(version) for campaign, version in versions if campaign == name]
        assert of_campaign == sorted(of_campaign)
    latest = {campaign: int(version) for campaign, version in versions}
    effects = {
        one["campaign_id"]: one["effect"] for one in again if one["version"] == latest[one["campaign_id"]]
    }
    assert {name for name, effect in effects.items() if effect == "confirmed"} == set(standing)


def test_a_message_whose_time_has_not_come_is_not_shown_and_holds_up_no_other(tmp_path: Path) -> None:
    with a_feed(tmp_path, delay=Delay(timedelta(hours=1))) as feed:
        first = feed.confirm(FIRST)
        feed.clock.move(hours=2)
        early, cursor = feed.read_all()
        feed.confirm(SECOND)
        feed.undo(first)
        undone, cursor = feed.read_all(cursor=cursor)
        feed.clock.move(hours=2)
        late, _ = feed.read_all(cursor=cursor)
    assert [[one["message_id"] for one in part] for part in (early, undone, late)] == [
        [f"{FIRST}.1"],
        [f"{FIRST}.2"],
        [f"{SECOND}.1"],
    ]


def test_a_confirmation_that_was_taken_back_before_its_time_is_never_shown(tmp_path: Path) -> None:
    with a_feed(tmp_path, delay=Delay(timedelta(hours=1))) as feed:
        made = feed.confirm(FIRST)
        feed.read_all()
        feed.undo(made)
        feed.clock.move(hours=2)
        found, _ = feed.read_all()
        assert [one["effect"] for one in found] == ["withdrawn"]
        assert feed.client().get("/v1/accounts/acct-0").status_code == 404


def test_a_message_of_a_lost_run_is_a_dead_letter_and_the_others_are_shown(tmp_path: Path) -> None:
    with a_feed(tmp_path) as feed:
        publish_accounts(feed.store, feed.home, a_run(TUESDAY), {"c-tuesday1": ["acct-t"]})
        feed.confirm("c-tuesday1")
        feed.confirm(FIRST)
        shutil.rmtree(feed.home / a_run(TUESDAY).path)
        found, _ = feed.read_all()
        assert [one["campaign_id"] for one in found] == [FIRST]
        with feed.store.reading() as session:
            states = set(session.scalars(select(DeliveryRow.state).where(DeliveryRow.sink == FEED)))
    assert states == {State.DEAD, State.DELIVERED}


def test_a_body_that_was_cleared_is_made_again_the_same(feed: FeedExample) -> None:
    feed.confirm(FIRST)
    before, _ = feed.read_all()
    with feed.store.writing() as session:
        session.execute(update(MessageRow).values(body=None))
    assert feed.read_all()[0] == before
    assert feed.client().get("/v1/accounts/acct-0").status_code == 200


def test_of_many_that_pull_at_once_each_message_gets_one_place(tmp_path: Path) -> None:
    with a_feed(tmp_path, settings=DeliverySettings(batch=2)) as feed:
        for name in CAMPAIGNS:
            feed.confirm(name)
        start = threading.Barrier(4)

        def pull() -> None:
            start.wait()
            while hand_out(feed.store, feed.home, DeliverySettings(batch=2), clock=feed.clock):
                pass

        threads = [threading.Thread(target=pull) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with feed.store.reading() as session:
            places = [one.place for one in handed_out(session, feed.home, DeliverySettings(), Place(), 100)]
    assert len(places) == len(set(places)) == len(CAMPAIGNS)
    assert places == sorted(places)


# -- cursors and ETags ---------------------------------------------------------------------------------


@given(st.integers(0, 10**17 - 1), st.integers(0, 10**18 - 1))
def test_a_place_is_its_cursor(ticks: int, number: int) -> None:
    place = Place(ticks, number)
    assert Place.of(str(place)) == place


@given(st.one_of(st.text(), st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True)))
def test_any_other_text_is_no_cursor(text: str) -> None:
    with suppress(ValueError):
        assert str(Place.of(text)) == text


@pytest.mark.parametrize(
    "cursor", ["x", "MQ", "MC4w=", " MC4w", "MC4w\n", "LTEuMA", "MDEuMA", "9" * 4000, "é", "\0"]
)
def test_a_cursor_that_was_never_told_is_refused_in_words(cursor: str, feed: FeedExample) -> None:
    answer = feed.client().get("/v1/campaigns", params={"cursor": cursor})
    assert answer.status_code == 422
    assert answer.json()["error"] == "the cursor is none of this feed's"


def test_a_cursor_from_far_ahead_finds_nothing_and_stays(feed: FeedExample) -> None:
    feed.confirm(FIRST)
    ahead = str(Place(10**17 - 1, 10**18 - 1))
    page = feed.client().get("/v1/campaigns", params={"cursor": ahead}).json()
    assert page == {"messages": [], "next": ahead, "more": True}


@pytest.mark.parametrize("path", ["/v1/campaigns", "/v1/accounts/acct-0"])
def test_what_has_not_changed_is_not_sent_again(path: str, feed: FeedExample) -> None:
    made = feed.confirm(FIRST)
    feed.read_all()
    client = feed.client()
    first = client.get(path)
    etag = first.headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        same = client.get(path, headers={"If-None-Match": known})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    assert client.get(path, headers={"If-None-Match": '"other"'}).content == first.content
    feed.undo(made)
    changed = client.get(path, headers={"If-None-Match": etag})
    assert changed.status_code == (200 if path == "/v1/campaigns" else 404)


# -- accounts ------------------------------------------------------------------------------------------


def test_an_account_has_the_campaigns_that_stand_confirmed_and_name_it(feed: FeedExample) -> None:
    client = feed.client()
    first = feed.confirm(FIRST)
    feed.confirm(SECOND)
    told = client.get("/v1/accounts/acct-in-all").json()
    assert [one["campaign_id"] for one in told["campaigns"]] == [FIRST, SECOND]
    assert told["campaigns"][0] | {"decided_at": ""} == {
        "campaign_id": FIRST,
        "version": 1,
        "message_id": f"{FIRST}.1",
        "decided_at": "",
        "strength": 0.9877,
        "reasons": ["shares a payment card with others of them", "uses the network of the others"],
        "appeal": "Write to us.",
    }
    feed.undo(first)
    assert [one["version"] for one in client.get("/v1/accounts/acct-in-all").json()["campaigns"]] == [1]
    assert client.get("/v1/accounts/acct-0").status_code == 404
    feed.confirm(FIRST)
    assert [one["version"] for one in client.get("/v1/accounts/acct-0").json()["campaigns"]] == [3]


def test_whom_no_confirmed_campaign_names_is_as_unknown_as_anybody(feed: FeedExample) -> None:
    """Passers-by, members of undecided campaigns, members that came later, and nobody: one answer, byte for byte."""
    feed.confirm(FIRST)
    publish_accounts(feed.store, feed.home, a_run(TUESDAY), {FIRST: [*CAMPAIGNS[FIRST], "acct-later"]})
    client = feed.client()
    answers = [
        client.get(f"/v1/accounts/{name}") for name in (PASSER_BY, "acct-1", "acct-later", "acct-nobody", "")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    headers = [
        {name: value for name, value in answer.headers.items() if name != "date"} for answer in answers
    ]
    assert all(one == headers[0] for one in headers)


def test_an_account_that_was_erased_is_unknown_at_once(feed: FeedExample) -> None:
    feed.confirm(FIRST)
    client = feed.client()
    assert client.get("/v1/accounts/acct-0").status_code == 200
    with feed.store.writing() as session:
        row = session.scalars(select(MessageRow)).one()
        body: dict[str, Any] = row.body or {}
        row.body = body | {"accounts": [one for one in body["accounts"] if one["account_id"] != "acct-0"]}
        session.add(TombstoneRow(digest="d", reason="asked", author="ada", erased_at=feed.clock(), counts={}))
    assert client.get("/v1/accounts/acct-0").status_code == 404
    assert client.get("/v1/accounts/acct-0-b").status_code == 200


HOSTILE_IDS = [
    "a/b",
    "../../v1/campaigns",
    "/etc/passwd",
    "a?b=c&d#e",
    "a%2fb",
    "%00",
    "a\0b",
    "' OR 1=1 --",
    "<script>alert(1)</script>",
    "\x1b[31m",
    "\u202egnp\u2066",
    "ﬀ",
    "漢字",
    "😀",
    " ",
    ".",
    "x" * 8_000,
    "a\r\nSet-Cookie: b=c",
    "$(id)",
    "{account_id}",
]


def test_hostile_account_ids_are_told_exactly_or_unknown(tmp_path: Path) -> None:
    """Over a real port, for a client of tests decodes paths once more than servers do."""
    paths = [f"/v1/accounts/{quote(name, safe='').replace('.', '%2E')}" for name in HOSTILE_IDS]
    with (
        a_feed(tmp_path, {FIRST: HOSTILE_IDS}) as feed,
        socket.create_server(("127.0.0.1", 0)) as listener,
        served(feed.app, listener),
        closing(HTTPConnection("127.0.0.1", listener.getsockname()[1])) as connection,
    ):

        def get(path: str) -> tuple[int, bytes]:
            connection.request("GET", path, headers={"Authorization": f"Bearer {feed.tokens['both']}"})
            answer = connection.getresponse()
            return answer.status, answer.read()

        assert {get(path)[0] for path in paths} == {404}
        feed.confirm(FIRST)
        for name, path in zip(HOSTILE_IDS, paths, strict=True):
            status, content = get(path)
            assert (status, json.loads(content)["account_id"]) == (200, name)
            assert content.isascii()
            assert get(path + "x")[0] == 404


# -- who asks ------------------------------------------------------------------------------------------


def routes(feed: FeedExample) -> dict[str, set[str]]:
    """The scopes that each path needs, by the document that the feed tells of itself."""
    paths = feed.client("").get("/openapi.json").json()["paths"]
    return {
        path: {scope for need in told["get"].get("security", []) for scope in next(iter(need.values()))}
        for path, told in paths.items()
    }


def test_each_path_opens_to_tokens_of_its_scope_and_to_no_others(feed: FeedExample) -> None:
    feed.confirm(FIRST)
    needed = routes(feed)
    assert needed == {
        "/v1/campaigns": {Scope.CAMPAIGNS},
        "/v1/accounts/{account_id}": {Scope.ACCOUNTS},
        "/v1/health": set(),
    }
    for path, kind in itertools.product(needed, feed.tokens):
        known = kind in KINDS and kind not in ("revoked", "over")
        expected = 200
        if needed[path]:
            expected = 401 if not known else 200 if needed[path] <= set(KINDS[kind]) else 403
        for name in ("acct-0", "acct-nobody"):
            answer = feed.client(kind).get(path.format(account_id=name))
            wanted = 404 if expected == 200 and "account" in path and name == "acct-nobody" else expected
            assert answer.status_code == wanted, (path, kind)
            if wanted in (401, 403):
                assert answer.headers["www-authenticate"].startswith("Bearer")
                assert "acct" not in answer.text


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic {}", "{}", "Bearer  {} x", "bearer\t{}"])
def test_a_token_in_another_dress_is_none(header: str, feed: FeedExample) -> None:
    headers = {"Authorization": header.format(feed.tokens["both"])}
    assert feed.client("").get("/v1/campaigns", headers=headers).status_code == 401


def test_a_token_is_revoked_from_the_next_request_on_and_over_at_its_end(feed: FeedExample) -> None:
    client = feed.client()
    assert client.get("/v1/campaigns").status_code == 200
    feed.clock.move(days=365)
    assert client.get("/v1/campaigns").status_code == 401


# -- everything else -----------------------------------------------------------------------------------


def test_errors_are_json_with_a_hint_and_repeat_nothing(feed: FeedExample) -> None:
    client = feed.client()
    answers = [
        client.get("/v1/campaigns", params={"limit": "<b>0</b>"}),
        client.get("/v1/campaigns", params={"limit": 501}),
        client.get("/v1/secrets"),
        client.post("/v1/campaigns"),
        client.get("/docs"),
        client.request("GET", "/v1/campaigns", content=b"x" * 5_000),
        client.request("GET", "/v1/campaigns", content=iter([b"x"])),
        client.request("GET", "/v1/campaigns", headers={"Content-Length": "9" * 5_000}),
    ]
    assert [answer.status_code for answer in answers] == [422, 422, 404, 405, 404, 413, 413, 413]
    for answer in answers:
        assert set(answer.json()) == {"error", "hint"}
        assert "<b>" not in answer.text
        assert "xxx" not in answer.text


def test_every_answer_is_sealed(feed: FeedExample) -> None:
    feed.confirm(FIRST)
    client = feed.client()
    for path in (
        "/v1/campaigns",
        "/v1/accounts/acct-0",
        "/v1/accounts/x",
        "/v1/health",
        "/openapi.json",
        "/x",
    ):
        headers = client.get(path).headers
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] in ("no-store", "private, no-cache")
        assert "access-control-allow-origin" not in headers


def test_health_tells_nothing_but_that_the_store_answers(
    feed: FeedExample, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = feed.client("")
    assert (client.get("/v1/health").status_code, client.get("/v1/health").json()) == (200, {"status": "ok"})

    def busy(_: Store) -> Any:
        raise LockHeldError("the store is busy")

    monkeypatch.setattr(Store, "reading", busy)
    for path in ("/v1/health", "/v1/campaigns"):
        answer = feed.client().get(path)
        assert (answer.status_code, set(answer.json())) == (503, {"error", "hint"})
    assert "busy" in caplog.text


def test_neither_tokens_nor_account_ids_are_logged(
    feed: FeedExample, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    feed.confirm(FIRST)
    for kind in feed.tokens:
        feed.client(kind).get("/v1/accounts/acct-0", params={"limit": "x"})
        feed.client(kind).get("/v1/campaigns", params={"limit": "x"})
    own = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("httpx"))
    assert not any(token in own for token in feed.tokens.values() if token)
    assert "acct-0" not in own


def test_the_document_has_the_schema_of_a_message(feed: FeedExample) -> None:
    document = feed.client("").get("/openapi.json").json()
    body = document["components"]["schemas"]["Body"]
    assert {"campaign_id", "version", "effect", "accounts"} <= set(body["required"])
    assert json.dumps(document).isascii()
