"""Templates as they are sought in other traffic: by their words alone, and by most of them.

Punctuation is left out of texts and templates, since a mark strewn into a template is the cheapest way to break it,
and since a full stop or a quote between constants often belonged to the slots of one day. A template whose words drift
still matches by a `QUORUM` of them, four at a time and in order. What is measured on prompts of no family
(`labeling.collisions`) is sought the same way, so a matcher that is too loose like that does not go live.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from campaigns.records import Template
from campaigns.tokens import Kind, Tokens, tokenize
from labeling.matcher import Matcher, Texts, compile_templates
from labeling.screen import Screen

QUORUM: Final = 2 / 3
"""Part of the words of a template that a prompt must hold. One of twelve words may lose four in a row, one of eight
none; and a template of single words between slots has to be there as it is."""


def words_of(texts: Texts) -> Tokens:
    """Tokens without punctuation. Places of tokens count words; `starts` and `ends` still lead to the text."""
    tokens = tokenize(texts)
    kept = tokens.kinds != Kind.PUNCT
    before = np.zeros(len(kept) + 1, np.int64)
    np.cumsum(kept, out=before[1:])
    at = np.flatnonzero(kept)
    return Tokens(
        before[tokens.indptr],
        tokens.codes[at],
        tokens.shapes[at],
        tokens.kinds[at],
        tokens.lengths[at],
        tokens.starts[at],
        tokens.ends[at],
        tokens.marks,
    )


def matchers_of(templates: Sequence[Template]) -> list[Matcher]:
    return compile_templates(templates, words_of)


def screen_of(matchers: Sequence[Matcher]) -> Screen:
    """Matchers of `matchers_of`, to be sought in `words_of` texts."""
    return Screen.of(matchers, QUORUM)
