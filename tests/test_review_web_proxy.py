"""Users that a proxy names: whose word counts, what it has to look like, and that nothing of it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import httpx2
import pytest
from fastapi import FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st
from moved_clock import MovedClock
from starlette.testclient import TestClient

from campaigns.errors import UsageError
from campaigns.sessions import Role
from campaigns.settings import ReviewSettings, Settings
from campaigns.store import Store
from review.web.app import create_app
from review.web.sign_in.proxy import networks_of
from review.web.sign_in.roles import role_of

ORIGIN: Final = "https://shoal.example"
PROXY: Final = "10.1.0.7"
USER, GROUPS = "X-Forwarded-User", "X-Forwarded-Groups"
LISTS: Final = {
    "viewers": "ben",
    "analysts": "group:fraud",
    "approvers": "group:Leads",
    "admins": "root, ana",
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open_url(f"sqlite:///{tmp_path_factory.mktemp('home') / 'shoal.db'}") as opened:
        yield opened


def settings(**changes: Any) -> ReviewSettings:
    values = {"sign_in": "proxy", "url": ORIGIN, "proxy_addresses": f"{PROXY}, fd00::/8", **LISTS, **changes}
    return ReviewSettings(**values)


def page(store: Store, **changes: Any) -> FastAPI:
    return create_app(Settings(review=settings(**changes)), store, clock=MovedClock())


def ask(app: FastAPI, *headers: tuple[str, str], peer: str = PROXY) -> httpx2.Response:
    """The sign-in page, which sends on whom it knows."""
    browser = TestClient(app, ORIGIN, client=(peer, 50_000), follow_redirects=False)
    return browser.get("/sign-in", headers=list(headers))


def knows(app: FastAPI, *headers: tuple[str, str], peer: str = PROXY) -> bool:
    return ask(app, *headers, peer=peer).status_code == 303


@pytest.mark.parametrize(
    ("user", "groups", "role"),
    [
        ("ben", None, Role.VIEWER),
        ("BEN", "", Role.VIEWER),
        ("eve", "staff, fraud", Role.ANALYST),
        ("eve", "fraud,leads", Role.APPROVER),
        ("ana", "fraud", Role.ADMIN),
        ("root", None, Role.ADMIN),
    ],
)
def test_names_and_groups_give_roles(store: Store, user: str, groups: str | None, role: Role) -> None:
    door = page(store).state.sign_in
    headers = [(USER, user), *([] if groups is None else [(GROUPS, groups)])]
    request = Request(
        {
            "type": "http",
            "client": (PROXY, 50_000),
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
        }
    )
    found = door.who(request)
    assert (found.user, found.role, found.method) == (user, role, "proxy")


@pytest.mark.parametrize(
    "peer", ["10.1.0.8", "127.0.0.1", "::1", "fe00::1", "::ffff:10.1.0.8", "testclient", "", "10.1.0.7 "]
)
def test_a_header_of_anybody_else_counts_for_nothing(store: Store, peer: str) -> None:
    answer = ask(page(store), (USER, "root"), peer=peer)
    assert answer.status_code == 403
    assert "does not say who you are" in answer.text
    assert "root" not in answer.text


@pytest.mark.parametrize("peer", [PROXY, f"::ffff:{PROXY}", "fd00::5", "fdff:1::2"])
def test_the_proxy_may_speak_either_protocol(store: Store, peer: str) -> None:
    assert knows(page(store), (USER, "root"), peer=peer)


def test_what_a_request_says_of_its_way_is_not_believed(store: Store) -> None:
    claims = [("X-Forwarded-For", PROXY), ("X-Real-IP", PROXY), ("Forwarded", f"for={PROXY}"), (USER, "root")]
    assert not knows(page(store), *claims, peer="192.0.2.9")


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(USER, "")],
        [(USER, "  ")],
        [(USER, "root"), (USER, "ben")],
        [(USER, "root"), (USER, "root")],
        [(USER, "root"), ("x-forwarded-user", "root")],
        [(USER, "root, ben")],
        [(USER, "eve")],
        [(USER, "group:fraud")],
        [(USER, "Group:Leads")],
        [(USER, "eve"), (GROUPS, "fraud"), (GROUPS, "leads")],
        [(USER, "eve"), (GROUPS, "group:fraud")],
        [(USER, "eve"), (GROUPS, "fraud leads")],
        [(USER, "ro\tot")],
        [(GROUPS, "leads")],
        [("X_Forwarded_User", "root")],
        [("Remote-User", "root")],
    ],
)
def test_a_header_that_is_missing_blank_or_there_twice_names_nobody(
    store: Store, headers: list[tuple[str, str]]
) -> None:
    assert not knows(page(store), *headers)


def test_whom_no_list_names_is_told_so_by_name(store: Store) -> None:
    answer = ask(page(store), (USER, "<b>eve"))
    assert answer.status_code == 403
    assert "You are &lt;b&gt;eve, and no list of users names you." in answer.text


def test_each_request_is_judged_anew_and_nothing_is_kept_in_the_browser(store: Store) -> None:
    browser = TestClient(page(store), ORIGIN, client=(PROXY, 50_000), follow_redirects=False)
    assert browser.get("/sign-in", headers={USER: "root"}).status_code == 303
    assert not browser.cookies
    assert browser.get("/sign-in").status_code == 403
    assert not knows(page(store, admins="ana"), (USER, "root"))


def test_a_page_offers_no_signing_out_where_there_is_nothing_to_end(store: Store) -> None:
    browser = TestClient(page(store), ORIGIN, client=(PROXY, 50_000), headers={USER: "root"})
    shown = browser.get("/queue").text
    assert "root" in shown
    assert "Sign out" not in shown


def test_other_headers_may_be_named(store: Store) -> None:
    app = page(store, proxy_user_header="Remote-User", proxy_groups_header="")
    assert knows(app, ("Remote-User", "root"))
    assert not knows(app, (USER, "root"))
    assert not knows(app, ("Remote-User", "eve"), (GROUPS, "leads"))


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"proxy_addresses": ""}, "review.proxy_addresses"),
        ({"proxy_addresses": " , "}, "review.proxy_addresses"),
        ({"proxy_addresses": "10.1.0.7, proxy.example"}, "review.proxy_addresses"),
        ({"proxy_addresses": "10.1.0.7/8"}, "review.proxy_addresses"),
        ({"proxy_user_header": " "}, "review.proxy_user_header"),
        ({"url": ""}, "review.url"),
        ({"url": "http://shoal.example"}, "review.url"),
        ({"viewers": "", "analysts": " , ", "approvers": "", "admins": ""}, "no list names a user"),
    ],
)
def test_a_door_that_cannot_work_is_not_opened(store: Store, changes: dict[str, str], setting: str) -> None:
    with pytest.raises(UsageError, match=setting) as told:
        page(store, **changes)
    assert told.value.hint


def test_networks_are_read_with_spaces_and_commas() -> None:
    assert [str(network) for network in networks_of(" 10.0.0.0/8,::1 , 192.0.2.1,")] == [
        "10.0.0.0/8", "::1/128", "192.0.2.1/32",
    ]  # fmt: skip


NAMES: Final = st.text(max_size=12) | st.sampled_from(
    ["root", "ROOT", "ſoot", "group:fraud", "\u212aen", "ken"]
)


@given(NAMES, st.lists(NAMES, max_size=3))
def test_no_name_is_taken_for_another(user: str, groups: list[str]) -> None:
    lists = settings(viewers="", analysts="group:fraud", approvers="", admins="root, ken, soot")
    plain = "".join(chr(ord(one) + 32) if "A" <= one <= "Z" else one for one in user.strip())
    admin = plain in ("root", "ken", "soot")
    fraud = "fraud" in {group.strip() for group in groups}  # the sampled ones know no other spelling
    expected = Role.ADMIN if admin else Role.ANALYST if fraud else None
    assert role_of(user, groups, lists) is expected
