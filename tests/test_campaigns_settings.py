"""Settings: one tree, three sources, no unknown keys, no secrets shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from campaigns.errors import UsageError
from campaigns.settings import Settings, load


def test_later_sources_win_and_each_value_knows_its_origin(tmp_path: Path) -> None:
    config = tmp_path / "shoal.toml"
    config.write_text("seed = 1\n[embedding]\nbatch_size = 8\nbudget = 100\n[flow]\nworkers = 3\n")
    environment = {"SHOAL_EMBEDDING__BATCH_SIZE": "16", "SHOAL_FLOW__WORKERS": "4", "PATH": "/bin"}
    loaded = load({"flow.workers": 5, "flow.threads": None}, environment=environment, config=config)
    assert loaded.settings.seed == 1
    assert loaded.settings.embedding.budget == 100
    assert loaded.settings.embedding.batch_size == 16
    assert loaded.settings.flow.workers == 5
    assert loaded.origins == {
        "seed": f"file {config}",
        "embedding.budget": f"file {config}",
        "embedding.batch_size": "environment SHOAL_EMBEDDING__BATCH_SIZE",
        "flow.workers": "flag",
    }


@pytest.mark.parametrize(
    ("flags", "environment", "toml", "message"),
    [
        ({"nope": 1}, {}, "", "unknown setting 'nope' (flag)"),
        ({}, {"SHOAL_EMBEDDING__BATCHSIZE": "1"}, "", "unknown setting 'embedding.batchsize' (environment"),
        ({}, {}, "[embedding]\nbatch = 1\n", "unknown setting 'embedding.batch' (file"),
        ({"sample_rate": 0}, {}, "", "setting 'sample_rate': Input should be greater than 0"),
        ({"sample_rate": 1.5}, {}, "", "setting 'sample_rate': Input should be less than or equal to 1"),
        ({"sample_by": "day"}, {}, "", "setting 'sample_by': Input should be 'unknown'"),
        ({"embedding.batch_size": 0}, {}, "", "setting 'embedding.batch_size': Input should be greater"),
        (
            {"embedding.budget": 10_001},
            {},
            "",
            "setting 'embedding.budget': Input should be less than or equal",
        ),
        ({}, {"SHOAL_SEED": "x"}, "", "setting 'seed': Input should be a valid integer"),
        ({}, {}, "seed = ", "not valid TOML"),
    ],
)
def test_wrong_settings_are_refused_by_name_and_place(
    tmp_path: Path, flags: dict[str, int], environment: dict[str, str], toml: str, message: str
) -> None:
    config = tmp_path / "shoal.toml"
    config.write_text(toml)
    with pytest.raises(UsageError) as caught:
        load(flags, environment=environment, config=config)
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_named_settings_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the settings file"):
        load(environment={"SHOAL_CONFIG": str(tmp_path / "absent.toml")})


def test_secrets_are_masked_everywhere() -> None:
    loaded = load(environment={"SHOAL_SECRET_KEY": "hush-hush", "SHOAL_STORE_URL": "postgresql://u:pw@h/d"})
    shown = str(loaded.rows()) + repr(loaded.settings) + loaded.settings.model_dump_json()
    assert "hush-hush" not in shown
    assert "pw@h" not in shown


def test_the_fingerprint_follows_results_and_not_the_machine() -> None:
    base = load(environment={}).settings.fingerprint()
    assert load({"flow.workers": 1, "home": "/elsewhere"}, environment={}).settings.fingerprint() == base
    assert load({"family.min_prompts": 6}, environment={}).settings.fingerprint() != base
    keyed = load(environment={"SHOAL_SECRET_KEY": "k"}).settings.fingerprint()
    assert keyed != base
    assert load(environment={"SHOAL_SECRET_KEY": "l"}).settings.fingerprint() != keyed


def test_every_setting_has_help() -> None:
    assert [key for key, _, _, text in load(environment={}).rows() if not text.endswith(".")] == []


def test_every_setting_can_be_set_by_environment() -> None:
    def leaves(model: BaseModel, prefix: str = "") -> list[str]:
        names: list[str] = []
        for name in type(model).model_fields:
            value = getattr(model, name)
            names += leaves(value, f"{prefix}{name}.") if isinstance(value, BaseModel) else [prefix + name]
        return names

    assert [key for key, *_ in load(environment={}).rows()] == leaves(Settings())
