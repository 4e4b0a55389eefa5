"""Many matchers at once find what each finds alone, and are tried on few texts only."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.records import Slot, Template
from campaigns.tokens import tokenize
from labeling.matcher import Matcher, compile_template
from labeling.screen import Screen

SLOT = Slot("text", 0, ())
WORDS = ["ab", "ba", "a", ",", "中", "7"]
literals = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join), max_size=3)
templates = st.builds(
    lambda constants, leading, trailing: Template(
        (
            *([SLOT] if leading else []),
            *[part for constant in constants for part in (constant, SLOT)][: 2 * len(constants) - 1],
            *([SLOT] if trailing else []),
        ),
        0.0,
        0.0,
        0.0,
    ),
    literals,
    st.booleans(),
    st.booleans(),
)


def alone(matchers: list[Matcher], texts: list[str]) -> list[tuple[int, int, bool]]:
    """(text, matcher, whole) by trying every matcher on every text."""
    tokens = tokenize(texts)
    whole = [matcher.match_tokens(tokens) for matcher in matchers]
    inside = [matcher.anywhere().match_tokens(tokens) for matcher in matchers]
    return [
        (text, m, bool(whole[m][text]))
        for text in range(len(texts))
        for m in range(len(matchers))
        if inside[m][text]
    ]


def together(matchers: list[Matcher], texts: list[str]) -> list[tuple[int, int, bool]]:
    hits = Screen.of(matchers).hits(tokenize(texts))
    return list(zip(hits.texts.tolist(), hits.matchers.tolist(), hits.whole.tolist(), strict=True))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(templates, max_size=6),
    st.lists(st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join), max_size=8),
)
def test_screen_agrees_with_every_matcher_alone(planted: list[Template], texts: list[str]) -> None:
    texts += [" ".join(part for part in one.parts if isinstance(part, str)) for one in planted]
    matchers = [compile_template(template) for template in planted]
    assert together(matchers, texts) == alone(matchers, texts)


def test_copies_of_a_matcher_and_matchers_without_constants() -> None:
    rate = compile_template(Template(("Rate this: ", SLOT), 0, 0, 0))
    nothing = compile_template(Template((SLOT,), 0, 0, 0))
    texts = ["Rate this: x", "y", "Please rate this: x"]
    assert together([nothing, rate, rate], texts) == [
        (0, 1, True),
        (0, 2, True),
        (2, 1, False),
        (2, 2, False),
    ]
    assert together([nothing], texts) == []
    assert together([], texts) == []
    assert together([rate], []) == []


def test_only_texts_with_the_rarest_words_are_tried() -> None:
    draw = np.random.default_rng(3)
    words = [f"w{n}" for n in range(500)]
    constants = [f"please look at the {words[n]} {words[n + 1]} below and say" for n in range(0, 100, 2)]
    matchers = [compile_template(Template((constant, SLOT), 0, 0, 0)) for constant in constants]
    ordinary = [f"please look at the {' '.join(draw.choice(words, 30))} below and say" for _ in range(2_000)]
    planted = [f"{constant} {' '.join(draw.choice(words, 30))}" for constant in constants]
    hits = Screen.of(matchers).hits(tokenize(ordinary + planted))
    assert hits.texts.tolist() == [len(ordinary) + n for n in range(50)]
    assert hits.matchers.tolist() == list(range(50))
    assert hits.tried < 100  # of 102,500 pairs


def test_a_repeated_key_is_tried_once_per_text() -> None:
    matchers = [compile_template(Template((SLOT, "a a a b", SLOT), 0, 0, 0))] * 20
    hits = Screen.of(matchers).hits(tokenize(["a " * 50_000, "a a a b " * 10_000]))
    assert hits.tried <= 2 * 20
    assert hits.texts.tolist() == [1] * 20


def test_two_templates_in_one_prompt_are_both_found() -> None:
    grade = compile_template(Template(("Grade this essay: ", SLOT), 0, 0, 0))
    moral = compile_template(Template((SLOT, "What is the moral of ", SLOT, "?"), 0, 0, 0))
    story = compile_template(Template(("Tell me the story of ", SLOT, " in three lines."), 0, 0, 0))
    both = (
        "Grade this essay: it rained. What is the moral of that? Tell me the story of the fox in three lines."
    )
    assert together([grade, moral, story], [both]) == [(0, 0, True), (0, 1, False), (0, 2, False)]
    assert story.anywhere().slot_values([both]) == [
        ("Grade this essay: it rained. What is the moral of that?", "the fox", "")
    ]


@pytest.mark.parametrize("text", ["", "\x00", "\u202e\u200b", "🙂" * 500, "x" * 5_000])
def test_hostile_texts_are_texts(text: str) -> None:
    matchers = [compile_template(Template((text or "a", SLOT), 0, 0, 0))]
    assert together(matchers, [text, f"{text} b"]) == alone(matchers, [text, f"{text} b"])
