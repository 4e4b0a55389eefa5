"""What the documentation says, held against the code: commands, settings, tests, files and links."""

from __future__ import annotations

import importlib.util
import json
import re
import runpy
import shlex
import struct
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
import typer.main
from accounts_cases import dealt, members_of, ordinary_of, population
from typer.exceptions import Exit, TyperException

from accounts.case import cases
from accounts.evidence import read_evidence
from accounts.history import History
from campaigns import files
from campaigns.settings import PREFIX, load
from embeddings.scaffold import minimum_accounts
from flows import cli
from ingest.adapters import Shape, adapter, detect

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
SHELLS = ("bash", "console")
PIPED = {"|", "||", "&&", ";", "&", ">", "2>", ">>", "<"}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
SETTINGS = frozenset(key for key, *_ in load({}, environment={}, config=None).rows())
SECTIONS = "|".join(sorted({key.partition(".")[0] for key in SETTINGS if "." in key}))


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """(language, content) of the fenced blocks of a page."""
    for match in FENCE.finditer(text):
        yield match[1], match[2]


def prose(text: str) -> str:
    return FENCE.sub("", text)


def command_lines(text: str) -> Iterator[list[str]]:
    """The words of each shell command of a page: every line of a bash block, lines after `$` of a console one."""
    for language, content in blocks(text):
        if language not in SHELLS:
            continue
        lines = content.replace("\\\n", " ").splitlines()
        if language == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        for line in lines:
            if words := shlex.split(line, comments=True):
                yield words


def shoal_calls(text: str) -> Iterator[list[str]]:
    """The arguments of each call of `shoal`, wherever it stands in a line."""
    for words in command_lines(text):
        for at, word in enumerate(words):
            if word == "shoal" and (at == 0 or words[at - 1] in PIPED or "=" in words[at - 1]):
                end = next((i for i in range(at, len(words)) if words[i] in PIPED), len(words))
                yield words[at + 1 : end]


def parse(arguments: list[str]) -> None:
    """Parse a call as the command line would, and do nothing.

    Raises:
        TyperException: a command or option that does not exist, or a value that does not fit.
    """
    command: Any = typer.main.get_command(cli.app)
    name = "shoal"
    while True:
        try:
            context = command.make_context(name, list(arguments))
        except Exit:  # --help and --version
            return
        words = [*getattr(context, "_protected_args", []), *context.args]
        if not hasattr(command, "commands") or not words:
            return
        name, command, arguments = command.resolve_command(context, words)


def slugs(page: Path) -> set[str]:
    """What a heading is called in a link."""
    headings = re.findall(r"^#+ +(.+)$", prose(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_reference", ROOT / "docs" / "build_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_what_the_code_says(builder: ModuleType) -> None:
    made = builder.reference()
    assert builder.TARGET.read_text(encoding="utf-8") == made, "run: python docs/build_reference.py"


def test_the_reference_names_every_command_and_setting(builder: ModuleType) -> None:
    made = builder.reference()
    missing = [key for key in SETTINGS if f"| `{key}` |" not in made]
    assert missing == []
    assert [name for name in cli._COMMANDS if f"### `shoal {name}`" not in made] == []


def test_the_reference_names_every_signal_with_its_group(builder: ModuleType) -> None:
    rng = np.random.default_rng(1)
    people = population(400)
    members = members_of(
        people, [dealt(np.arange(12), 3, rng), dealt(np.arange(20, 32), 3, rng, "weigh {} up")]
    )
    case = cases(members, np.arange(2))[0]
    history = History.read([], members.population)
    evidence = read_evidence(case, "c-1", ordinary_of(members), history, [], tried=1, seed=1)
    found = {(reading.signal, str(reading.group)) for reading in evidence.readings}
    section = builder.reference().partition("### Signals")[2].partition("###")[0]
    told = re.findall(r"^\| `([\w -]+)` \| (\w+) \| .+ \| .+ \|$", section, re.MULTILINE)
    assert set(told) == found


@pytest.mark.parametrize("name", ["how-to", "runbook"])
def test_polars_examples_run(
    name: str, builder: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On result files of the right columns without a row."""
    for folder in ("results", "var/runs/2026-01-05/1"):
        for file, (schema, *_) in builder._OUTPUTS.items():
            files.write_parquet(tmp_path / folder / file, schema.empty_table())
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    examples = [
        content for language, content in blocks(text) if language == "python" and "duckdb" not in content
    ]
    for example in examples:
        script = tmp_path / "example.py"
        script.write_text(example, encoding="utf-8")
        runpy.run_path(str(script))
    assert any("pl.read_parquet" in example for example in examples)


def test_every_error_is_raised_somewhere(builder: ModuleType) -> None:
    rooms = ("campaigns", "enforcement", "flows", "ingest")
    paths = [path for room in rooms for path in (ROOT / room).rglob("*.py") if path.name != "errors.py"]
    code = "".join(path.read_text(encoding="utf-8") for path in paths)
    names = [name for name, *_ in builder.error_tree()]
    assert [name for name in names if not re.search(rf"\b{name}[(,]", code)] == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(prose(page.read_text(encoding="utf-8"))):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / unquote(path)).resolve() if path else page
        inside = file.is_relative_to(ROOT) and file.exists()
        if not inside or (anchor and anchor not in slugs(file)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_shown_can_be_typed(page: Path) -> None:
    for arguments in shoal_calls(page.read_text(encoding="utf-8")):
        try:
            parse(arguments)
        except TyperException as error:
            pytest.fail(f"shoal {shlex.join(arguments)}: {error}")


def test_a_wrong_command_would_be_noticed() -> None:
    page = "```console\n$ FOO=1 shoal campaigns --teir review | head\nshoal is not typed here\n```\n"
    (arguments,) = shoal_calls(page)
    assert arguments == ["campaigns", "--teir", "review"]
    for wrong in (arguments, ["campaings"], ["allow", "ad"], ["run", "--day", "tomorrow"], ["show"]):
        with pytest.raises(TyperException):
            parse(wrong)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_make_targets_shown_are_there(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    text = page.read_text(encoding="utf-8")
    named = {words[1] for words in command_lines(text) if words[0] == "make" and len(words) > 1}
    named |= {code.split()[1] for code in CODE.findall(text) if re.fullmatch(r"make [\w-]+", code)}
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_settings_named_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    files = r"(?!\w+\.(?:parquet|json|npy|py|faiss)\b)"
    named = {code for code in CODE.findall(text) if re.fullmatch(rf"{files}(?:{SECTIONS})\.\w+", code)}
    variables = {
        name.removeprefix(PREFIX).lower().replace("__", ".")
        for name in re.findall(rf"\b{PREFIX}[A-Z_]+\b", text)
    }
    outside = {"config", "failpoint", "workdir"}
    assert named | (variables - outside) <= SETTINGS


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_tests_named_are_there(page: Path) -> None:
    known = set()
    for path in (ROOT / "tests").glob("test_*.py"):
        known |= {path.stem, *re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)}
    named = re.findall(r"`(?:tests/)?(test_\w+)(?:\.py)?`", page.read_text(encoding="utf-8"))
    assert [name for name in named if name not in known] == []


def test_the_minimum_of_accounts_is_what_the_tables_say() -> None:
    text = (ROOT / "docs" / "how-it-works.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\d,]{5,}) \| (\d+) \|$", text, re.MULTILINE)
    assert len(rows) == 4
    for prompts, accounts in rows:
        assert minimum_accounts(
            load({}, environment={}).settings.scaffold, int(prompts.replace(",", ""))
        ) == int(accounts)


def test_log_records_shown_are_read() -> None:
    text = (ROOT / "docs" / "how-to.md").read_text(encoding="utf-8")
    records = [json.loads(content) for language, content in blocks(text) if language == "json"]
    assert [detect(record) for record in records] == [Shape.CHAT, Shape.OTEL, Shape.LITELLM]
    for record in records:
        (row,) = adapter(detect(record))(record)
        assert (row["prompt"], row["account_id"]) == ("Rate this answer.", "acct-1")
        assert row["created_at"]


def test_pictures_are_whole_and_small() -> None:
    pictures = sorted((ROOT / "docs" / "images").iterdir())
    assert pictures
    for picture in pictures:
        data = picture.read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n", picture
        width, height = struct.unpack(">II", data[16:24])
        assert min(width, height) >= 400, picture
        assert len(data) < 300_000, picture
