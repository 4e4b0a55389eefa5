"""The feed, for receivers that pull.

    GET /v1/campaigns?cursor=&limit=   messages in the order they were handed out; scope campaigns:read
    GET /v1/accounts/{account_id}      confirmed campaigns that name an account now; scope accounts:read
    GET /v1/health                     whether the store answers
    GET /openapi.json                  all of this for programs

A receiver keeps `next` and asks with it as `cursor` again; what it has read never changes its order, and what is new
comes behind. Errors are {"error": ..., "hint": ...}: 401 no good token, 403 not of this scope, 404 no confirmed
campaign names the account, whatever else is known of it, 413 the request is too large, 422 a value does not fit,
503 the store does not answer. Tokens: `enforcement.tokens`.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Query, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from pydantic import TypeAdapter
from sqlalchemy import text
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.exceptions import HTTPException as AnyHTTPException

from campaigns.entries import Clock, utc_now
from campaigns.errors import ShoalError
from campaigns.settings import DeliverySettings
from campaigns.store import Store
from enforcement.body import Body
from enforcement.feed_accounts import NamedAccounts, Naming
from enforcement.feed_guard import Guard
from enforcement.feed_log import Place, hand_out, handed_out
from enforcement.tokens import Scope, scopes_of

log = logging.getLogger(__name__)

MOST_MESSAGES: Final = 500
_SEE: Final = "GET /openapi.json says what can be asked."


@dataclass(frozen=True, slots=True)
class Page:
    """Messages; `next` is the cursor behind the last of them. `more`: ask again at once."""

    messages: tuple[Body, ...]
    next: str
    more: bool


@dataclass(frozen=True, slots=True)
class Account:
    account_id: str
    campaigns: tuple[Naming, ...]


@dataclass(frozen=True, slots=True)
class Health:
    status: str


@dataclass(frozen=True, slots=True)
class Problem:
    error: str
    hint: str


@dataclass(frozen=True, slots=True)
class _Feed:
    """What the answers are made from."""

    store: Store
    home: Path
    settings: DeliverySettings
    accounts: NamedAccounts
    clock: Clock

    def page(self, after: Place, limit: int) -> dict[str, Any]:
        waiting = hand_out(self.store, self.home, self.settings, clock=self.clock)
        with self.store.reading() as session:
            found = list(handed_out(session, self.home, self.settings, after, limit))
        return {
            "messages": [one.body for one in found if one.body is not None],
            "next": str(found[-1].place if found else after),
            "more": waiting or len(found) == limit,
        }

    def account(self, account_id: str) -> tuple[Naming, ...]:
        while hand_out(self.store, self.home, self.settings, clock=self.clock):
            pass
        return self.accounts.of(account_id)


def create_app(store: Store, home: Path, settings: DeliverySettings, *, clock: Clock = utc_now) -> FastAPI:
    """
    Args:
        home: holds the runs that bodies are composed from.
    """
    app = FastAPI(
        title="Shoal feed",
        version="1",
        description="Confirmed campaigns and their accounts, for enforcement tools.",
        docs_url=None,
        redoc_url=None,
        exception_handlers={
            AnyHTTPException: _refused,
            RequestValidationError: _unfit,
            ShoalError: _unavailable,
        },
    )
    app.state.feed = _Feed(store, home, settings, NamedAccounts(store, home, settings), clock)
    app.include_router(router)
    app.add_middleware(Guard)
    return app


# -- who asks ------------------------------------------------------------------------------------------


def _feed(request: Request) -> _Feed:
    feed: _Feed = request.app.state.feed
    return feed


FeedOfApp = Annotated[_Feed, Depends(_feed)]
_bearer = HTTPBearer(auto_error=False, description="A token of `shoal feed token issue`.")


def _authorized(
    feed: FeedOfApp,
    needed: SecurityScopes,
    given: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> None:
    scopes = None
    if given is not None:
        with feed.store.reading() as session:
            scopes = scopes_of(session, given.credentials, feed.clock())
    if scopes is None:
        raise _Refusal(
            401,
            "the token is missing, wrong, revoked or over",
            "Send Authorization: Bearer and a token of `shoal feed token issue`.",
            {"WWW-Authenticate": "Bearer"},
        )
    if not scopes.issuperset(needed.scopes):
        raise _Refusal(
            403,
            "the token is not for this",
            f"Issue one with --scope {needed.scope_str}.",
            {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{needed.scope_str}"'},
        )


# -- what is asked -------------------------------------------------------------------------------------

_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": Problem, "description": "No good token."},
    403: {"model": Problem, "description": "The token is not for this."},
    422: {"model": Problem, "description": "A value does not fit."},
    503: {"model": Problem, "description": "The store does not answer now."},
}
_UNCHANGED: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "As it was at that ETag."}}
_page = TypeAdapter(Page)
_account = TypeAdapter(Account)
IfNoneMatch = Annotated[str, Header(description="ETags of what is at hand.")]


class _AnyText(StringConvertor):
    """The rest of a path, whatever is in it: an account id may hold slashes and line breaks."""

    regex = r"[\s\S]*"


register_url_convertor("any", _AnyText())
router = APIRouter()


@router.get(
    "/v1/campaigns",
    response_model=Page,
    responses={**_REFUSALS, **_UNCHANGED},
    dependencies=[Security(_authorized, scopes=[Scope.CAMPAIGNS])],
)
def campaigns(
    feed: FeedOfApp,
    cursor: Annotated[str, Query(description="`next` of the page before; empty: from the beginning.")] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_MESSAGES, description="Most messages of the page.")] = 100,
    if_none_match: IfNoneMatch = "",
) -> Response:
    """Messages in the order they were handed out. Of two about one campaign the higher version holds."""
    try:
        after = Place.of(cursor) if cursor else Place()
    except ValueError:
        raise _Refusal(
            422, "the cursor is none of this feed's", "Send `next` of a page as it is, or no cursor."
        ) from None
    return _answer(feed.page(after, limit), if_none_match)


@router.get(
    "/v1/accounts/{account_id:any}",
    response_model=Account,
    responses={
        404: {"model": Problem, "description": "No confirmed campaign names it."},
        **_REFUSALS,
        **_UNCHANGED,
    },
    dependencies=[Security(_authorized, scopes=[Scope.ACCOUNTS])],
)
def account(feed: FeedOfApp, account_id: str, if_none_match: IfNoneMatch = "") -> Response:
    """Confirmed campaigns that name the account now, with reasons."""
    found = feed.account(account_id)
    if not found:
        raise _Refusal(404, "no confirmed campaign names this account", "Write the id as messages write it.")
    told = _account.dump_python(Account(account_id, found), mode="json")
    return _answer(told, if_none_match)


@router.get("/v1/health", response_model=Health, responses={503: _REFUSALS[503]})
def health(feed: FeedOfApp) -> Response:
    """Whether the store answers."""
    with feed.store.reading() as session:
        session.execute(text("SELECT 1"))
    return JSONResponse({"status": "ok"})


def _answer(content: dict[str, Any], if_none_match: str) -> Response:
    body = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    at_hand = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    if at_hand & {etag, "*"}:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


# -- errors --------------------------------------------------------------------------------------------


class _Refusal(HTTPException):
    def __init__(self, status: int, error: str, hint: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, error, headers)
        self.hint = hint


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, AnyHTTPException)  # noqa: S101  -- it is registered for no other
    hint = error.hint if isinstance(error, _Refusal) else _SEE
    return JSONResponse({"error": str(error.detail), "hint": hint}, error.status_code, error.headers)


async def _unfit(_: Request, error: Exception) -> Response:
    """Which value does not fit and why, without the value."""
    assert isinstance(error, RequestValidationError)  # noqa: S101  -- it is registered for no other
    wrong = [f"{problem['loc'][-1]}: {problem['msg']}" for problem in error.errors()]
    return JSONResponse({"error": "; ".join(wrong), "hint": _SEE}, 422)


async def _unavailable(_: Request, error: Exception) -> Response:
    assert isinstance(error, ShoalError)  # noqa: S101  -- it is registered for no other
    log.warning("the feed cannot answer: %s", error.what)
    body = {"error": "the store does not answer now", "hint": "Ask again in a while."}
    return JSONResponse(body, 503, {"Retry-After": "10"})
