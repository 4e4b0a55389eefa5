"""The command line as tests use it: on its own, in a folder of its own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from flows import cli


def keep_apart(folder: Path, monkeypatch: pytest.MonkeyPatch, columns: int = 200) -> None:
    """Work in `folder`, with no settings of this machine, on a terminal of that width without colours."""
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith("SHOAL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")


def shoal(*arguments: str, charset: str = "utf-8", **environment: str) -> Result:
    return CliRunner(charset=charset).invoke(cli.app, list(arguments), env=environment or None)


def data(*arguments: str) -> Any:
    """What a command prints with --json; it is plain ASCII."""
    result = shoal(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.isascii()
    return json.loads(result.stdout)
