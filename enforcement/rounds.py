"""One round of the hand-off: the sinks of the settings are opened, drained, and looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass

from campaigns.entries import Clock, utc_now
from campaigns.errors import DeliveryPendingError
from campaigns.settings import Settings
from campaigns.store import Store
from enforcement.outbox import Drained, drain
from enforcement.sinks.made import sinks_of
from enforcement.standing import Standing, standing


@dataclass(frozen=True, slots=True)
class Round:
    """What was done, and how far each sink is now."""

    done: Drained
    standing: dict[str, Standing]

    def refuse_if_pending(self) -> None:
        """
        Raises:
            DeliveryPendingError: something that should have left did not.
        """
        pending = {name: one for name, one in self.standing.items() if one.pending}
        if not pending:
            return
        overdue = sum(one.overdue for one in pending.values())
        dead = sum(one.dead for one in pending.values())
        raise DeliveryPendingError(
            f"messages that should have left and did not: {overdue:,}; dead letters: {dead:,}",
            where=", ".join(pending),
            hint="`shoal deliver --list` says which and why; the runbook says what to do.",
        )


def deliver(
    store: Store,
    settings: Settings,
    names: Sequence[str],
    *,
    clock: Clock = utc_now,
    progress: Callable[[str, int], None] = lambda *_: None,
) -> Round:
    """Send what is due.

    Args:
        names: sinks; see `enforcement.sinks.made.names_of`.
        progress: as of `drain`.

    Raises:
        UsageError: what a sink needs is not set; nothing was sent.
    """
    with ExitStack() as opened:
        sinks = [
            opened.enter_context(closing(sink)) for sink in sinks_of(names, settings.delivery, settings.home)
        ]
        done = drain(store, settings.home, sinks, settings.delivery, clock=clock, progress=progress)
    with store.reading() as session:
        found = standing(session, clock(), names)
    return Round(done, {name: found[name] for name in names})
