"""A map has a finite place for every vector, the same each time, with like beside like."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from campaigns.errors import IntegrityError
from campaigns.settings import Settings
from clustering import layout as layout_module
from clustering.layout import layout


def blobs(sizes: list[int], seed: int, dimension: int = 32) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    rows = np.repeat(rng.normal(size=(len(sizes), dimension)), sizes, axis=0)
    rows = rows + 0.2 * rng.normal(size=rows.shape)
    unit: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4])
def test_few_vectors_have_places(n: int) -> None:
    places = layout(blobs([n], seed=1), Settings())
    assert places.shape == (n, 2)
    assert places.dtype == np.float32
    assert np.isfinite(places).all()
    assert len(np.unique(places, axis=0)) == n


def test_few_vectors_keep_their_distances() -> None:
    triangle = np.zeros((3, 6), np.float32)
    triangle[[0, 1, 2], [0, 3, 5]] = 1
    places = layout(triangle, Settings()).astype(np.float64)
    sides = [np.linalg.norm(places[a] - places[b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert np.allclose(sides, np.sqrt(2), atol=1e-3)


def test_no_vectors_may_have_no_dimension() -> None:
    assert layout(np.empty((0, 0), np.float32), Settings()).shape == (0, 2)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_refused(value: float) -> None:
    vectors = blobs([6], seed=2)
    vectors[3, 3] = value
    with pytest.raises(IntegrityError, match="not finite"):
        layout(vectors, Settings())


@pytest.mark.slow
def test_like_lies_beside_like_and_twice_is_the_same() -> None:
    vectors = blobs([40, 40, 40], seed=3)
    places = layout(vectors, Settings())
    assert np.array_equal(layout(vectors, Settings()), places)
    assert places.dtype == np.float32
    distances = np.linalg.norm(places[:, None] - places[None], axis=2) + np.diag(np.full(120, np.inf))
    of_nearest = distances.argmin(axis=1)
    assert np.array_equal(of_nearest // 40, np.arange(120) // 40)
    assert not np.array_equal(layout(vectors, Settings(seed=1)), places)


@pytest.mark.slow
@pytest.mark.parametrize(
    "vectors",
    [
        np.repeat(blobs([1], seed=4), 50, axis=0),
        np.zeros((30, 8), np.float32),
        blobs([5], seed=5),
        np.concatenate([np.zeros((20, 32), np.float32), blobs([3, 3], seed=6)]),
        np.ones((9, 1), np.float32),
    ],
    ids=["equal", "zero", "fewest", "zero and others", "one dimension"],
)
def test_odd_vectors_have_finite_places(vectors: NDArray[np.float32]) -> None:
    places = layout(vectors, Settings())
    assert places.shape == (len(vectors), 2)
    assert np.isfinite(places).all()


@pytest.mark.slow
def test_beyond_the_cap_a_vector_lies_at_its_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout_module, "MOST_POINTS", 60)
    vectors = blobs([50, 50], seed=7)
    places = layout(vectors, Settings())
    assert places.shape == (100, 2)
    assert len(np.unique(places, axis=0)) == 60
    first, second = places[:50], places[50:]
    between = np.linalg.norm(first.mean(axis=0) - second.mean(axis=0))
    assert between > max(np.linalg.norm(part - part.mean(axis=0), axis=1).max() for part in (first, second))
