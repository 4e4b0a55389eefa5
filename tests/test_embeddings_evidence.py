from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.settings import ScaffoldSettings
from campaigns.tokens import tokenize
from embeddings.edges import edge_features
from embeddings.evidence import FeatureKind, feature_places
from embeddings.scaffold import text_features
from embeddings.windows import window_features

SETTINGS = ScaffoldSettings()
WORDS = st.sampled_from(
    [
        "the",
        "of",
        "Grade",
        "grade",
        "12",
        "7",
        "essay,",
        "lamp.",
        "漢",
        "字",
        "ж",
        "это",
        "...",
        "quietly",
        "'x'",
        "ét\u200be",
    ]
)


def spelled(*texts: str) -> list[set[tuple[FeatureKind, str]]]:
    tokens = tokenize(texts)
    places = feature_places(tokens, SETTINGS)
    found: list[set[tuple[FeatureKind, str]]] = [set() for _ in texts]
    words = places.spelled(list(texts), tokens)
    for row, kind, one in zip(places.texts.tolist(), places.kinds.tolist(), words, strict=True):
        found[row].add((FeatureKind(kind), one))
    return found


@given(st.lists(st.lists(WORDS, max_size=40).map(" ".join), max_size=4))
@settings(max_examples=150, deadline=None)
def test_the_features_with_a_place_are_those_that_the_loops_count(texts: list[str]) -> None:
    tokens = tokenize(texts)
    places = feature_places(tokens, SETTINGS)
    readings = (
        text_features(tokens, SETTINGS.pair_distance),
        edge_features(tokens, SETTINGS.edge_width, SETTINGS.edge_depth),
        window_features(tokens, SETTINGS.window_depth),
    )
    for row in range(len(texts)):
        counted = np.unique(np.concatenate([one.between(row, row + 1).values for one in readings]))
        np.testing.assert_array_equal(np.unique(places.features[places.texts == row]), counted)


def test_pairs_are_spelled_as_the_text_has_them() -> None:
    (found,) = spelled("Summarize the long Dialogue")
    assert {words for kind, words in found if kind == FeatureKind.PAIR} == {
        "Summarize … long",
        "Summarize … Dialogue",
        "long Dialogue",
    }


def test_edges_say_where_they_stand() -> None:
    (found,) = spelled("one two three four five six seven eight nine")
    begins = {words for kind, words in found if kind == FeatureKind.BEGINS}
    ends = {words for kind, words in found if kind == FeatureKind.ENDS}
    assert begins == {"one two", "one two three", "one two three four"}
    assert ends == {"eight nine", "seven eight nine", "six seven eight nine"}
    assert (FeatureKind.NEAR_BEGINNING, "one two three four five") in found
    assert (FeatureKind.NEAR_END, "five six seven eight nine") in found
    assert (FeatureKind.NEAR_BEGINNING, "one") in found


def test_a_window_word_of_an_unspaced_script_is_two_characters() -> None:
    (found,) = spelled("请总结")
    words = {words for kind, words in found if kind == FeatureKind.NEAR_BEGINNING}
    assert {"请总", "总结"} <= words


def test_a_feature_is_spelled_by_the_first_text_that_has_it() -> None:
    texts = ["GRADE the ESSAY", "grade the essay", "grade the poem"]
    tokens = tokenize(texts)
    once = feature_places(tokens, SETTINGS).once()
    assert len(once) == len(np.unique(once.features))
    words = once.spelled(texts, tokens)
    assert "GRADE … ESSAY" in words
    assert "grade … essay" not in words
    assert "grade … poem" in words


def test_only_wanted_features_are_kept_and_their_tokens_marked() -> None:
    text = "Summarize the long dialogue of a quiet lamp"
    tokens = tokenize([text])
    places = feature_places(tokens, SETTINGS)
    (wanted,) = text_features(tokenize(["dialogue quiet"]), SETTINGS.pair_distance).values
    kept = places.of(np.array([wanted]))
    assert kept.spelled([text], tokens) == ["dialogue … quiet"]
    marked = kept.tokens(len(tokens.codes))
    assert np.flatnonzero(marked).tolist() == [3, 6]
    assert not places.of(np.empty(0, np.uint64)).tokens(len(tokens.codes)).any()


def test_a_run_marks_every_token_it_holds() -> None:
    tokens = tokenize(["one two three four"])
    places = feature_places(tokens, SETTINGS)
    rows = np.flatnonzero((places.kinds == FeatureKind.BEGINS) & (places.last == 2))
    marked = places.of(places.features[rows]).tokens(4)
    assert marked.tolist() == [True, True, True, False]


@pytest.mark.parametrize("texts", [[], [""], ["", "\x00\u200b"]])
def test_nothing_has_no_places(texts: list[str]) -> None:
    assert len(feature_places(tokenize(texts), SETTINGS)) == 0
