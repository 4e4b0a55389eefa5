"""A text's vector depends on the text alone: not on its batch, its place in it, or the number of threads."""

from __future__ import annotations

import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from campaigns.errors import IntegrityError, UsageError
from campaigns.settings import EmbeddingSettings, FlowSettings, Settings
from embeddings.encode import (
    BLOCK_ROWS,
    LENGTH_STEP,
    Backend,
    TransformerEncoder,
    choose_backend,
    load_encoder,
)
from embeddings.models import find_model

WORDS = [
    "summarize",
    "dialogue",
    "below",
    "answer",
    "question",
    "using",
    "only",
    "context",
    "grade",
    "response",
    "rubric",
    "score",
    "vector",
]


def texts_of(lengths: list[int], seed: int = 1) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, length)) for length in lengths]


@lru_cache
def encoder_of(backend: str, threads: int) -> TransformerEncoder:
    settings = Settings(embedding=EmbeddingSettings(backend=backend), flow=FlowSettings(threads=threads))
    return load_encoder(settings)


class Recorder:
    """A network that notes the blocks it is given and answers with what a text's row holds."""

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self.blocks: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []

    def __call__(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        self.blocks.append((ids, mask))
        answer = np.zeros((len(ids), self.dimension), np.float32)
        answer[:, 0] = (ids * mask).sum(axis=1)
        answer[:, 1] = ids.shape[1]
        return answer


@pytest.fixture
def recorded() -> tuple[TransformerEncoder, Recorder]:
    encoder = TransformerEncoder(find_model(Settings()), Backend("torch", "cpu", "f32"), threads=2)
    recorder = Recorder(encoder.dimension)
    encoder.__dict__["_network"] = recorder  # what the cached property would load
    return encoder, recorder


def test_every_text_is_computed_in_the_shape_of_its_own_length(
    recorded: tuple[TransformerEncoder, Recorder],
) -> None:
    encoder, recorder = recorded
    texts = texts_of([1, 2, 5, 6, 7, 8, 30, 31, 40, 300, 5, 5, 5, 5])
    together = encoder.encode(texts)
    for ids, mask in recorder.blocks:
        assert ids.shape == mask.shape
        assert ids.shape[0] == BLOCK_ROWS
        assert ids.shape[1] % LENGTH_STEP == 0
        longest_padding = ids.shape[1] - mask.sum(axis=1)
        assert (longest_padding < LENGTH_STEP).all()
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    assert np.array_equal(together, alone)


def test_tokens_beyond_the_maximum_are_cut_and_told(recorded: tuple[TransformerEncoder, Recorder]) -> None:
    encoder, recorder = recorded
    fits, over = ["word " * (encoder.max_tokens - 2), "word " * (encoder.max_tokens - 1)]
    one_huge_word = "a" * 10_000_000
    assert encoder.truncated([fits, over, "", one_huge_word]).tolist() == [False, True, False, True]
    encoder.encode([over, one_huge_word])
    assert max(ids.shape[1] for ids, _ in recorder.blocks) == encoder.max_tokens == 256


def test_no_text_is_no_work(recorded: tuple[TransformerEncoder, Recorder]) -> None:
    encoder, recorder = recorded
    assert encoder.encode([]).shape == (0, 384)
    assert encoder.truncated([]).shape == (0,)
    assert recorder.blocks == []


def test_a_vector_that_is_not_finite_is_refused(recorded: tuple[TransformerEncoder, Recorder]) -> None:
    encoder, _ = recorded
    encoder.__dict__["_network"] = lambda ids, _: np.full((len(ids), 384), np.nan, np.float32)
    with pytest.raises(IntegrityError, match="not finite"):
        encoder.encode(["text"])


def test_the_fingerprint_names_model_backend_and_precision() -> None:
    model = find_model(Settings())
    backends = [
        Backend("torch", "cpu", "f32"),
        Backend("openvino", "cpu", "f32"),
        Backend("openvino", "cpu", "bf16"),
    ]
    fingerprints = [
        TransformerEncoder(model, backend, threads).fingerprint for backend in backends for threads in (1, 2)
    ]
    assert fingerprints[::2] == fingerprints[1::2]
    assert len(set(fingerprints)) == len(backends)
    assert all(len(bytes.fromhex(fingerprint)) == 16 for fingerprint in fingerprints)


def test_auto_takes_openvino_and_falls_back_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embeddings.encode._GPU_DRIVERS", ())
    assert choose_backend("auto").library == "openvino"
    assert choose_backend("torch") == Backend("torch", "cpu", "f32")
    monkeypatch.setitem(sys.modules, "openvino", None)  # as if it were not installed
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert choose_backend("auto") == Backend("torch", "cpu", "f32")
    with pytest.raises(UsageError, match="OpenVINO is not installed"):
        choose_backend("openvino")


def test_an_encoder_is_ready_without_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from campaigns.settings import Settings; from embeddings.encode import load_encoder\n"
        "encoder = load_encoder(Settings()); encoder.fingerprint; encoder.truncated(['text'])\n"
        "assert not {'torch', 'transformers', 'sentence_transformers', 'huggingface_hub'} & set(sys.modules)"
    )
    root = Path(__file__).parents[1]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True, timeout=120)


def test_openvino_reports_no_usage() -> None:
    code = (
        "import sys; from embeddings.encode import choose_backend; choose_backend('openvino')\n"
        "from openvino.tools.ovc import telemetry_utils\n"
        "assert telemetry_utils.tm.__name__ == 'openvino.tools.ovc.telemetry_stub'"
    )
    root = Path(__file__).parents[1]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True, timeout=120)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_vectors_are_those_of_sentence_transformers(backend: str) -> None:
    encoder = encoder_of(backend, 2)
    texts = [*texts_of([1, 3, 16, 60, 400]), "", "Überprüfe die Antwort!", "请总结以下对话", "a\x00b\x1b[0m‮c"]
    vectors = encoder.encode(texts)
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(str(encoder.model.folder), device="cpu", local_files_only=True)
    expected = reference.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5
    assert (vectors * expected).sum(axis=1).min() > (
        0.999 if encoder.backend.precision == "bf16" else 0.99999
    )


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_neither_batch_nor_order_nor_threads_change_a_bit(backend: str) -> None:
    rng = np.random.default_rng(7)
    texts = texts_of(rng.integers(1, 80, 120).tolist())
    expected = encoder_of(backend, 1).encode(texts)
    order = rng.permutation(len(texts))
    two = encoder_of(backend, 2)
    assert np.array_equal(two.encode([texts[i] for i in order]), expected[order])
    pieces = [two.encode(texts[start : start + 7]) for start in range(0, len(texts), 7)]
    assert np.array_equal(np.concatenate(pieces), expected)
    alone = np.concatenate([two.encode([text]) for text in texts[:20]])
    assert np.array_equal(alone, expected[:20])


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), max_size=6))
def test_any_text_has_tokens_within_bounds(texts: list[str]) -> None:
    encoder = encoder_of("torch", 1)
    lengths = [len(encoding.ids) for encoding in encoder._tokenize(texts)]
    assert all(2 <= length <= encoder.max_tokens for length in lengths)
