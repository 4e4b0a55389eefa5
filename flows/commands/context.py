"""What every command shares: the settings of the call, and options that read the same everywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from campaigns.entries import PublishedRun
    from campaigns.runs import Run
    from campaigns.settings import LoadedSettings, Settings
    from campaigns.store import Store
    from flows.resources import Flags

SECRETS = frozenset(
    {
        "secret_key",
        "store_url",
        "match.token",
        "review.oidc_client_secret",
        "delivery.webhook_secret",
        "delivery.webhook_old_secret",
        "delivery.sharing_key",
    }
)
"""Settings that no flag may carry: other users see a command line, and Prefect keeps the flags of a run."""


@dataclass(frozen=True, slots=True)
class Call:
    """The options that stand before the command."""

    flags: Flags = field(default_factory=dict)
    config: Path | None = None
    debug: bool = False
    quiet: bool = False

    def load(self) -> LoadedSettings:
        from campaigns.settings import load

        return load(self.flags, config=self.config)

    @property
    def settings(self) -> Settings:
        return self.load().settings

    @contextmanager
    def store(self) -> Iterator[Store]:
        from campaigns.store import Store

        with Store.open(self.settings) as store:
            yield store

    @contextmanager
    def environment(self) -> Iterator[None]:
        """Name the settings file in the environment, where the steps of a flow look for it."""
        if self.config is None:
            yield
            return
        from campaigns.settings import CONFIG_VARIABLE

        before = os.environ.get(CONFIG_VARIABLE)
        os.environ[CONFIG_VARIABLE] = str(self.config)
        try:
            yield
        finally:
            del os.environ[CONFIG_VARIABLE]
            if before is not None:
                os.environ[CONFIG_VARIABLE] = before


def flags_of(home: Path | None, assignments: Sequence[str]) -> Flags:
    """Settings given as flags: dotted key to value.

    Raises:
        UsageError: one is not `key=value`, or a secret.
    """
    flags: Flags = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        key = key.strip()
        if not equals or not key:
            raise UsageError(f"cannot read the setting {assignment!r}", hint="Write it as --set key=value.")
        if key in SECRETS:
            raise UsageError(
                f"{key} is a secret and never a flag",
                hint=f"Set the environment variable SHOAL_{key.upper().replace('.', '__')} instead.",
            )
        flags[key] = value.strip()
    if home is not None:
        flags["home"] = str(home)
    return flags


def published(store: Store, day: date | None) -> PublishedRun:
    """What is published for `day`, or for the latest day.

    Raises:
        UsageError: nothing is.
    """
    wanted = day or store.latest_day()
    run = None if wanted is None else store.current_run(wanted)
    if run is not None:
        return run
    if wanted is None:
        raise UsageError(
            "no day is published yet", where=store.where, hint="`shoal run --input PATH` publishes one."
        )
    raise UsageError(
        f"{wanted} is not published", where=store.where, hint="`shoal status` lists the days that are."
    )


def run_folder(settings: Settings, entry: PublishedRun) -> Run:
    """The folder of a published run.

    Raises:
        IntegrityError: it is gone.
    """
    from campaigns.runs import Run

    run = Run(settings.home / entry.path, entry.day, entry.attempt, entry.fingerprint)
    if not run.complete:
        raise IntegrityError(
            f"the files of run {entry.run_id} are gone",
            where=str(run.path),
            hint=f"Restore it, or do the day again: shoal run --day {entry.day} --force --input PATH",
        )
    return run


def scope(entry: PublishedRun, settings: Settings) -> str:
    """What sizes of campaigns were counted in, in words; empty for all of the day's traffic at once."""
    if entry.first_pass is not None:
        return "in all traffic"
    sample = run_folder(settings, entry).manifest().get("sample", {})
    rate = float(sample.get("rate", 1.0))
    return f"in a sample of {100 * rate:g} %" if rate < 1 else ""


def _day(text: str) -> date:
    return date.fromisoformat(text)


DAY_FORM = "YYYY-MM-DD"
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs, in plain ASCII.")]
Day = Annotated[
    date | None,
    typer.Option("--day", parser=_day, metavar=DAY_FORM, help="Default: the latest published day."),
]
