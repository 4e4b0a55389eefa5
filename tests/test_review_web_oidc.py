"""Signing in at an identity provider: who is let in as what, and that nothing forged, stale or borrowed is."""

from __future__ import annotations

import base64
import gzip
import hmac
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from fake_provider import CLIENT_ID, CLIENT_SECRET, TEN_MINUTES, Claims, FakeProvider, running_provider
from hypothesis import example, given
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey
from moved_clock import MovedClock
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.testclient import TestClient
from store_examples import NOON

from campaigns.audit import Action, select_audit
from campaigns.settings import ReviewSettings, Settings
from campaigns.store import Store
from review.web.app import create_app
from review.web.sign_in.id_token import BadTokenError, key_set, read_claims
from review.web.sign_in.oidc import COOKIE, LIFETIME
from review.web.sign_in.provider import DISCOVERY, KEPT, MOST_BYTES, is_safe
from review.web.sign_in.sessions import COOKIE as SESSION

ORIGIN: Final = "https://shoal.example"
LISTS: Final = {
    "viewers": "group:support, ben@example.org",
    "analysts": "group:fraud",
    "approvers": "group:leads",
    "admins": "Root@Example.org",
}


class Scene:
    """The page, the provider, and browsers."""

    def __init__(self, store: Store, provider: FakeProvider, clock: MovedClock) -> None:
        self.store = store
        self.provider = provider
        self.clock = clock
        self._from = store.audit_head().sequence
        self.restart()

    def restart(self, **changes: Any) -> None:
        """The page as it comes up with other settings."""
        values = {
            "sign_in": "oidc",
            "url": ORIGIN,
            "oidc_issuer": self.provider.issuer,
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret": CLIENT_SECRET,
            **LISTS,
            **changes,
        }
        self.app = create_app(Settings(review=ReviewSettings(**values)), self.store, clock=self.clock)

    def browser(self) -> TestClient:
        return TestClient(self.app, ORIGIN, follow_redirects=False)

    def sign_in(self, browser: TestClient, after: str = "/queue") -> httpx2.Response:
        """The answer to the callback."""
        begun = browser.get("/sign-in/provider", params={"next": after})
        assert begun.status_code == 303
        return browser.get(self.provider.visit(begun.headers["location"]))

    def last(self) -> tuple[str, str, Mapping[str, Any]]:
        """Who did what of the audit log's last row."""
        with self.store.reading() as session:
            record = select_audit(session, limit=1)[0]
        return record.actor, record.action, record.details

    def refused(self, browser: TestClient, answer: httpx2.Response, status: int = 403) -> bool:
        with self.store.reading() as session:
            rows = [row for row in select_audit(session) if row.sequence > self._from]
        begun = any(row.action == Action.SIGNED_IN for row in rows)
        return answer.status_code == status and not begun and not is_in(browser)


def is_in(browser: TestClient) -> bool:
    """Whether the page knows who it is: then the sign-in sends on."""
    return browser.get("/sign-in").status_code == 303


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def setting(home: Path) -> Iterator[tuple[Store, FakeProvider, MovedClock]]:
    """Made once, for a server and a store take longer to come up than a sign-in."""
    clock = MovedClock()
    with (
        running_provider(clock) as provider,
        Store.open_url(f"sqlite:///{home / 'shoal.db'}") as store,
    ):
        yield store, provider, clock


@pytest.fixture
def scene(setting: tuple[Store, FakeProvider, MovedClock]) -> Scene:
    store, provider, clock = setting
    provider.reset()
    clock.now = NOON
    return Scene(store, provider, clock)


# -- who is let in -------------------------------------------------------------------------------------


def test_a_user_of_a_listed_group_comes_in_and_goes_on_where_they_wanted(scene: Scene) -> None:
    browser = scene.browser()
    answer = scene.sign_in(browser, "/campaigns/c-4f2a?tab=evidence")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/campaigns/c-4f2a?tab=evidence"
    actor, action, details = scene.last()
    assert (actor, action, details["role"]) == ("ana@example.org", Action.SIGNED_IN, "analyst")
    assert is_in(browser)


@pytest.mark.parametrize(
    ("user", "role"),
    [
        ({"email": "ben@example.org", "groups": []}, "viewer"),
        ({"email": "BEN@example.org"}, "viewer"),
        ({"groups": "support"}, "viewer"),
        ({"groups": ["support", "fraud"]}, "analyst"),
        ({"groups": ["Leads", 7, None, {"fraud": 1}]}, "approver"),
        ({"email": "root@example.org", "groups": ["support"]}, "admin"),
        ({"email": "root@example.org", "email_verified": True, "groups": None}, "admin"),
    ],
)
def test_groups_and_names_give_roles(scene: Scene, user: Claims, role: str) -> None:
    scene.provider.user = {"sub": "7", "email": "x@example.org", **user}
    assert scene.sign_in(scene.browser()).status_code == 303
    assert scene.last()[2]["role"] == role


@pytest.mark.parametrize(
    "user",
    [
        {"email": "eve@example.org", "groups": ["sales"]},
        {"email": "eve@example.org", "groups": "fraud, leads"},
        {"email": "eve@example.org", "groups": {"fraud": True}},
        {"email": "group:fraud"},
        {"email": "GROUP:leads"},
        {"email": "root@example.org\u200b"},
        {"email": "root@example.org, x"},
        {"email": "\u212bnn@example.org"},
    ],
)
def test_whom_no_list_names_is_told_so_by_name(scene: Scene, user: Claims) -> None:
    scene.restart(admins="root@example.org, \u00e5nn@example.org")
    scene.provider.user = {"sub": "7", **user}
    browser = scene.browser()
    answer = scene.sign_in(browser)
    if user["email"].isprintable():
        assert f"You are {user['email']}, and no list of users names you." in answer.text
        assert scene.last()[:2] == (user["email"], Action.REFUSED)
    assert scene.refused(browser, answer)


@pytest.mark.parametrize(
    "user",
    [
        {"email": "root@example.org", "email_verified": False},
        {"email": "root@example.org", "email_verified": "false"},
        {"email": "root@example.org", "email_verified": None},
        {"email": ""},
        {"email": ["root@example.org"]},
        {"email": "r" * 400},
        {},
    ],
)
def test_a_name_that_the_provider_does_not_stand_for_is_none(scene: Scene, user: Claims) -> None:
    scene.provider.user = {"sub": "7", "groups": ["leads"], **user}
    browser = scene.browser()
    assert scene.refused(browser, scene.sign_in(browser))


def test_another_claim_may_name_the_user(scene: Scene) -> None:
    scene.restart(oidc_user_claim="preferred_username", oidc_groups_claim="roles", admins="ana")
    scene.provider.user = {"sub": "7", "preferred_username": "ana", "roles": ["support"]}
    assert scene.sign_in(scene.browser()).status_code == 303
    assert scene.last()[0] == "ana"
    assert scene.last()[2]["role"] == "admin"


# -- the flow ------------------------------------------------------------------------------------------


def test_the_provider_is_asked_with_state_nonce_and_challenge_that_never_repeat(scene: Scene) -> None:
    browser = scene.browser()
    asked = [parse_qs(urlsplit(browser.get("/sign-in/provider").headers["location"]).query) for _ in range(2)]
    first, second = asked
    assert first["redirect_uri"] == [f"{ORIGIN}/sign-in/callback"]
    assert first["scope"] == ["openid email groups"]  # of what the provider offers
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name][0]) >= 43
        assert first[name] != second[name]
    assert "code_verifier" not in first


def test_cookies_are_of_this_host_alone_and_out_of_reach_of_scripts(scene: Scene) -> None:
    browser = scene.browser()
    begun = browser.get("/sign-in/provider")
    name, _, rest = begun.headers["set-cookie"].partition("=")
    assert name == COOKIE
    flags = f"; HttpOnly; Max-Age={int(LIFETIME.total_seconds())}; Path=/; SameSite=lax; Secure"
    assert rest[43:] == flags
    answer = browser.get(scene.provider.visit(begun.headers["location"]))
    dropped, session = sorted(answer.headers.get_list("set-cookie"))
    assert dropped.startswith(f'{COOKIE}=""; ')
    assert "Max-Age=0" in dropped
    assert session.startswith(f"{SESSION}=")
    assert session.endswith("; HttpOnly; Max-Age=43200; Path=/; SameSite=lax; Secure")


def test_a_callback_counts_once(scene: Scene) -> None:
    browser = scene.browser()
    begun = browser.get("/sign-in/provider")
    cookie = browser.cookies[COOKIE]
    callback = scene.provider.visit(begun.headers["location"])
    assert browser.get(callback).status_code == 303
    again = scene.browser()
    again.cookies.set(COOKIE, cookie)
    answer = again.get(callback)
    assert answer.status_code == 403
    assert "begun in another browser" in answer.text
    assert not is_in(again)


def test_a_callback_in_another_browser_is_refused(scene: Scene) -> None:
    attacker, victim = scene.browser(), scene.browser()
    callback = scene.provider.visit(attacker.get("/sign-in/provider").headers["location"])
    assert scene.refused(victim, victim.get(callback))
    victim.get("/sign-in/provider")  # with a sign-in of their own under way
    assert scene.refused(victim, victim.get(callback))


def test_a_code_of_another_sign_in_is_refused(scene: Scene) -> None:
    attacker, victim = scene.browser(), scene.browser()
    stolen = scene.provider.visit(attacker.get("/sign-in/provider").headers["location"])
    own = scene.provider.visit(victim.get("/sign-in/provider").headers["location"])
    code = parse_qs(urlsplit(stolen).query)["code"][0]
    state = parse_qs(urlsplit(own).query)["state"][0]
    assert scene.refused(victim, victim.get("/sign-in/callback", params={"code": code, "state": state}))


@pytest.mark.parametrize("state", ["", "x", "é", None])
def test_a_wrong_state_is_refused_and_uses_the_sign_in_up(scene: Scene, state: str | None) -> None:
    browser = scene.browser()
    begun = browser.get("/sign-in/provider")
    callback = scene.provider.visit(begun.headers["location"])
    answer = browser.get(
        "/sign-in/callback", params={"code": "code-0"} | ({} if state is None else {"state": state})
    )
    assert scene.refused(browser, answer)
    assert scene.refused(browser, browser.get(callback))


def test_a_sign_in_is_over_after_ten_minutes(scene: Scene) -> None:
    browser = scene.browser()
    begun = browser.get("/sign-in/provider")
    scene.clock.move(minutes=10)
    assert scene.refused(browser, browser.get(scene.provider.visit(begun.headers["location"])))


def test_what_the_provider_declines_is_declined(scene: Scene) -> None:
    browser = scene.browser()
    begun = browser.get("/sign-in/provider")
    state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
    answer = browser.get("/sign-in/callback", params={"state": state, "error": "<b>access_denied"})
    assert "did not let you in" in answer.text
    assert "access_denied" not in answer.text
    assert scene.refused(browser, answer)


def test_an_answer_in_the_name_of_another_provider_is_refused(scene: Scene) -> None:
    browser = scene.browser()
    callback = scene.provider.visit(browser.get("/sign-in/provider").headers["location"])
    assert scene.refused(browser, browser.get(callback + "&iss=https://elsewhere.example"))
    assert "/token" not in scene.provider.asked


def test_a_session_of_before_is_ended_and_a_planted_one_is_not_taken_on(scene: Scene) -> None:
    browser = scene.browser()
    scene.sign_in(browser)
    before = browser.cookies[SESSION]
    scene.sign_in(browser)
    assert browser.cookies[SESSION] != before
    other = scene.browser()
    other.cookies.set(SESSION, before)
    assert not is_in(other)
    planted = scene.browser()
    planted.cookies.set(SESSION, "planted", domain="shoal.example")
    scene.sign_in(planted)
    assert planted.cookies[SESSION] != "planted"


@pytest.mark.parametrize(
    "after", ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example"]
)
def test_nobody_is_sent_elsewhere_after_signing_in(scene: Scene, after: str) -> None:
    assert scene.sign_in(scene.browser(), after).headers["location"] == "/"


def test_a_name_taken_off_the_lists_ends_the_session_at_the_next_start(scene: Scene) -> None:
    browser = scene.browser()
    scene.sign_in(browser)
    session = browser.cookies[SESSION]

    def known(**changes: Any) -> bool:
        scene.restart(**changes)
        again = scene.browser()
        again.cookies.set(SESSION, session)
        return is_in(again)

    assert known()
    assert not known(analysts="group:others")
    assert not known(oidc_client_id="another")
    assert known(analysts=" GROUP:fraud,")
    scene.app = create_app(Settings(), scene.store, clock=scene.clock)
    local = TestClient(
        scene.app, "http://127.0.0.1:8420", headers={"Cookie": f"{SESSION}={session}"}, follow_redirects=False
    )
    assert not is_in(local)


def test_a_session_by_link_is_none_of_a_team(scene: Scene) -> None:
    from web_examples import signed_in

    scene.app = create_app(Settings(), scene.store, clock=scene.clock)
    local = signed_in(scene.app, scene.store)
    assert is_in(local)
    scene.restart()
    browser = TestClient(
        scene.app, ORIGIN, headers={"Cookie": local.headers["Cookie"]}, follow_redirects=False
    )
    assert not is_in(browser)


# -- forged and stale tokens ---------------------------------------------------------------------------


def put(**claims: Any) -> Callable[[Claims], object]:
    return lambda made: made.update(claims)


def without(name: str) -> Callable[[Claims], object]:
    return lambda made: made.pop(name)


AT: Final = int(NOON.timestamp())


@pytest.mark.parametrize(
    "spoil",
    [
        put(aud="another"),
        put(aud=[]),
        put(aud=["another", "more"]),
        put(aud=[CLIENT_ID, "another"]),  # for several, and none of them is said to be meant
        put(aud=[CLIENT_ID, "another"], azp="another"),
        put(azp="another"),
        put(azp=None),
        put(azp=[CLIENT_ID]),
        put(iss="https://elsewhere.example"),
        put(iss=""),
        put(exp=AT - 61),
        put(exp="never"),
        put(exp=True),
        put(exp=float("nan")),
        put(iat=AT + 62),
        put(iat=AT - 662),
        put(nbf=AT + 62),
        put(nonce="another"),
        put(nonce=""),
        put(nonce=None),
        put(sub=7),
        *map(without, ("aud", "iss", "exp", "iat", "nonce", "sub")),
        lambda made: made.update(nonce=[made["nonce"]]),
    ],
)
def test_a_token_that_is_not_of_this_sign_in_is_refused(
    scene: Scene, spoil: Callable[[Claims], object]
) -> None:
    scene.provider.spoil = spoil
    browser = scene.browser()
    answer = scene.sign_in(browser)
    assert "does not hold" in answer.text
    assert scene.refused(browser, answer)


@pytest.mark.parametrize(
    "spoil",
    [
        put(aud=[CLIENT_ID]),
        put(aud=[CLIENT_ID, "another"], azp=CLIENT_ID),
        put(azp=CLIENT_ID),
        put(exp=AT - 59),
        put(iat=AT + 60),
        put(iat=AT - TEN_MINUTES),
        put(nbf=AT),
    ],
)
def test_what_the_standard_leaves_open_is_taken(scene: Scene, spoil: Callable[[Claims], object]) -> None:
    scene.provider.spoil = spoil
    assert scene.sign_in(scene.browser()).status_code == 303


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(_: FakeProvider, claims: Claims) -> str:
    header = b64(json.dumps({"alg": "none"}).encode())
    return f"{header}.{b64(json.dumps(claims).encode())}."


def signed_by_the_public_key_as_a_secret(provider: FakeProvider, claims: Claims) -> str:
    header = {"alg": "HS256", "kid": str(provider.keys[0].kid)}
    signed = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
    public = provider.keys[0].as_pem(private=False)
    return f"{signed}.{b64(hmac.digest(public, signed.encode(), 'sha256'))}"


def signed_by_the_client_secret(_: FakeProvider, claims: Claims) -> str:
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(CLIENT_SECRET), ["HS256"])


def signed_by_a_stranger(provider: FakeProvider, claims: Claims) -> str:
    header = {"alg": "RS256", "kid": str(provider.keys[0].kid)}
    return jwt.encode(header, claims, STRANGER, ["RS256"])


def with_the_key_in_its_header(_: FakeProvider, claims: Claims) -> str:
    header = {"alg": "RS256", "jwk": STRANGER.as_dict(private=False)}
    payload = json.dumps(claims).encode()
    registry = jws.JWSRegistry(algorithms=["RS256"])
    registry.max_header_length = 1_000
    return jws.serialize_compact(header, payload, STRANGER, registry=registry)


def altered_after_signing(provider: FakeProvider, claims: Claims) -> str:
    header, _, signature = provider.signed(claims).split(".")
    forged = b64(json.dumps({**claims, "email": "root@example.org"}).encode())
    return f"{header}.{forged}.{signature}"


def with_a_critical_header_nobody_knows(provider: FakeProvider, claims: Claims) -> str:
    header = b64(json.dumps({"alg": "RS256", "kid": "first", "crit": ["x"], "x": 1}).encode())
    return f"{header}.{b64(json.dumps(claims).encode())}.{provider.signed(claims).rpartition('.')[2]}"


STRANGER: Final = RSAKey.generate_key(2_048)


@pytest.mark.parametrize(
    "forge",
    [
        unsigned,
        signed_by_the_public_key_as_a_secret,
        signed_by_the_client_secret,
        signed_by_a_stranger,
        with_the_key_in_its_header,
        altered_after_signing,
        with_a_critical_header_nobody_knows,
        lambda *_: "",
        lambda *_: "a.b",
        lambda *_: "é.é.é",
        lambda *_: "....",
        lambda *_: "x" * 200_000,
    ],
)
def test_a_forged_token_is_refused(scene: Scene, forge: Callable[[FakeProvider, Claims], str]) -> None:
    scene.provider.sign = lambda claims: forge(scene.provider, claims)
    browser = scene.browser()
    assert scene.refused(browser, scene.sign_in(browser))


def test_a_shared_secret_signs_nothing_even_where_it_is_among_the_keys() -> None:
    secret = OctKey.import_key(CLIENT_SECRET)
    token = jwt.encode({"alg": "HS256"}, {"sub": "7"}, secret, ["HS256"])
    with pytest.raises(BadTokenError, match="unsupported_algorithm"):
        read_claims(token, KeySet([secret]), issuer="i", client_id="c", nonce="n", now=NOON)


@given(
    st.text(st.characters(codec="utf-8"), max_size=60)
    | st.from_regex(r"[\w-]*\.[\w-]*\.[\w-]*", fullmatch=True)
)
def test_any_text_is_a_token_or_a_bad_one(token: str) -> None:
    with pytest.raises(BadTokenError):
        read_claims(token, KeySet([STRANGER]), issuer="i", client_id="c", nonce="n", now=NOON)


ANY: Final = st.recursive(
    st.none() | st.integers() | st.sampled_from(["RSA", "EC", "P-256", "sig", "AQAB", "", "é", "x" * 400]),
    lambda one: (
        st.lists(one, max_size=3)
        | st.dictionaries(
            st.sampled_from(["kty", "use", "n", "e", "x", "y", "crv", "kid", "alg", "key_ops"]), one
        )
    ),
    max_leaves=12,
)


@given(ANY | st.lists(ANY))
@example(7)
@example([{"kty": "RSA", "n": "x" * 400, "e": 7}])
@example([{"kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB"}])
@example([{"kty": "EC", "crv": ["P-256"], "x": "AQAB", "y": "AQAB"}])
def test_a_document_of_any_shape_holds_no_key_and_breaks_nothing(keys: object) -> None:
    with pytest.raises(ValueError, match="no key"):
        key_set({"keys": keys})


# -- keys and addresses --------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["PS256", "RS512", "ES256", "ES384"])
def test_every_usual_kind_of_key_is_taken(scene: Scene, algorithm: str) -> None:
    parameters = {"kid": "k", "use": "sig", "alg": algorithm}
    curve = {"ES256": "P-256", "ES384": "P-384"}.get(algorithm)
    key = ECKey.generate_key(curve, parameters) if curve else RSAKey.generate_key(2_048, parameters)
    scene.provider.keys = [key]
    assert scene.sign_in(scene.browser()).status_code == 303


def test_a_new_key_is_fetched_and_an_unknown_one_at_most_once_a_minute(scene: Scene) -> None:
    scene.sign_in(scene.browser())
    assert scene.provider.asked.count("/keys") == 1
    scene.provider.keys.insert(0, RSAKey.generate_key(2_048, {"kid": "second", "use": "sig", "alg": "RS256"}))
    assert scene.sign_in(scene.browser()).status_code == 403  # too soon after the first fetch
    scene.clock.move(minutes=1)
    assert scene.sign_in(scene.browser()).status_code == 303
    assert scene.provider.asked.count("/keys") == 2
    scene.clock.move(minutes=1)
    published, scene.provider.keys = scene.provider.keys, [STRANGER]
    scene.provider.sign = lambda claims: jwt.encode(
        {"alg": "RS256", "kid": "third"}, claims, STRANGER, ["RS256"]
    )
    scene.provider.keys = published
    for _ in range(3):
        assert scene.sign_in(scene.browser()).status_code == 403
    assert scene.provider.asked.count("/keys") == 3


def test_a_key_that_is_withdrawn_is_worth_nothing_after_an_hour(scene: Scene) -> None:
    scene.sign_in(scene.browser())
    withdrawn = scene.provider.keys[0]
    scene.provider.keys = [RSAKey.generate_key(2_048, {"kid": "second", "use": "sig", "alg": "RS256"})]
    scene.provider.sign = lambda claims: jwt.encode(
        {"alg": "RS256", "kid": str(withdrawn.kid)}, claims, withdrawn, ["RS256"]
    )
    scene.clock.move(seconds=KEPT.total_seconds())
    assert scene.sign_in(scene.browser()).status_code == 403


def test_weak_and_foreign_keys_are_passed_over() -> None:
    with pytest.warns(match="2048 bits"):
        weak = RSAKey.generate_key(1_024).as_dict(private=False)
    strong = {**STRANGER.as_dict(private=False), "kid": "s"}
    others = [
        weak,
        {**strong, "use": "enc"},
        {"kty": "oct", "k": b64(CLIENT_SECRET.encode())},
        {"kty": "RSA", "n": "!", "e": "AQAB"},
        {"kty": "AKP"},
        7,
    ]
    assert [key.kid for key in key_set({"keys": [*others, strong]})] == ["s"]
    with pytest.raises(ValueError, match="no key"):
        key_set({"keys": others})


def in_the_name_of_another(document: Claims) -> Response:
    return JSONResponse({**document, "issuer": "https://elsewhere.example"})


def longer_than_it_may_be(document: Claims) -> Response:
    return PlainTextResponse(json.dumps(document) + " " * MOST_BYTES)


def packed(document: Claims) -> Response:
    return Response(gzip.compress(json.dumps(document).encode()), headers={"Content-Encoding": "gzip"})


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: PlainTextResponse("oops", 500),
        lambda document: JSONResponse(document, 404),
        lambda _: PlainTextResponse("not json"),
        lambda _: PlainTextResponse("[" * 100_000),
        lambda _: JSONResponse([]),
        lambda _: JSONResponse({}),
        lambda _: RedirectResponse("/keys"),
        in_the_name_of_another,
        longer_than_it_may_be,
        packed,
    ],
)
def test_a_provider_that_answers_nothing_of_use_is_told_in_words(
    scene: Scene, answer: Callable[[Claims], Response]
) -> None:
    scene.provider.answers[DISCOVERY] = answer(scene.provider.document)
    browser = scene.browser()
    for _ in range(3):
        found = browser.get("/sign-in/provider")
        assert found.status_code == 502
        assert "cannot be reached" in found.text
    assert scene.provider.asked == [DISCOVERY]  # and is left alone for seconds
    assert "set-cookie" not in found.headers
    scene.provider.answers.clear()
    scene.clock.move(seconds=5)
    assert scene.sign_in(browser).status_code == 303


@pytest.mark.parametrize(
    ("path", "answer", "status"),
    [
        ("/token", JSONResponse({"error": "invalid_grant"}, 400), 403),
        ("/token", JSONResponse({"access_token": "x", "token_type": "Bearer"}), 403),
        ("/token", JSONResponse({"id_token": 7}), 403),
        ("/token", JSONResponse([], 200), 502),
        ("/token", PlainTextResponse("oops", 500), 502),
        ("/token", PlainTextResponse("[" * 100_000), 502),
        ("/token", RedirectResponse("/keys", 307), 502),
        ("/token", PlainTextResponse(" " * (MOST_BYTES + 1)), 502),
        ("/keys", JSONResponse({"keys": []}), 502),
        ("/keys", JSONResponse({}), 502),
    ],
)
def test_a_code_that_cannot_be_redeemed_lets_nobody_in(
    scene: Scene, path: str, answer: Response, status: int
) -> None:
    scene.provider.answers[path] = answer
    browser = scene.browser()
    assert scene.refused(browser, scene.sign_in(browser), status)


@pytest.mark.parametrize("offered", [None, 7, "openid", {}, [7, None, "openid"]])
def test_what_a_provider_offers_may_be_of_any_shape(scene: Scene, offered: object) -> None:
    scene.provider.document |= {"scopes_supported": offered, "token_endpoint_auth_methods_supported": offered}
    assert scene.sign_in(scene.browser()).status_code == 303


def test_a_secret_goes_into_the_body_where_the_provider_takes_it_there(scene: Scene) -> None:
    scene.provider.document["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    assert scene.sign_in(scene.browser()).status_code == 303


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize(
    "address",
    [
        None,
        7,
        "",
        "/x",
        "http://idp.example/x",
        "javascript:alert(1)",
        "https://u:p@idp.example",
        "https://[x",
    ],
)
def test_nothing_is_sent_to_an_address_that_others_could_read(
    scene: Scene, name: str, address: object
) -> None:
    scene.provider.document[name] = address
    assert scene.browser().get("/sign-in/provider").status_code == 502


def test_addresses_are_of_tls_or_of_this_machine() -> None:
    assert is_safe("https://idp.example/realms/one?x=1")
    assert is_safe("http://127.0.0.1:8080/x")
    assert is_safe("http://[::1]/x")
    assert not is_safe("http://127.0.0.1.idp.example/x")
    assert not is_safe("https:///x")
    assert not is_safe("https://idp.example/#x")
    assert not is_safe("https://idp.example\n")


# -- what is left behind -------------------------------------------------------------------------------


def test_logs_and_the_store_hold_no_token_code_or_secret(
    scene: Scene, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made: list[str] = []

    def sign(claims: Claims) -> str:
        made.extend([scene.provider.signed(claims), str(claims["email"])])
        return made[0]

    scene.provider.sign = sign
    scene.provider.user["email"] = "canary@example.org"
    scene.provider.spoil = put(aud="another")
    browser = scene.browser()
    with caplog.at_level(logging.DEBUG):
        answer = scene.sign_in(browser)
    assert answer.status_code == 403
    texts = [
        record.getMessage() for record in caplog.records if record.name.startswith(("review", "authlib"))
    ]
    assert texts == ["sign-in refused: ID token: claims: invalid_claim aud"]
    held = b"".join(path.read_bytes() for path in home.glob("shoal.db*"))
    for secret in (*made, CLIENT_SECRET):
        assert secret not in caplog.text
        assert secret.encode() not in held
