"""A feed over a few confirmed campaigns, and tokens of every kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from handoff_examples import publish_accounts
from starlette.testclient import TestClient
from store_examples import NOON, a_run

from campaigns.entries import Verdict
from campaigns.outbox import Delay
from campaigns.settings import DeliverySettings
from campaigns.store import Store
from enforcement.feed import create_app
from enforcement.tokens import Scope, issue, revoke

CAMPAIGNS: Final = {
    f"c-{number:08d}": [f"acct-{number}", f"acct-{number}-b", "acct-in-all"] for number in range(6)
}
KINDS: Final[Mapping[str, Sequence[Scope]]] = {
    "campaigns": [Scope.CAMPAIGNS],
    "accounts": [Scope.ACCOUNTS],
    "both": list(Scope),
    "revoked": list(Scope),
    "over": list(Scope),
}


class MovingClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def move(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass(frozen=True, slots=True)
class FeedExample:
    store: Store
    home: Path
    app: FastAPI
    clock: MovingClock
    tokens: dict[str, str]

    def client(self, kind: str = "both") -> TestClient:
        headers = {"Authorization": f"Bearer {self.tokens[kind]}"} if kind else {}
        return TestClient(self.app, headers=headers, raise_server_exceptions=False)

    def confirm(self, name: str) -> int:
        self.clock.move(seconds=1)
        made = self.store.decide(name, Verdict.CONFIRMED, reason="a pool", author="ada", clock=self.clock)
        return made.id

    def undo(self, decision_id: int) -> None:
        self.clock.move(seconds=1)
        self.store.undo(decision_id, reason="wrong", author="ada", clock=self.clock)

    def read_all(self, *, cursor: str = "", limit: int = 100) -> tuple[list[dict[str, Any]], str]:
        """Everything behind a cursor, and the cursor behind it."""
        found: list[dict[str, Any]] = []
        client = self.client()
        while True:
            page = client.get("/v1/campaigns", params={"cursor": cursor, "limit": limit}).json()
            found += page["messages"]
            cursor = page["next"]
            if not page["more"]:
                return found, cursor


@contextmanager
def a_feed(
    home: Path,
    accounts: Mapping[str, Sequence[str]] = CAMPAIGNS,
    *,
    delay: Delay | None = None,
    settings: DeliverySettings | None = None,
    url: str = "",
) -> Iterator[FeedExample]:
    """
    Args:
        accounts: those that the published run names, by campaign.
        url: of the store; empty: SQLite in `home`.
    """
    clock = MovingClock()
    with Store.open_url(url or f"sqlite:///{home / 'shoal.db'}", home, delay=delay) as store:
        publish_accounts(store, home, a_run(), accounts)
        tokens = {"": "", "wrong": "shoalfeed_wrong"}
        with store.writing() as session:
            for kind, scopes in KINDS.items():
                life = timedelta(0) if kind == "over" else timedelta(days=365)
                tokens[kind], kept = issue(session, kind, scopes, author="ada", life=life, clock=clock)
                if kind == "revoked":
                    revoke(session, kept.id, author="ada", clock=clock)
        app = create_app(store, home, settings or DeliverySettings(appeal="Write to us."), clock=clock)
        yield FeedExample(store, home, app, clock, tokens)
