"""What became of canaries, and families without them: known answers by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from campaigns.records import CANARIES, PLANTED
from clustering.canaries import COVER, REAL, Planted, recovered, taken_out
from clustering.senders import Pairs

A, B = 0, 1


def sent(prompts: list[int]) -> Pairs:
    """Text i is sent `prompts[i]` times by account i."""
    rows = np.arange(len(prompts), dtype=np.int64)
    return Pairs(rows, rows, np.array(prompts, np.int64))


def planted(*of_text: int) -> Planted:
    return Planted(("a", "b"), np.array(of_text, np.int64))


def labels(*families: int) -> np.ndarray:
    return np.array(families, np.int32)


def test_texts_are_told_by_their_keys() -> None:
    keys = [bytes([n]) * 16 for n in range(4)]
    table = pa.table(
        {"text_key": [keys[1], keys[2], keys[3]], "canary": ["b", None, "a"], "n_prompts": [1, 1, 1]},
        schema=PLANTED,
    )
    found = Planted.among(pl.Series("text_key", keys, dtype=pl.Binary), table)
    assert found.names == ("a", "b")
    assert found.of_text.tolist() == [REAL, B, COVER, A]
    assert found.real.tolist() == [True, False, False, False]


def test_recall_is_the_largest_part_in_one_family_of_its_own() -> None:
    #        a: 6 in family 0, 3 in family 1, 1 in none       b: all 9 in family 2 with 1 real
    table = recovered(planted(A, A, A, A, B, REAL), labels(0, 0, 1, -1, 2, 2), sent([4, 2, 3, 1, 9, 1]))
    assert table.schema == CANARIES
    assert table.to_pylist() == [
        {"canary": "a", "n_prompts": 10, "found": 6, "recall": 0.6, "mixed": 0},
        {"canary": "b", "n_prompts": 9, "found": 9, "recall": 1.0, "mixed": 1},
    ]


def test_a_family_that_is_not_all_but_its_own_does_not_count() -> None:
    (row,) = recovered(Planted(("a",), np.array([A, A, REAL])), labels(0, 0, 0), sent([5, 3, 1])).to_pylist()
    assert row == {"canary": "a", "n_prompts": 8, "found": 0, "recall": 0.0, "mixed": 1}
    with_cover = recovered(Planted(("a",), np.array([A, COVER])), labels(0, 0), sent([8, 1])).to_pylist()
    assert (with_cover[0]["found"], with_cover[0]["mixed"]) == (0, 0)


def test_one_family_of_everything_mixes_what_is_fewer() -> None:
    table = recovered(planted(A, B, REAL), labels(0, 0, 0), sent([4, 6, 90]))
    assert table["mixed"].to_pylist() == [4, 6]
    assert table["recall"].to_pylist() == [0, 0]


def test_mostly_planted_families_are_gone_and_others_lose_what_was_planted() -> None:
    kept = taken_out(
        planted(A, A, REAL, REAL, REAL, COVER), labels(0, 1, 1, 0, 2, 2), sent([9, 1, 5, 1, 3, 3])
    )
    assert kept.tolist() == [-1, -1, 1, -1, 2, -1]


def test_nothing_planted_changes_nothing() -> None:
    none = Planted((), np.full(3, REAL))
    assert recovered(none, labels(0, 0, -1), sent([1, 2, 3])).num_rows == 0
    assert taken_out(none, labels(0, 0, -1), sent([1, 2, 3])).tolist() == [0, 0, -1]


@given(st.lists(st.tuples(st.integers(-2, 1), st.integers(-1, 3), st.integers(1, 9)), min_size=1))
def test_no_planted_text_is_left_and_no_other_family_is_entered(rows: list[tuple[int, int, int]]) -> None:
    kinds, families, prompts = (list(column) for column in zip(*rows, strict=True))
    before = labels(*families)
    after = taken_out(planted(*kinds), before, sent(prompts))
    assert (after[np.array(kinds) != REAL] == -1).all()
    assert ((after == before) | (after == -1)).all()
    for row in recovered(planted(*kinds), before, sent(prompts)).to_pylist() if {A, B} <= set(kinds) else []:
        assert 0 <= row["recall"] <= 1
        assert row["found"] <= row["n_prompts"]
