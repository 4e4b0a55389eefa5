"""How long a sink is left alone: after an attempt that failed, and while one is under way."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Final

from campaigns.settings import DeliverySettings

_SPARE_SECONDS: Final = 60.0
"""Of a lease, besides what the receiver may take."""
_MOST_DOUBLINGS: Final = 64


def backoff(message_id: str, attempt: int, settings: DeliverySettings) -> timedelta:
    """How long after this attempt, counted from 1, the next one is due."""
    doubled = settings.backoff_seconds * 2.0 ** min(attempt - 1, _MOST_DOUBLINGS)
    drawn = int.from_bytes(hashlib.sha256(f"{message_id} {attempt}".encode()).digest()[:8]) / 2**64
    return timedelta(seconds=min(doubled, settings.backoff_most_seconds) * drawn)


def lease(settings: DeliverySettings) -> timedelta:
    """As long as a batch may take if its receiver answers each message at the last moment."""
    rounds = -(-settings.batch // settings.concurrency)
    return timedelta(seconds=_SPARE_SECONDS + rounds * settings.webhook_timeout_seconds)
