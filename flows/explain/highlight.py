"""A prompt cut into what marks its family, what else recurs, and what is slot."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from campaigns.tokens import tokenize
from embeddings.evidence import feature_places
from embeddings.scaffold import Features, content_tokens
from embeddings.skeleton import scaffold_tokens
from flows.explain.day import Day
from flows.explain.records import Part, Role

_ROLES = (Role.SLOT, Role.SCAFFOLD, Role.CORE)


def highlighted(prompt: str, day: Day, row: int) -> Iterator[Part]:
    """The parts of a prompt. Single window words do not count: every prompt has some.

    Args:
        row: of the prompt's text.
    """
    tokens = tokenize(pa.array([prompt], pa.large_string()))
    pairs, edges = day.features("wide_pairs", row), day.features("edges", row)
    places = feature_places(tokens, day.scaffold)
    kept = Features(np.array([0, len(pairs)]), pairs)
    recurs = scaffold_tokens(tokens, content_tokens(tokens), kept, day.scaffold.pair_distance)
    recurs |= places.of(edges).tokens(len(recurs))
    is_own = (day.cores["family"] == int(day.families[row])).to_numpy()
    core = np.intersect1d(day.cores["feature"].to_numpy()[is_own], np.concatenate([pairs, edges]))
    roles = np.where(places.of(core).tokens(len(recurs)), 2, np.where(recurs, 1, 0))

    # Stretches in turn: before the first token, the token, the gap after it, ... A gap has the role of its neighbours
    # if that is the same, else it is slot.
    data = prompt.encode()
    gaps = np.where(roles[:-1] == roles[1:], roles[:-1], 0)
    stretch = np.zeros(2 * len(roles) + 1, np.int64)
    stretch[1::2] = roles
    stretch[2:-1:2] = gaps
    bounds = np.concatenate([[0], np.column_stack([tokens.starts, tokens.ends]).ravel(), [len(data)]])
    filled = np.flatnonzero(bounds[1:] > bounds[:-1])
    first = filled[np.flatnonzero(np.diff(stretch[filled], prepend=-1))]
    ends = np.append(bounds[first[1:]], len(data))
    for start, end, role in zip(bounds[first].tolist(), ends.tolist(), stretch[first].tolist(), strict=True):
        yield Part(data[start:end].decode(), _ROLES[role])
