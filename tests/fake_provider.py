"""An identity provider for tests: it keeps to OpenID Connect where it is not told to do otherwise."""

from __future__ import annotations

import base64
import hashlib
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from moved_clock import MovedClock
from served import served
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

CLIENT_ID: Final = "shoal"
CLIENT_SECRET: Final = "a secret of a test"
TEN_MINUTES: Final = 600

Claims = dict[str, Any]


class FakeProvider:
    """
    Attributes:
        user: claims about who signs in.
        keys: what it signs with, the first one, and publishes, all of them.
        spoil: changes the claims of a token before it is signed.
        sign: makes a token of claims.
        asked: paths that were called, in order.
        answers: path to what is answered there instead.
    """

    def __init__(self, issuer: str, clock: MovedClock) -> None:
        self.issuer = issuer
        self.clock = clock
        self._key = RSAKey.generate_key(2_048, {"kid": "first", "use": "sig", "alg": "RS256"})
        self.reset()

    def reset(self) -> None:
        """As it was at first."""
        self.user: Claims = {"sub": "7", "email": "ana@example.org", "groups": ["fraud"]}
        self.keys: list[RSAKey | ECKey] = [self._key]
        self.spoil: Callable[[Claims], object] = lambda _: None
        self.sign: Callable[[Claims], str] = self.signed
        self.asked: list[str] = []
        self.answers: dict[str, Response] = {}
        self.document: Claims = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "scopes_supported": ["openid", "email", "groups", "offline_access"],
        }
        self._codes: dict[str, Claims] = {}

    def signed(self, claims: Claims) -> str:
        key = self.keys[0]
        algorithm = str(key.as_dict()["alg"])
        return jwt.encode({"alg": algorithm, "kid": str(key.kid)}, claims, key, [algorithm])

    def visit(self, address: str) -> str:
        """What a browser is sent to after signing in at `address`: path and query of the callback."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT_ID
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = f"code-{len(self._codes)}"
        self._codes[code] = asked
        return f"{urlsplit(asked['redirect_uri']).path}?code={code}&state={asked['state']}"

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/keys", self._keys),
                Route("/token", self._token, methods=["POST"]),
            ]
        )

    async def _discovery(self, request: Request) -> Response:
        return self._answer(request, self.document)

    async def _keys(self, request: Request) -> Response:
        return self._answer(request, {"keys": [key.as_dict(private=False) for key in self.keys]})

    async def _token(self, request: Request) -> Response:
        form = await request.form()
        if "authorization" in request.headers:
            sent = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        else:
            sent = f"{form['client_id']}:{form['client_secret']}"
        assert sent == f"{CLIENT_ID}:{CLIENT_SECRET}"
        asked = self._codes.pop(str(form["code"]), None)
        verifier = str(form.get("code_verifier", "")).encode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).rstrip(b"=").decode()
        if (
            asked is None
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form["redirect_uri"]
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(self.clock().timestamp())
        claims = {
            **self.user,
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + TEN_MINUTES,
            "nonce": asked["nonce"],
        }
        self.spoil(claims)
        return self._answer(
            request, {"access_token": "x", "token_type": "Bearer", "id_token": self.sign(claims)}
        )

    def _answer(self, request: Request, document: Claims) -> Response:
        self.asked.append(request.url.path)
        return self.answers.get(request.url.path) or JSONResponse(document)


@contextmanager
def running_provider(clock: MovedClock) -> Iterator[FakeProvider]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        provider = FakeProvider(f"http://127.0.0.1:{listener.getsockname()[1]}", clock)
        with served(provider.app(), listener):
            yield provider
