"""Nearest vectors by cosine, with FAISS behind.

A score is always a cosine similarity: the inner product of unit vectors. FAISS finds candidates in float32,
where equal vectors may score differently by a last bit. Candidates are therefore scored again in float64, and
equal scores come in the order of their ids. So the answer to a query depends neither on the other queries nor
on the order of the rows.

Up to `flat_limit` vectors the search is exact. Beyond it goes through an inverted file (IVF) with seeded
k-means: scores stay exact, a neighbour may be missed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from campaigns import files
from campaigns.errors import IntegrityError

FLAT_LIMIT = 500_000
_FLOAT32_ERROR = 1e-5  # more than an inner product of unit vectors can be off
_BLOCK_VALUES = 1 << 24  # float64 values of candidates scored at a time: 128 MB
_TRAINING_PER_LIST = 64
_PROBES = 32


class CosineIndex:
    """Ids and unit vectors. Make one with `build` or `load`."""

    def __init__(self, faiss_index: Any) -> None:
        import faiss

        self._index = faiss_index  # IndexIDMap over a flat or IVF index; rows in the order of their ids
        self._inner: Any = faiss.downcast_index(faiss_index.index)
        self._ids: NDArray[np.int64] = faiss.vector_to_array(faiss_index.id_map)
        if isinstance(self._inner, faiss.IndexIVF):
            self._inner.make_direct_map()

    @classmethod
    def build(
        cls,
        vectors: NDArray[np.floating[Any]],
        ids: NDArray[np.integer[Any]],
        *,
        seed: int = 0,
        flat_limit: int = FLAT_LIMIT,
    ) -> CosineIndex:
        """Index `vectors`.

        Args:
            vectors: (n, d) of any length; a zero vector has cosine 0 to everything.
            ids: (n,) distinct integers.
            seed: of the k-means of large indexes.

        Raises:
            IntegrityError: a value is not finite, or an id appears twice.
        """
        import faiss

        order = np.argsort(ids, kind="stable")
        sorted_ids = np.ascontiguousarray(ids[order], np.int64)
        if len(ids) != len(vectors) or (sorted_ids[1:] == sorted_ids[:-1]).any():
            raise IntegrityError("an index needs one id per vector, each once")
        unit = _unit(vectors)[order]
        count, dimension = unit.shape
        inner: Any
        if count <= flat_limit:
            inner = faiss.IndexFlatIP(dimension)
        else:
            lists = int(np.sqrt(count))
            centres = faiss.IndexFlatIP(dimension)
            inner = faiss.IndexIVFFlat(centres, dimension, lists, faiss.METRIC_INNER_PRODUCT)
            inner.cp.seed = seed % 2**31
            inner.cp.max_points_per_centroid = _TRAINING_PER_LIST
            inner.nprobe = min(_PROBES, lists)
            inner.train(unit)
        index = faiss.IndexIDMap(inner)
        index.add_with_ids(unit, sorted_ids)
        return cls(index)

    @property
    def exact(self) -> bool:
        """Whether no neighbour can be missed."""
        import faiss

        return isinstance(self._inner, faiss.IndexFlat)

    def __len__(self) -> int:
        return len(self._ids)

    def search(
        self, queries: NDArray[np.floating[Any]], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The `k` nearest of each query, best first, equal cosines by ascending id.

        Returns:
            ids and cosines, both (queries, min(k, n)). Where an index that is not exact found fewer, the
            id is -1 and the cosine -1.

        Raises:
            IntegrityError: a query is not finite.
        """
        unit = _unit(queries)
        k = min(k, len(self))
        ids = np.full((len(unit), k), -1, np.int64)
        cosines = np.full((len(unit), k), -1, np.float32)
        if k == 0:
            return ids, cosines
        pending = np.arange(len(unit))
        width = min(k + 1, len(self))  # one more shows whether a tie was cut
        while len(pending):
            undecided = []
            step = max(1, _BLOCK_VALUES // (width * unit.shape[1]))
            for start in range(0, len(pending), step):
                block = pending[start : start + step]
                rows, complete = self._candidates(unit[block], k, width)
                decided = block[complete]
                ids[decided], cosines[decided] = self._rank(unit[decided], rows[complete], k)
                undecided.append(block[~complete])
            pending = np.concatenate(undecided)
            width = min(2 * width, len(self))
        return ids, cosines

    def save(self, path: Path) -> str:
        """Write the index to one file; return the SHA-256 that `load` asks for."""
        import faiss

        data = faiss.serialize_index(self._index).tobytes()
        files.write_bytes(path, data)
        return hashlib.sha256(data).hexdigest()

    @classmethod
    def load(cls, path: Path, sha256: str) -> CosineIndex:
        """Read an index that `save` wrote. The very bytes that are parsed have been checked.

        Raises:
            IntegrityError: the file is not the one that was written; nothing of it was parsed.
        """
        import faiss

        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise IntegrityError(
                "the index is not what was written",
                where=str(path),
                hint="Remove it; the next run builds it again.",
            )
        return cls(faiss.deserialize_index(np.frombuffer(data, np.uint8)))

    def _candidates(
        self, unit: NDArray[np.float32], k: int, width: int
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Rows that FAISS scores best, (queries, width), and the queries that lose no equal of the kth."""
        scores, rows = self._inner.search(unit, width)
        decided = (rows[:, -1] < 0) | (scores[:, -1] < scores[:, k - 1] - 2 * _FLOAT32_ERROR)
        return rows, decided | (width == len(self))

    def _rank(
        self, unit: NDArray[np.float32], rows: NDArray[np.int64], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Score candidates exactly and keep the best `k`. Rows ascend with ids, so they break ties."""
        rows = np.sort(rows, axis=1)
        found = self._inner.reconstruct_batch(np.maximum(rows, 0).ravel()).reshape(*rows.shape, unit.shape[1])
        products = found.astype(np.float64) * unit[:, None, :]
        cosines = np.clip(products.sum(axis=2), -1, 1).astype(np.float32)
        cosines[rows < 0] = -np.inf
        best = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
        rows, cosines = np.take_along_axis(rows, best, 1), np.take_along_axis(cosines, best, 1)
        missing = rows < 0
        return np.where(missing, -1, self._ids[rows]), np.where(missing, np.float32(-1), cosines)


def _unit(vectors: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Rows of length one, zero rows left as they are; in float64, so that equal rows stay equal."""
    wide = vectors.astype(np.float64)
    if not np.isfinite(wide).all():
        raise IntegrityError("a vector holds a value that is not finite")
    length = np.sqrt((wide * wide).sum(axis=1, keepdims=True))
    return np.ascontiguousarray(wide / np.where(length == 0, 1, length), np.float32)
