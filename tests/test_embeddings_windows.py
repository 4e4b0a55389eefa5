"""Window words: side and place count, order and slots between do not."""

from __future__ import annotations

import pyarrow as pa

from campaigns.tokens import tokenize
from embeddings.windows import window_features


def features(*texts: str, depth: int = 4) -> list[set[int]]:
    found = window_features(tokenize(pa.array(texts)), depth)
    return [set(found.values[found.indptr[i] : found.indptr[i + 1]].tolist()) for i in range(len(texts))]


def test_order_and_case_and_numbers_do_not_count() -> None:
    one, other = features("List 3 useful words", "words Useful 71 list")
    assert one == other
    assert len(one) == 8  # four words, seen from both sides


def test_what_stands_between_the_windows_is_not_seen() -> None:
    short, long = features("a b c d w x y z", "a b c d one two three four five w x y z")
    assert short == long


def test_the_side_is_part_of_the_feature() -> None:
    begins, ends = features("alpha beta gamma delta e f g h i j", "a b c d e f alpha beta gamma delta")
    assert not begins & ends


def test_unspaced_scripts_count_two_characters_in_a_row() -> None:
    one, shared, none = features("总结以下对话", "请总结它吧", "结总下以", depth=8)
    assert one & shared
    assert not one & none


def test_nothing_gives_nothing() -> None:
    assert features("", " ") == [set(), set()]
