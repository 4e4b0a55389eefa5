"""The service answers good prompts one by one, refuses bad requests whole, and says nothing of a prompt in its log."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest
from matching_cases import GRADE, KNOWN, TIDE, entry, filled
from starlette.testclient import TestClient

from campaigns.entries import KnownMatcher
from campaigns.errors import UsageError
from matching.known import KnownCampaigns
from matching.service import Limits, create_app, refuse_open_door

TOKEN = "a token of a test"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SECRET = "the lamp of my aunt in Ghent"


class Source:
    """Known campaigns that a test may change."""

    def __init__(self, known: Sequence[KnownMatcher] = KNOWN) -> None:
        self.known = known

    def state(self) -> str:
        return ",".join(entry.campaign_id for entry in self.known)

    def load(self) -> KnownCampaigns:
        return KnownCampaigns.of(self.known)


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(create_app(Source(), TOKEN, Limits(20_000, 100, 1_000, 60.0))) as made:
        yield made


def ask(client: TestClient, *prompts: Any, **changes: Any) -> httpx.Response:
    return client.post("/v1/match", **{"json": {"prompts": list(prompts)}, "headers": BEARER} | changes)


def test_matches_come_back_in_the_order_of_the_prompts(client: TestClient) -> None:
    both = filled(GRADE, "it rained") + ". " + filled(TIDE, "Ur", "2")
    answer = ask(client, {"id": "a", "text": "hello"}, {"id": 7, "text": both}, {"text": filled(GRADE, "x")})
    assert answer.status_code == 200
    first, second, third = answer.json()["results"]
    assert first == {"id": "a", "matches": []}
    assert second["id"] == 7
    assert [found["campaign_id"] for found in second["matches"]] == ["c-grade", "c-tide"]
    assert third == {
        "id": None,
        "matches": [
            {
                "campaign_id": "c-grade",
                "variant": 0,
                "strength": 1.0,
                "whole": True,
                "seed": False,
                "slots": ["x"],
                "how": "template",
            }
        ],
    }


def test_a_broken_prompt_costs_itself_only(client: TestClient) -> None:
    body = (
        b'{"prompts": [5, {"id": "a"}, {"id": "b", "text": 7}, {"id": "c", "text": "\\ud800"},'
        + json.dumps({"id": "d", "text": "é" * 501}).encode()
        + b', {"id": "\\udc00", "text": "x"}, {"id": ["e"], "text": "\\u0000"}]}'
    )
    answer = ask(client, content=body, json=None, headers={**BEARER, "Content-Type": "application/json"})
    assert answer.status_code == 200
    assert [result.get("error") for result in answer.json()["results"]] == [
        "not an object",
        "no string `text`",
        "no string `text`",
        "`text` is not valid Unicode",
        "`text` is longer than 1000 bytes",
        None,
        None,
    ]
    assert [result["id"] for result in answer.json()["results"]] == [None, "a", "b", "c", "d", "\udc00", None]


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer wrong"},
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": b"Bearer \xff\xfe"},
    ],
)
def test_without_the_token_nothing_is_answered(client: TestClient, header: dict[str, Any]) -> None:
    answer = ask(client, {"text": SECRET}, headers=header)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert set(answer.json()) == {"error", "hint"}


JSON = {**BEARER, "Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("status", "headers", "content"),
    [
        (413, JSON, b" " * 20_001),
        (413, {**JSON, "Content-Length": "999999999999"}, b"{}"),
        (413, JSON, json.dumps({"prompts": [{}] * 101}).encode()),
        (415, {**BEARER, "Content-Type": "text/plain"}, b'{"prompts": []}'),
        (415, BEARER, b'{"prompts": []}'),
        (422, JSON, b""),
        (422, JSON, b"{"),
        (422, JSON, b"\xff\xfe\x00"),
        (422, JSON, b"[" * 15_000),
        (422, JSON, b'{"prompts": ' + b"9" * 5_000 + b"}"),
        (422, JSON, b"[]"),
        (422, JSON, b'{"prompts": {}}'),
        (422, JSON, b'{"texts": []}'),
    ],
)
def test_a_bad_request_is_refused_in_words(
    client: TestClient, status: int, headers: dict[str, str], content: bytes
) -> None:
    answer = client.post("/v1/match", content=content, headers=headers)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "hint"}
    assert all(answer.json().values())


def test_a_body_of_unknown_length_is_read_no_further_than_it_may_go(client: TestClient) -> None:
    taken = []

    def endless() -> Iterator[bytes]:
        for number in range(100):
            taken.append(number)
            yield b" " * 1_000

    assert client.post("/v1/match", content=endless(), headers=JSON).status_code == 413


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v1/match", 405), ("POST", "/", 404)])
def test_other_calls_are_refused_in_words_too(
    client: TestClient, method: str, path: str, status: int
) -> None:
    answer = client.request(method, path, headers=BEARER)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "hint"}


def test_health_says_how_much_is_sought_and_needs_no_token(client: TestClient) -> None:
    answer = client.get("/v1/health").json()
    assert (answer["status"], answer["campaigns"], answer["wordings"]) == ("ok", 3, 3)


def test_nothing_of_a_prompt_is_logged(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ask(client, {"id": "a", "text": SECRET}, {"id": "b", "text": SECRET * 100})
    ask(client, {"text": SECRET}, headers={})
    client.post("/v1/match", content=SECRET.encode(), headers=JSON)
    assert SECRET not in caplog.text


def test_campaigns_that_are_published_later_are_found() -> None:
    source = Source(KNOWN[:1])
    with TestClient(create_app(source, TOKEN, Limits(20_000, 100, 1_000, 0.05))) as client:
        prompt = {"id": "a", "text": filled(TIDE, "Ur", "2")}
        assert ask(client, prompt).json()["results"][0]["matches"] == []
        source.known = [*KNOWN, entry("c-new", GRADE)]
        until = time.monotonic() + 30
        while client.get("/v1/health").json()["wordings"] != 4 and time.monotonic() < until:
            time.sleep(0.05)
        assert ask(client, prompt).json()["results"][0]["matches"][0]["campaign_id"] == "c-tide"


def test_a_door_without_a_lock_is_open_on_this_machine_only() -> None:
    refuse_open_door("0.0.0.0", TOKEN, without_token=False)  # noqa: S104  -- nothing is bound
    refuse_open_door("127.0.0.1", "", without_token=True)
    for host, meant in (("0.0.0.0", True), ("192.0.2.7", True), ("127.0.0.1", False)):  # noqa: S104
        with pytest.raises(UsageError, match="token"):
            refuse_open_door(host, "", without_token=meant)
    with TestClient(create_app(Source(), "", Limits(20_000, 100, 1_000, 60.0))) as client:
        assert ask(client, {"text": "x"}, headers={}).status_code == 200
