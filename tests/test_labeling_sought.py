"""Templates are found by most of their words in order, and by nothing else."""

from __future__ import annotations

import math
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.records import Slot, Template
from campaigns.tokens import tokenize
from labeling.screen import PIECE
from labeling.sought import QUORUM, matchers_of, screen_of, words_of

SLOT = Slot("text", 0, ())
WORDS = ["ab", "ba", "a", "b", "7"]
phrases = st.lists(st.sampled_from(WORDS), min_size=1, max_size=11)


def template_of(literals: list[list[str]], leading: bool, trailing: bool) -> Template:
    parts: list[str | Slot] = [SLOT] if leading else []
    for k, literal in enumerate(literals):
        parts += [SLOT] if k else []
        parts.append(" ".join(literal))
    return Template(tuple([*parts, SLOT] if trailing else parts), 0.0, 0.0, 0.0)


def pieces(literal: list[str]) -> list[list[str]]:
    """Three to five words each; the longer ones come first."""
    n = (len(literal) + 2) // PIECE if len(literal) > 2 else 0
    if not n:
        return []
    long, rest = divmod(len(literal), n)
    edges = list(accumulate([long + (k < rest) for k in range(n)], initial=0))
    return [literal[a:b] for a, b in pairwise(edges)]


def first_place(words: list[str], sought: list[str], start: int) -> int:
    for at in range(start, len(words) - len(sought) + 1):
        if words[at : at + len(sought)] == sought:
            return at
    return -1


def covered(words: list[str], literals: list[list[str]]) -> int:
    """Words of the literals in order; else of the pieces that can be placed from left to right."""
    at, total = 0, sum(map(len, literals))
    for literal in literals:
        place = first_place(words, literal, at)
        if place < 0:
            break
        at = place + len(literal)
    else:
        return total
    at = held = 0
    for piece in [piece for literal in literals for piece in pieces(literal)]:
        place = first_place(words, piece, at)
        if place >= 0:
            at = place + len(piece)
            held += len(piece)
    return held


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(phrases, min_size=1, max_size=3), st.booleans(), st.booleans()),
        min_size=1,
        max_size=4,
    ),
    st.lists(st.lists(st.sampled_from(WORDS), max_size=25), min_size=1, max_size=5),
)
def test_screen_agrees_with_brute_force(
    planted: list[tuple[list[list[str]], bool, bool]], texts: list[list[str]]
) -> None:
    texts = texts + [[word for literal in literals for word in literal] for literals, _, _ in planted]
    texts += [[*text[:3], "x", *text[3:]] for text in texts]
    hits = screen_of(matchers_of([template_of(*one) for one in planted])).hits(
        words_of([" ".join(t) for t in texts])
    )
    found = dict(
        zip(zip(hits.texts.tolist(), hits.matchers.tolist(), strict=True), hits.covered.tolist(), strict=True)
    )
    expected = {}
    for i, words in enumerate(texts):
        for m, (literals, _, _) in enumerate(planted):
            total, held = sum(map(len, literals)), covered(words, literals)
            if held >= math.ceil(QUORUM * total):
                expected[i, m] = held
    assert found == expected


ASK = Template(("Please grade the essay below from one to ten, then give your reasons: ", SLOT, "."), 0, 0, 0)


@pytest.mark.parametrize(
    "text",
    [
        "Please grade the essay below from one to ten, then give your reasons: on lamps.",
        "Please, grade 'the essay -below from. one to ten then give, your reasons on lamps",
        "ＰＬＥＡＳＥ gr\u200bade the essay below from one to ten, then give your reasons: on lamps",
        "PLEASE grade the essay below from one to ten, then kindly give your reasons: on lamps",
        "It rains. Please grade the essay below from one to ten, then give your reasons: on lamps",
    ],
)
def test_noise_and_a_new_word_hide_nothing(text: str) -> None:
    assert screen_of(matchers_of([ASK])).hits(words_of([text])).texts.tolist() == [0]


@pytest.mark.parametrize(
    "text",
    [
        "Please grade the essay below.",
        "reasons your give then ten to one from below essay the grade Please",
        "then give your reasons: from one to ten, please grade the essay below",
        "",
        "...",
    ],
)
def test_half_a_template_or_another_order_is_not_the_template(text: str) -> None:
    assert screen_of(matchers_of([ASK])).hits(words_of([text])).texts.tolist() == []


def test_words_keep_their_places_in_the_text() -> None:
    text = "«Grüße», 漢字 7!"
    words, tokens = words_of([text]), tokenize([text])
    raw = text.encode()
    spelled = [raw[a:b].decode() for a, b in zip(words.starts.tolist(), words.ends.tolist(), strict=True)]
    assert spelled == ["Grüße", "漢", "字", "7"]
    assert words.indptr.tolist() == [0, 4]
    assert words.marks.tolist() == tokens.marks.tolist()


def test_punctuation_at_an_end_leaves_its_place_to_the_slot() -> None:
    said = Template(('"', SLOT, '" is what I want to hear about in full?!'), 0, 0, 0)
    hits = screen_of(matchers_of([said])).hits(words_of(["the sea is what I want to hear about in full"]))
    assert hits.whole.tolist() == [True]
