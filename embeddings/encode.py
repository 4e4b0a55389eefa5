"""Texts to unit vectors, by a sentence-transformers model.

What is guaranteed. A text's vector does not depend on the other texts of a call, their order, the size of the
call or the number of threads. It may differ in the last bits between processor types, backends, and versions
of the numeric libraries; `fingerprint` names model, backend and precision, and each has its own vector cache.

How. A matrix product may round differently in another shape or with another number of threads, and a last bit
that differs can tip a value to the next float16 (seen in 20 to 40 % of the texts encoded in batches of mixed
length). So each text goes through the network in one fixed shape that follows from its own length: blocks of
`BLOCK_ROWS` texts, padded to a multiple of `LENGTH_STEP` tokens, a short block filled up with copies. On a
CPU one thread computes a block; more threads compute more blocks at a time. That neither a text's row in the
block nor its neighbours change a bit is measured, and a test keeps watch over it.

Only this module imports torch and OpenVINO. Both load when the first text has to be encoded, so that a run
whose vectors are all cached does not pay for them.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from campaigns.errors import IntegrityError, UsageError
from campaigns.settings import Settings
from embeddings.models import ModelFiles, find_model

FORMAT = 1
"""Counts up when the way from text to vector changes, so that old vectors are not mixed with new ones."""
BLOCK_ROWS = 4
CUDA_BLOCK_ROWS = 32
LENGTH_STEP = 8
_CHARACTERS_PER_TOKEN = 64
_GPU_DRIVERS = (Path("/dev/nvidiactl"), Path("/dev/dxg"))

Network = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]
"""(token ids, attention mask), both (rows, length), to unit vectors (rows, dimension)."""


class Encoder(Protocol):
    """Texts to unit vectors. Equal fingerprints mean comparable vectors."""

    @property
    def dimension(self) -> int: ...

    @property
    def fingerprint(self) -> str:
        """Hexadecimal; names the vector cache."""
        ...

    @property
    def max_tokens(self) -> int:
        """Tokens of a text that count; the rest is cut off."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, (n, dimension)."""
        ...

    def truncated(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Which texts are longer than `max_tokens`, (n,)."""
        ...


@dataclass(frozen=True, slots=True)
class Backend:
    """What computes the network: `torch` or `openvino`, on `cpu` or `cuda`, in `f32` or `bf16`."""

    library: str
    device: str
    precision: str

    @property
    def rows(self) -> int:
        return CUDA_BLOCK_ROWS if self.device == "cuda" else BLOCK_ROWS


class TransformerEncoder:
    """The `Encoder` of a checked model folder. `load_encoder` makes it."""

    def __init__(self, model: ModelFiles, backend: Backend, threads: int) -> None:
        self.model = model
        self.backend = backend
        self.threads = 1 if backend.device == "cuda" else threads
        self.max_tokens = _max_tokens(model)
        self.dimension = _dimension(model)
        self._prefix = _prefix(model)
        self._tokenizer, self._padding = _tokenizer(model)

    @cached_property
    def fingerprint(self) -> str:
        parts = (FORMAT, self.model.digest, self.backend, self.max_tokens, LENGTH_STEP, self.backend.rows)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]

    def truncated(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        too_long = [len(text) > self._longest_text for text in texts]
        overflows = [bool(encoding.overflowing) for encoding in self._tokenize(texts)]
        return np.logical_or(too_long, overflows)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.empty((len(texts), self.dimension), np.float32)
        if not texts:
            return vectors
        tokens = [encoding.ids for encoding in self._tokenize(texts)]
        network = self._network

        def compute(members: list[int]) -> None:
            ids, mask = _block([tokens[i] for i in members], self.backend.rows, self._padding)
            vectors[members] = network(ids, mask)[: len(members)]

        with ThreadPoolExecutor(self.threads, thread_name_prefix="encode") as pool:
            for _ in pool.map(compute, _plan([len(t) for t in tokens], self.backend.rows)):
                pass
        if not np.isfinite(vectors).all():
            raise IntegrityError(
                "the model gave a vector that is not finite",
                where=str(self.model.folder),
                hint="Set `embedding.backend` to torch, or use another model.",
            )
        return vectors

    @property
    def _longest_text(self) -> int:
        """Characters that are tokenised: a bound on the work that one hostile text can cause."""
        return _CHARACTERS_PER_TOKEN * self.max_tokens

    def _tokenize(self, texts: Sequence[str]) -> list[Any]:
        cut = [self._prefix + text[: self._longest_text] for text in texts]
        encodings: list[Any] = self._tokenizer.encode_batch(cut)
        return encodings

    @cached_property
    def _network(self) -> Network:
        load = _openvino_network if self.backend.library == "openvino" else _torch_network
        return load(self.model, self.backend, self.threads)


def load_encoder(settings: Settings) -> TransformerEncoder:
    """Find and check the configured model, choose the backend, and read the tokenizer.

    Raises:
        UsageError: no such model or backend.
        IntegrityError: a model file is not what was pinned; nothing of it has been loaded.
    """
    model = find_model(settings)
    return TransformerEncoder(model, choose_backend(settings.embedding.backend), settings.flow.threads)


def choose_backend(wanted: str) -> Backend:
    """`auto` takes CUDA, else OpenVINO if installed, else torch on the CPU.

    OpenVINO computes in bfloat16 where the processor has it: twice the speed of float32, cosine 0.9999 to it.
    """
    if wanted in ("auto", "torch") and _has_cuda():
        return Backend("torch", "cuda", "f32")
    if wanted == "torch" or (wanted == "auto" and importlib.util.find_spec("openvino") is None):
        return Backend("torch", "cpu", "f32")
    capabilities = _openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return Backend("openvino", "cpu", "bf16" if "BF16" in capabilities else "f32")


def _openvino() -> Any:
    """The module, with its usage reports off: converting a model would send them to its maker."""
    if "openvino" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # "not installed"
    try:
        import openvino
    except ImportError as error:
        raise UsageError(
            "OpenVINO is not installed",
            where="embedding.backend",
            hint="`pip install 'shoal[fast]'`, or use `auto`.",
        ) from error
    return openvino


def _has_cuda() -> bool:
    if not any(path.exists() for path in _GPU_DRIVERS):
        return False  # spares the import of torch
    import torch

    return bool(torch.cuda.is_available())


# -- shapes --------------------------------------------------------------------------------------------


def _plan(lengths: Sequence[int], rows: int) -> Iterator[list[int]]:
    """Positions of texts that go through the network together: up to `rows` of one padded length."""
    by_length: dict[int, list[int]] = {}
    for position, length in enumerate(lengths):
        by_length.setdefault(_padded(length), []).append(position)
    for _, members in sorted(by_length.items(), reverse=True):  # longest first: threads finish together
        for start in range(0, len(members), rows):
            yield members[start : start + rows]


def _padded(length: int) -> int:
    return -(-length // LENGTH_STEP) * LENGTH_STEP


def _block(tokens: list[list[int]], rows: int, padding: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token ids and attention mask of one block; missing rows repeat the first text."""
    ids = np.full((rows, _padded(len(tokens[0]))), padding, np.int64)
    mask = np.zeros_like(ids)
    for row in range(rows):
        text = tokens[row if row < len(tokens) else 0]
        ids[row, : len(text)] = text
        mask[row, : len(text)] = 1
    return ids, mask


# -- model configuration -------------------------------------------------------------------------------


def _tokenizer(model: ModelFiles) -> tuple[Any, int]:
    """The tokenizer, set to cut at `max_tokens`, and the id that pads."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # its threads would not survive a fork
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model.folder / "tokenizer.json"))
    configured = tokenizer.padding
    padding = configured["pad_id"] if configured else model.read_json("config.json").get("pad_token_id")
    tokenizer.no_padding()
    tokenizer.enable_truncation(_max_tokens(model))
    return tokenizer, int(padding or 0)


def _max_tokens(model: ModelFiles) -> int:
    sentence = model.read_json("sentence_bert_config.json") or {}
    positions = int(model.read_json("config.json").get("max_position_embeddings", 512))
    return min(int(sentence.get("max_seq_length") or positions), positions)


def _prefix(model: ModelFiles) -> str:
    """The instruction that some models expect before each text, such as "query: "."""
    config = model.read_json("config_sentence_transformers.json") or {}
    return str((config.get("prompts") or {}).get(config.get("default_prompt_name")) or "")


def _dimension(model: ModelFiles) -> int:
    """Width of the vectors: of the last dense layer if there is one, else of the transformer."""
    dimension = int(model.read_json("config.json")["hidden_size"])
    for module in model.read_json("modules.json"):
        config = model.read_json(f"{module['path']}/config.json") or {}
        dimension = int(config.get("out_features", dimension))
    return dimension


# -- networks ------------------------------------------------------------------------------------------


def _sentence_module(model: ModelFiles, device: str) -> Any:
    """The model as a torch module from (ids, mask) to unit vectors."""
    for variable in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"):
        os.environ[variable] = "1"  # the folder holds everything; nothing may ask the network
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers import logging

    quiet: Any = logging
    quiet.set_verbosity_error()
    quiet.disable_progress_bar()
    sentence = SentenceTransformer(
        str(model.folder),
        device=device,
        local_files_only=True,
        trust_remote_code=False,
        model_kwargs={"use_safetensors": True, "dtype": torch.float32},
    )

    class Module(torch.nn.Module):  # type: ignore[misc]  # torch is not followed by mypy
        def __init__(self) -> None:
            super().__init__()
            self.sentence = sentence

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            features = self.sentence({"input_ids": input_ids, "attention_mask": attention_mask})
            return torch.nn.functional.normalize(features["sentence_embedding"], dim=-1)

    return Module().eval()


def _torch_network(model: ModelFiles, backend: Backend, threads: int) -> Network:  # noqa: ARG001
    import torch

    module = _sentence_module(model, backend.device)
    if backend.device == "cpu":
        torch.set_num_threads(1)  # of one block; `encode` computes several at a time

    def network(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        with torch.inference_mode():
            vectors = module(*(torch.from_numpy(part).to(backend.device) for part in (ids, mask)))
        result: NDArray[np.float32] = vectors.cpu().numpy()
        return result

    return network


def _openvino_network(model: ModelFiles, backend: Backend, threads: int) -> Network:
    """The torch module compiled by `openvino.convert_model`, one stream of one thread per worker."""
    import torch

    openvino = _openvino()
    example = torch.ones((2, LENGTH_STEP), dtype=torch.int64)
    with warnings.catch_warnings():
        # Tracing is deprecated, reads every attribute, and warns of branches on shapes; ours go one way.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        warnings.filterwarnings("ignore", r"`torch\.jit\.", DeprecationWarning)
        warnings.filterwarnings("ignore", r"`is_gradient_checkpointing`", FutureWarning)
        graph = openvino.convert_model(
            _sentence_module(model, "cpu"), example_input={"input_ids": example, "attention_mask": example}
        )
    compiled = openvino.Core().compile_model(
        graph,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": backend.precision,
            "NUM_STREAMS": threads,
            "INFERENCE_NUM_THREADS": threads,
        },
    )
    local = threading.local()  # a request serves one thread at a time

    def network(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        if not hasattr(local, "request"):
            local.request = compiled.create_infer_request()
        local.request.infer({"input_ids": ids, "attention_mask": mask})
        result: NDArray[np.float32] = local.request.get_output_tensor(0).data.copy()
        return result

    return network
