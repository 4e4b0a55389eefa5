"""What a family is after: the nearest objective of the taxonomy, or an honest `unclear`.

Two witnesses are heard: cue words in many languages, and how near the template's vector lies to prototype
sentences (`labeling.prototypes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from campaigns.records import Objective
from labeling.asks import asks
from labeling.cue_search import CueIndex, Hit
from labeling.cues import CUES
from labeling.prototypes import JUDGED, OBJECTIVES

NEARNESS_WEIGHT: Final = 22.0
CUE_WEIGHT: Final = 1.5
MOST_CUES: Final = 5.0
UNCLEAR_BIAS: Final = 2.0
"""Evidence in nats per unit of nearness and of cue score, and what speaks for `unclear` beforehand; beyond `MOST_CUES`
more cues say nothing new."""

HEAD_WEIGHT: Final = 2.5
INNER_WEIGHT: Final = 2.0
LONE_WEIGHT: Final = 1.2
AGAIN_SHARE: Final = 0.3
FIRST_WEIGHT: Final = 0.5
MOST_ASKED: Final = 4.0
"""Scores of a request at the head of a sentence, inside one, of a single word inside one (which may be a noun), of one
more wording of it, of being the first."""

WORD_WEIGHT: Final = 0.5
PHRASE_WEIGHT: Final = 1.0
MOST_SIGNS: Final = 2.0
HEAD_TOKENS: Final = 4

HEAD_CHARACTERS: Final = 800
TAIL_CHARACTERS: Final = 400
"""Parts of a long text that are read for requests."""

FRAMED_SHARE: Final = 0.4
"""What is left of a request in a frame: "you are a translator" is no request for a translation."""

GOVERNED_SHARE: Final = 0.6
"""What is left of a request behind another one in its sentence: "write a question whose answer is a label"."""

MANNER_SHARE: Final = 0.75
"""What is left of a request to reason where something else is asked for: then it says how, not what."""

_FRAMED: Final = frozenset({Objective.ROLEPLAY, Objective.TOOL_USE})
_FRAME: Final = -1
_MANNER: Final = OBJECTIVES.index(Objective.REASONING_TRACES)


class Verdict(NamedTuple):
    objective: Objective
    confidence: float


def cue_scores(texts: Sequence[str]) -> NDArray[np.float64]:
    """float64 (n_texts, n_objectives): how much the wording of each text speaks for each objective.

    A request (`labeling.asks`) says most: at the head of a sentence more than inside one, the first request of a
    text more than later ones, a second wording of the same request a little. Nouns and phrases (`labeling.cues`)
    that no request of the objective covers say less: a text may be *about* translation. Only the ends of a long
    text are read: there it asks.
    """
    index = _cue_index()
    scores = np.zeros((len(texts), len(OBJECTIVES)))
    for row, hits in enumerate(index.find([_ends(text) for text in texts])):
        scores[row] = _score(hits, index)
    return scores


def _ends(text: str) -> str:
    if len(text) <= HEAD_CHARACTERS + TAIL_CHARACTERS:
        return text
    return f"{text[:HEAD_CHARACTERS]}\n{text[-TAIL_CHARACTERS:]}"


def _score(hits: Sequence[Hit], index: CueIndex) -> NDArray[np.float64]:
    n = len(OBJECTIVES)
    owners = [index.cues[hit.cue].owner for hit in hits]
    frames = {
        hit.clause
        for hit, owner in zip(hits, owners, strict=True)
        if owner == _FRAME and hit.offset < HEAD_TOKENS
    }
    asked = [(hit, owner) for hit, owner in zip(hits, owners, strict=True) if 0 <= owner < n]
    # The first request of a sentence governs it; of a verb with two objects it is the nearer one.
    governs: dict[int, tuple[int, int, int]] = {}
    for hit, column in sorted(asked, key=lambda item: (item[0].first, item[0].last)):
        if hit.clause not in frames:
            governs.setdefault(hit.sentence, (hit.first, hit.last, column))
    weighed = []
    for hit, column in asked:
        weight = HEAD_WEIGHT if hit.unspaced or hit.offset < HEAD_TOKENS else INNER_WEIGHT
        if weight < HEAD_WEIGHT and hit.first == hit.last:
            weight = LONE_WEIGHT
        *extent, governing = governs.get(hit.sentence, (0, 0, column))
        if hit.clause in frames and OBJECTIVES[column] not in _FRAMED:
            weight *= FRAMED_SHARE
        elif governing != column and [hit.first, hit.last] > extent:
            weight *= GOVERNED_SHARE
        weighed.append((weight, hit, column))
    weighed.sort(key=lambda item: (-item[0], item[1].first, -item[1].last, item[2]))
    scores = np.zeros(n)
    taken: list[set[int]] = [set() for _ in OBJECTIVES]
    for weight, hit, column in weighed:
        if not taken[column]:
            scores[column] = weight
        elif not taken[column] & {hit.first, hit.last}:
            scores[column] += AGAIN_SHARE * weight
        taken[column].update(range(hit.first, hit.last + 1))
    if governs:
        scores[governs[min(governs)][-1]] += FIRST_WEIGHT
    scores = np.minimum(scores, MOST_ASKED)
    signs = np.zeros(n)
    for hit, owner in zip(hits, owners, strict=True):
        column = owner - n
        if column >= 0 and not taken[column] & {hit.first, hit.last}:
            signs[column] += (
                WORD_WEIGHT if hit.last - hit.first < (3 if hit.unspaced else 1) else PHRASE_WEIGHT
            )
    scores += np.minimum(signs, MOST_SIGNS)
    if np.delete(scores, _MANNER).max() >= INNER_WEIGHT:
        scores[_MANNER] *= MANNER_SHARE
    return scores


def objective(nearness: NDArray[np.float64], cues: NDArray[np.float64], floor: float) -> Verdict:
    """The likeliest objective of a template and how sure that is.

    Args:
        nearness: float64 (len(JUDGED),), a row of `Prototypes.nearness`.
        cues: float64 (len(OBJECTIVES),), a row of `cue_scores`.
        floor: confidence below which the verdict is `unclear`.

    Returns:
        Softmax over the objectives and `unclear` of weighted nearness plus weighted cue score. The confidence of an
        `unclear` verdict is what is left for it: one less the best objective's share.
    """
    logits = NEARNESS_WEIGHT * nearness
    logits += np.append(CUE_WEIGHT * np.minimum(cues, MOST_CUES), UNCLEAR_BIAS)
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    best = int(shares[:-1].argmax())
    confidence = float(shares[best])
    if confidence < floor or shares[-1] > confidence:
        return Verdict(Objective.UNCLEAR, 1.0 - confidence)
    return Verdict(JUDGED[best], confidence)


@cache
def _cue_index() -> CueIndex:
    """Requests are of the column of their objective, signs of that plus the number of columns, frames of -1."""
    cues = [(k, cue) for k, name in enumerate(OBJECTIVES) for of in asks()[name].values() for cue in of]
    cues += [(_FRAME, cue) for of in asks()[Objective.UNCLEAR].values() for cue in of]
    cues += [
        (k + len(OBJECTIVES), cue.strip())
        for k, name in enumerate(OBJECTIVES)
        for line in CUES[name].values()
        for cue in line.split(",")
    ]
    return CueIndex(cues)
