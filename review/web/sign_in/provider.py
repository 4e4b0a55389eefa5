"""An identity provider: where its doors are, its keys, and what it says about a code.

What it publishes is read from the issuer of the settings, over TLS, following no redirect, in bounded time and size,
and kept for an hour. Keys are fetched again for a token that none of them signed, at most once a minute.

OpenID Connect Discovery 1.0; RFC 6749, 7636 (PKCE), 9207.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlsplit

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from joserfc.jwk import KeySet

from campaigns.entries import Clock
from campaigns.settings import ReviewSettings
from review.web.security import LOOPBACK
from review.web.sign_in.id_token import BadTokenError, UnknownKeyError, key_set, read_claims
from review.web.sign_in.refusals import ProviderFailed, SignInRefused

DISCOVERY: Final = "/.well-known/openid-configuration"
KEPT: Final = timedelta(hours=1)
AGAIN: Final = timedelta(minutes=1)
"""Least time between two fetches for keys that are not at hand."""
AFTER_FAILURE: Final = timedelta(seconds=5)
"""So that a provider that does not answer holds up one request, and not all of them."""
MOST_BYTES: Final = 1 << 20
MOST_SECONDS: Final = 10.0
POST: Final = "client_secret_post"
"""In the body, where no encoding of a secret is in doubt; better than in a header, which all providers take."""
_SCOPES: Final = ("openid", "email", "profile", "groups")

_Value = TypeVar("_Value")


class Provider:
    """Safe to share between threads."""

    def __init__(self, settings: ReviewSettings, redirect_uri: str, clock: Clock) -> None:
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._clock = clock
        self._doors: _Kept[_Doors] = _Kept(self._fetch_doors, clock)
        self._keys: _Kept[KeySet] = _Kept(self._fetch_keys, clock)

    def address(self, state: str, nonce: str, verifier: str) -> str:
        """Where a browser begins to sign in.

        Raises:
            ProviderFailed: it does not say where.
        """
        doors = self._doors.value()
        with self._client(doors) as client:
            address, _ = client.create_authorization_url(
                doors.authorization, state=state, nonce=nonce, code_verifier=verifier
            )
        return str(address)

    def claims(self, code: str, verifier: str, nonce: str) -> dict[str, Any]:
        """Who signed in, for a code that the browser brought back.

        Raises:
            ProviderFailed: it cannot be asked.
            SignInRefused: what it says of the code does not hold.
        """
        token = self._redeem(code, verifier)
        try:
            try:
                return self._read(token, self._keys.value(), nonce)
            except UnknownKeyError:
                newer = self._keys.newer()
                if newer is None:
                    raise
                return self._read(token, newer, nonce)
        except BadTokenError as error:
            raise SignInRefused(f"ID token: {error}") from None

    def _read(self, token: str, keys: KeySet, nonce: str) -> dict[str, Any]:
        return read_claims(
            token,
            keys,
            issuer=self._settings.oidc_issuer,
            client_id=self._settings.oidc_client_id,
            nonce=nonce,
            now=self._clock(),
        )

    def _redeem(self, code: str, verifier: str) -> str:
        doors = self._doors.value()
        try:
            with self._client(doors) as client:
                answer = client.fetch_token(
                    doors.token, grant_type="authorization_code", code=code, code_verifier=verifier
                )
        except OAuthError:
            raise SignInRefused("the provider does not take the code") from None
        except (httpx2.HTTPError, ValueError, RecursionError) as error:
            raise ProviderFailed(f"token endpoint: {type(error).__name__}") from None
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise SignInRefused("the provider sent no ID token")
        return token

    def _client(self, doors: _Doors) -> Any:
        secret = self._settings.oidc_client_secret.get_secret_value()
        return OAuth2Client(
            client_id=self._settings.oidc_client_id,
            client_secret=secret or None,
            token_endpoint_auth_method=doors.client_auth if secret else "none",
            scope=doors.scope,
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            transport=_Bounded(),
            timeout=MOST_SECONDS,
        )

    def _fetch_doors(self) -> _Doors:
        issuer = self._settings.oidc_issuer
        document = self._fetch(issuer.removesuffix("/") + DISCOVERY)
        if document.get("issuer") != issuer:
            raise ProviderFailed("discovery: the provider calls itself otherwise than review.oidc_issuer")
        try:
            return _Doors.of(document)
        except ValueError as error:
            raise ProviderFailed(f"discovery: {error}") from None

    def _fetch_keys(self) -> KeySet:
        try:
            return key_set(self._fetch(self._doors.value().keys))
        except ValueError as error:
            raise ProviderFailed(f"keys: {error}") from None

    def _fetch(self, url: str) -> dict[str, Any]:
        try:
            with httpx2.Client(transport=_Bounded(), timeout=MOST_SECONDS) as client:
                answer = client.get(url, headers={"Accept": "application/json"})
            document = answer.json() if answer.status_code == httpx2.codes.OK else None
        except (httpx2.HTTPError, ValueError, RecursionError) as error:
            raise ProviderFailed(f"{urlsplit(url).path}: {type(error).__name__}") from None
        if not isinstance(document, dict):
            raise ProviderFailed(f"{urlsplit(url).path}: status {answer.status_code}, or no JSON object")
        return document


@dataclass(frozen=True, slots=True)
class _Doors:
    """Addresses of the provider, how a client shows who it is there, and what may be asked for."""

    authorization: str
    token: str
    keys: str
    client_auth: str
    scope: str

    @classmethod
    def of(cls, document: dict[str, Any]) -> _Doors:
        """
        Raises:
            ValueError: an address is missing, or one to which nothing may be sent.
        """
        ways = document.get("token_endpoint_auth_methods_supported")
        offered = document.get("scopes_supported")
        if not isinstance(offered, list):
            offered = _SCOPES[:3]
        return cls(
            authorization=_address(document, "authorization_endpoint"),
            token=_address(document, "token_endpoint"),
            keys=_address(document, "jwks_uri"),
            client_auth=POST if isinstance(ways, list) and POST in ways else "client_secret_basic",
            scope=" ".join(scope for scope in _SCOPES if scope == "openid" or scope in offered),
        )


def _address(document: dict[str, Any], name: str) -> str:
    found = document.get(name)
    if not isinstance(found, str) or not is_safe(found):
        raise ValueError(f"{name} is no https address")
    return found


def is_safe(url: str) -> bool:
    """Whether nobody on the way can read or change what is sent there."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    here = (f"[{host}]" if ":" in host else host) in LOOPBACK
    plain = url.isascii() and url.isprintable() and not parts.fragment and "@" not in parts.netloc
    return plain and bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and here))


class _Kept(Generic[_Value]):
    """Something that is fetched, and kept for a while."""

    def __init__(self, fetch: Callable[[], _Value], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._found: tuple[_Value, datetime] | None = None
        self._failed: tuple[str, datetime] | None = None

    def value(self) -> _Value:
        """
        Raises:
            ProviderFailed: it cannot be had, or could not a moment ago.
        """
        with self._lock:
            if self._found is not None and self._clock() - self._found[1] < KEPT:
                return self._found[0]
            return self._fetched()

    def newer(self) -> _Value | None:
        """Fetched again; None: it was just now.

        Raises:
            ProviderFailed: as `value`.
        """
        with self._lock:
            if self._found is not None and self._clock() - self._found[1] < AGAIN:
                return None
            return self._fetched()

    def _fetched(self) -> _Value:
        if self._failed is not None and self._clock() - self._failed[1] < AFTER_FAILURE:
            raise ProviderFailed(self._failed[0])
        try:
            value = self._fetch()
        except ProviderFailed as error:
            self._failed = (error.why, self._clock())
            raise
        self._found, self._failed = (value, self._clock()), None
        return value


class _Bounded(httpx2.BaseTransport):
    """Reads answers whole, if they are short, quick and not packed."""

    def __init__(self) -> None:
        self._transport = httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["Accept-Encoding"] = "identity"
        until = time.monotonic() + MOST_SECONDS
        answer = self._transport.handle_request(request)
        try:
            if answer.headers.get("Content-Encoding", "identity") != "identity":
                raise httpx2.DecodingError("an answer that is packed", request=request)
            body = bytearray()
            for chunk in answer.iter_raw():
                body += chunk
                if len(body) > MOST_BYTES or time.monotonic() > until:
                    raise httpx2.ReadError("an answer too long or too slow", request=request)
        finally:
            answer.close()
        return httpx2.Response(answer.status_code, headers=answer.headers, content=bytes(body))

    def close(self) -> None:
        self._transport.close()
