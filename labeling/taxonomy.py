"""What a family is after: the nearest objective of the taxonomy, or an honest `unclear`.

Two witnesses are heard: cue words in many languages, and how near the template's vector lies to prototype
sentences. The vectors come from outside, because encoding is another room's work.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from campaigns.records import Objective
from campaigns.tokens import Kind, tokenize
from labeling.cues import CUES
from labeling.prototypes import PROTOTYPES

OBJECTIVES: Final = tuple(o for o in Objective if o is not Objective.UNCLEAR)
"""Columns of every score matrix here."""

COSINE_WEIGHT: Final = 12.0
CUE_WEIGHT: Final = 1.5
MOST_CUES: Final = 4.0
"""Evidence in nats per unit of cosine and of cue score; beyond `MOST_CUES` more cues say nothing new."""

UNCLEAR_EXCESS: Final = 0.25
"""How far above the median cosine a prototype must lie to say as much as `unclear` does. The median is what
unrelated sentences have; it differs from model to model."""

_LONGEST_CUE = 6
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


class Verdict(NamedTuple):
    objective: Objective
    confidence: float


class _CueTable(NamedTuple):
    """keys: sorted distinct uint64 (n_cues,); columns int64, weights float64 (n_cues,)."""

    keys: NDArray[np.uint64]
    columns: NDArray[np.int64]
    weights: NDArray[np.float64]


def prototypes() -> tuple[list[str], list[Objective]]:
    """The prototype sentences and their objectives, for an encoder."""
    texts: list[str] = []
    objectives: list[Objective] = []
    for name in OBJECTIVES:
        texts += PROTOTYPES[name]
        objectives += [name] * len(PROTOTYPES[name])
    return texts, objectives


def cue_scores(texts: Sequence[str]) -> NDArray[np.float64]:
    """float64 (n_texts, n_objectives): summed weight of the distinct cues of each objective.

    A word weighs 1, a phrase of two words or four characters 2. Linear in the text.
    """
    tokens = tokenize(list(texts))
    table = _cue_table()
    n = len(tokens.codes)
    owner = np.repeat(np.arange(len(tokens)), np.diff(tokens.indptr))
    hits = [np.empty((2, 0), np.int64)]
    value = np.zeros(n, np.uint64)
    for size in range(1, _LONGEST_CUE + 1):
        starts = max(n - size + 1, 0)
        value = _extend(value[:starts], tokens.codes[size - 1 :])
        at = np.minimum(np.searchsorted(table.keys, value), len(table.keys) - 1)
        hit = np.flatnonzero((table.keys[at] == value) & (owner[:starts] == owner[size - 1 :]))
        hits.append(np.stack([owner[hit], at[hit]]))
    found = np.unique(np.concatenate(hits, axis=1), axis=1)
    scores = np.zeros((len(tokens), len(OBJECTIVES)))
    np.add.at(scores, (found[0], table.columns[found[1]]), table.weights[found[1]])
    return scores


def objective(
    template_vector: NDArray[np.floating],
    prototype_vectors: NDArray[np.floating],
    prototype_objectives: Sequence[Objective],
    cues: NDArray[np.float64],
    floor: float,
) -> Verdict:
    """The likeliest objective of a template and how sure that is.

    Args:
        template_vector: (d,), and prototype_vectors: (n_prototypes, d), of one encoder; of any length. A zero
            vector means that there is nothing to compare.
        cues: float64 (n_objectives,), a row of `cue_scores`.
        floor: confidence below which the verdict is `unclear`.

    Returns:
        Softmax over the objectives and `unclear` of weighted excess cosine plus weighted cue score. The
        confidence of an `unclear` verdict is what is left for it: one less the best objective's share.
    """
    similarity = _cosines(np.asarray(prototype_vectors, np.float64), np.asarray(template_vector, np.float64))
    excess = similarity - np.median(similarity)
    names = np.array([OBJECTIVES.index(o) for o in prototype_objectives])
    nearest = np.array([_nearness(excess[names == k]) for k in range(len(OBJECTIVES))])
    logits = COSINE_WEIGHT * nearest + CUE_WEIGHT * np.minimum(cues, MOST_CUES)
    logits = np.append(logits, COSINE_WEIGHT * UNCLEAR_EXCESS)
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    best = int(shares[:-1].argmax())
    confidence = float(shares[best])
    if confidence < floor or shares[-1] > confidence:
        return Verdict(Objective.UNCLEAR, 1.0 - confidence)
    return Verdict(OBJECTIVES[best], confidence)


def _cosines(rows: NDArray[np.float64], vector: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(vector)
    cosines: NDArray[np.float64] = rows @ vector / np.where(lengths > 0, lengths, 1.0)
    return cosines


def _nearness(excess: NDArray[np.float64]) -> float:
    """Mean of the two nearest prototypes: one lucky sentence is not enough."""
    return float(np.sort(excess)[-2:].mean()) if len(excess) else 0.0


def _extend(value: NDArray[np.uint64], codes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        return (value ^ codes) * _MULTIPLIER


@cache
def _cue_table() -> _CueTable:
    texts: list[str] = []
    columns: list[int] = []
    for column, name in enumerate(OBJECTIVES):
        for line in CUES[name].values():
            cues = [cue.strip() for cue in line.split(",")]
            texts += cues
            columns += [column] * len(cues)
    tokens = tokenize(texts)
    keys = np.zeros(len(texts), np.uint64)
    sizes = np.diff(tokens.indptr)
    for size in range(int(sizes.max())):
        longer = np.flatnonzero(sizes > size)
        keys[longer] = _extend(keys[longer], tokens.codes[tokens.indptr[longer] + size])
    characters = tokens.kinds[tokens.indptr[:-1]] == Kind.IDEOGRAPH
    words = np.where(characters, sizes / 2, sizes)
    weights = np.where(words >= 2, 2.0, 1.0)
    keys, first = np.unique(keys, return_index=True)  # some cues are spelled alike in two languages
    return _CueTable(keys, np.array(columns)[first], weights[first])
