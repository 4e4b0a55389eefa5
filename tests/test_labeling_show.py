"""What `shoal show` tells of a template: bits saved, matcher and slot values."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from console import keep_apart, shoal
from run_examples import GRADES, HOSTILE, LEDGER, publish_example
from typer.testing import Result

from campaigns import files
from campaigns.records import MATCHERS, SLOT_VALUES, MatcherState


@pytest.fixture(autouse=True)
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_apart(tmp_path, monkeypatch)
    run = publish_example(tmp_path / "var")
    matchers = [
        _matcher(0, MatcherState.COLLIDES, f"too many {HOSTILE}", is_template=True),
        _matcher(1, MatcherState.TOO_SHORT, "3 words of constant text", is_template=False),
    ]
    files.write_parquet(run.path / "matchers.parquet", pa.Table.from_pylist(matchers, MATCHERS))
    values = [_value(0, f"a lamp {HOSTILE}", 12, 5), _value(0, "a tide", 1, 1), _value(1, "May", 3, 2)]
    files.write_parquet(run.path / "slot_values.parquet", pa.Table.from_pylist(values, SLOT_VALUES))


def show(*arguments: str) -> Result:
    result = shoal("show", *arguments)
    assert result.exit_code == 0, result.output
    return result


def test_bits_saved_and_share_accepted() -> None:
    assert re.search("50% of the words, held by 100%, saves 40 bits a prompt *\n", show(GRADES).stdout)


def test_a_template_that_is_none_is_told() -> None:
    assert "too few to call it a template" in show(LEDGER).stdout
    assert "too few" not in show(GRADES).stdout


def test_the_matcher_gives_its_reason() -> None:
    assert "too little constant text: 3 words of constant text" in show(LEDGER).stdout
    assert "matches others: too many " in show(GRADES).stdout


def test_slot_values_say_how_many_share_them() -> None:
    text = show(GRADES).stdout
    assert "12 prompts, 5 accounts" in text
    assert "a tide  1 prompt, 1 account" in text


def test_all_of_it_as_json() -> None:
    shown = json.loads(show(GRADES, "--json").stdout)
    assert (shown["saved_bits"], shown["accepted"], shown["constant_share"]) == (40.0, 1.0, 0.5)
    assert shown["matcher"]["state"] == MatcherState.COLLIDES
    assert shown["matcher"]["reason"] == f"too many {HOSTILE}"
    assert shown["slots"][0]["common"] == [
        {"value": f"a lamp {HOSTILE}", "n_prompts": 12, "n_accounts": 5},
        {"value": "a tide", "n_prompts": 1, "n_accounts": 1},
    ]


@pytest.mark.parametrize("extra", [(), ("--json",)], ids=["text", "json"])
def test_hostile_values_and_reasons_are_spelled_out(extra: tuple[str, ...]) -> None:
    shown = show(GRADES, *extra).stdout
    assert not any(mark in shown for mark in ("\x1b]8", "\x07", "\x9b", "\u202e", "\u2066", "\u200b"))


def _matcher(family: int, state: MatcherState, reason: str, *, is_template: bool) -> dict[str, Any]:
    return {
        "family": family,
        "state": state.value,
        "reason": reason,
        "anywhere": False,
        "is_template": is_template,
        "saved_bits": 40.0,
        "accepted": 1.0,
        "words": 3.0,
        "organic_matches": 0,
        "organic_accounts": 0,
        "organic_prompts": 2,
        "collision_bound": 0.5,
        "other_families": [],
        "other_matches": [],
    }


def _value(family: int, value: str, n_prompts: int, n_accounts: int) -> dict[str, Any]:
    return {
        "family": family,
        "slot": 0,
        "kind": "text",
        "n_values": 2,
        "value_key": 1,
        "value": value,
        "n_prompts": n_prompts,
        "n_accounts": n_accounts,
    }
