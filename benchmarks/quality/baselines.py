"""Four usual ways to find near-duplicate or clustered texts, with the settings their documentation advises.

All keep only groups as large as Shoal's (`large_enough`). The extra `baselines` installs them; they are imported where
they are used. The two that cluster sentence vectors share one reduction of each day.
"""

from __future__ import annotations

import importlib.util
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.judge import NOISE
from benchmarks.quality.methods import Method, large_enough
from campaigns.errors import UsageError
from campaigns.settings import FamilySettings, load

PACKAGES = ("bertopic", "datasketch", "drain3")
SEED = 42
SHINGLE = 5
"""Characters of a shingle: what *Mining of Massive Datasets* (Leskovec, Rajaraman, Ullman), 3.2.2, advises for short
documents. Characters also serve scripts without spaces."""


def baselines() -> tuple[Method, ...]:
    """All four.

    Raises:
        UsageError: the extra is not installed.
    """
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"{', '.join(missing)} not installed, which the baselines need",
            where="python -m benchmarks.quality",
            hint="Run: make bench-quality, or: pip install --constraint constraints.txt --editable '.[baselines]'. "
            "With --no-baselines Shoal is judged alone.",
        )
    reduction = Reduction()
    return UmapHdbscan(reduction), BertopicMethod(reduction), MinHashLsh(), Drain3()


def versions() -> dict[str, str]:
    return {name: version(name) for name in (*PACKAGES, "umap-learn", "hdbscan", "sentence-transformers")}


class Reduction:
    """MiniLM vectors of the last texts asked for, reduced by UMAP as BERTopic does by default, fixed by a seed.

    `min_dist=0` packs points closely, as UMAP's guide to clustering says.
    """

    def __init__(self) -> None:
        self._texts: Sequence[str] = ()
        self._points = np.empty((0, 0), np.float32)
        self._seconds = 0.0

    def of(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], float]:
        """(n, 5); and the seconds that they took if they were made before, else 0."""
        if texts is self._texts:
            return self._points, self._seconds
        from umap import UMAP

        from embeddings.encode import load_encoder

        started = time.perf_counter()
        distinct = list(dict.fromkeys(texts))
        place = {text: number for number, text in enumerate(distinct)}
        vectors = load_encoder(load({}, environment={}, config=None).settings).encode(distinct)
        reducer = UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", random_state=SEED)
        with _third_party_warnings():
            self._points = reducer.fit_transform(vectors[[place[text] for text in texts]])
        self._texts = texts
        self._seconds = time.perf_counter() - started
        return self._points, 0.0


class UmapHdbscan:
    """Density clusters of the reduced vectors; the smallest is Shoal's smallest family.

    Of eight combinations of neighbours, dimensions, smallest cluster and leaf or excess of mass, this one found most on
    one day of the bench.
    """

    name = "MiniLM, UMAP, HDBSCAN"

    def __init__(self, reduction: Reduction) -> None:
        self._reduction = reduction
        self.reused_seconds = 0.0

    def group(self, texts: Sequence[str], accounts: Sequence[str]) -> NDArray[np.int64]:
        from hdbscan import HDBSCAN

        points, self.reused_seconds = self._reduction.of(texts)
        labels = HDBSCAN(min_cluster_size=FamilySettings().min_prompts).fit_predict(points)
        return large_enough(labels.astype(np.int64), accounts)


class BertopicMethod:
    """BERTopic as it comes: topics of 10 prompts or more. It is handed the reduced vectors that it would make."""

    name = "BERTopic"

    def __init__(self, reduction: Reduction) -> None:
        self._reduction = reduction
        self.reused_seconds = 0.0

    def group(self, texts: Sequence[str], accounts: Sequence[str]) -> NDArray[np.int64]:
        from bertopic import BERTopic
        from bertopic.dimensionality import BaseDimensionalityReduction

        points, self.reused_seconds = self._reduction.of(texts)
        topics, _ = BERTopic(umap_model=BaseDimensionalityReduction()).fit_transform(list(texts), points)
        return large_enough(np.asarray(topics, np.int64), accounts)


class MinHashLsh:
    """Texts with an estimated Jaccard similarity of `threshold` or more are joined, and whatever they are joined to.

    128 permutations are datasketch's default; candidates from the index are checked against the estimate. At the usual
    thresholds, 0.5 and more, next to no template is found; 0.2 did best of 0.1 to 0.5 on two days of the bench.
    """

    name = "MinHash LSH"
    reused_seconds = 0.0

    def __init__(self, threshold: float = 0.2, permutations: int = 128) -> None:
        self.threshold = threshold
        self.permutations = permutations

    def group(self, texts: Sequence[str], accounts: Sequence[str]) -> NDArray[np.int64]:
        from datasketch import MinHash, MinHashLSH
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        index = MinHashLSH(threshold=self.threshold, num_perm=self.permutations)
        sketches: list[MinHash] = MinHash.bulk(map(_shingles, texts), num_perm=self.permutations)
        pairs: list[tuple[int, int]] = []
        for number, sketch in enumerate(sketches):
            similar = (n for n in index.query(sketch) if sketch.jaccard(sketches[n]) >= self.threshold)
            pairs += ((number, n) for n in similar)
            index.insert(number, sketch)
        ends = np.array(pairs, np.int64).reshape(-1, 2)
        edges = coo_array((np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), (len(texts), len(texts)))
        _, labels = connected_components(edges, directed=False)
        return large_enough(labels.astype(np.int64), accounts)


class Drain3:
    """The log parser, a prefix tree of depth 4 by default; a fifth of the words have to stand at their places.

    The default of 0.4 finds less, as 0.3 does: so it was on two days of the bench. Prompts are fed as single lines, in
    order of text, for Drain's clusters depend on the order.
    """

    name = "Drain3"
    reused_seconds = 0.0

    def group(self, texts: Sequence[str], accounts: Sequence[str]) -> NDArray[np.int64]:
        from drain3.drain import Drain

        parser = Drain(sim_th=0.2)
        labels = np.full(len(texts), NOISE, np.int64)
        for number in sorted(range(len(texts)), key=texts.__getitem__):
            cluster, _ = parser.add_log_message(texts[number])
            labels[number] = cluster.cluster_id
        return large_enough(labels, accounts)


def _shingles(text: str) -> list[bytes]:
    folded = " ".join(text.casefold().split())
    last = max(1, len(folded) - SHINGLE + 1)
    return [shingle.encode() for shingle in {folded[at : at + SHINGLE] for at in range(last)}]


@contextmanager
def _third_party_warnings() -> Iterator[None]:
    """UMAP warns that a fixed seed costs it its threads; that is wanted here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="n_jobs value .* overridden", category=UserWarning)
        yield
