"""Answers of a labelling service on disk, by the digest of what was asked: a second run costs nothing.

One small JSON file per question below `folder`. It holds the checked answer, never a prompt or a key; an answer that
was refused is kept as such, so that the same run is the same again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaigns import files
from labeling.labeller import Polished, checked

_MOST_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class Cached:
    """A remembered answer; `polished` is None where the service's answer was refused."""

    polished: Polished | None


class LabelCache:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def key(self, model: str, version: str, request: Mapping[str, Any]) -> str:
        asked = json.dumps([model, version, request], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(asked.encode()).hexdigest()

    def get(self, key: str) -> Cached | None:
        """None for an unknown question. A damaged or unreadable file counts as unknown and is written anew."""
        try:
            with self._path(key).open("rb") as handle:
                value = json.loads(handle.read(_MOST_BYTES))
        except (OSError, ValueError, RecursionError):
            return None
        if value == {"refused": True}:
            return Cached(None)
        polished = checked(json.dumps(value))
        return Cached(polished) if polished else None

    def put(self, key: str, polished: Polished | None) -> None:
        if polished is None:
            files.write_json(self._path(key), {"refused": True})
        else:
            answer = {
                "title": polished.title,
                "summary": polished.summary,
                "objective": polished.objective.value,
            }
            files.write_json(self._path(key), answer)

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"
