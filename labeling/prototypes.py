"""Sentences that stand for each objective, and how near other texts lie to them.

The sentences, in `prototypes.sentences`, are written as instructions, since constants of templates are instructions.
The vectors come from outside, because encoding is another room's work.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from campaigns.records import Objective

OBJECTIVES: Final = tuple(o for o in Objective if o is not Objective.UNCLEAR)
"""Columns of every score matrix of this room."""

JUDGED: Final = (*OBJECTIVES, Objective.UNCLEAR)
"""Columns of `Prototypes.nearness`: requests that ask for none of the objectives have prototypes too."""

NEAREST: Final = 3
"""Prototypes that speak for an objective together, one lucky sentence being not enough. Every objective has as many in
every language."""

LANGUAGE_BONUS: Final = 0.2
"""Added to the cosine of a prototype of the text's own language: what it says is better comparable."""

_FILE: Final = Path(__file__).with_name("prototypes.sentences")


@dataclass(frozen=True, slots=True)
class Prototypes:
    """All prototype sentences (n).

    Attributes:
        objectives: int64 (n,), columns of `JUDGED`.
        languages: int64 (n,), numbers from 0.
    """

    sentences: tuple[str, ...]
    objectives: NDArray[np.int64]
    languages: NDArray[np.int64]

    def nearness(
        self, vectors: NDArray[np.floating], prototype_vectors: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """float64 (m, len(JUDGED)): how near each text lies to each objective, by its nearest prototypes.

        A vector tells the language first and the meaning second. So the mean of its language's prototypes is taken
        away from each prototype, and from each text that of the language whose prototypes lie nearest; what is
        compared is the rest (centring, after Mu and Viswanath, "All-but-the-Top", 2018).

        Args:
            vectors: (m, d), and prototype_vectors: (n, d), of one encoder; of any length. A zero vector is as near
                to every objective as to any other.
        """
        own = _unit(np.asarray(prototype_vectors, np.float64))
        texts = _unit(np.asarray(vectors, np.float64))
        of = np.eye(int(self.languages.max()) + 1)[self.languages]
        means = (of / of.sum(axis=0)).T @ own
        cosines = texts @ own.T
        spoken = _means_of_nearest(cosines, self.languages).argmax(axis=1)
        cosines = _unit(texts - means[spoken]) @ _unit(own - means[self.languages]).T
        cosines += LANGUAGE_BONUS * (spoken[:, None] == self.languages)
        return _means_of_nearest(cosines, self.objectives)


@cache
def prototypes() -> Prototypes:
    sentences: list[str] = []
    objectives: list[int] = []
    languages: list[str] = []
    objective, language = Objective.UNCLEAR, ""
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section, language = line.strip("[]").split()
            objective = Objective[section.upper()]
        elif line and not line.startswith("#"):
            sentences.append(line)
            objectives.append(JUDGED.index(objective))
            languages.append(language)
    numbers = np.unique(languages, return_inverse=True)[1]
    return Prototypes(tuple(sentences), np.array(objectives, np.int64), numbers.astype(np.int64))


def _means_of_nearest(cosines: NDArray[np.float64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """float64 (m, n_groups): the mean of the largest `NEAREST` cosines of each group of columns."""
    columns = [cosines[:, groups == group] for group in range(int(groups.max()) + 1)]
    return np.stack([np.sort(part, axis=1)[:, -NEAREST:].mean(axis=1) for part in columns], axis=1)


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: NDArray[np.float64] = np.where(
        lengths > _NOTHING, rows / np.where(lengths > _NOTHING, lengths, 1.0), 0.0
    )
    return unit


_NOTHING: Final = 1e-9
"""Length below which a vector is rounding error."""
