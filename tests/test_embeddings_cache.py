"""No text is embedded twice, a crash loses one batch at most, and a damaged shard is never used."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from campaigns.errors import IntegrityError
from campaigns.failpoints import KILLED
from embeddings import cache as cache_module
from embeddings.cache import MAX_SMALL_SHARDS, VectorCache, embed, keys_of

DIMENSION = 8


@dataclass
class HashEncoder:
    """Vectors drawn from a seed that the text gives; notes the batches it was asked for."""

    dimension: int = DIMENSION
    fingerprint: str = "hash"
    max_tokens: int = 4
    batches: list[list[str]] = field(default_factory=list)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.batches.append(list(texts))
        rows = [np.random.default_rng(list(text.encode())).normal(size=self.dimension) for text in texts]
        vectors = np.array(rows).reshape(-1, self.dimension)
        unit: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(
            np.float32
        )
        return unit

    def truncated(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        return np.array([len(text.split()) > self.max_tokens for text in texts], dtype=bool)

    @property
    def n_encoded(self) -> int:
        return sum(len(batch) for batch in self.batches)


def halves(n: int, seed: int = 0) -> NDArray[np.float16]:
    return np.random.default_rng(seed).normal(size=(n, DIMENSION)).astype(np.float16)


def shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.shard"))


def test_what_is_put_is_found_and_nothing_else(tmp_path: Path) -> None:
    keys, vectors = keys_of(["a", "b", "c"]), halves(3)
    cache = VectorCache(tmp_path, DIMENSION)
    assert not cache.get(keys)[1].any()
    cache.put(keys[[2, 0]], vectors[[2, 0]])
    for reader in (cache, VectorCache(tmp_path, DIMENSION)):
        got, found = reader.get(keys)
        assert found.tolist() == [True, False, True]
        assert np.array_equal(got[found], vectors[found])
        assert not got[1].any()


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 60), max_size=12), max_size=6), st.lists(st.integers(0, 80), max_size=30)
)
def test_the_cache_is_a_mapping(
    tmp_path_factory: pytest.TempPathFactory, puts: list[list[int]], asked: list[int]
) -> None:
    values = halves(100)
    cache = VectorCache(tmp_path_factory.mktemp("cache"), DIMENSION)
    for numbers in puts:
        cache.put(keys_of([str(n) for n in numbers]), values[np.array(numbers, np.int64)])
    got, found = cache.get(keys_of([str(n) for n in asked]))
    known = {n for numbers in puts for n in numbers}
    assert found.tolist() == [n in known for n in asked]
    assert np.array_equal(got[found], values[np.array(asked, np.int64)][found])


def test_keys_that_end_in_zero_bytes_stay_apart(tmp_path: Path) -> None:
    keys = np.array([b"\1" + b"\0" * 15, b"\1\0\1" + b"\0" * 13, b"\0" * 16], "S16")
    cache = VectorCache(tmp_path, DIMENSION)
    cache.put(keys[:2], halves(3)[:2])
    got, found = cache.get(keys)
    assert found.tolist() == [True, True, False]
    assert np.array_equal(got[:2], halves(3)[:2])


def test_vectors_that_are_not_finite_are_not_cached(tmp_path: Path) -> None:
    vectors = halves(2)
    vectors[1, 3] = np.inf
    cache = VectorCache(tmp_path, DIMENSION)
    with pytest.raises(IntegrityError, match="not finite"):
        cache.put(keys_of(["a", "b"]), vectors)
    assert shards(tmp_path) == []


def test_one_flipped_byte_anywhere_drops_the_shard(tmp_path: Path) -> None:
    keys, vectors = keys_of(["a", "b", "c"]), halves(3)
    VectorCache(tmp_path, DIMENSION).put(keys, vectors)
    VectorCache(tmp_path, DIMENSION).put(keys_of(["d"]), halves(1))
    (path,) = (p for p in shards(tmp_path) if p.stat().st_size > 150)
    intact = path.read_bytes()
    for offset in range(len(intact)):
        path.write_bytes(intact[:offset] + bytes([intact[offset] ^ 0x10]) + intact[offset + 1 :])
        cache = VectorCache(tmp_path, DIMENSION)
        assert cache.get(keys_of(["a", "b", "c", "d"]))[1].tolist() == [False, False, False, True]
        assert cache.dropped == 1
        assert not path.exists()


@pytest.mark.parametrize("length", [0, 1, 40, 60, 100])
def test_a_cut_shard_is_dropped(length: int, tmp_path: Path) -> None:
    VectorCache(tmp_path, DIMENSION).put(keys_of(["a", "b"]), halves(2))
    (path,) = shards(tmp_path)
    path.write_bytes(path.read_bytes()[:length])
    cache = VectorCache(tmp_path, DIMENSION)
    assert not cache.get(keys_of(["a", "b"]))[1].any()
    assert cache.dropped == 1
    cache.put(keys_of(["a", "b"]), halves(2))
    assert cache.get(keys_of(["a", "b"]))[1].all()


def test_a_shard_of_another_dimension_is_dropped(tmp_path: Path) -> None:
    VectorCache(tmp_path, 4).put(keys_of(["a"]), halves(1)[:, :4])
    assert not VectorCache(tmp_path, DIMENSION).get(keys_of(["a"]))[1].any()


def test_many_small_shards_become_one_and_nothing_is_lost(tmp_path: Path) -> None:
    n = MAX_SMALL_SHARDS + 10
    keys, vectors = keys_of([str(i) for i in range(n)]), halves(n)
    writer, reader = VectorCache(tmp_path, DIMENSION), VectorCache(tmp_path, DIMENSION)
    for i in range(n):
        writer.put(keys[[i]], vectors[[i]])
        if i == MAX_SMALL_SHARDS - 1:
            reader.get(keys)
            assert len(shards(tmp_path)) == MAX_SMALL_SHARDS
    assert len(shards(tmp_path)) == 10
    for cache in (writer, reader, VectorCache(tmp_path, DIMENSION)):
        got, found = cache.get(keys)
        assert found.all()
        assert np.array_equal(got, vectors)


def test_large_shards_are_not_rewritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "LARGE_ROWS", 5)
    monkeypatch.setattr(cache_module, "MAX_SMALL_SHARDS", 3)
    cache = VectorCache(tmp_path, DIMENSION)
    cache.put(keys_of([f"large {i}" for i in range(5)]), halves(5))
    (large,) = shards(tmp_path)
    for i in range(8):
        cache.put(keys_of([str(i)]), halves(8)[[i]])
    assert large in shards(tmp_path)
    assert cache.get(keys_of([str(i) for i in range(8)]))[1].all()


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "MAX_SMALL_SHARDS", 4)
    keys, vectors = keys_of([str(i) for i in range(120)]), halves(120)

    def write(writer: int) -> None:
        cache = VectorCache(tmp_path, DIMENSION)
        for i in range(writer, 120, 3):
            cache.put(keys[[i]], vectors[[i]])

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write, range(3)))
    got, found = VectorCache(tmp_path, DIMENSION).get(keys)
    assert found.all()
    assert np.array_equal(got, vectors)


def test_each_text_is_embedded_once(tmp_path: Path) -> None:
    encoder = HashEncoder()
    told: list[int] = []
    texts = ["b", "a", "b", "one two three four five", "c", "a", "c"]
    first = embed(texts, encoder, VectorCache(tmp_path, DIMENSION), 2, told.append)
    assert sorted(text for batch in encoder.batches for text in batch) == sorted(set(texts))
    assert told == [len(batch) for batch in encoder.batches] == [2, 2]
    assert (first.n_encoded, first.n_cached, first.n_truncated) == (4, 0, 1)
    assert first.truncated.tolist() == [False, False, False, True, False, False, False]
    assert np.abs(first.vectors - HashEncoder().encode(texts)).max() < 1e-3
    assert np.abs(np.linalg.norm(first.vectors, axis=1) - 1).max() < 1e-6

    more = [*texts[::-1], "d"]
    second = embed(more, encoder, VectorCache(tmp_path, DIMENSION), 2)
    assert (second.n_encoded, second.n_cached) == (1, 4)
    assert np.array_equal(second.vectors[:-1], first.vectors[::-1])


def test_a_damaged_shard_costs_its_texts_only(tmp_path: Path) -> None:
    texts = [f"text {i}" for i in range(10)]
    first = embed(texts, HashEncoder(), VectorCache(tmp_path, DIMENSION), 3)
    shards(tmp_path)[0].write_bytes(b"damaged")
    encoder = HashEncoder()
    again = embed(texts, encoder, VectorCache(tmp_path, DIMENSION), 3)
    assert 0 < encoder.n_encoded <= 3
    assert np.array_equal(again.vectors, first.vectors)


def test_no_text_is_no_vector(tmp_path: Path) -> None:
    result = embed([], HashEncoder(), VectorCache(tmp_path, DIMENSION), 4)
    assert result.vectors.shape == (0, DIMENSION)
    assert (result.n_encoded, result.n_cached, result.n_truncated) == (0, 0, 0)


def test_a_crash_loses_one_batch_at_most(tmp_path: Path) -> None:
    texts = [f"text {i}" for i in range(20)]
    code = (
        "import sys; from pathlib import Path; from embeddings.cache import VectorCache, embed\n"
        "from tests.test_embeddings_cache import DIMENSION, HashEncoder\n"
        "embed([f'text {i}' for i in range(20)], HashEncoder(), VectorCache(Path(sys.argv[1]), DIMENSION), 3)"
    )
    root = Path(__file__).parents[1]
    killed = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=root,
        env={**os.environ, "SHOAL_FAILPOINT": "embed:batch:4"},
        check=False,
        timeout=120,
    )
    assert killed.returncode == KILLED
    encoder = HashEncoder()
    resumed = embed(texts, encoder, VectorCache(tmp_path, DIMENSION), 3)
    assert encoder.n_encoded == 20 - 4 * 3
    clean = embed(texts, HashEncoder(), VectorCache(tmp_path / "clean", DIMENSION), 7)
    assert np.array_equal(resumed.vectors, clean.vectors)
