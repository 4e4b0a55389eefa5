"""Which days before a run speak, and that a run which asked them ends the same whenever it is done."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pipeline import DAY, counts, discover
from store_examples import a_run, publish_now

from campaigns import files
from campaigns.records import BACKGROUND
from campaigns.runs import Counts, Run, open_run
from campaigns.settings import Settings, load
from campaigns.store import Store
from clustering.stage import TextTable, group
from flows import steps
from flows.resources import RunRef
from flows.trailing import trailing_days
from simulation.plan import small_plan
from simulation.traffic import write_day
from simulation.truth import score

DAYS = [DAY + timedelta(days=n) for n in range(3)]
BACKGROUND_FILE = "background.parquet"


def settings_of(home: Path, **scaffold: int) -> Settings:
    flags = {"home": str(home), **{f"scaffold.{name}": value for name, value in scaffold.items()}}
    return load(flags, environment={}).settings


def make_run(home: Path, day: date, attempt: int = 1, output: str = BACKGROUND_FILE) -> Run:
    """A run whose stage `cluster` wrote one file, published."""
    run = Run(home / "runs" / day.isoformat() / str(attempt), day, attempt, "f1")

    def work() -> Counts:
        files.write_bytes(run.path / output, run.run_id.encode())
        return {}

    run.stage("cluster", work, [output])
    with Store.open(settings_of(home)) as store:
        publish_now(store, a_run(day, attempt), [])
    return run


def days_before(home: Path, day: date = DAY, **scaffold: int) -> list[str]:
    days = trailing_days(settings_of(home, **scaffold), day, "cluster", BACKGROUND_FILE)
    return [found.run_id for found in days]


# -- which days count ----------------------------------------------------------------------------------


def test_the_published_run_of_each_day_before_speaks_the_oldest_first(tmp_path: Path) -> None:
    for ago in (0, 1, 3, 7, 8, -1):
        make_run(tmp_path, DAY - timedelta(days=ago))
    newer = make_run(tmp_path, DAY - timedelta(days=3), 2)
    make_run(tmp_path, DAY - timedelta(days=3), 3)
    with Store.open(settings_of(tmp_path)) as store:  # the day points to attempt 2 again
        publish_now(store, a_run(newer.day, 2), [])
    assert days_before(tmp_path) == ["2025-12-29.1", "2026-01-02.2", "2026-01-04.1"]
    assert days_before(tmp_path, trailing_days=3) == ["2026-01-02.2", "2026-01-04.1"]
    assert days_before(tmp_path, trailing_days=0) == []
    (first, *_) = trailing_days(settings_of(tmp_path), DAY, "cluster", BACKGROUND_FILE)
    path = first.folder / BACKGROUND_FILE
    assert path.read_text() == "2025-12-29.1"
    assert first.sha256 == (files.sha256_file(path),)
    assert first.asked == f"2025-12-29.1 {first.sha256[0]}"
    assert trailing_days(settings_of(tmp_path), DAY, "cluster", BACKGROUND_FILE, "others.parquet") == []


def test_a_day_whose_file_is_gone_damaged_or_unknown_does_not_count(tmp_path: Path) -> None:
    gone, damaged = (make_run(tmp_path, DAY - timedelta(days=ago)) for ago in (1, 2))
    make_run(tmp_path, DAY - timedelta(days=3), output="family_members.parquet")  # of an older version
    make_run(tmp_path, DAY - timedelta(days=4))
    (gone.path / BACKGROUND_FILE).unlink()
    (damaged.path / BACKGROUND_FILE).write_bytes(b"something else")
    assert days_before(tmp_path) == ["2026-01-01.1"]


# -- a changed history ---------------------------------------------------------------------------------


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Puts marks in the place of the work of every step from `group` to `layout`; the names of those that were done.

    What a mark writes says which trailing runs there were.
    """
    names: list[str] = []

    def work(name: str, *outputs: str, reads: str = "usual.parquet") -> Callable[..., Counts]:
        def write(run: Run, *given: Any) -> Counts:
            names.append(name)
            said = str(sorted(given[1])).encode() if name == "group" else (run.path / reads).read_bytes()
            for output in outputs:
                files.write_bytes(run.path / output, said)
            return {}

        return write

    def layout(vectors: np.ndarray, _: Settings) -> np.ndarray:
        names.append("layout")
        return vectors

    def embedded(run: Run, _: Settings) -> Counts:
        names.append("embed")
        said = np.frombuffer((run.path / "representatives.parquet").read_bytes(), np.uint8)
        files.write_array(run.path / "vectors.npy", said.astype(np.float32)[:, None])
        return {}

    clustered = ("family_members.parquet", "family_cores.parquet", BACKGROUND_FILE, "canaries.parquet")
    labelled = ("labels.parquet", "matchers.parquet", "slot_values.parquet", "directions.npy")
    monkeypatch.setattr(
        "clustering.stage.group", work("group", "usual.parquet", "groups.parquet", "open_texts.parquet")
    )
    monkeypatch.setattr("embeddings.representatives.choose", work("represent", "representatives.parquet"))
    monkeypatch.setattr("flows.steps._embed", embedded)
    monkeypatch.setattr("clustering.stage.cluster", work("cluster", *clustered))
    monkeypatch.setattr("labeling.stage.label", work("label", *labelled, reads=clustered[0]))
    monkeypatch.setattr("clustering.layout.layout", layout)
    return names


def test_a_changed_history_does_again_what_rests_on_it_and_an_unchanged_one_nothing(
    tmp_path: Path, done: list[str]
) -> None:
    ref = RunRef.of(open_run(tmp_path, DAY, "f"), "", "", {"home": str(tmp_path)})

    def resumed() -> list[str]:
        done.clear()
        for step in (steps.group, steps.represent, steps.embed, steps.cluster, steps.label, steps.layout):
            step.fn(ref)
        return list(done)

    everything = ["group", "represent", "embed", "cluster", "label", "layout"]
    assert resumed() == everything
    assert resumed() == []
    make_run(tmp_path, DAY - timedelta(days=2))  # a backfill
    assert resumed() == everything
    before = make_run(tmp_path, DAY - timedelta(days=1))
    assert resumed() == everything
    make_run(tmp_path, DAY, 2)  # neither the day itself
    make_run(tmp_path, DAY + timedelta(days=1))  # nor later ones speak
    assert resumed() == []
    (before.path / BACKGROUND_FILE).unlink()  # pruned
    assert resumed() == everything
    assert resumed() == []


# -- three days ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("three-days")


@pytest.fixture(scope="module")
def runs(folder: Path) -> list[Run]:
    plan = replace(small_plan(3), days=3)
    sources = [write_day(plan, day, folder).traffic for day in DAYS]
    return [discover(folder / "home", source, day=day) for day, source in zip(DAYS, sources, strict=True)]


def test_campaigns_are_found_on_every_day_and_no_innocent_is_accused(runs: list[Run], folder: Path) -> None:
    for run in runs:
        truth = files.read_parquet(folder / "truth" / f"day={run.day}" / "prompts.parquet")
        result = score(run.table("members"), run.table("campaigns"), truth)
        assert {c.campaign for c in result.campaigns if c.covered >= 0.95} == {
            "judges",
            "korrektur",
            "ledger",
        }
        assert result.accused() == ()


def test_each_run_tells_which_days_it_asked(runs: list[Run]) -> None:
    asked = [counts(run, "group")["trailing_runs"] for run in runs]
    assert asked == ["", "2026-01-05.1", "2026-01-05.1 2026-01-06.1"]
    assert [counts(run, "group")["trailing_days"] for run in runs] == [0, 1, 2]
    assert [counts(run, "group")["usual_features"] == 0 for run in runs] == [True, False, False]
    for run in runs:
        assert run.table("background").schema == BACKGROUND == run.table("usual").schema
        assert run.table("background").num_rows == counts(run, "cluster")["background_features"] > 0
        assert run.verify() == []


def shares(table: pa.Table) -> dict[int, float]:
    """Those of the wide pairs."""
    return {row["feature"]: row["share"] for row in table.to_pylist() if row["reading"] == "wide_pairs"}


def test_what_reads_a_run_later_knows_what_was_usual(runs: list[Run]) -> None:
    """`shoal explain-prompt` measures groups again by what the run itself kept, whatever became of the days before."""
    texts = TextTable.read(runs[2])
    wide = texts.readings.wide_pairs
    assert wide.usual is not None
    expected = shares(runs[2].table("usual"))
    marked = np.flatnonzero(wide.usual)
    assert dict(zip(wide.features[marked].tolist(), wide.usual[marked].tolist(), strict=True)) == expected
    first, second = (shares(run.table("background")) for run in runs[:2])
    assert expected == {
        feature: (first.get(feature, 0) + second.get(feature, 0)) / 2
        for feature in wide.features.tolist()
        if feature in first or feature in second
    }


def test_a_damaged_file_of_what_was_usual_is_made_again(
    runs: list[Run], folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(runs[1].path, tmp_path / "copy")
    run = replace(runs[1], path=tmp_path / "copy")
    files.write_bytes(run.path / "usual.parquet", b"no longer a table")
    group(
        run,
        Settings(),
        {
            day.run_id: day.folder / BACKGROUND_FILE
            for day in trailing_days(settings_of(folder / "home"), run.day, "cluster", BACKGROUND_FILE)
        },
    )
    for name in ("usual", "groups"):
        assert run.table(name).equals(runs[1].table(name))


def test_a_day_done_again_sees_the_same_days_and_ends_the_same(runs: list[Run], folder: Path) -> None:
    source = folder / f"day={DAYS[1]}" / "traffic.parquet"
    again = discover(folder / "home", source, day=DAYS[1], force=True)
    assert again.attempt == 2
    assert counts(again, "group")["trailing_runs"] == "2026-01-05.1"
    assert again.manifest()["digest"] == runs[1].manifest()["digest"]
    for name in ("usual", "background"):
        assert again.table(name).equals(runs[1].table(name))
