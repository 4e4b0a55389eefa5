"""The analyst's page in tests: homes with published days, and clients that are signed in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from run_examples import publish_example
from starlette.testclient import TestClient
from store_examples import NOON

from campaigns.runs import Run
from campaigns.sessions import Lifetimes, Role, sign_in
from campaigns.settings import Settings
from campaigns.store import Store
from review.web.app import create_app
from review.web.desk import Desk
from review.web.sign_in.sessions import COOKIE

ORIGIN: Final = "http://127.0.0.1:8420"
_LONG: Final = timedelta(days=365)


def page_example(home: Path) -> Run:
    """A home with one published day: two campaigns of hostile text, of one operator."""
    return publish_example(home)


def open_desk(home: Path) -> tuple[Settings, Store]:
    """Settings and store of a home; the caller closes the store."""
    settings = Settings(home=home)
    return settings, Store.open(settings)


def signed_in(app: FastAPI, store: Store, role: Role = Role.ADMIN, *, user: str = "ada") -> TestClient:
    """A client as a browser of this origin, signed in at noon of `store_examples`; it follows no redirect.

    A client keeps no secure cookie over http, which browsers do on the loopback address: so it is told which to send.
    """
    with store.writing() as session:
        token = sign_in(
            session,
            user=user,
            role=role,
            method="local",
            lifetimes=Lifetimes(_LONG, _LONG),
            clock=lambda: NOON,
        )
    return TestClient(
        app,
        ORIGIN,
        headers={"Cookie": f"{COOKIE}={token}", "Sec-Fetch-Site": "same-origin"},
        follow_redirects=False,
        client=("127.0.0.1", 50_000),
    )


@dataclass(frozen=True, slots=True)
class Opened:
    """An application over a home at noon of `store_examples`, and a client that is signed in to it."""

    app: FastAPI
    store: Store
    client: TestClient

    @property
    def desk(self) -> Desk:
        desk: Desk = self.app.state.desk
        return desk

    def text(self, address: str) -> str:
        """The page at an address that has to be there."""
        answer = self.client.get(address)
        assert answer.status_code == 200, f"{address}: {answer.status_code}"
        return answer.text


@contextmanager
def opened(home: Path, role: Role = Role.ADMIN, **settings: Any) -> Iterator[Opened]:
    """
    Args:
        settings: others than the defaults.
    """
    given = Settings(home=home, **settings)
    with Store.open(given) as store:
        app = create_app(given, store, clock=lambda: NOON)
        yield Opened(app, store, signed_in(app, store, role))


def words(html: str) -> str:
    """What a reader sees of a page: without tags, white space run together."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())
