"""The sinks that the settings name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from campaigns.errors import UsageError
from campaigns.settings import DeliverySettings
from enforcement.sinks import Sink
from enforcement.sinks.files import Csv, FileSink, JsonLines
from enforcement.sinks.stdout import StdoutSink


def sinks_of(settings: DeliverySettings, home: Path) -> list[Sink]:
    """In the order of the setting. Close each when it is done with.

    Args:
        home: files lie in `handoff` below it, if the settings name no folder.

    Raises:
        UsageError: a name is unknown, or what its sink needs is not set.
    """
    return [_MAKERS[name](settings, home) for name in names_of(settings)]


def names_of(settings: DeliverySettings) -> list[str]:
    """
    Raises:
        UsageError: a name is unknown.
    """
    names = [name for part in settings.sinks.split(",") if (name := part.strip())]
    unknown = [name for name in names if name not in _MAKERS]
    if unknown:
        raise UsageError(
            f"no sink is called {unknown[0]!r}",
            where="delivery.sinks",
            hint=f"There are {', '.join(_MAKERS)}; commas between.",
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


_MAKERS: Final[dict[str, Callable[[DeliverySettings, Path], Sink]]] = {
    "webhook": _webhook,
    "jsonl": _jsonl,
    "csv": _csv,
    "stdout": _stdout,
}
