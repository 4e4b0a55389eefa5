"""The matcher against a brute-force oracle, and its cost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.records import Slot, Template
from campaigns.tokens import tokenize
from labeling.matcher import Matcher, compile_template

SLOT = Slot("text", 0, ())
WORDS = ["ab", "ba", "a", ",", "中"]
runs = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3)


def matches_somehow(tokens: list[str], literals: list[list[str]], leading: bool, trailing: bool) -> bool:
    """All placements, tried one by one."""

    def place(k: int, at: int) -> bool:
        if k == len(literals):
            return trailing or at == len(tokens)
        size = len(literals[k])
        starts = [at] if k == 0 and not leading else range(at, len(tokens) - size + 1)
        return any(tokens[s : s + size] == literals[k] and place(k + 1, s + size) for s in starts)

    return place(0, 0)


def template_of(literals: list[list[str]], leading: bool, trailing: bool) -> Template:
    parts: list[str | Slot] = [SLOT] if leading else []
    for k, literal in enumerate(literals):
        parts += [SLOT] if k else []
        parts.append(" ".join(literal))
    return Template(tuple([*parts, SLOT] if trailing else parts), 0.0, 0.0, 0.0)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(runs, min_size=1, max_size=3),
    st.booleans(),
    st.booleans(),
    st.lists(st.lists(st.sampled_from(WORDS), max_size=9), min_size=1, max_size=6),
)
def test_matcher_agrees_with_brute_force(
    literals: list[list[str]], leading: bool, trailing: bool, texts: list[list[str]]
) -> None:
    texts.append([word for literal in literals for word in literal])
    matcher = compile_template(template_of(literals, leading, trailing))
    expected = [matches_somehow(text, literals, leading, trailing) for text in texts]
    assert matcher.match([" ".join(text) for text in texts]).tolist() == expected


@settings(max_examples=200, deadline=None)
@given(
    st.lists(runs, min_size=1, max_size=3),
    st.booleans(),
    st.booleans(),
    st.lists(st.sampled_from(WORDS), max_size=12),
)
def test_literals_and_slots_make_up_the_text(
    literals: list[list[str]], leading: bool, trailing: bool, text: list[str]
) -> None:
    matcher = compile_template(template_of(literals, leading, trailing))
    [values] = matcher.slot_values([" ".join(text)])
    if values is None:
        return
    slots = [value.split() for value in values]
    rebuilt = slots.pop(0) if leading else []
    for literal in literals:
        rebuilt = rebuilt + literal + (slots.pop(0) if slots else [])
    assert rebuilt == text


def test_slot_values_come_as_given() -> None:
    matcher = compile_template(Template(("Rate: ", SLOT, " Why? ", SLOT), 0, 0, 0))
    assert matcher.n_slots == 2
    assert matcher.slot_values(["RATE:  Ünïcode,\n twice  why? ok ", "Rate: Why?", "Rate this"]) == [
        ("Ünïcode,\n twice", "ok"),
        ("", ""),
        None,
    ]


def test_case_lookalikes_and_hidden_characters_do_not_matter() -> None:
    matcher = compile_template(Template(("Score the answer: ", SLOT), 0, 0, 0))
    assert matcher.match(
        ["ＳＣＯＲＥ the аnswer: x", "sco\u200bre the answer : x", "score an answer: x"]
    ).tolist() == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("parts", [(), (SLOT,), (" \n",), (SLOT, "\u200b", SLOT)])
def test_template_without_constants_matches_nothing(parts: tuple[str | Slot, ...]) -> None:
    matcher = compile_template(Template(parts, 0, 0, 0))
    assert not matcher.match(["", "anything", " "]).any()
    assert matcher.slot_values(["anything"]) == [None]


def test_no_texts() -> None:
    matcher = compile_template(Template(("a", SLOT), 0, 0, 0))
    assert matcher.match([]).shape == (0,)
    assert matcher.slot_values([]) == []


@pytest.mark.parametrize("n", [1_000, 20_000])
def test_steps_stay_linear_on_repetitive_text(n: int) -> None:
    literal = "a " * 200 + "b"
    matcher = compile_template(Template((SLOT, literal, SLOT, literal, SLOT), 0, 0, 0))
    tokens = tokenize(["a " * n, "a " * n + "b", ("a " * 199 + "b ") * (n // 200)])
    assert matcher.match_tokens(tokens).tolist() == [False, False, False]
    bound = 2 * np.diff(tokens.indptr) + len(matcher.literals)
    assert (matcher.steps(tokens) <= bound).all()


def test_empty_literals_are_left_out() -> None:
    matcher = Matcher.of([np.empty(0, np.uint64), tokenize(["a"]).shapes], leading=False, trailing=False)
    assert matcher.n_slots == 0
    assert matcher.match(["a", "b", "a a"]).tolist() == [True, False, False]
