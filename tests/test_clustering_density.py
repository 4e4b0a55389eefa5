"""Clusters are those of the hdbscan package, weights and guards are kept, row order plays no part."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from campaigns.errors import IntegrityError, UsageError
from campaigns.settings import FamilySettings, Settings
from clustering import density
from clustering.density import Density, cluster

WIDE = {"semantic_cosine": -1.0, "max_cluster_share": 1.0}
"""Switches the guards off. The setting itself allows no negative cosine."""


def settings_of(**family: float) -> Settings:
    return Settings().model_copy(update={"family": FamilySettings().model_copy(update=family)})


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    result: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return result


def blobs(
    sizes: list[int], noise: int, seed: int, spread: float = 0.15, dimension: int = 24
) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(len(sizes), dimension))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    rows = np.repeat(centres, sizes, axis=0)
    rows = rows + rng.normal(size=rows.shape) * spread / np.sqrt(dimension)
    return unit(np.concatenate([rows, rng.normal(size=(noise, dimension))]))


def ones(n: int) -> NDArray[np.int64]:
    return np.ones(n, np.int64)


def partition(labels: NDArray[np.int32]) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels[labels >= 0])}


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("size", [3, 5, 9])
def test_with_weights_of_one_it_is_the_package(seed: int, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many edges are equally long; the package takes them in the order of an unstable sort."""
    from hdbscan import HDBSCAN

    monkeypatch.setattr(np, "argsort", partial(np.argsort, kind="stable"))
    vectors = np.unique(blobs([12, 25, 40, 7], noise=60, seed=seed, spread=0.8), axis=0)
    chords = np.sqrt(np.maximum(2 - 2 * vectors.astype(np.float64) @ vectors.T.astype(np.float64), 0)).round(
        6
    )
    np.fill_diagonal(chords, 0)
    expected = HDBSCAN(min_cluster_size=size, metric="precomputed").fit(chords)
    found = cluster(vectors, ones(len(vectors)), settings_of(min_cluster_size=size, **WIDE))
    assert found.n_clusters > 0
    assert partition(found.labels) == partition(expected.labels_)
    assert np.abs(found.strengths - expected.probabilities_).max() < 1e-4


def test_planted_clusters_are_found_and_noise_stays_noise() -> None:
    vectors = blobs([30, 20, 10], noise=100, seed=1)
    found = cluster(vectors, ones(160), settings_of(max_cluster_share=0.5))
    truth = np.repeat([0, 1, 2, -1], [30, 20, 10, 100])
    assert np.array_equal(found.labels, truth)
    assert (found.n_clusters, found.noise_share, found.largest_share) == (3, 100 / 160, 30 / 160)
    assert (found.strengths[truth < 0] == 0).all()
    assert ((found.strengths[truth >= 0] > 0) & (found.strengths <= 1)[truth >= 0]).all()
    assert found.labels[found.medoids].tolist() == [0, 1, 2]
    assert found.labels.dtype == np.int32
    assert found.strengths.dtype == np.float32


def test_two_heavy_neighbours_are_a_cluster_and_one_heavy_row_is_none() -> None:
    vectors = blobs([2, 2, 1, 20], noise=40, seed=2, spread=0.05)
    weights = ones(len(vectors))
    weights[[0, 1, 4]] = 100
    labels = cluster(vectors, weights, settings_of()).labels
    assert labels[0] == labels[1] == 0
    assert (labels[2:5] == -1).all()
    assert len(set(labels[5:25].tolist())) == 1
    assert (labels[25:] == -1).all()


def test_weight_above_the_minimum_says_no_more() -> None:
    vectors = blobs([6, 8, 5], noise=30, seed=3, spread=0.6)
    weights = np.random.default_rng(3).integers(5, 9, len(vectors))
    expected = cluster(vectors, np.minimum(weights, 5), settings_of(**WIDE))
    found = cluster(vectors, weights * 1_000_000, settings_of(**WIDE))
    assert np.array_equal(found.labels, expected.labels)


def test_a_cluster_above_the_largest_share_is_split() -> None:
    rng = np.random.default_rng(4)
    centre, offset = unit(rng.normal(size=(2, 24))).astype(np.float64)
    twins = np.repeat([centre + 0.25 * offset, centre - 0.25 * offset], 30, axis=0)
    twins = unit(twins + 0.25 / np.sqrt(24) * rng.normal(size=twins.shape))
    vectors = np.concatenate([twins, blobs([20], noise=60, seed=5)])
    free = cluster(vectors, ones(140), settings_of(**WIDE)).labels
    limited = cluster(vectors, ones(140), settings_of(**WIDE | {"max_cluster_share": 0.3})).labels
    assert len(set(free[:60].tolist()) - {-1}) == 1
    assert len(set(limited[:30].tolist()) - {-1}) == len(set(limited[30:60].tolist()) - {-1}) == 1
    assert not set(limited[:30].tolist()) & set(limited[30:60].tolist()) - {-1}
    assert np.array_equal(limited[60:80] >= 0, free[60:80] >= 0)


def test_a_shapeless_mass_above_the_largest_share_is_dropped() -> None:
    vectors = blobs([80, 12], noise=8, seed=6, spread=0.2)
    labels = cluster(vectors, ones(100), settings_of(max_cluster_share=0.5)).labels
    assert np.bincount(labels[labels >= 0]).max() <= 50
    assert len(set(labels[80:92].tolist()) - {-1}) == 1


def test_members_far_from_the_medoid_become_noise() -> None:
    angles = np.linspace(0, 1.2, 40)  # an arc: every step is small, its ends are far apart
    arc = np.zeros((40, 24))
    arc[:, 0], arc[:, 1] = np.cos(angles), np.sin(angles)
    vectors = np.concatenate([unit(arc), blobs([10], noise=20, seed=7)])
    wide = cluster(vectors, ones(70), settings_of(**WIDE, min_cluster_size=10))
    narrow = cluster(
        vectors, ones(70), settings_of(semantic_cosine=0.95, max_cluster_share=1.0, min_cluster_size=10)
    )
    assert (wide.labels[:40] == 0).all()
    for label, medoid in enumerate(narrow.medoids):
        cosines = vectors[narrow.labels == label] @ vectors[medoid]
        assert cosines.min() >= 0.95 - 1e-5
        assert len(cosines) >= 10
    assert 0 < (narrow.labels[:40] == -1).sum() < 40


@pytest.mark.parametrize("n", [0, 1, 2, 4])
def test_too_few_rows_are_noise(n: int) -> None:
    found = cluster(blobs([n], noise=0, seed=8), ones(n), settings_of())
    assert found.labels.tolist() == [-1] * n
    assert (found.n_clusters, found.largest_share, found.noise_share) == (0, 0, float(n > 0))


def test_no_vectors_may_have_no_dimension() -> None:
    assert cluster(np.empty((0, 0), np.float32), ones(0), settings_of()).labels.shape == (0,)


@pytest.mark.parametrize("n", [5, 6, 200])
def test_equal_vectors_are_one_cluster(n: int) -> None:
    found = cluster(np.repeat(blobs([1], noise=0, seed=9), n, axis=0), ones(n), settings_of())
    assert found.labels.tolist() == [0] * n
    assert found.strengths.tolist() == [1] * n
    assert found.medoids.tolist() == [0]


def test_equal_vectors_stay_together_among_others() -> None:
    equal = np.repeat(blobs([1], noise=0, seed=10), 7, axis=0)
    vectors = np.concatenate([blobs([12, 12], noise=60, seed=11), equal, blobs([1], noise=0, seed=12)])
    labels = cluster(vectors, ones(len(vectors)), settings_of(max_cluster_share=0.5)).labels
    assert labels.tolist() == [0] * 12 + [1] * 12 + [-1] * 60 + [2] * 7 + [-1]


def test_one_tight_cluster_and_nothing_else_is_found() -> None:
    found = cluster(blobs([9], noise=0, seed=13), ones(9), settings_of())
    assert found.labels.tolist() == [0] * 9
    scattered = cluster(blobs([], noise=12, seed=14, dimension=24), ones(12), settings_of())
    assert scattered.n_clusters == 0


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_permuted_rows_get_permuted_labels(data: st.DataObject) -> None:
    """On a small lattice distances tie everywhere, so any use of row order would show."""
    axis = st.integers(-1, 1)
    row = st.tuples(axis, axis, axis).filter(any)
    rows = np.array(data.draw(st.lists(row, min_size=1, max_size=60)), np.float64)
    weights = np.array(
        data.draw(st.lists(st.integers(1, 9), min_size=len(rows), max_size=len(rows))), np.int64
    )
    order = np.random.default_rng(data.draw(st.integers(0, 99))).permutation(len(rows))
    chosen = settings_of(min_cluster_size=3, semantic_cosine=0.7, max_cluster_share=0.5)
    first = cluster(unit(rows), weights, chosen)
    second = cluster(unit(rows)[order], weights[order], chosen)
    assert partition(second.labels) == {
        frozenset(np.flatnonzero(np.isin(order, list(members))).tolist())
        for members in partition(first.labels)
    }
    assert np.array_equal(second.strengths, first.strengths[order])
    for result in (first, second):
        names, first_rows = np.unique(result.labels[result.labels >= 0], return_index=True)
        assert names.tolist() == list(range(result.n_clusters))
        assert (np.diff(first_rows) > 0).all()


def test_threads_change_nothing() -> None:
    code = (
        "import sys, hashlib; from tests.test_clustering_density import *\n"
        "found = cluster(blobs([60, 80, 40, 300], 400, 15, 0.9, 384), ones(880), settings_of(**WIDE))\n"
        "bits = found.labels.tobytes() + found.strengths.tobytes()\n"
        "print(found.n_clusters, hashlib.sha256(bits).hexdigest())"
    )
    root = Path(__file__).parents[1]
    answers = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=root,
            env={"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout
        for threads in ("1", "2")
    ]
    assert answers[0] == answers[1]
    assert int(answers[0].split()[0]) > 0


def test_a_value_that_is_not_finite_is_refused() -> None:
    with pytest.raises(IntegrityError, match="not finite"):
        cluster(np.array([[1, np.nan]], np.float32), ones(1), settings_of())


def test_too_many_points_are_refused_with_the_setting_to_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(density, "MOST_POINTS", 10)
    with pytest.raises(UsageError, match=r"embedding\.budget"):
        cluster(blobs([11], noise=0, seed=16), ones(11), settings_of())
    equal = np.repeat(blobs([1], noise=0, seed=16), 500, axis=0)
    assert isinstance(cluster(equal, ones(500), settings_of()), Density)
