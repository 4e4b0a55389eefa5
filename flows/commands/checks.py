"""What `shoal doctor` looks at. Each check is told the settings and says what it found."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

from campaigns.errors import IntegrityError, ShoalError, UsageError
from campaigns.settings import Settings
from flows.commands.schema import read_schema
from flows.prefect_settings import close_network

OLDEST_PYTHON: Final = (3, 11)
LOW_DISK_BYTES: Final = 5 * 1024**3
"""A day of a million prompts needs less; below this a run may end in exit code 6."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`exit_code` counts where `level` is `fail`."""

    name: str
    level: Literal["ok", "warn", "fail"]
    found: str
    remedy: str = ""
    exit_code: int = UsageError.exit_code


def examine(settings: Settings) -> Iterator[Finding]:
    """The findings, one at a time: some take a second. Nothing is written, and nobody outside is called."""
    close_network()
    for name, check in _CHECKS.items():
        try:
            yield check(settings)
        except ShoalError as error:
            code = IntegrityError.exit_code if isinstance(error, IntegrityError) else UsageError.exit_code
            where = f" ({error.where})" if error.where else ""
            yield Finding(name, "fail", error.what + where, error.hint, code)


def _python(_: Settings) -> Finding:
    found = platform.python_version()
    if sys.version_info < OLDEST_PYTHON:
        return Finding("python", "fail", found, "Shoal needs Python 3.11 or newer.")
    return Finding("python", "ok", f"{found} on {platform.system()} {platform.machine()}")


def _library(module: str, package: str) -> Callable[[Settings], Finding]:
    """Import it: a library that is installed but cannot be loaded is the usual trouble."""

    def check(_: Settings) -> Finding:
        try:
            importlib.import_module(module)
            return Finding(module, "ok", version(package))
        except (ImportError, OSError, PackageNotFoundError) as error:
            return Finding(
                module, "fail", f"cannot be loaded: {error}", f"pip install --force-reinstall {package}"
            )

    return check


def _openvino(_: Settings) -> Finding:
    if find_spec("openvino") is None:
        return Finding(
            "openvino", "warn", "not installed", "pip install 'shoal[fast]' embeds faster on CPUs."
        )
    return Finding("openvino", "ok", version("openvino"))


def _threads(settings: Settings) -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found = f"{settings.flow.threads} threads, {settings.flow.workers} workers, {cores} cores"
    if max(settings.flow.threads, settings.flow.workers) > cores:
        return Finding(
            "threads", "warn", found, f"More than there are cores slows down: --set flow.threads={cores}."
        )
    return Finding("threads", "ok", found)


def _model(settings: Settings) -> Finding:
    from embeddings.models import find_model

    model = find_model(settings, pin=False)
    found = f"{model.name}, weights SHA-256 {model.weights_sha256[:16]}..."
    if not model.pinned:
        return Finding(
            "model", "ok", f"{found} not pinned yet", "The first run pins its files as they then are."
        )
    return Finding("model", "ok", f"{found} as pinned")


def _home(settings: Settings) -> Finding:
    folder = _nearest(settings.home)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Finding(
            "home", "fail", f"{folder}: {error.strerror}", "Make it writable, or name another with --home."
        )
    if folder != settings.home.resolve():
        return Finding("home", "ok", f"{settings.home} will be made in {folder}")
    return Finding("home", "ok", str(settings.home))


def _disk(settings: Settings) -> Finding:
    free = shutil.disk_usage(_nearest(settings.home)).free
    found = f"{free / 1024**3:.1f} GiB free"
    if free < LOW_DISK_BYTES:
        return Finding(
            "disk", "warn", found, "A run that finds no room ends with exit code 6; free some space."
        )
    return Finding("disk", "ok", found)


def _store(settings: Settings) -> Finding:
    schema = read_schema(settings)
    if schema.current is None:
        return Finding(
            "store", "warn", f"{schema.where}: empty", "`shoal init` makes it, and so does the first run."
        )
    if schema.current != schema.head:
        found = f"{schema.where}: schema {schema.current}, this version has {schema.head}"
        return Finding("store", "warn", found, "An older schema is brought up to date on the next use.")
    return Finding("store", "ok", f"{schema.where}: schema {schema.current}")


def _secret(settings: Settings) -> Finding:
    if settings.secret_key.get_secret_value():
        return Finding("secret key", "ok", "set: account ids are stored as pseudonyms")
    return Finding(
        "secret key", "warn", "not set: account ids are stored as they are", "Set SHOAL_SECRET_KEY."
    )


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    folder = folder.resolve()
    return next(place for place in (folder, *folder.parents) if place.exists())


_CHECKS: Final[dict[str, Callable[[Settings], Finding]]] = {
    "python": _python,
    "threads": _threads,
    "home": _home,
    "disk": _disk,
    "store": _store,
    "secret key": _secret,
    "model": _model,
    "torch": _library("torch", "torch"),
    "faiss": _library("faiss", "faiss-cpu"),
    "openvino": _openvino,
    "prefect": _library("prefect", "prefect"),
}
