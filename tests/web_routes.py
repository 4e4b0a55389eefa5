"""Every route of the analyst's page with an address that could be one of it, so that tests can go through them all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from run_examples import GRADES, LEDGER
from store_examples import MONDAY

from campaigns.sessions import Role
from review.web.access import GuardedRoute
from review.web.desk import Desk
from review.web.pages import ROUTERS
from review.web.security import SAFE_METHODS

_VALUES: Final = {
    "campaign_id": GRADES,
    "day": str(MONDAY),
    "decision_id": "1",
    "entry_id": "1",
    "kind": "csv",
    "left": GRADES,
    "name": "base.css",
    "on": GRADES,
    "operator_id": "o-aaaa1111",
    "other": LEDGER,
    "proposal_id": "1",
    "right": LEDGER,
    "split_id": "1",
    "verdict": "confirm",
    "view_id": "1",
}


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path; `role` is the least that may call it, None: anybody."""

    method: str
    path: str
    role: Role | None
    asks: tuple[str, ...]

    @property
    def safe(self) -> bool:
        return self.method in SAFE_METHODS

    def address(self, app: FastAPI) -> str:
        """With values in the place of names, and those that the query must have."""
        desk: Desk = app.state.desk
        values = {
            **_VALUES,
            "digest": app.state.assets["base.css"].digest,
            "reference": desk.links.reference("acct-2"),
        }
        path = self.path.replace(":path}", "}").format(**values)
        query = urlencode({name: values[name] for name in self.asks})
        return f"{path}?{query}" if query else path

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def _routes() -> list[Route]:
    found = []
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, GuardedRoute)
            found += [Route(method, route.path, route.access.role, _asks(route)) for method in route.methods]
    return found


def _asks(route: APIRoute) -> tuple[str, ...]:
    """What its query must have, or may have and there is a value for; a model is what its fields are."""
    fields = {field.alias: field.field_info for field in route.dependant.query_params}
    for name, info in list(fields.items()):
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            del fields[name]
            fields |= info.annotation.model_fields
    return tuple(name for name, info in fields.items() if info.is_required() or name in _VALUES)


ROUTES: Final = _routes()
