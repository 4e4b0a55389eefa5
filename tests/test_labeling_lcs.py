"""The compiled alignment against a plain recursive one."""

from __future__ import annotations

from functools import cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.lcs import RUN_BONUS, align_all

sequences = st.lists(st.integers(0, 3), max_size=9)


def best_score(a: list[int], b: list[int]) -> float:
    @cache
    def best(i: int, j: int, in_run: bool) -> float:
        if i == len(a) or j == len(b):
            return 0.0
        score = max(best(i + 1, j, False), best(i, j + 1, False))
        if a[i] == b[j]:
            score = max(score, 1.0 + RUN_BONUS * in_run + best(i + 1, j + 1, True))
        return score

    return best(0, 0, False)


def score_of(places: list[int], b: list[int], a: list[int]) -> float:
    score = 0.0
    for i, place in enumerate(places):
        if place >= 0:
            assert a[i] == b[place]
            score += 1.0 + RUN_BONUS * (i > 0 and places[i - 1] == place - 1 >= 0)
    return score


def aligned(a: list[int], b: list[int]) -> list[int]:
    places = align_all(
        np.array(a, np.uint64),
        np.arange(len(a)),
        np.ones(len(a)),
        np.array([0, len(b)]),
        np.array(b, np.uint64),
        np.arange(len(b)),
    )
    return [int(place) for place in places[0]]


@settings(max_examples=300, deadline=None)
@given(sequences, sequences)
def test_alignment_is_ordered_and_optimal(a: list[int], b: list[int]) -> None:
    places = aligned(a, b)
    found = [place for place in places if place >= 0]
    assert found == sorted(set(found))
    assert score_of(places, b, a) == best_score(a, b)


def test_unbroken_run_wins_over_as_many_scattered_matches() -> None:
    a = [1, 2, 3]
    assert aligned(a, [1, 9, 2, 9, 3, 9, 1, 2, 3]) == [6, 7, 8]


def test_long_equal_ends_are_matched_outright() -> None:
    head, tail = list(range(100, 140)), list(range(200, 240))
    a, b = [*head, 1, 2, *tail], [*head, 3, *tail]
    assert aligned(a, b) == [*range(40), -1, -1, *range(41, 81)]
