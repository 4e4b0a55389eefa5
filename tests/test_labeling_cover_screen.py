"""Covers sought together find what each finds by a plain sum, whatever is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.covers import Cover
from campaigns.records import MatcherState
from campaigns.tokens import Kind, mix
from labeling.cover_screen import CoverScreen
from labeling.cover_words import DEPTH, cover_words
from labeling.sought import words_of

VOCABULARY = [
    f"{a}{b}" for a in ("bal", "cor", "dun", "fen", "gar", "hol") for b in ("tan", "rix", "ove", "ush")
]


def code(word: str) -> int:
    [found] = cover_words(words_of([word]))[1].tolist()
    return int(found)


def cover(weights: dict[str, int], least: int) -> Cover:
    told = sorted((code(word), weight) for word, weight in weights.items())
    return Cover(
        state=MatcherState.USABLE,
        reason="",
        words=tuple(word for word, _ in told),
        weights=tuple(weight for _, weight in told),
        least=least,
        typical=2 * least,
        organic_matches=0,
        organic_prompts=9_000,
        collision_bound=0.0003,
    )


def plain(texts: Sequence[str], covers: Sequence[Cover]) -> list[tuple[int, int, int]]:
    """The oracle: every cover summed over every text."""
    indptr, words = cover_words(words_of(texts))
    found = []
    for text in range(len(texts)):
        held = set(words[indptr[text] : indptr[text + 1]].tolist())
        for number, one in enumerate(covers):
            told = sum(weight for word, weight in zip(one.words, one.weights, strict=True) if word in held)
            if told >= one.least:
                found.append((text, number, told))
    return found


def sought(texts: Sequence[str], covers: Sequence[Cover]) -> list[tuple[int, int, int]]:
    hits = CoverScreen.of(covers).hits(words_of(texts))
    return list(zip(hits.texts.tolist(), hits.covers.tolist(), hits.evidence.tolist(), strict=True))


def short(number: int) -> str:
    """Three letters: short words are told apart by their order, too."""
    return "".join(chr(97 + number // 26**k % 26) for k in range(3))


COVERS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(VOCABULARY), st.integers(1, 9_000), min_size=1, max_size=16),
        st.floats(0.05, 1.2),
    ),
    max_size=12,
)
TEXTS = st.lists(
    st.lists(st.sampled_from([*VOCABULARY, "other", "42"]), max_size=30).map(" ".join), max_size=8
)


@settings(max_examples=150, deadline=None)
@given(COVERS, TEXTS)
def test_the_screen_finds_what_plain_sums_find(
    drawn: list[tuple[dict[str, int], float]], texts: list[str]
) -> None:
    covers = [cover(weights, max(1, int(part * sum(weights.values())))) for weights, part in drawn]
    assert sought(texts, covers) == plain(texts, covers)


def test_a_sum_is_the_same_in_any_order_and_repetition_adds_nothing() -> None:
    one = cover({"grade": 4_000, "essay": 3_000, "strict": 2_500}, 7_000)
    assert sought(
        ["grade the essay", "essay essay: GRADE it", "grade grade grade", "strict essay"], [one]
    ) == [
        (0, 0, 7_000),
        (1, 0, 7_000),
    ]


def test_the_words_of_both_ends_count_and_nothing_between() -> None:
    filler = " ".join(["lamp"] * DEPTH)
    one = cover({"grade": 4_000, "essay": 4_000}, 8_000)
    texts = [
        f"grade {filler} {filler} essay",
        f"{filler} grade essay {filler}",
        f"grade {filler} essay {filler}",
    ]
    assert [text for text, _, _ in sought(texts, [one])] == [
        0,
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=400), max_size=6))
def test_words_are_those_of_both_ends(texts: list[str]) -> None:
    """The oracle: positions by hand. NUL, bidi and unspaced scripts are among what is drawn."""
    tokens = words_of(texts)
    indptr, words = cover_words(tokens)
    for text in range(len(texts)):
        start, stop = int(tokens.indptr[text]), int(tokens.indptr[text + 1])
        expected = set()
        for place in range(start, stop):
            if place - start >= DEPTH and stop - place > DEPTH:
                continue
            word = tokens.shapes[place]
            if tokens.kinds[place] == Kind.NUMBER:
                word = np.uint64(1)
            elif (
                tokens.kinds[place] == Kind.IDEOGRAPH
                and place + 1 < stop
                and tokens.kinds[place + 1] == Kind.IDEOGRAPH
            ):
                word = mix(word) ^ tokens.shapes[place + 1]
            expected.add(int(word))
        assert words[indptr[text] : indptr[text + 1]].tolist() == sorted(expected)


def test_typing_errors_and_disguise_do_not_matter() -> None:
    one = cover({"provided": 4_000, "question": 4_000, "7": 1_000}, 9_000)
    assert sought(["proivded 12 quesstion", "pr\u200bovided 3 qu\u0435stion"], [one]) == [
        (0, 0, 9_000),
        (1, 0, 9_000),
    ]


def test_no_cover_and_no_text() -> None:
    assert sought(["grade"], []) == []
    assert sought([], [cover({"grade": 1}, 1)]) == []
    assert sought(["", "\x00", "\u202e"], [cover({"grade": 1}, 1)]) == []


def test_the_order_of_texts_and_covers_does_not_matter() -> None:
    rng = np.random.default_rng(5)
    covers = [
        cover(
            {word: int(rng.integers(500, 9_000)) for word in rng.choice(VOCABULARY, 8, replace=False)}, 12_000
        )
        for _ in range(40)
    ]
    texts = [" ".join(rng.choice(VOCABULARY, 10)) for _ in range(60)]
    straight = sought(texts, covers)
    assert straight
    of_texts, of_covers = rng.permutation(len(texts)), rng.permutation(len(covers))
    shuffled = sought([texts[i] for i in of_texts], [covers[i] for i in of_covers])
    assert sorted((of_texts[t], of_covers[c], told) for t, c, told in shuffled) == straight


@pytest.mark.parametrize("n", [50, 400])
def test_words_that_all_covers_share_cost_next_to_nothing(n: int) -> None:
    """Every cover has the shared words and a few of its own: a prompt of shared words names none of them."""
    shared = dict.fromkeys(VOCABULARY, 3_000)
    covers = [cover({**shared, f"x{short(k)}": 5_000, f"y{short(k)}": 5_000}, 78_000) for k in range(n)]
    hits = CoverScreen.of(covers).hits(words_of([" ".join(VOCABULARY)] * 10))
    assert len(hits.texts) == 0
    assert hits.added == 0
    whole = " ".join([*VOCABULARY, f"x{short(7)}", f"y{short(7)}"])
    hits = CoverScreen.of(covers).hits(words_of([whole]))
    assert (hits.covers.tolist(), hits.evidence.tolist()) == ([7], [82_000])
    assert hits.added <= 2 + len(VOCABULARY)


def test_a_cover_that_asks_for_more_than_it_has_is_never_reached() -> None:
    one = cover({"grade": 4_000}, 4_000)
    assert sought(["grade"], [one, replace(one, least=4_001)]) == [(0, 0, 4_000)]
