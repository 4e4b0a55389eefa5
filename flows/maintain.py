"""Retention as a Prefect flow: what `shoal retain` does, every night."""

from __future__ import annotations

from dataclasses import asdict

from prefect import flow

from campaigns.retention import retain
from campaigns.settings import load
from campaigns.store import Store
from flows.resources import Flags

AUTHOR = "schedule"
"""Who cleared it, in the audit log."""


@flow(name="keep-what-is-needed", persist_result=False)
def keep_what_is_needed(flags: Flags | None = None) -> dict[str, int]:
    """Clear what is older than the settings of `retention` say; how much of each kind that was.

    Raises:
        LockHeldError: a run is at work on an old day. The next night ends it.
        IntegrityError: a run is damaged.
    """
    settings = load(flags).settings
    with Store.open(settings) as store:
        return asdict(retain(settings, store, author=AUTHOR))
