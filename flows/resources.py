"""What the stages of one process share: settings as given on the command line, and the loaded encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from campaigns.errors import UsageError
from campaigns.runs import Counts, Run
from campaigns.settings import Settings, load

if TYPE_CHECKING:
    from embeddings.encode import Encoder

Flag = str | int | float | bool
Flags = dict[str, Flag]
"""Settings given on the command line: dotted key to value. Never secrets, for Prefect stores parameters."""


@dataclass(frozen=True, slots=True)
class SecondPass:
    """A day counted again over whole accounts, chosen by its first pass.

    Attributes:
        first_pass: id of the run that discovered the day.
        folder: of that run, relative to the home folder.
        chosen: a file with the ids of the accounts, schema `matching.second_pass.CHOSEN_ACCOUNTS`.
        digest: of these ids.
        counts: what there is to tell of the choice.
    """

    first_pass: str
    folder: str
    chosen: str
    digest: str
    counts: dict[str, int] = field(default_factory=dict)

    def first_run(self, home: Path, day: date) -> Run:
        return Run(home / self.folder, day, int(self.first_pass.rpartition(".")[2]), "")


@dataclass(frozen=True, slots=True)
class RunRef:
    """All that a task is handed: where the run is and how to find its settings. Small, and no prompt in it."""

    path: str
    day: str
    attempt: int
    fingerprint: str
    settings_fingerprint: str
    source: str
    shape: str = ""
    flags: Flags = field(default_factory=dict)
    second: SecondPass | None = None

    @classmethod
    def of(
        cls,
        run: Run,
        source: str,
        shape: str,
        flags: Flags,
        *,
        settings: Settings | None = None,
        second: SecondPass | None = None,
    ) -> RunRef:
        """`settings`: those that the run was opened with; None: load them."""
        return cls(
            path=str(run.path),
            day=run.day.isoformat(),
            attempt=run.attempt,
            fingerprint=run.fingerprint,
            settings_fingerprint=(settings or load(flags).settings).fingerprint(),
            source=source,
            shape=shape,
            flags=flags,
            second=second,
        )

    def run(self) -> Run:
        return Run(Path(self.path), date.fromisoformat(self.day), self.attempt, self.fingerprint)

    def first_pass(self) -> Run | None:
        """Of a second pass: the run that discovered the day."""
        return None if self.second is None else self.second.first_run(self.settings().home, self.run().day)

    def settings(self) -> Settings:
        """
        Raises:
            UsageError: they are not those that the run was opened with.
        """
        settings = load(self.flags).settings
        if settings.fingerprint() != self.settings_fingerprint:
            raise UsageError(
                "the settings changed while the run was under way",
                where=self.path,
                hint="Run the day again: under the new settings it starts afresh, under the old ones it goes on.",
            )
        return settings


@lru_cache(maxsize=1)
def encoder(settings: Settings) -> Encoder:
    """One model per process; it loads its weights when the first text has to be encoded."""
    from embeddings.encode import load_encoder

    return load_encoder(settings)


def encode(settings: Settings, texts: Sequence[str]) -> tuple[NDArray[np.float32], Counts]:
    """Vectors (n, d) through the cache, and how many had to be encoded."""
    from embeddings.cache import VectorCache, embed
    from flows import progress

    if not texts:
        return np.empty((0, 0), np.float32), {"encoded": 0, "cached": 0, "truncated": 0}
    model = encoder(settings)
    cache = VectorCache(settings.home / "cache" / "vectors" / model.fingerprint, model.dimension)
    result = embed(texts, model, cache, settings.embedding.batch_size, on_batch=progress.advance)
    return result.vectors, {
        "encoded": result.n_encoded,
        "cached": result.n_cached,
        "truncated": result.n_truncated,
    }
