"""The Prefect flow: it publishes, leaves an artifact without text, and does not do a day twice."""

from __future__ import annotations

import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.compute as pc
import pytest
from store_examples import a_campaign, a_run, publish_now

from accounts.stage import OUTPUTS as LINKED
from campaigns import files
from campaigns.entries import AllowKind
from campaigns.errors import FencedError, InputError, LockHeldError, UsageError
from campaigns.locks import held
from campaigns.records import Tier
from campaigns.runs import MANIFEST, RESULTS, Counts, Run, attempts, open_run
from campaigns.settings import Settings, load
from campaigns.store import Store
from campaigns.tables import DayLockRow
from clustering.recognise import OUTPUTS as RECOGNISED
from flows import steps
from flows.discover import copy_results, discover_campaigns
from flows.floor import detection_floor
from flows.resources import Flags, RunRef
from simulation.plan import small_plan
from simulation.traffic import write_day

DAY = date(2026, 1, 5)
CANARY = "xylophonist"


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    written = write_day(small_plan(4), DAY, tmp_path_factory.mktemp("traffic"))
    table = pq.read_table(written.traffic)
    marked = pc.binary_join_element_wise(table["prompt"], pa.scalar(CANARY), " ")
    pq.write_table(table.set_column(table.column_names.index("prompt"), "prompt", marked), written.traffic)
    return written.traffic


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_a_day_is_published_once_and_the_artifact_holds_no_text(tmp_path: Path, traffic: Path) -> None:
    from prefect.client.orchestration import get_client

    from flows.discover import discover_day

    flags = {"home": str(tmp_path / "home"), "embedding.backend": "torch"}
    first = discover_day(str(traffic), None, flags=flags, out=tmp_path / "out")
    assert (first.day, first.run_id, first.already_published) == (DAY, "2026-01-05.1", False)
    assert first.manifest["sample"] == {"rate": 1.0, "by": "unknown"}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "accounts.parquet", "bridges.parquet", "campaigns.parquet", "evidence.parquet", "manifest.json", "map.parquet",
        "members.parquet", "operators.parquet", "prevalence.parquet", "prevalence_accounts.parquet",
        "quarantine.parquet", "variants.parquet",
    ]  # fmt: skip
    stages = [stage["name"] for stage in first.manifest["stages"]]
    assert stages == ["ingest", "plant", "scaffold", "group", "represent", "embed", "index", "cluster", "label", "join",
                      "cover", "identify", "link", "collide", "layout", "results", "seeds"]  # fmt: skip

    again = discover_day(str(traffic), DAY, flags=flags)
    assert (again.run_id, again.already_published) == (first.run_id, True)

    forced = discover_day(str(traffic), DAY, flags=flags, force=True)
    assert (forced.run_id, forced.digest) == ("2026-01-05.2", first.digest)

    with get_client(sync_client=True) as client:
        artifacts = client.read_artifacts()
        runs = client.read_flow_runs()
    tables = [artifact for artifact in artifacts if artifact.key == "shoal-run-2026-01-05"]
    assert len(tables) == 2
    said = json.dumps([artifact.model_dump(mode="json") for artifact in artifacts]) + str(runs)
    assert "scaffold" in said
    assert CANARY not in said


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_errors_reach_the_caller_and_publish_nothing(tmp_path: Path, traffic: Path) -> None:
    from flows.discover import discover_day

    flags = {"home": str(tmp_path / "home")}
    with pytest.raises(InputError):
        discover_day(str(tmp_path / "absent.parquet"), DAY, flags=flags)
    with pytest.raises(UsageError, match="no traffic given"):
        discover_day("", DAY, flags=flags)
    with Store.open(load(flags, environment={}).settings) as store:
        with held(store, DAY, lease_seconds=60), pytest.raises(LockHeldError):
            discover_day(str(traffic), DAY, flags=flags)
        assert store.current_run(DAY) is None


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_a_finished_run_that_died_before_publishing_asks_the_store_anew(
    tmp_path: Path, traffic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.discover import discover_day

    def dies(*_: object) -> None:
        raise InterruptedError

    flags: Flags = {"home": str(tmp_path), "embedding.backend": "torch"}
    with monkeypatch.context() as patched:
        patched.setattr("flows.discover.publish", dies)
        with pytest.raises(InterruptedError):
            discover_day(str(traffic), DAY, flags=flags)
    (run,) = attempts(tmp_path, DAY)
    assert run.complete
    first = run.manifest()
    (name, *_) = run.table("campaigns").filter(pc.field("tier") == "review")["campaign_id"].to_pylist()
    with Store.open(load(flags).settings) as store:
        store.add_allow(AllowKind.CAMPAIGN, name, reason="a course", author="ada")
        resumed = discover_day(str(traffic), DAY, flags=flags)
        tiers = {campaign.campaign_id: campaign.tier for campaign in store.campaigns(DAY)}
        published = store.current_run(DAY)
    assert (resumed.run_id, tiers[name]) == (run.run_id, Tier.BENIGN)
    assert published is not None
    assert published.manifest_sha256 == run.manifest_sha256()
    assert run.verify() == []
    kept = {stage["name"]: stage for stage in first["stages"]}
    again = {stage["name"] for stage in resumed.manifest["stages"] if stage != kept[stage["name"]]}
    assert again == {"link", "collide", "results"}
    assert resumed.manifest["detection_floor"]["minimum_accounts"] >= 3


# -- a run stands on one state of settings, store and lock ---------------------------------------------


def a_ref(home: Path, flags: Flags) -> tuple[Run, RunRef]:
    run = open_run(home, DAY, "f")
    return run, RunRef.of(run, "", "", {"home": str(home), **flags})


def test_settings_that_change_during_a_run_stop_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _, ref = a_ref(tmp_path, {})
    assert ref.settings().seed == Settings().seed
    monkeypatch.setenv("SHOAL_FLOW__WORKERS", "7")  # no result depends on it
    assert ref.settings().flow.workers == 7
    Path("shoal.toml").write_text("seed = 1\n", encoding="utf-8")
    with pytest.raises(UsageError, match="settings changed while the run was under way"):
        steps.group.fn(ref)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Puts marks in the place of the work of identify, link and results; the names of those that were done."""
    done: list[str] = []

    def work(name: str, *outputs: str, reads: str = "") -> Callable[..., Counts]:
        def write(run: Run, *given: Any, **_: Any) -> Counts:
            done.append(name)
            said = (run.path / reads).read_text() if reads else str([one.campaign_id for one in given[0]])
            for output in outputs:
                files.write_bytes(run.path / output, said.encode())
            return {}

        return write

    names = ("members", "campaigns", "variants", "map", "prevalence", "prevalence_accounts")
    written = [f"{name}.parquet" for name in names]
    monkeypatch.setattr("clustering.recognise.identify_families", work("identify", *RECOGNISED))
    monkeypatch.setattr("accounts.stage.link_campaigns", work("link", *LINKED, reads="identities.parquet"))
    monkeypatch.setattr("campaigns.results.write_results", work("results", *written, reads="tiers.parquet"))
    return done


def test_what_the_store_says_by_now_is_what_a_resumed_run_goes_by(tmp_path: Path, asked: list[str]) -> None:
    run, ref = a_ref(tmp_path, {})
    for stage in ("represent", "embed", "cluster", "label", "join", "layout"):
        run.stage(stage, dict, [])

    def resumed() -> list[str]:
        asked.clear()
        for step in (steps.identify, steps.link, steps.results):
            step.fn(ref)
        return list(asked)

    with Store.open(ref.settings()) as store:
        everything = ["identify", "link", "results"]
        assert resumed() == everything
        assert resumed() == []
        publish_now(store, a_run(DAY - timedelta(days=1)), [a_campaign("c1")])  # a backfill
        assert resumed() == everything
        publish_now(
            store, a_run(DAY - timedelta(days=1), 2), [a_campaign("c1", feature=9)]
        )  # its wording moved
        assert resumed() == ["identify"]  # and it says the same as before
        entry = store.add_allow(AllowKind.CAMPAIGN, "c1", reason="a course", author="ada")
        assert resumed() == ["link"]
        store.remove_allow(entry.id, author="ada")
        assert resumed() == ["link"]
        publish_now(store, a_run(DAY + timedelta(days=1)), [a_campaign("c2")])  # later days do not speak
        assert resumed() == []


def test_a_run_that_lost_its_day_does_no_further_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags: Flags = {"home": str(tmp_path)}
    done: list[str] = []

    def takes_over(_: RunRef) -> None:
        done.append("ingest")
        with Store.open(load(flags).settings) as store, store.writing() as session:
            row = session.get_one(DayLockRow, DAY)
            row.holder, row.token = "somebody else", row.token + 1

    monkeypatch.setattr(steps, "ingest", takes_over)
    monkeypatch.setattr(steps, "scaffold", lambda _: done.append("scaffold"))
    source = tmp_path / "traffic.jsonl"
    source.write_text("{}\n", encoding="utf-8")
    with pytest.raises(FencedError, match="taken over by somebody else"):
        discover_campaigns.fn(DAY.isoformat(), str(source), False, flags)
    assert done == ["ingest"]


# -- copies and figures --------------------------------------------------------------------------------


def test_a_copy_that_dies_half_way_has_no_manifest(tmp_path: Path) -> None:
    first, second, out = Run(tmp_path / "1", DAY, 1, "f"), Run(tmp_path / "2", DAY, 2, "f"), tmp_path / "out"
    names = [f"{name}.parquet" for name in RESULTS]
    for run in (first, second):
        for name in names:
            files.write_bytes(run.path / name, f"{name} of {run.attempt}".encode())
        files.write_json(run.path / MANIFEST, {"files": dict.fromkeys(names), "attempt": run.attempt})
    copy_results(first, out)
    assert (out / MANIFEST).read_bytes() == (first.path / MANIFEST).read_bytes()
    (second.path / "map.parquet").unlink()
    with pytest.raises(FileNotFoundError):
        copy_results(second, out)
    assert not (out / MANIFEST).exists()
    assert (out / "map.parquet").read_text() == "map.parquet of 1"
    files.write_bytes(second.path / "map.parquet", b"map.parquet of 2")
    copy_results(second, out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        name: (second.path / name).read_bytes() for name in (*names, MANIFEST)
    }


def test_a_run_of_an_earlier_version_is_copied_as_far_as_it_goes(tmp_path: Path) -> None:
    run = Run(tmp_path / "1", DAY, 1, "f")
    files.write_bytes(run.path / "members.parquet", b"members")
    files.write_json(run.path / MANIFEST, {"files": {"members.parquet": {}}})
    copy_results(run, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [MANIFEST, "members.parquet"]


def test_the_manifest_says_what_cannot_have_been_seen(tmp_path: Path) -> None:
    run, ref = a_ref(tmp_path, {"family.min_prompts": 6})
    run.stage("scaffold", lambda: {"prompts": 80_000, "minimum_accounts": 16}, [])
    assert detection_floor(run, ref.settings()) == {
        "prompts": 80_000,
        "minimum_accounts": 5,
        "phrase_accounts": 16,
        "min_prompts": 6,
        "sample_rate": 1.0,
        "all_prompts": 6,
        "all_accounts": 5,
        "sentence": "Among 80,000 prompts, families of fewer than 5 accounts or 6 prompts are not looked for, "
        "and below 16 accounts only the words of beginnings and ends tell.",
    }
    strict = load({"family.min_accounts": 40}, environment={}).settings
    assert detection_floor(run, strict)["minimum_accounts"] == 40


# -- the schedule --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("due", "day"),
    [("2026-01-06T02:00:00+00:00", "2026-01-05"), ("2026-01-06T01:30:00+02:00", "2026-01-04")],
)
def test_a_late_run_does_the_day_it_was_due_for(monkeypatch: pytest.MonkeyPatch, due: str, day: str) -> None:
    from flows import serve

    asked: list[str] = []
    monkeypatch.setattr(serve, "flow_run", SimpleNamespace(scheduled_start_time=datetime.fromisoformat(due)))
    monkeypatch.setattr(serve, "discover_campaigns", lambda day, **_: asked.append(day))
    serve.discover_yesterday.fn()
    assert asked == [day]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_serving_schedules_runs_and_leaves_no_server_behind(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    command = [sys.executable, "-m", "flows.cli", "--home", str(tmp_path), "serve"]
    serving = subprocess.Popen(
        command, env=environment, cwd=Path(__file__).parent.parent, stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + 180
        while not scheduled(tmp_path / "prefect" / "prefect.db"):
            assert serving.poll() is None
            assert time.monotonic() < deadline, "no run was scheduled"
            time.sleep(1)
        serving.terminate()
        _, said = serving.communicate(timeout=60)
    finally:
        serving.kill()
        serving.wait()
    port = re.search(r"scheduled by http://127\.0\.0\.1:(\d+)/api", said)
    assert port is not None
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", int(port[1]))):
        pass


def scheduled(database: Path) -> int:
    """How many runs Prefect's database has that wait for their time."""
    if not database.exists():
        return 0
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        try:
            rows = connection.execute("SELECT count(*) FROM flow_run WHERE state_type = 'SCHEDULED'")
            return int(rows.fetchone()[0])
        except sqlite3.OperationalError:  # the server has not made its tables yet, or is writing
            return 0


def test_the_deployment_file_names_a_flow_that_is_there() -> None:
    import yaml
    from prefect.flows import load_flow_from_entrypoint

    from flows.serve import NAME

    root = Path(__file__).parent.parent
    deployment = yaml.safe_load((root / "prefect.yaml").read_text())["deployments"][0]
    assert deployment["name"] == NAME
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
    assert deployment["schedules"][0]["timezone"]
    assert load_flow_from_entrypoint(deployment["entrypoint"]).name == "discover-yesterday"
