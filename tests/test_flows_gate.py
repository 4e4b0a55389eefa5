"""Canaries and the gate in whole runs: nothing planted comes out, and a failure in silence stops publishing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from console import data, keep_apart, shoal
from pipeline import DAY, counts, discover

from campaigns.errors import HealthError
from campaigns.records import RESERVED_PREFIX
from campaigns.runs import Run, attempts
from campaigns.settings import load
from campaigns.store import Store
from flows.discover import copy_results
from flows.explain.lookup import find_prompt
from flows.explain.prompt import explain
from flows.gate import Acceptance
from flows.resources import Flags
from review.soundness import recalls
from simulation.plan import small_plan
from simulation.traffic import write_day

TUESDAY = DAY + timedelta(days=1)
PLANTING: Flags = {"canaries.min_prompts": 500, "health.min_prompts": 500}


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_day(small_plan(4), DAY, tmp_path_factory.mktemp("traffic")).traffic


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, traffic: Path) -> Run:
    """A published run that canaries were planted in."""
    return discover(tmp_path_factory.mktemp("home"), traffic, flags=PLANTING)


def everything_in(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The bytes of every file, with the columns of Parquet files unpacked."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), _unpacked(path)


def _unpacked(path: Path) -> bytes:
    if path.suffix == ".parquet":
        return json.dumps(pq.read_table(path, partitioning=None).to_pylist(), default=repr).encode()
    return path.read_bytes()


def families(run: Run) -> set[frozenset[bytes]]:
    table = run.table("family_members")
    keys, labels = np.array(table["text_key"].to_pylist(), "O"), table["family"].to_numpy()
    return {frozenset(keys[labels == label]) for label in np.unique(labels)}


def sizes(run: Run) -> list[tuple[object, ...]]:
    columns = ["campaign_id", "tier", "n_prompts", "n_accounts"]
    return [tuple(one.values()) for one in run.table("campaigns", columns).to_pylist()]


@pytest.mark.slow
def test_canaries_are_found_again(run: Run) -> None:
    found = run.table("canaries").to_pylist()
    assert [one["canary"] for one in found] == ["exact", "long", "reworded"]
    assert all(one["recall"] >= 0.3 for one in found)
    assert [one["recall"] for one in found[:2]] == [1.0, 1.0]
    assert sum(one["n_prompts"] for one in found) < int(counts(run, "plant")["planted"])


@pytest.mark.slow
def test_prompts_are_explained_without_what_was_planted(run: Run) -> None:
    inside = set(run.table("family_members", ["text_key"])["text_key"].to_pylist())
    rows = run.prompts(["prompt_id", "text_key"]).sort_by("prompt_id").to_pylist()
    alone = [row["prompt_id"] for row in rows if row["text_key"] not in inside][:12]
    together = [row["prompt_id"] for row in rows if row["text_key"] in inside][:3]
    for name in alone + together:
        sent = find_prompt(run, name)
        assert sent is not None
        told = explain(run, sent, load(PLANTING, environment={}).settings)
        shown = [*told.members, *told.exemplars, *told.neighbours, *told.alike]
        assert not [one for one in shown if one.account_id.startswith(RESERVED_PREFIX)]


@pytest.mark.slow
def test_canaries_are_in_nothing_that_is_published(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = run.path.parents[2]
    copy_results(run, tmp_path / "out")
    allowed = str((run.path / "canaries" / "part-0000.parquet").relative_to(home))
    held = [name for name, content in everything_in(home) if RESERVED_PREFIX.encode() in content]
    assert held == [allowed]
    assert not [
        name for name, content in everything_in(tmp_path / "out") if RESERVED_PREFIX.encode() in content
    ]
    assert "canaries.parquet" not in {path.name for path in (tmp_path / "out").iterdir()}

    planted = set(run.planted()["text_key"].to_pylist())
    representatives = run.table("representatives")
    unreal = [key in planted for key in representatives["text_key"].to_pylist()]
    assert any(unreal)
    shown = set(run.table("map")["representative"].to_pylist())
    assert shown.isdisjoint(representatives.filter(pa.array(unreal))["representative"].to_pylist())
    assert planted.isdisjoint(run.table("family_members")["text_key"].to_pylist())
    assert planted.isdisjoint(run.texts(["text_key"])["text_key"].to_pylist())
    assert int(counts(run, "ingest")["rows_in"]) == run.prompts(["prompt_id"]).num_rows == 600
    assert int(counts(run, "scaffold")["prompts"]) == 600
    assert run.table("active_accounts").num_rows == len(
        set(run.prompts(["account_id"])["account_id"].to_pylist())
    )

    keep_apart(tmp_path, monkeypatch)
    for arguments in (["campaigns"], ["campaigns", "--json"], ["status", "--json"]):
        assert RESERVED_PREFIX not in shoal("--home", str(home), *arguments).output


@pytest.mark.slow
def test_what_is_found_among_real_prompts_is_the_same_with_canaries(
    run: Run, traffic: Path, tmp_path: Path
) -> None:
    without = discover(tmp_path, traffic, flags={**PLANTING, "canaries.enabled": False})
    assert counts(without, "plant")["planted"] == 0
    assert families(run) == families(without)
    assert sizes(run) == sizes(without)
    texts = ["text_key", "n_prompts", "n_accounts", "pairs", "wide_pairs", "edges", "windows", "skeleton"]
    assert run.texts(texts).equals(without.texts(texts))
    for name in ("family_cores", "background"):
        assert run.table(name).equals(without.table(name))


@pytest.mark.slow
def test_canaries_and_results_do_not_depend_on_row_order(run: Run, traffic: Path, tmp_path: Path) -> None:
    table = pq.read_table(traffic)
    order = np.random.default_rng(1).permutation(table.num_rows)
    pq.write_table(table.take(order), tmp_path / "shuffled.parquet")
    again = discover(
        tmp_path / "home", tmp_path / "shuffled.parquet", flags={**PLANTING, "ingest.partitions": 3}
    )
    assert again.manifest()["digest"] == run.manifest()["digest"]
    assert again.table("canaries").equals(run.table("canaries"))
    assert again.planted().equals(run.planted())


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_a_broken_stage_stops_publishing_and_the_day_before_stays(
    traffic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.client.orchestration import get_client

    from flows.discover import discover_day

    home, tuesday = tmp_path / "home", tmp_path / "tuesday.parquet"
    flags: Flags = {"home": str(home), "embedding.backend": "torch", **PLANTING}
    monday = discover_day(str(traffic), DAY, flags=flags)
    assert monday.manifest["health"]["accepted"] is None
    assert UUID(monday.manifest["flow_run_id"])
    assert monday.manifest["audit"]["sequence"] == 0, "nobody had done anything yet"
    assert not any(check["failed"] for check in monday.manifest["health"]["checks"])
    _a_day_later(traffic, tuesday)

    def finds_nothing(labels: np.ndarray, *_: object) -> np.ndarray:
        return np.full_like(labels, -1)

    with monkeypatch.context() as patched:
        patched.setattr("clustering.stage._large_enough", finds_nothing)
        with pytest.raises(HealthError, match=r"canary recall.*empty output") as stopped:
            discover_day(str(tuesday), TUESDAY, flags=flags)
    assert stopped.value.exit_code == 9
    (run,) = attempts(home, TUESDAY)
    assert not run.complete
    assert stopped.value.where == str(run.path)
    assert f"--day {TUESDAY} --accept-health REASON" in stopped.value.hint
    with Store.open(load(flags, environment={}).settings) as store:
        assert store.published_days() == [DAY]
        assert len(store.campaigns(DAY)) == monday.manifest["files"]["campaigns.parquet"]["rows"] > 0

    keep_apart(tmp_path, monkeypatch)
    state = data("--home", str(home), "status")
    assert [one["day"] for one in state["held_back"]] == [str(TUESDAY)]
    assert "is held back" in shoal("--home", str(home), "status").stdout

    # The same command asks again, and goes by what the stages have left.
    with pytest.raises(HealthError):
        discover_day(str(tuesday), TUESDAY, flags=flags)
    accepted = discover_day(str(tuesday), TUESDAY, flags=flags, accept=Acceptance("ada", "the pool is gone"))
    assert (accepted.run_id, accepted.already_published) == (run.run_id, False)
    said = accepted.manifest["health"]["accepted"]
    assert (said["by"], said["reason"]) == ("ada", "the pool is gone")
    with Store.open(load(flags, environment={}).settings) as store:
        kept = store.current_run(TUESDAY)
        assert kept is not None
        assert kept.counts["health.failed"] == "canary recall, empty output"
        assert kept.counts["health.accepted_by"] == "ada"
        assert recalls(kept.counts) == {"exact": 0.0, "long": 0.0, "reworded": 0.0}
    (day,) = data("--home", str(home), "status")["accepted"]
    assert (day["day"], day["by"], day["reason"]) == (str(TUESDAY), "ada", "the pool is gone")

    with get_client(sync_client=True) as client:
        artifacts = {one.key: one for one in client.read_artifacts() if one.key == "shoal-canaries"}
    rows = json.loads(str(artifacts["shoal-canaries"].data))
    assert [row["day"] for row in rows][:1] == [str(DAY)]
    assert {"exact", "long", "reworded"} <= set(rows[0])


def _a_day_later(traffic: Path, target: Path) -> None:
    table = pq.read_table(traffic)
    for name in ("created_at", "account_created_at"):
        moments = table[name].cast(pa.int64()).to_numpy() + 86_400_000_000
        moved = pa.array(moments).cast(table.schema.field(name).type)
        table = table.set_column(table.column_names.index(name), table.schema.field(name), moved)
    pq.write_table(table, target)


@pytest.mark.slow
def test_status_draws_canaries_and_names_gaps(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_apart(tmp_path, monkeypatch)
    home = tmp_path / "home"
    shutil.copytree(run.path.parents[2], home)
    assert data("--home", str(home), "status")["missing_days"] == []
    from campaigns.entries import PublishedRun
    from campaigns.locks import held
    from campaigns.publish import publish

    later = date(2026, 1, 8)
    with (
        Store.open_url(f"sqlite:///{home / 'shoal.db'}") as store,
        held(store, later, lease_seconds=60) as lock,
    ):
        entry = PublishedRun(
            run_id=f"{later}.1", day=later, attempt=1, fingerprint="f", digest="d" * 64, path="runs/gone",
            counts={"canary.exact": 0.5, "canary.long": 1.0, "health.failed": "noise share",
                    "health.accepted_by": "ada", "health.accepted_reason": "\x1b[2Jfine"},
        )  # fmt: skip
        publish(store, lock, entry, [])
    state = data("--home", str(home), "status")
    assert state["missing_days"] == ["2026-01-06", "2026-01-07"]
    assert state["detection_floor"] is None, "the files of the latest run are gone"
    assert [(one["canary"], one["days"]) for one in state["canaries"]] == [
        ("exact", [{"day": "2026-01-08", "recall": 0.5}]), ("long", [{"day": "2026-01-08", "recall": 1.0}])
    ]  # fmt: skip
    shown = shoal("--home", str(home), "status").stdout
    assert "exact     ▅  50% on 2026-01-08" in shown
    assert "\\x1b[2Jfine" in shown
    assert "2026-01-06, 2026-01-07" in shown
