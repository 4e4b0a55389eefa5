"""How many texts a second become vectors, and what the cache saves.

Both backends encode the same texts, the representatives of a simulated day, in turns. The second pass finds every
vector in the cache; it still tokenizes, to say which texts were cut.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.day import representatives
from benchmarks.measure import alternately, apart
from benchmarks.results import Cell, Figure, Result
from benchmarks.samples import traffic
from campaigns.settings import load
from embeddings.cache import VectorCache, embed
from embeddings.encode import TransformerEncoder, load_encoder

WARM_UP = 8


def encode(prompts: int, folder: Path, *, texts: int = 400) -> Result:
    """Up to `texts` representatives of a day of `prompts`, by each backend there is."""
    with tempfile.TemporaryDirectory(dir=folder) as home:
        wanted = apart(representatives, source=str(traffic(prompts, folder)), home=home).value[:texts]
        encoders = {name: _encoder(name, Path(home)) for name in _backends()}
        for encoder in encoders.values():
            encoder.encode(wanted[:WARM_UP])
        seconds = dict(
            zip(encoders, alternately(*(_encoding(e, wanted) for e in encoders.values()), repeat=2), strict=True)
        )  # fmt: skip
        fastest = min(seconds, key=lambda name: seconds[name])
        cache = VectorCache(Path(home) / "vectors", encoders[fastest].dimension)
        first, second = (
            alternately(_caching(encoders[fastest], cache, wanted), repeat=1)[0] for _ in range(2)
        )
    figures = [Figure(f"{name}", len(wanted) / spent, "texts/s") for name, spent in seconds.items()]
    if len(seconds) > 1:
        figures.append(Figure("openvino over torch", seconds["torch"] / seconds["openvino"], "x"))
    figures.append(Figure("cached pass over first", first / second, "x"))
    rows: list[tuple[Cell, ...]] = [
        (f"{name} {encoders[name].backend.device} {encoders[name].backend.precision}", len(wanted), spent)
        for name, spent in seconds.items()
    ]
    rows += [("first pass through the cache", len(wanted), first), ("second pass", len(wanted), second)]
    return Result("Encoding", tuple(figures), ("what", "texts", "seconds"), tuple(rows))


def _backends() -> tuple[str, ...]:
    return ("torch", "openvino") if importlib.util.find_spec("openvino") else ("torch",)


def _encoder(backend: str, home: Path) -> TransformerEncoder:
    return load_encoder(load({"home": str(home), "embedding.backend": backend}).settings)


def _encoding(encoder: TransformerEncoder, texts: list[str]) -> Callable[[], object]:
    return lambda: encoder.encode(texts)


def _caching(encoder: TransformerEncoder, cache: VectorCache, texts: list[str]) -> Callable[[], object]:
    return lambda: embed(texts, encoder, cache, batch_size=64)
