"""Which confirmed campaigns name an account, by what was handed out so far."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.delivery_tables import TombstoneRow
from campaigns.outbox import Effect
from campaigns.settings import DeliverySettings
from campaigns.store import Store
from enforcement.feed_log import Place, handed_out

_AT_A_TIME: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """A confirmed campaign that names an account, with the message that said so. `strength` (0..1): how surely."""

    campaign_id: str
    version: int
    message_id: str
    decided_at: datetime
    strength: float
    reasons: tuple[str, ...]
    appeal: str


class NamedAccounts:
    """Follows the log of the feed; safe to share between threads."""

    def __init__(self, store: Store, home: Path, settings: DeliverySettings) -> None:
        self._store = store
        self._home = home
        self._settings = settings
        self._lock = threading.Lock()
        self._forget()

    def of(self, account_id: str) -> tuple[Naming, ...]:
        """As of now, by campaign. Empty: none names it, whoever else knows it."""
        with self._lock:
            self._follow()
            found = self._campaigns.get(account_id, {})
            return tuple(found[name] for name in sorted(found))

    def _forget(self) -> None:
        self._place = Place()
        self._erased = 0
        self._campaigns: dict[str, dict[str, Naming]] = defaultdict(dict)
        self._accounts: dict[str, tuple[str, ...]] = {}

    def _follow(self) -> None:
        """Take in what was handed out since. An erasure changes what was handed out before; then all is read anew."""
        with self._store.reading() as session:
            erased = session.scalar(select(func.count()).select_from(TombstoneRow)) or 0
            if erased != self._erased:
                self._forget()
                self._erased = erased
            while self._take(session):
                pass

    def _take(self, session: Session) -> bool:
        count = 0
        for handed in handed_out(session, self._home, self._settings, self._place, _AT_A_TIME):
            self._place = handed.place
            self._set(handed.campaign_id, handed.body)
            count += 1
        return count == _AT_A_TIME

    def _set(self, campaign_id: str, body: Mapping[str, Any] | None) -> None:
        """The latest message about a campaign takes the place of the one before."""
        for account_id in self._accounts.pop(campaign_id, ()):
            self._campaigns[account_id].pop(campaign_id)
            if not self._campaigns[account_id]:
                del self._campaigns[account_id]
        if body is None or body["effect"] != Effect.CONFIRMED:
            return
        for account in body["accounts"]:
            self._campaigns[account["account_id"]][campaign_id] = Naming(
                campaign_id=campaign_id,
                version=body["version"],
                message_id=body["message_id"],
                decided_at=datetime.fromisoformat(body["decided_at"]),
                strength=account["strength"],
                reasons=tuple(account["reasons"]),
                appeal=body["appeal"],
            )
        self._accounts[campaign_id] = tuple(account["account_id"] for account in body["accounts"])
