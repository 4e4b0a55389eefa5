"""Evidence: the words of a text that each of its features was made from, for people who ask why.

Features are hashes, made in compiled loops that keep no record of the words. The loops here walk the same way and keep
it. They are for a handful of texts, never for a day.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numba import njit
from numpy.typing import NDArray

from campaigns.settings import ScaffoldSettings
from campaigns.tokens import Kind, Tokens
from embeddings.edges import MARKS, edge_feature
from embeddings.scaffold import content_tokens, pair_feature, pair_words, within_reach
from embeddings.windows import window_word

_NUMBER = int(Kind.NUMBER)
_IDEOGRAPH = int(Kind.IDEOGRAPH)


class FeatureKind(IntEnum):
    """What a feature says. A run of several tokens is an edge n-gram, a run of one a window word."""

    PAIR = 0
    BEGINS = 1
    ENDS = 2
    NEAR_BEGINNING = 3
    NEAR_END = 4

    @property
    def words(self) -> str:
        return ("word pair", "begins", "ends", "near the beginning", "near the end")[self]


@dataclass(frozen=True, slots=True)
class Places:
    """Every place of every feature in some texts, arrays of equal length, sorted by feature, then by place.

    Attributes:
        features: uint64.
        texts: int64, row of the text.
        kinds: uint8, a `FeatureKind`.
        first, last: int64, numbers of the tokens (over all texts) that the feature was made from: of a pair its two
            words, else a run with both ends included.
    """

    features: NDArray[np.uint64]
    texts: NDArray[np.int64]
    kinds: NDArray[np.uint8]
    first: NDArray[np.int64]
    last: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.features)

    def of(self, wanted: NDArray[np.uint64]) -> Places:
        """The places of the `wanted` features alone."""
        return self._at(np.flatnonzero(np.isin(self.features, wanted)))

    def once(self) -> Places:
        """The first place of each feature."""
        return self._at(np.unique(self.features, return_index=True)[1])

    def tokens(self, n_tokens: int) -> NDArray[np.bool_]:
        """bool (n_tokens,): the tokens that the features were made from."""
        mask = np.zeros(n_tokens, np.bool_)
        is_pair = self.kinds == FeatureKind.PAIR
        mask[self.first[is_pair]] = True
        mask[self.last[is_pair]] = True
        steps = np.zeros(n_tokens + 1, np.int64)
        np.add.at(steps, self.first[~is_pair], 1)
        np.add.at(steps, self.last[~is_pair] + 1, -1)
        return mask | (np.cumsum(steps)[:-1] > 0)

    def spelled(self, texts: list[str], tokens: Tokens) -> list[str]:
        """The words of each place as the text spells them; `…` stands for what is between the words of a pair."""
        raw = {row: texts[row].encode() for row in np.unique(self.texts).tolist()}
        result = []
        for row, kind, first, last in zip(self.texts, self.kinds, self.first, self.last, strict=True):
            data, starts, ends = raw[int(row)], tokens.starts, tokens.ends
            if kind == FeatureKind.PAIR and last - first > 1:
                words = [data[starts[i] : ends[i]].decode() for i in (first, last)]
                result.append(" … ".join(words))
            else:
                result.append(data[starts[first] : ends[last]].decode())
        return result

    def _at(self, rows: NDArray[np.int64]) -> Places:
        return Places(
            self.features[rows], self.texts[rows], self.kinds[rows], self.first[rows], self.last[rows]
        )


def feature_places(tokens: Tokens, settings: ScaffoldSettings) -> Places:
    """Places of the features that `text_features`, `edge_features` and `window_features` find in the texts."""
    found = (
        _pair_places(
            tokens.indptr,
            pair_words(tokens),
            content_tokens(tokens),
            tokens.kinds == _IDEOGRAPH,
            settings.pair_distance,
        ),
        _edge_places(
            tokens.indptr, tokens.codes, tokens.kinds, settings.edge_width, settings.edge_depth, MARKS
        ),
        _window_places(tokens.indptr, tokens.shapes, tokens.kinds, settings.window_depth),
    )
    features = np.concatenate([one[0] for one in found])
    texts, kinds, first, last = np.concatenate([one[1] for one in found]).T
    order = np.lexsort((last, first, texts, features))
    return Places(features[order], texts[order], kinds[order].astype(np.uint8), first[order], last[order])


@njit(cache=True, nogil=True)
def _pair_places(indptr, words, content, unspaced, distance):  # type: ignore[no-untyped-def]
    most = content.sum() * 2 * distance
    features = np.empty(most, np.uint64)
    places = np.empty((most, 4), np.int64)
    count = 0
    reach = 2 * distance
    window = np.zeros(reach, np.int64)
    for text in range(len(indptr) - 1):
        seen = 0
        for token in range(indptr[text], indptr[text + 1]):
            if not content[token]:
                continue
            for back in range(1, min(seen, reach) + 1):
                earlier = window[(seen - back) % reach]
                if words[earlier] == words[token] or not within_reach(
                    back, unspaced[earlier] and unspaced[token], distance
                ):
                    continue
                features[count] = pair_feature(words[earlier], words[token])
                places[count] = (text, 0, earlier, token)
                count += 1
            window[seen % reach] = token
            seen += 1
    return features[:count].copy(), places[:count].copy()


@njit(cache=True, nogil=True)
def _edge_places(indptr, codes, kinds, width, depth, marks):  # type: ignore[no-untyped-def]
    most = (len(indptr) - 1) * 2 * depth
    features = np.empty(most, np.uint64)
    places = np.empty((most, 4), np.int64)
    count = 0
    for text in range(len(indptr) - 1):
        start, stop = indptr[text], indptr[text + 1]
        for side in range(2):
            for window in range(depth):
                if window - marks + width > stop - start or window + width <= marks:
                    continue  # it would reach over the other end, or hold no token at all
                near, far = max(window - marks, 0), window - marks + width - 1
                kind = 1 + side if window < marks else 3 + side
                features[count] = edge_feature(codes, kinds, start, stop, side, window - marks, width)
                if side == 0:
                    places[count] = (text, kind, start + near, start + far)
                else:
                    places[count] = (text, kind, stop - 1 - far, stop - 1 - near)
                count += 1
    return features[:count].copy(), places[:count].copy()


@njit(cache=True, nogil=True)
def _window_places(indptr, shapes, kinds, depth):  # type: ignore[no-untyped-def]
    most = (len(indptr) - 1) * 2 * depth
    features = np.empty(most, np.uint64)
    places = np.empty((most, 4), np.int64)
    count = 0
    for text in range(len(indptr) - 1):
        start, stop = indptr[text], indptr[text + 1]
        for side in range(2):
            for step in range(min(depth, stop - start)):
                token = start + step if side == 0 else stop - 1 - step
                features[count], last = window_word(shapes, kinds, token, stop, side)
                places[count] = (text, 3 + side, token, last)
                count += 1
    return features[:count].copy(), places[:count].copy()
