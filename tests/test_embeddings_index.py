"""Scores are cosines, neighbours are those of brute force, and ties come in the order of ids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from campaigns.errors import IntegrityError
from embeddings.index import CosineIndex


def brute_force(
    vectors: NDArray[np.float64], ids: NDArray[np.int64], queries: NDArray[np.float64], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    def unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        return (rows / np.where(length == 0, 1, length)).astype(np.float32).astype(np.float64)

    cosines = (unit(queries) @ unit(vectors).T).round(7)
    best = np.array([np.lexsort((ids, -row))[:k] for row in cosines], np.int64).reshape(len(queries), -1)
    return ids[best], np.take_along_axis(cosines, best, 1).astype(np.float32)


def random_rows(n: int, dimension: int, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(n, dimension))


@pytest.mark.parametrize("k", [1, 5, 300])
def test_neighbours_are_those_of_brute_force(k: int) -> None:
    vectors, queries = random_rows(300, 32, 1) * 7, random_rows(40, 32, 2)
    ids = np.random.default_rng(3).permutation(1000)[:300]
    expected_ids, expected_cosines = brute_force(vectors, ids, queries, k)
    index = CosineIndex.build(vectors, ids)
    assert len(index) == 300
    assert index.exact
    got_ids, got_cosines = index.search(queries, k)
    assert np.array_equal(got_ids, expected_ids)
    assert np.abs(got_cosines - expected_cosines).max() < 1e-6
    assert got_ids.dtype == np.int64
    assert got_cosines.dtype == np.float32


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(-1, 1), min_size=3, max_size=3), min_size=1, max_size=40),
    st.integers(1, 45),
    st.randoms(use_true_random=False),
)
def test_ties_come_in_the_order_of_ids(rows: list[list[int]], k: int, random: object) -> None:
    vectors = np.array(rows, np.float64)  # a small lattice: many equal cosines
    ids = np.arange(len(rows), dtype=np.int64) * 3 + 5
    order = np.random.default_rng(random.randrange(2**32)).permutation(len(rows))  # type: ignore[attr-defined]
    index = CosineIndex.build(vectors[order], ids[order])
    got_ids, got_cosines = index.search(vectors, k)
    expected_ids, expected_cosines = brute_force(vectors, ids, vectors, k)
    assert np.array_equal(got_ids, expected_ids)
    assert np.allclose(got_cosines, expected_cosines, atol=1e-6)


def test_a_thousand_equal_vectors_answer_with_the_lowest_ids() -> None:
    rows = random_rows(20, 384, 4)
    vectors = np.concatenate([np.repeat(rows[:1], 1000, axis=0), rows[1:]]).astype(np.float32)
    ids = np.arange(len(vectors))[::-1].copy()
    got_ids, cosines = CosineIndex.build(vectors, ids).search(vectors[:3], 4)
    assert got_ids.tolist() == [[19, 20, 21, 22]] * 3
    assert np.allclose(cosines, 1)


def test_a_query_is_answered_alike_alone_and_among_others() -> None:
    vectors, queries = random_rows(500, 64, 5), random_rows(70, 64, 6)
    index = CosineIndex.build(vectors, np.arange(500))
    together = index.search(queries, 9)
    for i in range(0, 70, 10):
        alone = index.search(queries[i : i + 1], 9)
        assert np.array_equal(alone[0][0], together[0][i])
        assert np.array_equal(alone[1][0], together[1][i])


@pytest.mark.parametrize(("n", "queries", "k"), [(0, 2, 3), (0, 0, 1), (3, 0, 2), (2, 2, 5)])
def test_shapes_at_the_edges(n: int, queries: int, k: int) -> None:
    index = CosineIndex.build(random_rows(n, 8, 7), np.arange(n))
    ids, cosines = index.search(random_rows(queries, 8, 8), k)
    assert ids.shape == cosines.shape == (queries, min(n, k))
    assert (ids >= 0).all()


def test_a_zero_vector_has_cosine_zero() -> None:
    vectors = np.array([[0.0, 0.0], [0.0, 2.0], [0.0, -1.0]])
    ids, cosines = CosineIndex.build(vectors, np.array([4, 5, 6])).search(
        np.array([[0.0, 3.0], [0.0, 0.0]]), 3
    )
    assert ids.tolist() == [[5, 4, 6], [4, 5, 6]]
    assert cosines.tolist() == [[1, 0, -1], [0, 0, 0]]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(value: float) -> None:
    good, bad = np.ones((2, 3)), np.array([[0, 1, value], [1, 1, 1]])
    with pytest.raises(IntegrityError, match="not finite"):
        CosineIndex.build(bad, np.arange(2))
    with pytest.raises(IntegrityError, match="not finite"):
        CosineIndex.build(good, np.arange(2)).search(bad, 1)


@pytest.mark.parametrize("ids", [[1, 1, 2], [1, 2]])
def test_ids_are_one_per_vector_each_once(ids: list[int]) -> None:
    with pytest.raises(IntegrityError, match="one id per vector"):
        CosineIndex.build(np.ones((3, 2)), np.array(ids))


@pytest.mark.parametrize("flat_limit", [1000, 10])
@pytest.mark.parametrize("n", [0, 400])
def test_a_saved_index_answers_alike(n: int, flat_limit: int, tmp_path: Path) -> None:
    index = CosineIndex.build(random_rows(n, 16, 9), np.arange(n) + 7, flat_limit=flat_limit)
    digest = index.save(tmp_path / "index.faiss")
    assert index.save(tmp_path / "again.faiss") == digest
    loaded = CosineIndex.load(tmp_path / "index.faiss", digest)
    queries = random_rows(11, 16, 10)
    got, expected = loaded.search(queries, 6), index.search(queries, 6)
    assert np.array_equal(got[0], expected[0])
    assert np.array_equal(got[1], expected[1])


def test_one_changed_byte_is_refused_before_parsing(tmp_path: Path) -> None:
    path = tmp_path / "index.faiss"
    digest = CosineIndex.build(random_rows(5, 4, 11), np.arange(5)).save(path)
    intact = path.read_bytes()
    for offset in range(len(intact)):
        path.write_bytes(intact[:offset] + bytes([intact[offset] ^ 1]) + intact[offset + 1 :])
        with pytest.raises(IntegrityError, match="not what was written"):
            CosineIndex.load(path, digest)


def test_a_large_index_finds_nearly_all_with_exact_scores() -> None:
    centres = random_rows(30, 32, 12)
    vectors = centres[np.arange(6000) % 30] + 0.3 * random_rows(6000, 32, 13)
    queries = centres + 0.1 * random_rows(30, 32, 14)
    ids = np.arange(6000)
    index = CosineIndex.build(vectors, ids, seed=1, flat_limit=1000)
    assert not index.exact
    got_ids, got_cosines = index.search(queries, 10)
    expected_ids, _ = brute_force(vectors, ids, queries, 10)
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(got_ids, expected_ids, strict=True)])
    assert recall > 0.95
    everything = brute_force(vectors, ids, queries, 6000)
    for row in range(30):
        exact = dict(zip(everything[0][row].tolist(), everything[1][row].tolist(), strict=True))
        assert all(
            abs(exact[i] - c) < 1e-6 for i, c in zip(got_ids[row].tolist(), got_cosines[row], strict=True)
        )


def test_a_large_index_depends_on_neither_row_order_nor_threads() -> None:
    import faiss

    vectors, queries = random_rows(3000, 24, 15), random_rows(20, 24, 16)
    order = np.random.default_rng(17).permutation(3000)
    threads = faiss.omp_get_max_threads()
    answers = []
    for rows, n_threads in ((np.arange(3000), 1), (order, 2)):
        faiss.omp_set_num_threads(n_threads)
        answers.append(CosineIndex.build(vectors[rows], rows, seed=1, flat_limit=100).search(queries, 5))
    faiss.omp_set_num_threads(threads)
    assert np.array_equal(answers[0][0], answers[1][0])
    assert np.array_equal(answers[0][1], answers[1][1])


def test_an_index_that_is_not_exact_tells_what_it_missed() -> None:
    vectors = np.repeat(np.eye(40), 3, axis=0) + 1e-3 * random_rows(120, 40, 18)
    index = CosineIndex.build(vectors, np.arange(120), flat_limit=10)
    index._inner.nprobe = 1
    ids, cosines = index.search(np.eye(40), 120)
    assert ids.shape == (40, 120)
    assert (ids[:, 0] >= 0).all()
    assert (cosines[ids < 0] == -1).all()
    assert (ids[:, -1] == -1).all()
