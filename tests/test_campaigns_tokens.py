"""The tokenizer: known answers by hand, and properties on any text."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.tokens import Kind, tokenize, word_codes


def words(text: str) -> list[str]:
    tokens = tokenize([text])
    data = text.encode()
    return [data[a:b].decode() for a, b in zip(tokens.starts, tokens.ends, strict=True)]


def kinds(text: str) -> str:
    return "".join(Kind(kind).name[0] for kind in tokenize([text]).kinds)


def same(left: str, right: str) -> bool:
    return bool(np.array_equal(tokenize([left]).codes, tokenize([right]).codes))


@pytest.mark.parametrize(
    ("text", "expected", "expected_kinds"),
    [
        ("Hello, world!", ["Hello", ",", "world", "!"], "WPWP"),
        ("It's 3.14 now", ["It's", "3", ".", "14", "now"], "WNPNW"),
        ("你好 ok", ["你", "好", "ok"], "IIW"),
        ("สวัสดี", ["ส", "ว", "ส", "ด"], "IIII"),
        ("a4 b", ["a4", "b"], "WW"),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"], "WW"),
        ("مرحبا x", ["مرحبا", "x"], "WW"),
        ("", [], ""),
        (" \n\t ", [], ""),
        ("a\x00b", ["a\x00b"], "W"),
        ("\U00020000\U0001f600", ["\U00020000", "\U0001f600"], "IP"),
    ],
)
def test_tokens_of_known_texts(text: str, expected: list[str], expected_kinds: str) -> None:
    found = words(text)
    if text == "สวัสดี":  # vowel signs are marks on the character before
        found = [word[0] for word in found]
    assert found == expected
    assert kinds(text) == expected_kinds


@pytest.mark.parametrize(
    ("plain", "disguised"),
    [
        ("summarize", "SUMMARIZE"),
        ("summarize", "sum\u200bmarize"),
        ("summarize", "sumｍarize"),
        ("summarize", "ѕummаrize"),  # Cyrillic s and a
        ("summarize", "summ\u0336arize"),  # combining stroke
        ("summarize", "𝐬𝐮𝐦marize"),
        ("hotel", "Нotel"),  # Cyrillic capital En looks like H
        ("final", "ﬁnal"),
        ("cafe", "café"),
        ("cafe", "cafe\u0301"),
        ("strasse", "Straße"),
    ],
)
def test_disguises_fold_to_the_plain_word(plain: str, disguised: str) -> None:
    assert same(plain, disguised)


def test_real_words_of_other_scripts_stay_themselves() -> None:
    assert not same("сор", "cop")  # a word all in Cyrillic is Cyrillic
    assert not same("привет", "hello")


def test_evasion_marks_are_counted_and_honest_text_has_none() -> None:
    honest = [
        "Tell me about café culture.",
        "Привет, мир",
        "नमस्ते",
        "你好，世界",
        "It’s fine",
        "Straße",
        "👩‍💻 codes",
    ]
    assert tokenize(honest).marks.tolist() == [0] * len(honest)
    assert tokenize(["sum\u200bmarize thｉs tехt"]).marks.tolist() == [1 + 1 + 2]


def test_typing_errors_keep_the_shape_of_long_words_only() -> None:
    tokens = tokenize(["identify idenitfy identiffy four fuor"])
    assert len(set(tokens.shapes[:3].tolist())) == 1
    assert len(set(tokens.codes[:3].tolist())) == 3
    assert tokens.shapes[3] != tokens.shapes[4]


def test_slices_and_chunks_of_arrow_arrays() -> None:
    array = pa.array(["one two", "three", "four five six"])
    whole = tokenize(array)
    sliced = tokenize(array.slice(1))
    assert np.array_equal(sliced.codes, whole.codes[2:])
    assert sliced.starts.tolist() == [0, 0, 5, 10]
    assert np.array_equal(tokenize(pa.chunked_array([array, array])).codes, np.tile(whole.codes, 2))


def test_no_texts() -> None:
    assert len(tokenize([])) == 0
    assert word_codes([]).tolist() == []


def test_a_word_longer_than_the_comparison_limit_is_told_apart_by_length() -> None:
    assert not same("a" * 100, "a" * 101)
    assert same("a" * 100, "A" * 100)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4))
def test_any_text_gives_ordered_offsets_on_character_bounds(texts: list[str]) -> None:
    tokens = tokenize(texts)
    assert tokens.indptr[0] == 0
    assert tokens.indptr[-1] == len(tokens.codes)
    for i, text in enumerate(texts):
        part = slice(tokens.indptr[i], tokens.indptr[i + 1])
        starts, ends = tokens.starts[part], tokens.ends[part]
        assert (starts < ends).all()
        assert (ends[:-1] <= starts[1:]).all()
        for a, b in zip(starts, ends, strict=True):
            text.encode()[a:b].decode()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(), min_size=2, max_size=5))
def test_a_text_has_the_same_tokens_alone_and_among_others(texts: list[str]) -> None:
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    together = tokenize(texts)
    for i, text in enumerate(texts):
        alone = tokenize([text])
        assert np.array_equal(alone.codes, together.codes[together.indptr[i] : together.indptr[i + 1]])
        assert alone.marks[0] == together.marks[i]
