"""The matching service as uvicorn starts it, in one process or several: `flows.match_service:application`.

Each worker is a new interpreter, so what the command was told comes through the environment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from starlette.applications import Starlette

from campaigns.settings import NESTED, PREFIX, Settings, load
from campaigns.store import Store
from flows.resources import Flags
from matching.known import KnownCampaigns
from matching.service import Limits, create_app


def application() -> Starlette:
    """Made from the settings of the environment and the settings file."""
    settings = load().settings
    limits = Limits.of(settings.match, settings.ingest.max_prompt_bytes)
    return create_app(StoreSource(settings), settings.match.token.get_secret_value(), limits)


class StoreSource:
    """The suspected campaigns of the store, and as the settings say benign ones and seeds."""

    def __init__(self, settings: Settings) -> None:
        self._store = Store.open(settings)
        self._seeds = settings.match.seeds
        self._benign = settings.match.benign

    def state(self) -> str:
        seeds = self._store.seeds_state() if self._seeds else ""
        return self._store.published_state() + seeds

    def load(self) -> KnownCampaigns:
        seeds = self._store.seed_matchers() if self._seeds else []
        known = [entry for entry in self._store.known_matchers() if entry.suspected or self._benign]
        return KnownCampaigns.of(known, seeds)


def serve(host: str, port: int, workers: int, flags: Flags) -> None:
    """Answer until stopped."""
    import uvicorn

    os.environ.update(as_environment(flags))
    uvicorn.run(
        f"{__name__}:{application.__name__}",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_level="warning",
        access_log=False,
        server_header=False,
    )


def as_environment(flags: Flags) -> Mapping[str, str]:
    """Settings given as flags, as the variables that say the same."""
    return {PREFIX + key.upper().replace(".", NESTED): str(value) for key, value in flags.items()}
