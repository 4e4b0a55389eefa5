"""Where messages go: a receiver each, behind one Protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Outcome(StrEnum):
    """DELIVERED: the receiver has it. FAILED: try again later. REFUSED: it will never take this message.
    GONE: it wants nothing any more; it is switched off until a person switches it on."""

    DELIVERED = "delivered"
    FAILED = "failed"
    REFUSED = "refused"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one message; `error` says why not, without anything of the message."""

    outcome: Outcome
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message on its way; `body` is JSON in UTF-8, the same bytes at every attempt."""

    message_id: str
    campaign_id: str
    version: int
    attempt: int
    created_at: datetime
    body: bytes


class Sink(Protocol):
    """`name` is the one of the setting `delivery.sinks`."""

    name: str

    def send(self, batch: Sequence[Outgoing]) -> Sequence[Result]:
        """Send messages, at most one per campaign; one result each, in their order.

        A message may come again with the same id: its receiver may have it although nobody was told.
        """

    def close(self) -> None: ...
