"""A clock that a test moves."""

from __future__ import annotations

from datetime import datetime, timedelta

from store_examples import NOON


class MovedClock:
    """Stands at noon of `store_examples` until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        """As of `timedelta`: `clock.move(minutes=5)`."""
        self.now += timedelta(**by)
