"""Who may call a route. Nobody, unless the route says so: an application with a route that does not say cannot be made.

@router.get("/queue")
@allow(Role.VIEWER)
def queue(request: Request, user: User) -> Response: ...
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from campaigns.sessions import Role, SignedIn

_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])
_MARK: Final = "__shoal_access__"


@dataclass(frozen=True, slots=True)
class Access:
    """The least role that may call; None: anybody, signed in or not."""

    role: Role | None


def allow(role: Role | None) -> Callable[[_Endpoint], _Endpoint]:
    """Mark an endpoint with who may call it."""

    def marked(endpoint: _Endpoint) -> _Endpoint:
        setattr(endpoint, _MARK, Access(role))
        return endpoint

    return marked


def access_of(endpoint: Callable[..., Any]) -> Access:
    """
    Raises:
        TypeError: nobody said who may call it.
    """
    found = getattr(endpoint, _MARK, None)
    if not isinstance(found, Access):
        raise TypeError(f"{endpoint.__module__}.{endpoint.__qualname__} does not say who may call it")
    return found


class NotSignedIn(Exception):  # noqa: N818 a state, not a fault
    """Nobody is signed in, and the route is not for everybody."""


class Forbidden(Exception):  # noqa: N818 a state, not a fault
    """The user's role does not reach."""

    def __init__(self, user: SignedIn, needed: Role) -> None:
        super().__init__(f"needs the role {needed}")
        self.user = user
        self.needed = needed


class GuardedRoute(APIRoute):
    """Finds out who calls, before anything of the endpoint runs, and lets in whom its mark allows."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.access = access_of(endpoint)
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            user: SignedIn | None = await run_in_threadpool(request.app.state.sign_in.who, request)
            request.state.user = user
            needed = self.access.role
            if needed is not None:
                if user is None:
                    raise NotSignedIn
                if not user.role.includes(needed):
                    raise Forbidden(user, needed)
            return await handler(request)

        return guarded


def _user(request: Request) -> SignedIn:
    user: SignedIn | None = request.state.user
    if user is None:
        raise NotSignedIn
    return user


User = Annotated[SignedIn, Depends(_user)]
"""Who called; only of routes that are not for everybody."""
