"""The link of `shoal review`, and sessions: once, for a while, in one browser, and never in an address or a log."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from moved_clock import MovedClock
from sqlalchemy import select
from starlette.testclient import TestClient
from web_examples import ORIGIN

from campaigns.audit import select_audit
from campaigns.errors import UsageError
from campaigns.review_tables import SessionRow, TicketRow
from campaigns.sessions import TicketKind, issue_ticket
from campaigns.settings import ReviewSettings, Settings
from campaigns.store import Store
from review.web.app import create_app, origins_of
from review.web.pages.sign_in import local_path
from review.web.security import Origin
from review.web.sign_in.local import LIFETIME, issue_link
from review.web.sign_in.sessions import COOKIE

HERE: Final = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open_url(f"sqlite:///{tmp_path_factory.mktemp('home') / 'shoal.db'}") as opened:
        yield opened


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def app(store: Store, clock: MovedClock) -> FastAPI:
    return create_app(Settings(), store, clock=clock)


class Browser:
    """Keeps the session's cookie as browsers do on the loopback address, which a test client does not over http."""

    def __init__(self, app: FastAPI, cookie: str | None = None) -> None:
        self._client = TestClient(app, ORIGIN, headers=HERE, follow_redirects=False)
        self.cookie = cookie

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        headers = {} if self.cookie is None else {"Cookie": f"{COOKIE}={self.cookie}".encode("latin-1")}
        answer = self._client.request(method, path, headers=headers, **options)
        for sent in answer.headers.get_list("set-cookie"):
            found = re.match(f"{COOKIE}=([^;]*)", sent)
            if found:
                self.cookie = found[1]
        return answer

    def hand_in(self, link: str, **form: str) -> httpx2.Response:
        return self.ask("POST", "/sign-in", data={"secret": urlsplit(link).fragment, **form})

    @property
    def is_in(self) -> bool:
        return self.ask("GET", "/sign-in").status_code == 303


def link_of(store: Store, clock: MovedClock) -> str:
    return issue_link(store, ORIGIN, "ada", clock)


# -- the link ------------------------------------------------------------------------------------------


def test_a_link_signs_in_once(app: FastAPI, store: Store, clock: MovedClock) -> None:
    link = link_of(store, clock)
    first, second = Browser(app), Browser(app)
    assert first.hand_in(link).status_code == 303
    assert first.is_in
    answer = second.hand_in(link)
    assert answer.status_code == 403
    assert "used already" in answer.text
    assert not second.is_in
    assert first.is_in


def test_the_secret_stands_where_no_server_sees_it(store: Store, clock: MovedClock) -> None:
    parts = urlsplit(link_of(store, clock))
    assert (parts.scheme, parts.netloc, parts.path, parts.query) == ("http", "127.0.0.1:8420", "/sign-in", "")
    assert len(parts.fragment) == 43  # 32 bytes


def test_a_link_is_over_after_its_time(app: FastAPI, store: Store, clock: MovedClock) -> None:
    early, late = link_of(store, clock), link_of(store, clock)
    clock.now += LIFETIME - timedelta(seconds=1)
    assert Browser(app).hand_in(early).status_code == 303
    clock.move(seconds=1)
    assert Browser(app).hand_in(late).status_code == 403


@pytest.mark.parametrize("secret", ["", " ", "x", "é" * 43, "\ud800", "x" * 100_000, "' OR 1=1 --", "\x00"])
def test_what_is_no_secret_signs_nobody_in(app: FastAPI, secret: str) -> None:
    browser = Browser(app)
    answer = browser.ask("POST", "/sign-in", data={"secret": secret.encode("utf-8", "surrogatepass")})
    assert answer.status_code in (403, 422)
    assert browser.cookie is None


def test_a_ticket_of_another_kind_signs_nobody_in_and_is_not_used_up(
    app: FastAPI, store: Store, clock: MovedClock
) -> None:
    with store.writing() as session:
        secret = issue_ticket(session, TicketKind.OIDC, {"user": "eve"}, LIFETIME, clock=clock)
    assert Browser(app).hand_in(f"/sign-in#{secret}").status_code == 403
    with store.reading() as session:
        assert session.scalars(select(TicketRow.kind).where(TicketRow.kind == TicketKind.OIDC)).all()


def test_the_store_holds_nothing_to_sign_in_with(app: FastAPI, store: Store, clock: MovedClock) -> None:
    used, unused = link_of(store, clock), link_of(store, clock)
    browser = Browser(app)
    browser.hand_in(used)
    assert browser.cookie
    with store.reading() as session:
        rows = [*session.execute(select(SessionRow.__table__)), *session.execute(select(TicketRow.__table__))]
        held = " ".join(map(str, [*rows, *select_audit(session)]))
    for secret in (urlsplit(used).fragment, urlsplit(unused).fragment, browser.cookie):
        assert secret not in held


def test_a_browser_that_keeps_no_cookie_is_told_so(app: FastAPI, store: Store, clock: MovedClock) -> None:
    browser = Browser(app)
    answer = browser.hand_in(link_of(store, clock), next="/queue?sort=score&lost=0")
    address = answer.headers["location"]
    assert address == "/sign-in?lost=1&next=%2Fqueue%3Fsort%3Dscore%26lost%3D0"
    assert browser.ask("GET", address).headers["location"] == "/queue?sort=score&lost=0"
    assert "did not keep the session cookie" in Browser(app).ask("GET", address).text


def test_a_link_is_no_way_in_for_a_team(store: Store, clock: MovedClock) -> None:
    review = ReviewSettings(sign_in="proxy", url=ORIGIN, viewers="ada")
    browser = Browser(create_app(Settings(review=review), store, clock=clock))
    assert browser.hand_in(link_of(store, clock)).status_code == 404
    assert browser.ask("GET", "/sign-in/provider").status_code == 404
    assert browser.ask("GET", "/sign-in/callback?code=x&state=y").status_code == 404


# -- sessions ------------------------------------------------------------------------------------------


def test_the_cookie_is_of_this_host_alone_and_out_of_reach_of_scripts(
    app: FastAPI, store: Store, clock: MovedClock
) -> None:
    browser = Browser(app)
    sent = browser.hand_in(link_of(store, clock)).headers.get_list("set-cookie")
    assert sent == [
        f"__Host-shoal={browser.cookie}; HttpOnly; Max-Age=43200; Path=/; SameSite=lax; Secure"
    ]  # and no Domain
    dropped = browser.ask("POST", "/sign-out").headers["set-cookie"]
    assert re.fullmatch(
        r'__Host-shoal=""; expires=[^;]+; HttpOnly; Max-Age=0; Path=/; SameSite=lax; Secure', dropped
    )


def test_a_planted_session_is_never_taken_on(app: FastAPI, store: Store, clock: MovedClock) -> None:
    browser = Browser(app, cookie="planted")
    browser.hand_in(link_of(store, clock))
    assert browser.is_in
    assert browser.cookie != "planted"
    assert not Browser(app, cookie="planted").is_in


def test_signing_in_again_ends_the_session_of_before(app: FastAPI, store: Store, clock: MovedClock) -> None:
    browser = Browser(app)
    browser.hand_in(link_of(store, clock))
    before = browser.cookie
    browser.hand_in(link_of(store, clock))
    assert browser.cookie != before
    assert not Browser(app, before).is_in


def test_signing_out_ends_the_session_on_the_server(app: FastAPI, store: Store, clock: MovedClock) -> None:
    browser = Browser(app)
    browser.hand_in(link_of(store, clock))
    kept = browser.cookie
    answer = browser.ask("POST", "/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert not Browser(app, kept).is_in
    assert Browser(app).ask("POST", "/sign-out").status_code == 303  # nobody may sign out too


def test_a_session_lasts_twelve_hours_at_most_however_it_is_used(
    app: FastAPI, store: Store, clock: MovedClock
) -> None:
    browser = Browser(app)
    browser.hand_in(link_of(store, clock))
    for _ in range(23):
        clock.move(minutes=30)
        assert browser.is_in
    clock.move(minutes=30)
    assert not browser.is_in


def test_a_session_ends_after_an_hour_without_use(app: FastAPI, store: Store, clock: MovedClock) -> None:
    browser = Browser(app)
    browser.hand_in(link_of(store, clock))
    clock.move(minutes=59)
    assert browser.is_in
    clock.move(minutes=59)
    assert browser.is_in
    clock.move(minutes=60)
    assert not browser.is_in


def test_how_long_a_session_lasts_is_a_setting(store: Store, clock: MovedClock) -> None:
    review = ReviewSettings(session_hours=2, idle_minutes=5)
    browser = Browser(create_app(Settings(review=review), store, clock=clock))
    answer = browser.hand_in(link_of(store, clock))
    assert "Max-Age=7200" in answer.headers["set-cookie"]
    clock.move(minutes=5)
    assert not browser.is_in


def test_all_unknown_sessions_are_answered_alike(app: FastAPI, store: Store, clock: MovedClock) -> None:
    ended, expired = Browser(app), Browser(app)
    ended.hand_in(link_of(store, clock))
    over = ended.cookie
    ended.ask("POST", "/sign-out")
    expired.hand_in(link_of(store, clock))
    clock.move(hours=12)
    tokens = [None, "", "x", "\xff", "a=b", "x" * 4_000, over, expired.cookie]
    answers = [Browser(app, token).ask("GET", "/sign-in") for token in tokens]
    seen = {(one.status_code, one.text, tuple(sorted(one.headers.items()))) for one in answers}
    assert len(seen) == 1
    assert answers[0].status_code == 200


# -- where people are sent -----------------------------------------------------------------------------

ELSEWHERE: Final = (
    "//elsewhere.example", "///elsewhere.example", "/\\elsewhere.example", "\\\\elsewhere.example",
    "/\t/elsewhere.example", "/\n/elsewhere.example", "\t//elsewhere.example", " //elsewhere.example",
    "http://elsewhere.example", "https:elsewhere.example", "HTTPS://elsewhere.example", "javascript:alert(1)",
    "data:text/html,x", "elsewhere.example", "@elsewhere.example", ".elsewhere.example", "?next=x", "#x", "",
    "/x\r\nSet-Cookie: a=b", "/x\x00", "/\u202e", "/\u2028", "/" + "x" * 2_000,
)  # fmt: skip


@pytest.mark.parametrize("target", ELSEWHERE)
def test_nobody_is_sent_elsewhere(app: FastAPI, store: Store, clock: MovedClock, target: str) -> None:
    assert local_path(target) == "/"
    browser = Browser(app)
    answer = browser.hand_in(link_of(store, clock), next=target)
    assert answer.headers["location"] == "/sign-in?lost=1&next=%2F"
    assert browser.ask("GET", "/sign-in", params={"next": target}).headers["location"] == "/"
    assert 'name="next" value="/"' in Browser(app).ask("GET", "/sign-in", params={"next": target}).text


@pytest.mark.parametrize(
    "target",
    ["/", "/queue", "/queue?sort=-score&tier=review#row", "/x?next=//elsewhere.example", "/%2F%2Fx", "/é"],
)
def test_a_path_of_the_page_is_kept(target: str) -> None:
    assert local_path(target) == target


@given(st.text(st.sampled_from("/\\:@?#.%\t\n\r x2FeE"), max_size=12))
def test_any_target_stays_on_this_server(target: str) -> None:
    """As browsers read an address: backslashes are slashes, and tabs and line breaks are not there."""
    path = local_path(target)
    read = re.sub(r"[\t\n\r]", "", path).replace("\\", "/").strip()
    assert read.startswith("/")
    assert not read.startswith("//")


def test_who_asks_for_a_page_comes_back_to_it(app: FastAPI) -> None:
    answer = Browser(app).ask("GET", "/campaigns/c-4f2a?tab=a%26b")
    assert answer.headers["location"] == "/sign-in?next=%2Fcampaigns%2Fc-4f2a%3Ftab%3Da%2526b"


# -- names of the server -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "elsewhere.example", "127.0.0.1", "127.0.0.1:80", "127.0.0.1:8420.elsewhere.example", "127.1:8420",
        "0.0.0.0:8420", "localhost:8420@elsewhere.example", "", "127.0.0.1:8420, elsewhere.example",
    ],
)  # fmt: skip
def test_a_foreign_name_that_resolves_here_is_refused(app: FastAPI, host: str) -> None:
    answer = TestClient(app, ORIGIN).get("/sign-in", headers={"Host": host})
    assert answer.status_code == 421
    assert "not the server of that name" in answer.text


def test_two_names_at_once_are_refused(app: FastAPI) -> None:
    answer = TestClient(app, ORIGIN).get(
        "/sign-in", headers=[("Host", "127.0.0.1:8420"), ("Host", "127.0.0.1:8420")]
    )
    assert answer.status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:8420", "localhost:8420", "LOCALHOST:8420", "[::1]:8420"])
def test_the_names_of_this_machine_are_answered(app: FastAPI, host: str) -> None:
    assert TestClient(app, ORIGIN).get("/sign-in", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Shoal.Example", "https://shoal.example"),
        ("https://shoal.example:443/", "https://shoal.example"),
        ("https://shoal.example:8443", "https://shoal.example:8443"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:8420", "http://[::1]:8420"),
    ],
)
def test_an_origin_is_spelled_as_browsers_spell_it(url: str, origin: str) -> None:
    assert str(Origin.of(url, "review.url")) == origin


@pytest.mark.parametrize(
    "url",
    [
        "shoal.example", "https://", "https://shoal.example/path", "https://u:p@shoal.example", "ftp://shoal.example",
        "https://shoal.example?x", "https://shoal.example:0", "https://shoal.example:99999", "https://sho al.example",
        "https://schöl.example", "https://[::1", " https://shoal.example", "https://shoal.example\n", "//shoal.example",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_server_is_refused_with_the_setting(store: Store, url: str) -> None:
    with pytest.raises(UsageError, match=r"review\.url is no address of a server") as told:
        create_app(Settings(review=ReviewSettings(url=url)), store)
    assert "for example" in told.value.hint


def test_a_page_with_an_address_of_its_own_answers_to_no_other() -> None:
    review = ReviewSettings(url="https://shoal.example")
    assert {str(origin) for origin in origins_of(Settings(review=review))} == {"https://shoal.example"}


# -- doors that are not opened -------------------------------------------------------------------------

OIDC: Final = {
    "sign_in": "oidc",
    "url": "https://shoal.example",
    "oidc_issuer": "https://idp.example",
    "oidc_client_id": "shoal",
    "viewers": "ana",
}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"oidc_issuer": ""}, "review.oidc_issuer is missing"),
        ({"oidc_issuer": "http://idp.example"}, "review.oidc_issuer"),
        ({"oidc_issuer": "idp.example"}, "review.oidc_issuer"),
        ({"oidc_client_id": ""}, "review.oidc_client_id is missing"),
        ({"url": ""}, "review.url is missing"),
        ({"url": "http://shoal.example"}, "review.url"),
        ({"viewers": " , "}, "review.sign_in is oidc, and no list names a user"),
        ({"sign_in": "local"}, "for this machine alone"),
    ],
)
def test_a_door_that_lacks_a_setting_says_which(store: Store, changes: dict[str, str], told: str) -> None:
    create_app(Settings(review=ReviewSettings(**OIDC)), store)
    with pytest.raises(UsageError, match=told) as error:
        create_app(Settings(review=ReviewSettings(**OIDC | changes)), store)
    assert error.value.hint


# -- what is left behind -------------------------------------------------------------------------------


def test_no_secret_is_in_a_log_or_an_address(
    app: FastAPI, store: Store, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        link = link_of(store, clock)
        browser = Browser(app)
        answers = [
            browser.hand_in(link),
            browser.ask("GET", "/sign-in"),
            Browser(app).hand_in(link),
            browser.ask("POST", "/sign-out"),
        ]
    logged = " ".join(
        str(record.__dict__) for record in caplog.records if not record.name.startswith("sqlalchemy")
    )
    addresses = " ".join(answer.headers.get("location", "") + str(answer.url) for answer in answers)
    session = re.match(f"{COOKIE}=([^;]*)", answers[0].headers["set-cookie"])
    assert session is not None
    for secret in (urlsplit(link).fragment, session[1]):
        assert len(secret) == 43
        assert secret not in logged
        assert secret not in addresses
        assert all(secret not in answer.text for answer in answers)
