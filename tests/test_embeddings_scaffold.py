"""Scaffold features against a plain-Python oracle, and their independence of partitioning."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.settings import ScaffoldSettings
from campaigns.tokens import tokenize
from embeddings import scaffold
from embeddings.edges import edge_features
from embeddings.scaffold import Features, Postings

WORDS = ["alpha", "bravo", "delta", "gamma", "kappa", "omega", "sigma", "theta"]


def sets_of(features: Features) -> list[frozenset[int]]:
    bounds = zip(features.indptr[:-1], features.indptr[1:], strict=True)
    return [frozenset(features.values[a:b].tolist()) for a, b in bounds]


def pair_count(text: str, distance: int = 3) -> int:
    """Distinct unordered pairs of different content words at most `distance` content words apart."""
    content = [word for word in text.split() if word in WORDS]
    return len({frozenset(p) for i, j in combinations(range(len(content)), 2) if j - i <= distance
                for p in [(content[i], content[j])] if content[i] != content[j]})  # fmt: skip


def count(parts: list[tuple[Features, Postings]], minimum: int) -> dict[int, int]:
    sketch = scaffold.new_sketch()
    for features, postings in parts:
        scaffold.add_to_sketch(sketch, features, postings)
    counted = [scaffold.count_exactly(sketch, minimum, features, postings) for features, postings in parts]
    values, counts = scaffold.add_counts(counted, minimum)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([*WORDS, "the", "of", "7", "!", "x"]), max_size=20))
def test_pairs_are_those_of_the_oracle(words: list[str]) -> None:
    text = " ".join(words)
    assert len(scaffold.text_features(tokenize([text]), 3).values) == pair_count(text)


def test_order_inserted_small_words_and_typing_errors_keep_pairs() -> None:
    features = scaffold.text_features(
        tokenize(
            [
                "explain thermodynamics simply",
                "simply explain the thermodynamics",
                "explian thermodynamcis simply",
            ]
        ),
        3,
    )
    first, reordered, misspelt = sets_of(features)
    assert first == reordered == misspelt
    assert len(first) == 3


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)),
        min_size=1,
        max_size=30,
    ),
    st.integers(1, 4),
)
def test_counts_are_exact_whatever_the_partitions(sent: list[tuple[int, str]], n_parts: int) -> None:
    oracle: Counter[int] = Counter()
    of_account: dict[int, set[int]] = {}
    texts = sorted({text for _, text in sent})
    feature_sets = dict(zip(texts, sets_of(scaffold.text_features(tokenize(texts), 3)), strict=True))
    for account, text in sent:
        of_account.setdefault(account, set()).update(feature_sets[text])
    for found in of_account.values():
        oracle.update(found)
    expected = {feature: n for feature, n in oracle.items() if n >= 2}
    assert count([part_of(sent, i, n_parts) for i in range(n_parts)], 2) == expected


def part_of(sent: list[tuple[int, str]], i: int, n_parts: int) -> tuple[Features, Postings]:
    mine = sorted({(account, text) for account, text in sent if account % n_parts == i})
    texts = sorted({text for _, text in mine})
    features = scaffold.text_features(tokenize(texts), 3)
    accounts = np.array([account for account, _ in mine], np.int64)
    rows = np.array([texts.index(text) for _, text in mine], np.int64)
    return features, Postings(accounts, rows)


def test_one_busy_account_makes_no_scaffold() -> None:
    texts = [f"alpha bravo number {i}" for i in range(50)]
    features = scaffold.text_features(tokenize(texts), 3)
    rows = np.arange(50, dtype=np.int64)
    assert count([(features, Postings(np.zeros(50, np.int64), rows))], 2) == {}
    by_many = count([(features, Postings(rows.copy(), rows))], 2)
    assert max(by_many.values()) == 50


def test_relative_filter_drops_what_recurs_much_less_than_the_template() -> None:
    features = Features(np.array([0, 8]), np.arange(8, dtype=np.uint64))
    known = np.arange(8, dtype=np.uint64)
    counts = np.array([100, 90, 100, 95, 90, 80, 23, 24], np.int64)  # the 6th largest is 80; 0.3 of it is 24
    kept = scaffold.keep_scaffold(features, known, counts, ScaffoldSettings())
    assert kept.values.tolist() == [0, 1, 2, 3, 4, 5, 7]


def test_relative_filter_without_known_features() -> None:
    features = Features(np.array([0, 2]), np.array([1, 2], np.uint64))
    kept = scaffold.keep_scaffold(features, np.empty(0, np.uint64), np.empty(0, np.int64), ScaffoldSettings())
    assert kept.indptr.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("n_prompts", "expected"), [(0, 3), (600, 3), (20_000, 8), (80_000, 16), (2_000_000, 80)]
)
def test_minimum_grows_with_the_root_of_the_volume(n_prompts: int, expected: int) -> None:
    assert scaffold.minimum_accounts(ScaffoldSettings(), n_prompts) == expected


def edge_sets(texts: list[str]) -> list[frozenset[int]]:
    return sets_of(edge_features(tokenize(texts), width=5, depth=10))


def shared(texts: list[str]) -> int:
    left, right = edge_sets(texts)
    return len(left & right)


def test_edges_know_a_common_end_after_any_passage() -> None:
    end = "Write a summary of the text above:"
    # 8 tokens and 3 marks hold 7 runs of 5 that lie wholly in the common end.
    assert shared([f"Zebras graze at dawn. {end}", f"Inflation fell 3 % in May, said the bank! {end}"]) == 7
    assert shared(["Zebras graze at dawn", "Inflation fell in May"]) == 0


def test_edges_take_numbers_for_equal_and_words_for_exact() -> None:
    assert shared(["Question 12 of 40 begins here", "Question 7 of 9 begins here"]) > 0
    left, right = edge_sets(["begin one two three", "begin one two three"])
    assert left == right
    assert edge_sets(["begin one two three"]) != edge_sets(["begin two one three"])


def test_edges_of_empty_and_short_texts() -> None:
    none, one = edge_sets(["", "word"])
    assert none == frozenset()
    assert one == frozenset()


def test_characters_of_unspaced_scripts_pair_as_words_of_two_an_even_number_apart() -> None:
    # Six distinct characters: five words of two and a last one alone; pairs at 2, 4 (and 6) places.
    text = "山川草木鳥魚"
    assert len(scaffold.text_features(tokenize([text]), 3).values) == 4 + 2
    # One more character in front moves every place, yet the pairs stay.
    one, other = sets_of(scaffold.text_features(tokenize([text, "雨" + text]), 3))
    assert set(one) < set(other)


def test_scripts_in_turn_make_more_pairs_than_either_alone() -> None:
    """As in a word list: a character pairs with words next to it and with characters an even number of places away."""
    characters = "爱八杯北本山菜茶吃水打大电店东石木多二饭飞分工汉好火喝很"
    words = [f"word{chr(97 + i // 6)}{chr(103 + i % 6)}" for i in range(len(characters))]
    tokens = [token for pair in zip(characters, words, strict=True) for token in pair]
    expected = {
        frozenset((one, other))
        for i, one in enumerate(tokens)
        for back in range(1, 7)
        if (other := tokens[i - back] if i >= back else None) is not None
        and (back % 2 == 0 if one in characters and other in characters else back <= 3)
    }
    found = scaffold.text_features(tokenize([" ".join(tokens)]), 3).values
    assert len(found) == len(expected)
