"""A headless Chromium for a module of tests, and the analyst's page on a port of its own.

Fixtures: import them where a test needs them, `from browser import chromium  # noqa: F401`.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from pydantic import SecretStr
from served import served

from campaigns.settings import ReviewSettings, Settings
from campaigns.store import Store
from review.web.app import create_app
from review.web.sign_in.local import issue_link

EXECUTABLE: Final = "/usr/bin/chromium"
FLAGS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One for each module that imports it: two at a time are more than Playwright allows a thread."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def live(home: Path, store_url: str = "", **review: Any) -> Iterator[tuple[str, Store]]:
    """(origin, store) of the page over a home, served from a thread.

    Args:
        store_url: empty: SQLite in the home.
        review: settings of the section, others than the defaults.
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        settings = Settings(
            home=home, store_url=SecretStr(store_url), review=ReviewSettings(port=port, **review)
        )
        with Store.open(settings) as store, served(create_app(settings, store), listener):
            yield f"http://127.0.0.1:{port}", store


def enter(page: Page, origin: str, store: Store, user: str = "ada") -> None:
    """Sign in by a link."""
    page.goto(issue_link(store, origin, user))
    page.wait_for_selector("header .who")
