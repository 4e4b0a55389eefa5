"""Who may call what, over every route there is; and that nobody may call what nobody spoke of."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts
from moved_clock import MovedClock
from starlette.testclient import TestClient
from web_examples import ORIGIN, open_desk, page_example, signed_in
from web_routes import ROUTES, Route

from campaigns.sessions import Role
from campaigns.store import Store
from review.web import app as app_module
from review.web.access import GuardedRoute, allow
from review.web.app import create_app

GUARDED: Final = [route for route in ROUTES if route.role is not None]
UNSAFE: Final = [route for route in ROUTES if not route.safe]
PATHS: Final = sorted({route.path for route in ROUTES})
KEPT_WHILE_READING: Final = {"sessions", "tickets"}
"""When somebody was last here; sign-ins that are under way."""


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
    settings, other = open_desk(home)
    other.close()
    return create_app(settings, store, clock=MovedClock())


def ask(
    app: FastAPI, store: Store, route: Route, role: Role | None, headers: Mapping[str, str] | None = None
) -> httpx2.Response:
    """Call a route in a role, in a session of its own, since one route ends them."""
    if role is None:
        client = TestClient(app, ORIGIN, headers={"Sec-Fetch-Site": "same-origin"}, follow_redirects=False)
    else:
        client = signed_in(app, store, role)
    return client.request(route.method, route.address(app), headers=headers)


# -- roles and routes ----------------------------------------------------------------------------------


def test_the_routes_that_are_tested_are_those_that_are_served(app: FastAPI) -> None:
    served = {
        (method, context.path)
        for context in iter_route_contexts(app.routes)
        for method in context.methods or ()
    }
    assert served == {(route.method, route.path) for route in ROUTES}
    assert len(ROUTES) == len(served)


@pytest.mark.parametrize("route", GUARDED, ids=str)
def test_a_route_lets_in_whom_its_role_includes_and_nobody_else(
    app: FastAPI, store: Store, route: Route
) -> None:
    assert route.role is not None
    for role in Role:
        answer = ask(app, store, route, role)
        if role.includes(route.role):
            assert answer.status_code not in (401, 403), role
            assert not answer.headers.get("location", "").startswith("/sign-in"), role
        else:
            assert answer.status_code == 403, role
            assert f"You are {role}; this needs {route.role}." in answer.text


@pytest.mark.parametrize("route", GUARDED, ids=str)
def test_nobody_is_sent_to_the_sign_in(app: FastAPI, store: Store, route: Route) -> None:
    answer = ask(app, store, route, None)
    assert answer.status_code == (303 if route.safe else 401)
    if route.safe:
        assert answer.headers["location"].startswith("/sign-in")
    fragment = ask(app, store, route, None, {"HX-Request": "true"})
    assert (fragment.status_code, fragment.text) == (401, "")
    assert fragment.headers["hx-redirect"] == "/sign-in"


@pytest.mark.parametrize("route", [route for route in ROUTES if route.role is None], ids=str)
def test_what_is_for_everybody_is_how_to_come_in_and_nothing_else(
    app: FastAPI, store: Store, route: Route
) -> None:
    assert route.path.startswith(("/sign-in", "/sign-out", "/static/", "/favicon.ico"))
    assert ask(app, store, route, None).status_code != 401


def test_what_a_viewer_may_send_changes_nothing_and_only_admins_touch_the_allow_list() -> None:
    sent = {str(route): route.role for route in UNSAFE}
    assert {name for name, role in sent.items() if role is Role.VIEWER} == {
        "POST /queue/search", "POST /accounts", "POST /audit",
    }  # fmt: skip
    assert {name for name, role in sent.items() if name.startswith("POST /allow-list")} == {
        "POST /allow-list", "POST /allow-list/{entry_id}/remove",
    }  # fmt: skip
    for name, role in sent.items():
        assert (role is Role.ADMIN) == name.startswith("POST /allow-list"), name
        assert (role is Role.APPROVER) == name.endswith(("/approve", "/decline")), name


# -- nobody, unless a route says so --------------------------------------------------------------------


def endpoint() -> str:
    return "open"


def test_a_route_that_names_no_role_cannot_be_made(app: FastAPI) -> None:
    with pytest.raises(TypeError, match="endpoint does not say who may call it"):
        APIRouter(route_class=GuardedRoute).add_api_route("/open", endpoint)
    with pytest.raises(TypeError, match="endpoint does not say who may call it"):
        app.add_api_route("/open", endpoint)


@pytest.mark.parametrize("nested", [False, True])
def test_an_application_with_a_route_that_is_not_guarded_cannot_be_made(
    home: Path, store: Store, monkeypatch: pytest.MonkeyPatch, nested: bool
) -> None:
    bare = APIRouter()
    bare.add_api_route("/open", allow(None)(endpoint))
    router = APIRouter(route_class=GuardedRoute)
    router.include_router(bare)
    monkeypatch.setattr(app_module, "ROUTERS", (router if nested else bare,))
    settings, other = open_desk(home)
    other.close()
    with pytest.raises(TypeError, match="is not guarded"):
        create_app(settings, store)


# -- methods -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_other_methods_are_refused_and_no_other_origin_is_let_in(
    app: FastAPI, store: Store, path: str
) -> None:
    taken = {route.method for route in ROUTES if route.path == path}
    address = next(route for route in ROUTES if route.path == path).address(app)
    client = signed_in(app, store)
    for method in {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} - taken:
        answer = client.request(method, address, headers={"Access-Control-Request-Method": "POST"})
        assert answer.status_code == 405, method
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    answer = client.request("OPTIONS", address, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


# -- from pages of this server only --------------------------------------------------------------------

OTHERS: Final[tuple[dict[str, str], ...]] = (
    {},
    {"Referer": f"{ORIGIN}/queue"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "Same-Origin"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN},
    {"Sec-Fetch-Site": "same-site", "Origin": ORIGIN},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://elsewhere.example"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
    {"Origin": "https://elsewhere.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://127.0.0.1"},
    {"Origin": "https://127.0.0.1:8420"},
    {"Origin": "http://127.0.0.1:8421"},
    {"Origin": f"{ORIGIN}.elsewhere.example"},
    {"Origin": f"{ORIGIN}/"},
)


@pytest.mark.parametrize("route", UNSAFE, ids=str)
def test_nothing_is_taken_from_pages_of_others(app: FastAPI, store: Store, route: Route) -> None:
    cookie = signed_in(app, store).headers["Cookie"]
    client = TestClient(app, ORIGIN, headers={"Cookie": cookie}, follow_redirects=False)
    for headers in OTHERS:
        answer = client.request(route.method, route.address(app), headers=headers)
        assert answer.status_code == 403, headers
        assert answer.text == "Changes are taken from this server's own pages only.\n"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "same-origin", "Origin": ORIGIN},
        {"Origin": ORIGIN},
        {"Origin": "http://localhost:8420"},
    ],
)
def test_pages_of_this_server_may_send(app: FastAPI, headers: dict[str, str]) -> None:
    client = TestClient(app, ORIGIN, follow_redirects=False)
    assert client.post("/sign-out", headers=headers).status_code == 303


# -- reading changes nothing ---------------------------------------------------------------------------


def rows_of(home: Path) -> dict[str, list[Any]]:
    with sqlite3.connect(home / "shoal.db") as connection:
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        rows = {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}
    connection.close()
    return {name: found for name, found in rows.items() if name not in KEPT_WHILE_READING}


def test_reading_every_page_changes_nothing(home: Path, app: FastAPI, store: Store) -> None:
    client = signed_in(app, store)
    before = rows_of(home)
    files = {path: path.stat().st_mtime_ns for path in (home / "runs").rglob("*")}
    for route in ROUTES:
        if route.safe:
            answer = client.get(route.address(app))
            assert answer.status_code < 500, route
    assert rows_of(home) == before
    assert {path: path.stat().st_mtime_ns for path in (home / "runs").rglob("*")} == files


def test_every_page_that_a_viewer_may_read_answers(app: FastAPI, store: Store) -> None:
    client = signed_in(app, store, Role.VIEWER)
    odd = {
        str(route): answer.status_code
        for route in ROUTES
        if route.safe and route.role is Role.VIEWER
        for answer in [client.get(route.address(app))]
        if answer.status_code not in (200, 204, 303)
    }
    assert odd == {}
