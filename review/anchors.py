"""What the manifests of published runs noted of the audit log. A log that does not reach its anchors was cut."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from campaigns.audit import Anchor
from campaigns.entries import PublishedRun
from campaigns.errors import ShoalError
from campaigns.runs import Run


def noted_anchors(home: Path, published: Iterable[PublishedRun]) -> tuple[Anchor, ...]:
    """One for each run that noted any; runs whose manifests are gone or damaged are passed over, `shoal verify` names
    them."""
    return tuple(anchor for entry in published if (anchor := _noted(home, entry)) is not None)


def _noted(home: Path, entry: PublishedRun) -> Anchor | None:
    try:
        manifest = Run(home / entry.path, entry.day, entry.attempt, entry.fingerprint).manifest()
    except ShoalError:
        return None
    noted = manifest.get("audit")
    if noted is None:
        return None
    return Anchor(int(noted["sequence"]), str(noted["mac"]), f"the run {entry.run_id}")
