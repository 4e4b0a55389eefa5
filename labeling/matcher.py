"""Templates compiled to ordered literals with gaps, matched in time linear in the text.

Each constant is a literal: a run of token shapes without a gap. The literals must occur in order and not
overlap; taking the leftmost occurrence each time finds a match whenever there is one. Each is sought
with the failure function of Knuth, Morris and Pratt (1977), so no text makes the search slower than linear.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from campaigns.records import Slot, Template
from campaigns.tokens import Tokens, tokenize

Texts: TypeAlias = pa.Array | pa.ChunkedArray | Sequence[str]


@dataclass(frozen=True, slots=True)
class Matcher:
    """Ordered literals with gaps.

    Attributes:
        literals: uint64 (n_shapes,), the literals end to end; literal k is `[indptr[k], indptr[k + 1])`.
        indptr: int64 (n_literals + 1,).
        failure: int64 (n_shapes,), Knuth-Morris-Pratt failure function of each literal.
        leading, trailing: whether text may stand before the first and after the last literal.
    """

    literals: NDArray[np.uint64]
    indptr: NDArray[np.int64]
    failure: NDArray[np.int64]
    leading: bool
    trailing: bool

    @classmethod
    def of(cls, literals: Sequence[NDArray[np.uint64]], *, leading: bool, trailing: bool) -> Matcher:
        """From shapes; literals without a token are left out."""
        kept = [np.asarray(literal, np.uint64) for literal in literals if len(literal)]
        flat = np.concatenate([np.empty(0, np.uint64), *kept])
        indptr = np.concatenate([[0], np.cumsum([len(literal) for literal in kept])]).astype(np.int64)
        return cls(flat, indptr, _failures(flat, indptr), leading, trailing)

    @property
    def n_slots(self) -> int:
        n_literals = len(self.indptr) - 1
        return max(n_literals - 1, 0) + self.leading + self.trailing

    def anywhere(self) -> Matcher:
        """The same literals with other text allowed before and after: a template inside a longer prompt."""
        return replace(self, leading=True, trailing=True)

    def match(self, texts: Texts) -> NDArray[np.bool_]:
        """bool (n,): which texts hold every literal in order. Without a literal nothing matches."""
        return self.match_tokens(tokenize(texts))

    def match_tokens(self, tokens: Tokens) -> NDArray[np.bool_]:
        matched: NDArray[np.bool_] = self.find(tokens)[:, 0] >= 0
        return matched

    def find(self, tokens: Tokens) -> NDArray[np.int64]:
        """int64 (n, max(n_literals, 1)): first token of each literal in its text; -1 where unmatched."""
        return self._search(tokens)[0]

    def steps(self, tokens: Tokens) -> NDArray[np.int64]:
        """int64 (n,): comparisons spent on each text; at most twice its tokens plus those of the literals."""
        return self._search(tokens)[1]

    def _search(self, tokens: Tokens) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        found, steps = _find_all(
            tokens.indptr,
            tokens.shapes,
            self.literals,
            self.indptr,
            self.failure,
            self.leading,
            self.trailing,
        )
        return found, steps

    def slot_tokens(self, tokens: Tokens) -> NDArray[np.int64]:
        """int64 (n, n_slots, 2): half-open token range of every slot in its text; -1 where unmatched."""
        found = self.find(tokens)
        n, n_literals = len(found), len(self.indptr) - 1
        if n_literals == 0:
            return np.full((n, self.n_slots, 2), -1, np.int64)
        ends = found + np.diff(self.indptr)
        starts_of_slots, ends_of_slots = ends[:, :-1], found[:, 1:]
        if self.leading:
            starts_of_slots = np.concatenate([np.zeros((n, 1), np.int64), starts_of_slots], axis=1)
            ends_of_slots = np.concatenate([found[:, :1], ends_of_slots], axis=1)
        if self.trailing:
            starts_of_slots = np.concatenate([starts_of_slots, ends[:, -1:]], axis=1)
            ends_of_slots = np.concatenate([ends_of_slots, np.diff(tokens.indptr)[:, None]], axis=1)
        spans = np.stack([starts_of_slots, ends_of_slots], axis=2)
        spans[found[:, 0] < 0] = -1
        return spans

    def slot_values(self, texts: Sequence[str]) -> list[tuple[str, ...] | None]:
        """Per text the words in every slot as given, outer spaces taken off; None without a match."""
        tokens = tokenize(list(texts))
        spans = slot_bytes(tokens, self.slot_tokens(tokens))
        matched = self.match_tokens(tokens)
        return [
            tuple(text.encode()[a:b].decode() for a, b in row.tolist()) if hit else None
            for text, row, hit in zip(texts, spans, matched, strict=True)
        ]


def compile_template(template: Template) -> Matcher:
    """The matcher of a template, straight from `align` or back from storage."""
    return compile_templates([template])[0]


def compile_templates(
    templates: Sequence[Template], read: Callable[[Texts], Tokens] = tokenize
) -> list[Matcher]:
    """The matcher of each template. All constants are read together: a call of the tokenizer costs more than a few.

    A constant in which `read` finds nothing leaves the place to the slot beside it.
    """
    constants = [[part for part in template.parts if isinstance(part, str)] for template in templates]
    tokens = read([constant for own in constants for constant in own])
    literals = [tokens.shapes[a:b] for a, b in pairwise(tokens.indptr.tolist())]
    ends = accumulate(map(len, constants))
    return [
        _matcher(template, literals[end - len(own) : end])
        for template, own, end in zip(templates, constants, ends, strict=True)
    ]


def _matcher(template: Template, literals: Sequence[NDArray[np.uint64]]) -> Matcher:
    parts = template.parts
    return Matcher.of(
        literals,
        leading=bool(parts) and (isinstance(parts[0], Slot) or not len(literals[0])),
        trailing=bool(parts) and (isinstance(parts[-1], Slot) or not len(literals[-1])),
    )


def slot_bytes(tokens: Tokens, spans: NDArray[np.int64]) -> NDArray[np.int64]:
    """Token ranges (n, n_slots, 2) as byte ranges of the texts; (0, 0) where empty or unmatched."""
    filled = spans[..., 1] > spans[..., 0]
    base = tokens.indptr[:-1, None]
    out = np.zeros_like(spans)
    out[..., 0][filled] = tokens.starts[(base + spans[..., 0])[filled]]
    out[..., 1][filled] = tokens.ends[(base + spans[..., 1] - 1)[filled]]
    return out


@njit(cache=True, nogil=True)
def _failures(flat, indptr):  # type: ignore[no-untyped-def]
    out = np.zeros(len(flat), np.int64)
    for literal in range(len(indptr) - 1):
        a, b = indptr[literal], indptr[literal + 1]
        k = 0
        for i in range(a + 1, b):
            while k > 0 and flat[i] != flat[a + k]:
                k = out[a + k - 1]
            if flat[i] == flat[a + k]:
                k += 1
            out[i] = k
    return out


@njit(cache=True, nogil=True)
def _find_all(text_indptr, shapes, flat, indptr, failure, leading, trailing):  # type: ignore[no-untyped-def]
    n, n_literals = len(text_indptr) - 1, len(indptr) - 1
    found = np.full((n, max(n_literals, 1)), -1, np.int64)
    steps = np.zeros(n, np.int64)
    for i in range(n):
        if n_literals > 0:
            text = shapes[text_indptr[i] : text_indptr[i + 1]]
            steps[i] = find_one(text, flat, indptr, failure, leading, trailing, found[i])
    return found, steps


@njit(cache=True, nogil=True)
def find_one(text, flat, indptr, failure, leading, trailing, found):  # type: ignore[no-untyped-def]
    """Fill `found` with the place of each literal, or with -1; return the comparisons spent."""
    last = len(indptr) - 2
    at = 0
    steps = 0
    for k in range(last + 1):
        literal = flat[indptr[k] : indptr[k + 1]]
        size = len(literal)
        pinned = (k == 0 and not leading) or (k == last and not trailing)
        place = -1
        if pinned:
            start = 0 if k == 0 and not leading else len(text) - size
            fits = start >= at and start + size <= len(text)
            if k == 0 and k == last and not leading and not trailing:
                fits = fits and size == len(text)
            j = 0
            while fits and j < size:
                steps += 1
                fits = text[start + j] == literal[j]
                j += 1
            if fits:
                place = start
        else:
            matched = 0
            j = at
            while j < len(text) and place < 0:
                steps += 1
                if text[j] == literal[matched]:
                    matched += 1
                    j += 1
                    if matched == size:
                        place = j - size
                elif matched > 0:
                    matched = failure[indptr[k] + matched - 1]
                else:
                    j += 1
        if place < 0:
            found[:] = -1
            return steps
        found[k] = place
        at = place + size
    return steps
