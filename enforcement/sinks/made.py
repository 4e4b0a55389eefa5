"""The sinks that the settings name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from campaigns.errors import UsageError
from campaigns.settings import DeliverySettings
from enforcement.sinks import Sink
from enforcement.sinks.files import Csv, FileSink, JsonLines
from enforcement.sinks.stdout import StdoutSink


def sinks_of(names: Sequence[str], settings: DeliverySettings, home: Path) -> list[Sink]:
    """Close each when it is done with.

    Args:
        names: as of `names_of`.
        home: files lie in `handoff` below it, if the settings name no folder.

    Raises:
        UsageError: what a sink needs is not set.
    """
    return [MAKERS[name](settings, home) for name in names]


def names_of(settings: DeliverySettings) -> list[str]:
    """Those of the setting `delivery.sinks`, in its order.

    Raises:
        UsageError: a name is unknown.
    """
    names = [name for part in settings.sinks.split(",") if (name := part.strip())]
    unknown = [name for name in names if name not in MAKERS]
    if unknown:
        raise UsageError(
            f"no sink is called {unknown[0]!r}",
            where="delivery.sinks",
            hint=f"There are {', '.join(MAKERS)}; commas between.",
        )
    return list(dict.fromkeys(names))


def _webhook(settings: DeliverySettings, home: Path) -> Sink:  # noqa: ARG001 all makers are called alike
    from enforcement.sinks.webhook import WebhookSink

    return WebhookSink.of(settings)


def _jsonl(settings: DeliverySettings, home: Path) -> Sink:
    return FileSink("jsonl", JsonLines(), _folder(settings, home), settings.file_rows)


def _csv(settings: DeliverySettings, home: Path) -> Sink:
    return FileSink("csv", Csv(), _folder(settings, home), settings.file_rows)


def _stdout(settings: DeliverySettings, home: Path) -> Sink:  # noqa: ARG001 all makers are called alike
    return StdoutSink()


def _folder(settings: DeliverySettings, home: Path) -> Path:
    return Path(settings.folder) if settings.folder else home / "handoff"


MAKERS: Final[dict[str, Callable[[DeliverySettings, Path], Sink]]] = {
    "webhook": _webhook,
    "jsonl": _jsonl,
    "csv": _csv,
    "stdout": _stdout,
}
