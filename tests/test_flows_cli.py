from __future__ import annotations

import io
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import date
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pyarrow as pa
import pytest
import typer.main
from console import data, keep_apart, shoal
from run_examples import GRADES, HOSTILE, LEDGER, publish_example
from store_examples import MONDAY, TUESDAY

from campaigns import errors
from campaigns.display import safe_text
from campaigns.entries import AllowKind
from campaigns.records import Tier
from campaigns.runs import Run
from campaigns.settings import Settings, load
from flows import cli, progress
from flows.commands import allow, checks, console, listing
from flows.commands.context import SECRETS
from flows.commands.schema import read_schema
from flows.commands.show_history import sparkline
from ingest.adapters import Shape
from simulation.truth import CAMPAIGN_TRUTH, PROMPT_TRUTH

DANGEROUS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_apart(tmp_path, monkeypatch)


@pytest.fixture
def run_of_monday(tmp_path: Path) -> Run:
    home = tmp_path / "var"
    home.mkdir()
    return publish_example(home)


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command and group, as the words one types."""
    group = group or typer.main.get_command(cli.app)
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*path, name))


# -- help ----------------------------------------------------------------------------------------------


def test_every_command_that_was_promised_is_there() -> None:
    top = {path[0] for path in commands() if path}
    promised = (
        "init doctor config demo run backfill status campaigns show decide decisions ranker explain-prompt map "
        "serve verify allow report diff match same seed review feed proposals approve decline split relabel audit "
        "deliver export erase retain explain"
    )
    assert top == set(promised.split())


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_help_has_an_example_that_fits_a_small_terminal(
    path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = shoal(*path, "--help")
    assert result.exit_code == 0
    examples = result.stdout.partition("Examples")[2].partition("╭")[0]
    lines = [line.strip() for line in examples.splitlines() if line.strip()]
    assert lines
    assert all(line.startswith("shoal ") for line in lines)
    assert any(" ".join(path) in line for line in lines)


def test_help_imports_nothing_heavy() -> None:
    heavy = ("alembic", "numpy", "polars", "prefect", "pyarrow", "pydantic", "sqlalchemy", "torch")
    code = (
        "import sys; sys.argv = ['shoal', '--help']\n"
        "from flows.cli import main\n"
        "try: main()\n"
        f"except SystemExit: print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=_root(), check=True
    )
    assert done.stderr.strip() == "[]"


def test_version() -> None:
    assert shoal("--version").stdout.strip() == f"shoal {version('shoal')}"


def test_choices_are_those_of_the_rooms() -> None:
    from flows.commands.run import Format

    assert set(get_args(listing.TierName)) == set(Tier)
    assert set(get_args(allow.Kind)) == set(AllowKind)
    assert set(get_args(Format)) == {"auto", *Shape}


# -- errors --------------------------------------------------------------------------------------------

ERRORS = [
    kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ShoalError)
]


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_tells_what_where_and_what_next_and_leaves_with_its_code(
    kind: type[errors.ShoalError], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise kind(f"no {HOSTILE}", where="here", hint="Do this.")

    monkeypatch.setattr("campaigns.store.Store.open", fail)
    result = shoal("status")
    assert result.exit_code == kind.exit_code
    assert result.stderr.splitlines() == [f"error: no {safe_text(HOSTILE)}", "where: here", "next:  Do this."]
    assert not result.stdout


def test_a_full_disk_leaves_with_6(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise OSError(28, "No space left on device", "/x")

    monkeypatch.setattr("campaigns.store.Store.open", fail)
    result = shoal("status")
    assert result.exit_code == 6
    assert "where: /x" in result.stderr


def test_debug_lets_the_traceback_through(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise errors.InputError("no")

    monkeypatch.setattr("campaigns.store.Store.open", fail)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    assert isinstance(shoal("--debug", "status").exception, errors.InputError)


def test_an_unforeseen_error_is_one_line_and_1() -> None:
    code = (
        "import sys; sys.argv = ['shoal', 'status']\n"
        "import campaigns.store, flows.cli\n"
        "campaigns.store.Store.open = None\n"
        "flows.cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=_root(), check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: TypeError: ")
    assert "Traceback" not in done.stderr
    assert "--debug" in done.stderr


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
@pytest.mark.parametrize(
    "arguments",
    [["config", "show"], ["config", "show", "--json"], ["status"]],
    ids=" ".join,
)
def test_a_reader_that_leaves_is_no_bug(arguments: list[str], closed: str) -> None:
    """As in `shoal campaigns | head`: what is left to say goes nowhere, and quietly."""
    reading, writing = os.pipe()
    os.close(reading)
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | {closed: writing}
    command = [sys.executable, "-m", "flows.cli", *arguments]
    environment = os.environ | {"PYTHONPATH": str(_root())}
    done = subprocess.run(command, env=environment, check=False, **streams)
    os.close(writing)
    talks = closed == "stdout" or arguments == ["status"]
    assert done.returncode == (cli.READER_GONE if talks else 0)
    if closed == "stdout":
        assert done.stderr == b""


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--set", "seed", "status"], "cannot read the setting 'seed'"),
        (["--set", "=3", "status"], "cannot read the setting '=3'"),
        (["--set", "secret_key=x", "status"], "secret_key is a secret"),
        (["--set", "store_url=x", "status"], "store_url is a secret"),
        (["--set", "sede=3", "status"], "unknown setting 'sede'"),
        (["--set", "family.min_prompts=0", "status"], "setting 'family.min_prompts'"),
        (["--config", "none.toml", "status"], "cannot read the settings file"),
        (["show", "c-none"], "no campaign 'c-none'"),
        (["campaigns", "--tier", "guilty"], "guilty"),
        (["verify", "--day", "2026-01-05"], "there is no run of 2026-01-05"),
        (["map", "--out", "map.pdf"], "a map is a page or a picture"),
        (["map"], "no day is published yet"),
        (["map", "2026-01-05"], "2026-01-05 is not published"),
        (["run", "--day", "yesterday"], "yesterday"),
        (["backfill", "--from", "2026-01-06", "--to", "2026-01-05"], "lies before"),
        (["allow", "remove", "7"], "no allow-list entry 7"),
        (["allow", "add", "campaign", "c-1", "--reason", " "], "needs reason"),
        (["nonsense"], "nonsense"),
    ],
)
def test_a_wrong_call_leaves_with_2(arguments: list[str], what: str) -> None:
    result = shoal(*arguments)
    assert result.exit_code == 2
    assert what in result.stderr
    assert not result.stdout


# -- settings ------------------------------------------------------------------------------------------


def test_settings_come_from_file_then_environment_then_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("night.toml").write_text('seed = 1\nhome = "a"\n[flow]\nworkers = 3\n', encoding="utf-8")
    monkeypatch.setenv("SHOAL_FLOW__WORKERS", "4")
    shown = data("--config", "night.toml", "--home", "b", "config", "show")
    assert (shown["seed"]["value"], shown["seed"]["origin"]) == ("1", "file night.toml")
    assert (shown["flow.workers"]["value"], shown["flow.workers"]["origin"]) == (
        "4",
        "environment SHOAL_FLOW__WORKERS",
    )
    assert (shown["home"]["value"], shown["home"]["origin"]) == ("b", "flag")


def test_config_show_masks_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOAL_SECRET_KEY", "hush-hush")
    for result in (shoal("config", "show", "--origin", "--explain"), shoal("config", "show", "--json")):
        assert "********" in result.stdout
        assert "hush-hush" not in result.output


def test_init_writes_a_file_that_says_the_defaults() -> None:
    assert shoal("init").exit_code == 0
    text = Path("shoal.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text).keys() == {
        name for name, value in Settings() if hasattr(value, "model_fields_set")
    }
    uncommented = re.sub(r"(?m)^# (\w+ = )", r"\1", text)
    Path("shoal.toml").write_text(uncommented, encoding="utf-8")
    loaded = load(environment={})
    assert loaded.settings == Settings()
    keys = {key for key, _, _, _ in loaded.rows()}
    assert loaded.origins.keys() == keys - SECRETS
    assert Path("var/shoal.db").exists()


def test_init_keeps_what_flags_say_and_never_overwrites_unasked() -> None:
    assert shoal("--home", "elsewhere", "--set", "family.min_prompts=9", "init").exit_code == 0
    assert load(environment={}).settings.home == Path("elsewhere")
    assert load(environment={}).settings.family.min_prompts == 9
    assert shoal("init").exit_code == 2
    assert load(environment={}).settings.home == Path("elsewhere")
    assert shoal("init", "--force").exit_code == 0
    assert load(environment={}).settings.home == Path("var")


def test_init_replaces_a_broken_file_when_forced() -> None:
    Path("shoal.toml").write_text("not = [toml", encoding="utf-8")
    assert shoal("init", "--force").exit_code == 0
    assert load(environment={}).settings == Settings()


# -- reading -------------------------------------------------------------------------------------------


def test_status_counts_what_is_published(run_of_monday: Run) -> None:
    state = data("status")
    assert state["latest_day"] == "2026-01-05"
    (day,) = state["days"]
    assert {name: day[name] for name in ("prompts", "campaigns", "actionable", "review", "benign")} == {
        "prompts": 9,
        "campaigns": 2,
        "actionable": 0,
        "review": 1,
        "benign": 1,
    }
    assert day["digest"] == run_of_monday.manifest()["digest"]
    assert "2026-01-05.1" in shoal("status").stdout


def test_status_of_nothing_says_what_to_do() -> None:
    assert data("status")["days"] == []
    assert "shoal demo" in shoal("status").stderr
    assert shoal("--quiet", "status").stderr == ""


@pytest.mark.usefixtures("run_of_monday")
def test_campaigns_are_sorted_filtered_and_limited() -> None:
    assert [row["campaign_id"] for row in data("campaigns")] == [GRADES, LEDGER]
    assert [row["campaign_id"] for row in data("campaigns", "--tier", "benign")] == [LEDGER]
    assert [row["campaign_id"] for row in data("campaigns", "--sort", "title", "--limit", "1")] == [LEDGER]
    assert data("campaigns", "--day", "2026-01-06") == []
    assert [row["day"] for row in data("campaigns", "--all")] == ["2026-01-05", "2026-01-05"]
    assert "1 more" in shoal("campaigns", "--limit", "1").stderr


@pytest.mark.usefixtures("run_of_monday")
def test_show_gathers_everything_about_a_campaign() -> None:
    shown = data("show", GRADES)
    assert [slot["kind"] for slot in shown["slots"]] == ["text"]
    assert shown["slots"][0]["values"] == ["a lamp", HOSTILE]
    assert [row["account_id"] for row in shown["accounts"]] == ["acct-2", f"acct-1{HOSTILE}"]
    assert [row["prompt"] for row in shown["exemplars"]] == [
        f"Grade this essay: {HOSTILE}",
        "Grade this essay: the tide\nsecond line",
    ]
    signals = ["made together", "shared clock", "slot uniqueness", "synchrony"]
    assert [row["signal"] for row in shown["evidence"]] == signals
    assert [row["day"] for row in shown["history"]] == ["2026-01-05"]
    assert [row["event"] for row in shown["lineage"]] == ["minted"]
    assert len(data("show", GRADES, "--accounts", "1")["accounts"]) == 1


@pytest.mark.usefixtures("run_of_monday")
def test_show_takes_the_beginning_of_an_id_if_it_is_one() -> None:
    assert data("show", "c-b")["campaign_id"] == LEDGER
    several = shoal("show", "c-")
    assert several.exit_code == 2
    assert "2 campaigns begin with 'c-'" in several.stderr


@pytest.mark.usefixtures("run_of_monday")
def test_show_prints_the_template_with_its_slots_marked() -> None:
    text = shoal("show", LEDGER).stdout
    assert "Balance the ledger of {1:text}" in text
    assert "a lamp" in text
    assert "Balance the ledger of May" in text
    assert "0.70" in text


@pytest.mark.usefixtures("run_of_monday")
def test_show_counts_evasion_marks_where_there_are_any() -> None:
    assert re.search(r"evasion marks +7 in 1 of the members' texts", shoal("show", GRADES).stdout)
    assert "evasion" not in shoal("show", LEDGER).stdout
    marks = {
        name: (shown["evasion_marks"], shown["marked_texts"])
        for name in (GRADES, LEDGER)
        for shown in [data("show", name)]
    }
    assert marks == {GRADES: (7, 1), LEDGER: (0, 0)}


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 days"), (1, "1 day"), (2, "2 days"), (1_000, "1,000 days")]
)
def test_counted(number: int, said: str) -> None:
    assert console.counted(number, "day") == said


@pytest.mark.usefixtures("run_of_monday")
def test_one_day_is_one_day() -> None:
    assert "2026-01-05 to 2026-01-05, 1 day\n" in re.sub(r" +\n", "\n", shoal("show", GRADES).stdout)
    assert "1 day and the store are as they were written" in shoal("verify").stderr


def test_show_of_a_run_that_is_gone_is_an_integrity_error(run_of_monday: Run) -> None:
    shutil.rmtree(run_of_monday.path)
    result = shoal("show", GRADES)
    assert result.exit_code == 7
    assert str(run_of_monday.path.name) in result.stderr


@pytest.mark.usefixtures("run_of_monday")
@pytest.mark.parametrize(
    "arguments",
    [
        ["campaigns"],
        ["show", GRADES],
        ["show", LEDGER],
        ["show", GRADES, "--evidence"],
        ["status"],
        ["verify"],
        ["allow", "list"],
        ["config", "show"],
    ],
    ids=" ".join,
)
def test_hostile_text_never_reaches_the_terminal(arguments: list[str]) -> None:
    shoal("allow", "add", "organization", HOSTILE, "--reason", HOSTILE, "--author", HOSTILE)
    for extra in ([], ["--json"]):
        result = shoal(*arguments, *extra)
        assert result.exit_code == 0
        assert not DANGEROUS.search(result.stdout + result.stderr)
    assert not DANGEROUS.search(shoal("show", HOSTILE).output)


@pytest.mark.usefixtures("run_of_monday")
def test_what_cannot_be_seen_is_spelled_out() -> None:
    text = shoal("show", GRADES).stdout
    assert r"\x1b]8;;x\x07" in text
    assert r"\u202egnp\u2066" in text
    assert "[bold]" in text


@pytest.mark.parametrize(
    ("values", "bars"), [([], ""), ([0, 0], "▁▁"), ([1], "█"), ([0, 4, 8], "▁▅█"), ([7, 7], "██")]
)
def test_sparkline(values: list[int], bars: str) -> None:
    assert sparkline(values) == bars


# -- running -------------------------------------------------------------------------------------------


@pytest.fixture
def discovered(run_of_monday: Run, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Stands in for the flow: calls are written down, Monday's run is what comes out of each."""
    calls: list[tuple[Any, ...]] = []

    def discover(
        call: Any, source: str, day: date, force: bool, out: Path | None, form: str, accept: Any = None
    ) -> SimpleNamespace:
        calls.append((call.flags, source, day, force, out, form, os.environ.get("SHOAL_CONFIG")))
        if day == date(2026, 1, 8):
            raise errors.InputError("no such file", where=source)
        if source == "broken.csv" and accept is None:
            raise errors.HealthError("the run looks like a failure")
        already = day == TUESDAY and not force
        manifest = run_of_monday.manifest()
        return SimpleNamespace(
            run_id=f"{day}.1", day=day, path=run_of_monday.path, already_published=already, manifest=manifest
        )

    monkeypatch.setattr("flows.commands.run.discover", discover)
    return calls


def test_run_prints_the_way_from_rows_to_campaigns(discovered: list[tuple[Any, ...]]) -> None:
    result = shoal("--set", "seed=7", "run", "--input", "a.csv", "--day", "2026-01-05", "--format", "chat")
    assert discovered == [({"seed": "7"}, "a.csv", MONDAY, False, None, "chat", None)]
    figures = [
        line.rsplit(maxsplit=1) for line in result.stdout.splitlines() if re.search(r"\d$", line.rstrip())
    ]
    assert [(name.strip(), value) for name, value in figures][1:10] == [
        ("prompts in", "9"),
        ("distinct texts", "7"),
        ("copies of them", "1"),
        ("quarantined", "1"),
        ("prompt is empty", "1"),
        ("campaigns", "2"),
        ("review", "1"),
        ("benign", "1"),
        ("prompts in campaigns", "5"),
    ]
    assert "shoal map 2026-01-05" in result.stderr


@pytest.mark.usefixtures("discovered")
def test_a_run_that_looks_like_a_failure_leaves_with_9_until_somebody_says_why() -> None:
    run = ("run", "--input", "broken.csv", "--day", "2026-01-05")
    assert shoal(*run).exit_code == 9
    assert shoal(*run, "--accept-health", " ").exit_code == 2
    assert shoal(*run, "--accept-health", "the pool is gone").exit_code == 0


def test_run_as_json_is_the_manifest_in_short(run_of_monday: Run, discovered: list[tuple[Any, ...]]) -> None:
    shown = data("run", "--input", "a.csv", "--day", "2026-01-05", "--out", "results", "--force")
    assert discovered[0][3:5] == (True, Path("results"))
    assert shown["digest"] == run_of_monday.manifest()["digest"]
    assert shown["counts"]["ingest"]["rows_in"] == 9
    assert shown["run_id"] == "2026-01-05.1"


def test_the_flow_finds_the_settings_file_of_the_call(discovered: list[tuple[Any, ...]]) -> None:
    Path("night.toml").write_text("seed = 1\n", encoding="utf-8")
    shoal("--config", "night.toml", "run", "--input", "a.csv", "--day", "2026-01-05")
    assert discovered[0][-1] == "night.toml"
    assert "SHOAL_CONFIG" not in os.environ


def test_backfill_goes_through_the_days_in_order(discovered: list[tuple[Any, ...]]) -> None:
    result = shoal("backfill", "--input", "day={day}", "--from", "2026-01-05", "--to", "2026-01-07")
    assert result.exit_code == 0
    assert [call[1:3] for call in discovered] == [("day={day}", date(2026, 1, day)) for day in (5, 6, 7)]
    assert "2026-01-06 is published already" in result.stderr
    shown = data("backfill", "--input", "x", "--from", "2026-01-05", "--to", "2026-01-06")
    assert [(row["day"], row["already_published"]) for row in shown] == [
        ("2026-01-05", False),
        ("2026-01-06", True),
    ]


def test_backfill_stops_at_the_day_that_fails(discovered: list[tuple[Any, ...]]) -> None:
    result = shoal("backfill", "--input", "x", "--from", "2026-01-07", "--to", "2026-01-09")
    assert result.exit_code == 3
    assert len(discovered) == 2
    assert "2026-01-08 failed; published before it: 1 day\n" in result.stderr


def test_progress_and_warnings_go_to_stderr_in_safe_text(capsys: pytest.CaptureFixture[str]) -> None:
    with console.watched(quiet=False):
        with progress.stage("ingest"):
            progress.advance(3)
            logging.getLogger("ingest.stage").warning("unknown column %s", HOSTILE)
        logging.getLogger("elsewhere").warning("not ours")
    shown = capsys.readouterr()
    assert not shown.out
    assert "warning: unknown column " + safe_text(HOSTILE) in shown.err
    assert re.search(r"read the traffic +0\.0 s", shown.err)
    with console.watched(quiet=True), progress.stage("ingest"):
        pass
    assert not capsys.readouterr().err


def test_live_progress_counts_what_advanced() -> None:
    from rich.console import Console
    from rich.progress import Progress

    bars = Progress(console=Console(file=io.StringIO()))
    reporter = console.LiveReporter(bars)
    reporter.stage_started("ingest")
    reporter.advanced(1_000)
    reporter.advanced(234)
    assert bars.tasks[0].fields["done"] == "1,234"
    reporter.stage_finished("ingest", 1.0)
    assert bars.finished
    reporter.advanced(1)  # between two stages: nobody to tell


def test_the_demo_compares_a_run_with_its_truth(run_of_monday: Run) -> None:
    from flows.demo import compare

    def row(number: int, kind: str, campaign: str | None) -> dict[str, Any]:
        return {
            "prompt_id": f"p{number}",
            "account_id": f"a{number}",
            "kind": kind,
            "campaign": campaign,
            "family": campaign,
            "evasion": "e0" if campaign else None,
            "language": "en",
            "day": "2026-01-05",
        }

    # The run reports p1 to p3 as one campaign, p4 and p5 as another.
    sent = {"essays": (1, 2, 3, 101, 102), "lost": range(200, 240)}
    rows = [row(i, "campaign", name) for name, numbers in sent.items() for i in numbers]
    rows += [row(i, "benign:app", None) for i in (4, 5)]
    planted: list[dict[str, Any]] = [
        {"campaign": name, "operator": name, "objective": None, "evasion": "e0", "life": "steady", "leaks": [],
         "cover": 0.0, "n_prompts": 5, "n_accounts": 4, "accounts": [], "day": "2026-01-05"}
        for name in ("essays", "lost")
    ]  # fmt: skip
    result = SimpleNamespace(path=run_of_monday.path, day=MONDAY)
    day = compare(
        result,  # type: ignore[arg-type]
        pa.Table.from_pylist(rows, PROMPT_TRUTH),
        pa.Table.from_pylist(planted, CAMPAIGN_TRUTH),
        min_prompts=5,
    )
    assert [(c.name, c.outcome, c.campaign_id, c.covered) for c in day.campaigns] == [
        ("essays", "whole", GRADES, 0.6),
        ("lost", "not found", None, 0.0),
    ]
    assert day.found == 1
    (app,) = [group for group in day.innocents if group.kind == "app"]
    assert app.reports == {"actionable": 0, "review": 0, "benign": 1}


# -- allow-list ----------------------------------------------------------------------------------------


def test_the_allow_list_can_be_kept() -> None:
    added = data(
        "allow", "add", "campaign", GRADES, "--reason", "homework", "--author", "ada", "--until", "2026-01-31"
    )
    assert {name: added[name] for name in ("kind", "value", "reason", "author", "expires_on")} == {
        "kind": "campaign",
        "value": GRADES,
        "reason": "homework",
        "author": "ada",
        "expires_on": "2026-01-31",
    }
    assert [row["id"] for row in data("allow", "list")] == [added["id"]]
    assert data("allow", "list", "--day", "2026-02-01") == []
    assert "homework" in shoal("allow", "list").stdout
    assert shoal("allow", "remove", str(added["id"])).exit_code == 0
    assert data("allow", "list") == []


# -- integrity -----------------------------------------------------------------------------------------


def test_verify_is_content_with_what_was_written(run_of_monday: Run) -> None:
    assert data("verify") == {"ok": True, "days": [run_of_monday.day.isoformat()], "problems": []}


def _flip(run: Run) -> None:
    path = run.path / "members.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _forge(run: Run) -> None:
    path = run.path / "manifest.json"
    path.write_text(json.dumps({**run.manifest(), "digest": "0" * 64}), encoding="utf-8")


def _rewrite(run: Run) -> None:
    path = run.path / "manifest.json"
    path.write_text(json.dumps({**run.manifest(), "completed_at": "then"}), encoding="utf-8")


def _cut(run: Run) -> None:
    (run.path / "manifest.json").write_text("{", encoding="utf-8")


def _garble(run: Run) -> None:
    (run.path / "run.json").write_text("{", encoding="utf-8")


def _remove(run: Run) -> None:
    shutil.rmtree(run.path)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_flip, "members.parquet is not what was written"),
        (_forge, "does not have the digest that was published"),
        (_rewrite, "the manifest of run 2026-01-05.1 is not what was published"),
        (_cut, "the manifest is damaged"),
        (_garble, "the header of a run is damaged"),
        (_remove, "missing or damaged"),
    ],
)
def test_verify_finds_damage(run_of_monday: Run, damage: Any, said: str) -> None:
    damage(run_of_monday)
    result = shoal("verify")
    assert result.exit_code == 7
    assert said in result.stdout
    as_json = shoal("verify", "--day", "2026-01-05", "--json")
    assert as_json.exit_code == 7
    assert any(said in problem for problem in json.loads(as_json.stdout)["problems"])


# -- doctor --------------------------------------------------------------------------------------------


def test_doctor_says_each_finding_with_a_remedy_and_changes_nothing(tmp_path: Path) -> None:
    findings = data("doctor")
    assert [row["name"] for row in findings] == list(checks._CHECKS)
    assert {row["level"] for row in findings} <= {"ok", "warn"}
    assert all(row["remedy"] for row in findings if row["level"] != "ok")
    assert list(tmp_path.iterdir()) == []


def test_doctor_looks_at_another_model_without_pinning_it(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    module = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}
    (folder / "modules.json").write_text(json.dumps([module]))
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (folder / name).write_text("{}")
    settings = load({"embedding.model": str(folder)}, environment={}).settings
    (found,) = [finding for finding in checks.examine(settings) if finding.name == "model"]
    assert (found.level, found.found.endswith("not pinned yet")) == ("ok", True)
    assert list(tmp_path.iterdir()) == [folder]


def test_doctor_calls_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    seen: list[str | None] = []

    def look(_: Settings) -> checks.Finding:
        seen.append(os.environ.get("HF_HUB_OFFLINE"))
        return checks.Finding("model", "ok", "")

    monkeypatch.setattr(checks, "_CHECKS", {"model": look})
    shoal("doctor")
    assert seen == ["1"]


@pytest.mark.parametrize(
    ("raised", "code"),
    [(errors.IntegrityError("bad", hint="Fix."), 7), (errors.UsageError("bad", hint="Fix."), 2)],
)
def test_doctor_leaves_with_the_code_of_the_worst_failure(
    raised: errors.ShoalError, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Settings) -> checks.Finding:
        raise raised

    monkeypatch.setattr(checks, "_CHECKS", {"python": checks._python, "model": fail})
    result = shoal("doctor")
    assert result.exit_code == code
    assert "fail model" in result.stdout
    assert "Fix." in result.stdout


def test_doctor_sees_a_store_that_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "shoal.db").write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(errors.IntegrityError):
        read_schema(Settings())


# -- map -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("run_of_monday")
def test_map_writes_a_page_and_says_where() -> None:
    result = shoal("map")
    assert result.stdout.strip() == "map-2026-01-05.html"
    assert Path("map-2026-01-05.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_map_draws_the_day_that_is_asked_for(run_of_monday: Run) -> None:
    publish_example(run_of_monday.path.parents[2], TUESDAY)
    assert shoal("map", MONDAY.isoformat(), "--out", "page.html").exit_code == 0
    assert date(2026, 1, 5).isoformat() in Path("page.html").read_text(encoding="utf-8")


def _root() -> Path:
    return Path(cli.__file__).parents[1]
