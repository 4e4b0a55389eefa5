"""How far a sink has a message."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """WAITING: for its time, for an earlier message, or for another attempt. DEAD: a person has to look.
    SUPERSEDED: it never left, for a later message was there before its time came."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"
    SUPERSEDED = "superseded"
