"""What every answer and every file of the page must be, whatever page it is of."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from fastapi import FastAPI, Request
from moved_clock import MovedClock
from run_examples import HOSTILE
from starlette.testclient import TestClient
from starlette.types import Message
from starlette.websockets import WebSocketDisconnect
from web_examples import ORIGIN, open_desk, page_example, signed_in
from web_routes import ROUTES

import review.web
from campaigns.errors import IntegrityError
from campaigns.settings import ReviewSettings, Settings
from campaigns.store import Store
from review.web import assets
from review.web.access import allow
from review.web.app import create_app
from review.web.rendering import environment
from review.web.security import MOST_BODY_BYTES
from review.web.server import Discreet, keep_values_out_of_the_log

SEALED: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
CANARY: Final = "acct-canary-7f3a"
ROOM: Final = Path(review.web.__file__).parent


@allow(None)
def failing(request: Request) -> None:
    """A page with a fault, whose message holds what it worked on."""
    try:
        raise KeyError(CANARY)
    except KeyError as error:
        raise RuntimeError(f"no {CANARY} in {request.query_params}") from error


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    page_example(home)
    return home


@pytest.fixture(scope="module")
def store(home: Path) -> Iterator[Store]:
    _, store = open_desk(home)
    with store:
        yield store


@pytest.fixture(scope="module")
def app(home: Path, store: Store) -> FastAPI:
    made = create_app(Settings(home=home), store, clock=MovedClock())
    made.add_api_route("/failing", failing)
    return made


# -- answers -------------------------------------------------------------------------------------------


def assert_sealed(answer: httpx2.Response) -> None:
    assert {name: answer.headers.get(name) for name in SEALED} == SEALED
    assert "strict-transport-security" not in answer.headers
    assert not {"server", "x-powered-by", "access-control-allow-origin"} & set(answer.headers)
    kept = "public, max-age=31536000, immutable"
    static = answer.url.path.startswith("/static/") and answer.status_code == 200
    assert answer.headers["cache-control"] == (kept if static else "no-store")
    if answer.content and answer.headers["content-type"].startswith("text/"):
        assert answer.headers["content-type"].endswith("charset=utf-8")


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_every_answer_of_every_route_is_sealed(app: FastAPI, store: Store, route: Any) -> None:
    client = signed_in(app, store)
    assert_sealed(client.request(route.method, route.address(app)))
    assert_sealed(TestClient(app, ORIGIN, follow_redirects=False).request(route.method, route.address(app)))


def test_errors_are_sealed_too(app: FastAPI, store: Store) -> None:
    client = signed_in(app, store)
    client = TestClient(app, ORIGIN, headers=dict(client.headers), raise_server_exceptions=False)
    answers = {
        404: client.get("/no-such-page"),
        405: client.delete("/sign-in"),
        403: client.post("/sign-out", headers={"Sec-Fetch-Site": "cross-site"}),
        413: client.post("/sign-in", content=b"x" * (MOST_BODY_BYTES + 1)),
        421: client.get("/sign-in", headers={"Host": "elsewhere.example"}),
        422: client.post("/sign-in", data={"secret": ""}),
        500: client.get("/failing"),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert_sealed(answer)
    assert_sealed(client.get("/static/000000000000/base.css"))
    assert_sealed(client.get("/queue/"))


def test_a_fault_is_told_without_what_it_was_about(app: FastAPI, store: Store) -> None:
    client = TestClient(app, ORIGIN, raise_server_exceptions=False)
    answer = client.get("/failing", params={"q": CANARY})
    assert "Something went wrong here." in answer.text
    assert CANARY not in answer.text
    assert "RuntimeError" not in answer.text


def test_the_policy_lets_nothing_run_that_is_not_a_file_of_this_server() -> None:
    directives = dict(part.split(" ", 1) for part in SEALED["content-security-policy"].split("; "))
    assert directives["default-src"] == "'none'"
    sources = {source for value in directives.values() for source in value.split()}
    assert sources == {"'none'", "'self'", "data:"}
    assert [name for name, value in directives.items() if "data:" in value] == ["img-src"]


def test_browsers_are_told_to_keep_to_tls_where_the_page_has_it(home: Path, store: Store) -> None:
    def told(url: str) -> str | None:
        review = ReviewSettings(sign_in="proxy", url=url, viewers="ana")
        made = create_app(Settings(home=home, review=review), store)
        return TestClient(made, url).get("/sign-in").headers.get("strict-transport-security")

    assert told("https://shoal.example") == "max-age=31536000"
    assert told("http://127.0.0.1:8420") is None
    assert told("https://localhost:8443") is None  # it would hold for whatever else is there


def test_a_path_with_a_slash_too_many_is_no_reason_to_send_anybody_anywhere(app: FastAPI) -> None:
    answer = TestClient(app, ORIGIN, follow_redirects=False).get("/sign-in/")
    assert answer.status_code == 404
    assert "location" not in answer.headers


# -- requests ------------------------------------------------------------------------------------------


def chunks(size: int, taken: list[int]) -> Iterator[bytes]:
    for number in range(size):
        taken.append(number)
        yield b" " * 65_536


def test_a_body_is_taken_up_to_a_mebibyte_whatever_it_announces(app: FastAPI) -> None:
    client = TestClient(app, ORIGIN, headers={"Sec-Fetch-Site": "same-origin"})
    assert client.post("/sign-in", content=b"x" * MOST_BODY_BYTES).status_code == 422
    assert client.post("/sign-in", content=b"x" * (MOST_BODY_BYTES + 1)).status_code == 413
    for announced in ("1048577", "9" * 40, "-1", "1e3", "\u0663"):
        headers = {"Content-Length": announced.encode()}
        assert client.post("/sign-in", headers=headers, content=b"x").status_code == 413, announced
    assert client.post("/sign-in", content=chunks(16, [])).status_code == 422
    assert client.post("/sign-in", content=chunks(17, [])).status_code == 413


@pytest.mark.parametrize("ending", [{"type": "http.disconnect"}, None])
def test_a_body_is_read_no_further_than_it_may_go_and_half_a_body_is_none(
    app: FastAPI, ending: Message | None
) -> None:
    """By the protocol itself: parts come without an end, or the connection breaks after one."""
    sent: list[Message] = []
    asked = 0

    async def receive() -> Message:
        nonlocal asked
        asked += 1
        if ending is not None and asked == 2:
            return ending
        return {"type": "http.request", "body": b"secret=" + b"x" * 65_536, "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/sign-in",
        "query_string": b"",
        "headers": [
            (b"host", b"127.0.0.1:8420"),
            (b"sec-fetch-site", b"same-origin"),
            (b"content-type", b"application/x-www-form-urlencoded"),
        ],
    }
    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 413
    assert asked <= 17


def test_no_socket_is_opened(app: FastAPI) -> None:
    with pytest.raises(WebSocketDisconnect) as refused, TestClient(app, ORIGIN).websocket_connect("/queue"):
        pass
    assert refused.value.code == 1008


# -- files ---------------------------------------------------------------------------------------------

TEMPLATES: Final = sorted((ROOM / "templates").rglob("*.html"))
STATIC: Final = sorted(path for path in (ROOM / "static").rglob("*") if path.is_file())
CODE: Final = sorted(ROOM.rglob("*.py"))
OPEN_DOORS: Final = {
    "templates": (
        r"\|\s*safe\b", r"Markup", r"<script(?![^>]*\bsrc=)", r"<style", r"\sstyle\s*=", r"\son\w+\s*=",
        r"javascript:", r"\bhx-on", r"\bhx-vars", r"\bjs:", r"srcdoc", r"<base\b", r"<iframe", r"<object", r"<embed",
        r"http-equiv", r"\s[\w-]+\s*=\s*\{\{", r"//[a-z]", r"\starget=",
    ),
    "static": (
        r"\.innerHTML", r"\.outerHTML", r"insertAdjacentHTML", r"document\.write", r"\beval\(", r"new Function",
        r"set(?:Timeout|Interval)\(\s*[\"'`]", r"createContextualFragment", r"DOMParser", r"setHTML", r"cssText",
        r"setAttribute\(\s*[\"'](?:style|on)", r"javascript:", r"@import", r"url\((?!\s*[\"']?(?:data:|#))",
        r"//(?!www\.w3\.org/)[a-z0-9.-]+\.[a-z]{2,}/", r"localStorage", r"sessionStorage", r"document\.cookie",
    ),
    "code": (r"\bMarkup\b", r"autoescape\s*=\s*False", r"HTMLResponse\(\s*f[\"']", r"render_template_string"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        *((path, "templates") for path in TEMPLATES),
        *((path, "static") for path in STATIC),
        *((path, "code") for path in CODE),
    ],
    ids=lambda value: value.relative_to(ROOM).as_posix() if isinstance(value, Path) else "",
)
def test_no_file_opens_a_door_to_script(path: Path, kind: str) -> None:
    text = path.read_text(encoding="utf-8")
    if kind == "templates":
        assert not re.search(r"\{%-?\s*(?:autoescape|filter\s+safe)", text)
        text = re.sub(r"\{([#%]).*?\1\}", "", text, flags=re.DOTALL)
    assert [found[0] for form in OPEN_DOORS[kind] if (found := re.search(form, text))] == []


def test_the_forms_that_are_looked_for_are_found() -> None:
    samples = {
        "templates": ("{{ x | safe }}", "<script>", '<p style="x">', "<a onclick='x'>", "<p title={{ x }}>"),
        "static": (
            "e.innerHTML = x",
            "eval(x)",
            'setTimeout("x")',
            "url(//cdn.example/x)",
            "import 'https://a.io/x'",
        ),
        "code": ("Markup(x)", "autoescape=False", 'HTMLResponse(f"<p>")'),
    }
    for kind, texts in samples.items():
        for text in texts:
            assert any(re.search(form, text) for form in OPEN_DOORS[kind]), text
    assert len(TEMPLATES) > 5
    assert len(STATIC) > 5


@pytest.mark.parametrize("value", ["<script>", "\"'><img src=x onerror=y>", "&amp;", "{{ 7 * 7 }}"])
def test_a_template_escapes_whatever_it_is_given(value: str) -> None:
    made = environment(assets.load_assets())
    text = made.from_string("<p title='{{ x }}'>{{ x }}</p>").render(x=value)
    assert not re.search(r"<(?!/?p)|'.*'.*'", text)
    assert "49" not in text


def test_htmx_that_is_not_the_one_that_was_pinned_stops_the_page(
    home: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "HTMX_SHA256", "0" * 64)
    with pytest.raises(IntegrityError, match="htmx is not the file that was pinned"):
        create_app(Settings(home=home), store)


# -- logs ----------------------------------------------------------------------------------------------


def test_reading_every_page_logs_no_token_account_or_prompt(
    app: FastAPI, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    client = signed_in(app, store)
    token = client.headers["Cookie"].partition("=")[2]
    assert len(token) == 43
    reference = app.state.desk.links.reference("acct-2")
    with caplog.at_level(logging.INFO):
        for route in ROUTES:
            if route.path != "/sign-out":
                client.request(route.method, route.address(app))
    logged = [record for record in caplog.records if record.name != "httpx2"]  # what the client says
    text = " ".join(str(vars(record)) for record in logged)
    for told in (token, "acct-", reference, "Grade this essay", HOSTILE):
        assert told not in text


def test_the_log_of_a_fault_holds_its_kind_and_its_lines_and_not_its_message() -> None:
    try:
        failing(Request({"type": "http", "query_string": b"q=" + CANARY.encode(), "headers": []}))
    except RuntimeError:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "a fault", (), sys.exc_info())
    text = Discreet("%(levelname)s %(message)s").format(record)
    assert CANARY not in text
    first, *rest = text.splitlines()
    assert first == "ERROR a fault"
    assert [line for line in rest if not line.startswith(" ")] == ["KeyError", "RuntimeError"]
    assert sum(", in failing" in line for line in rest) == 2


def test_what_was_raised_from_nothing_is_told_alone() -> None:
    try:
        try:
            raise KeyError(CANARY)
        except KeyError:
            raise ValueError(CANARY) from None
    except ValueError:
        text = Discreet().formatException(sys.exc_info())
    assert "KeyError" not in text
    assert text.endswith("\nValueError")


def test_the_loggers_of_page_and_server_are_discreet(capsys: pytest.CaptureFixture[str]) -> None:
    loggers = [logging.getLogger(name) for name in ("review", "uvicorn")]
    before = [(logger.handlers, logger.propagate, logger.level) for logger in loggers]
    try:
        keep_values_out_of_the_log()
        for name in ("review.web.app", "uvicorn.error"):
            try:
                raise ValueError(CANARY)
            except ValueError:
                logging.getLogger(name).exception("a fault")
            logging.getLogger(name).info("talk")
    finally:
        for logger, (handlers, propagate, level) in zip(loggers, before, strict=True):
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)
    told = capsys.readouterr().err
    assert told.count("a fault") == 2
    assert told.count("\nValueError") == 2
    assert CANARY not in told.replace("raise ValueError(CANARY)", "")
    assert "talk" not in told
