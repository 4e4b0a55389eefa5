"""Killed at any point, a run resumes and ends as if nothing had happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from pipeline import DAY, RECIPE, counts, discover

from campaigns.failpoints import KILLED
from campaigns.runs import Run
from campaigns.settings import load
from campaigns.store import Store
from simulation.plan import small_plan
from simulation.traffic import write_day

HERE = Path(__file__).parent
STAGES = tuple(step.name for step in RECIPE)
INSIDE = {
    "ingest": ["ingest:before", "ingest:part:2"],
    "scaffold": ["scaffold:sketched", "scaffold:counted"],
    "cluster": ["cluster:before"],
}
POINTS = [point for stage in STAGES for point in (*INSIDE.get(stage, []), f"{stage}:done")]
POINTS += [f"{STAGES[-1]}:recorded", "publish:before_commit", "publish:committed"]
"""Every stage dies once with its work done and not recorded; some also at their start and in the middle."""


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_day(small_plan(5), DAY, tmp_path_factory.mktemp("traffic")).traffic


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory, traffic: Path) -> Run:
    return discover(tmp_path_factory.mktemp("clean"), traffic)


def start(home: Path, traffic: Path, failpoint: str = "") -> subprocess.Popen[bytes]:
    """The recipe in a process of its own."""
    code = "import sys, pathlib, pipeline; pipeline.discover(*map(pathlib.Path, sys.argv[1:]))"
    environment = {**os.environ, "PYTHONPATH": str(HERE), "SHOAL_FAILPOINT": failpoint}
    return subprocess.Popen([sys.executable, "-c", code, str(home), str(traffic)], env=environment)


def with_cache_of(clean: Run, home: Path) -> Path:
    """A home that shares the vectors of the clean run, so that a test costs no encoding."""
    home.mkdir()
    (home / "cache").symlink_to(clean.path.parents[2] / "cache")
    return home


def published(home: Path, day: date = DAY) -> bool:
    with Store.open(load({"home": str(home)}, environment={}).settings) as store:
        return store.current_run(day) is not None


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_killed_at_every_point_in_turn_one_run_still_ends_as_the_clean_one(
    clean: Run, traffic: Path, tmp_path: Path
) -> None:
    home = with_cache_of(clean, tmp_path / "home")
    for point in POINTS:
        assert start(home, traffic, point).wait() == KILLED, point
        assert published(home) == (point == "publish:committed"), point
    resumed = discover(home, traffic)
    assert resumed.manifest()["digest"] == clean.manifest()["digest"]
    assert resumed.attempt == 1
    assert resumed.verify() == []


@pytest.mark.slow
def test_killed_while_embedding_loses_at_most_one_batch(clean: Run, traffic: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert start(home, traffic, "embed:batch:2").wait() == KILLED
    resumed = discover(home, traffic)
    total = int(counts(clean, "embed")["encoded"])
    batch = load({}, environment={}).settings.embedding.batch_size
    assert total - 2 * batch <= int(counts(resumed, "embed")["encoded"]) <= total - batch
    assert resumed.manifest()["digest"] == clean.manifest()["digest"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_kill_9_at_random_moments(clean: Run, traffic: Path, tmp_path: Path) -> None:
    draw = np.random.default_rng(11)
    home = with_cache_of(clean, tmp_path / "home")
    for _ in range(8):
        process = start(home, traffic)
        time.sleep(draw.uniform(1.0, 8.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert discover(home, traffic).manifest()["digest"] == clean.manifest()["digest"]
    assert [path.name for path in home.rglob(".tmp-*") if "runs" in path.parts] == []
