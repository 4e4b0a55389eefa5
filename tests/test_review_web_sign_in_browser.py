"""The link in a real browser: what it keeps, what it shows, and what stays out of reach of pages and addresses."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from browser import chromium, enter, live  # noqa: F401
from playwright.sync_api import Browser, Page, expect
from served import served as served_on
from starlette.responses import HTMLResponse
from starlette.types import Receive, Scope, Send
from web_examples import page_example

from campaigns.store import Store
from review.web.sign_in.local import issue_link

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Store]]:
    home = tmp_path_factory.mktemp("home")
    page_example(home)
    with live(home) as (origin, store):
        yield origin, store


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:  # noqa: F811
    """Of a browser that has never been here; whatever it complains of fails the test."""
    with chromium.new_context() as context:
        opened = context.new_page()
        complaints: list[str] = []
        opened.on("console", lambda told: complaints.append(told.text) if told.type == "error" else None)
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        yield opened
        expected = ("status of 40", "frame-ancestors 'none'")
        assert [told for told in complaints if not any(part in told for part in expected)] == []


def test_the_link_signs_in_and_its_secret_leaves_no_trace(page: Page, served: tuple[str, Store]) -> None:
    origin, store = served
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url + str(request.headers)))
    link = issue_link(store, origin, "ada")
    page.goto(link)
    page.wait_for_selector("header .who")
    secret = urlsplit(link).fragment
    assert secret not in page.url
    assert secret not in page.content()
    assert not [one for one in asked if secret in one]
    page.go_back()
    assert secret not in page.url


def test_the_session_is_kept_over_plain_http_on_this_machine_and_no_script_reads_it(
    page: Page, served: tuple[str, Store]
) -> None:
    enter(page, *served)
    (cookie,) = page.context.cookies()
    assert cookie["name"] == "__Host-shoal"
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"], cookie["path"]) == (
        True,
        True,
        "Lax",
        "/",
    )
    assert cookie["domain"] == "127.0.0.1"
    assert page.evaluate("document.cookie") == ""


def test_a_link_that_was_used_is_refused_in_words(page: Page, served: tuple[str, Store]) -> None:
    origin, store = served
    link = issue_link(store, origin, "ada")
    page.goto(link)
    page.wait_for_selector("header .who")
    page.context.clear_cookies()
    page.goto("about:blank")
    page.goto(link)
    expect(page.get_by_text("used already")).to_be_visible()
    assert page.context.cookies() == []


def test_who_asks_for_a_page_signs_in_and_comes_to_it(page: Page, served: tuple[str, Store]) -> None:
    origin, store = served
    page.goto(f"{origin}/runs?x=1")
    expect(page).to_have_url(f"{origin}/sign-in?next=%2Fruns%3Fx%3D1")
    page.get_by_label("Secret").fill(urlsplit(issue_link(store, origin, "ada")).fragment)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{origin}/runs?x=1")


def test_signing_out_ends_it(page: Page, served: tuple[str, Store]) -> None:
    origin, _ = served
    enter(page, *served)
    kept = page.context.cookies()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{origin}/sign-in")
    assert page.context.cookies() == []
    page.context.add_cookies(kept)  # type: ignore[arg-type]  # as they were given
    page.goto(f"{origin}/queue")
    expect(page).to_have_url(f"{origin}/sign-in?next=%2Fqueue")


@contextmanager
def another_site(body: str) -> Iterator[str]:
    """A page on another port of this machine, which cookies do not tell from ours, and browsers' metadata do."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await HTMLResponse(body)(scope, receive, send)

    with socket.create_server(("127.0.0.1", 0)) as listener, served_on(answer, listener):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


def test_a_page_of_another_site_cannot_act_for_who_is_signed_in(
    page: Page, served: tuple[str, Store]
) -> None:
    origin, _ = served
    enter(page, *served)
    with another_site(
        f"<form method=post action='{origin}/sign-out'><button>Win</button></form>"
    ) as elsewhere:
        page.goto(elsewhere)
        page.get_by_role("button").click()
        expect(page.get_by_text("Changes are taken from this server's own pages only.")).to_be_visible()
    page.goto(f"{origin}/queue")
    page.wait_for_selector("header .who")


def test_no_other_page_may_frame_it(page: Page, served: tuple[str, Store]) -> None:
    origin, _ = served
    with another_site(f"<iframe src='{origin}/sign-in'></iframe>") as elsewhere:
        with (
            page.expect_console_message(lambda told: "frame-ancestors 'none'" in told.text),
            page.expect_event("requestfailed", lambda request: request.url == f"{origin}/sign-in") as failed,
        ):
            page.goto(elsewhere)
        assert failed.value.failure == "net::ERR_BLOCKED_BY_RESPONSE"
        (frame,) = page.main_frame.child_frames
        assert frame.url.startswith("chrome-error:")
