"""The Prefect flow: it publishes, leaves an artifact without text, and does not do a day twice."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from campaigns.errors import InputError, LockHeldError, UsageError
from campaigns.locks import held
from campaigns.settings import load
from campaigns.store import Store
from simulation.plan import small_plan
from simulation.traffic import write_day

DAY = date(2026, 1, 5)
CANARY = "xylophonist"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One temporary Prefect server for all tests of the module."""
    from flows.prefect_settings import prepare

    before = dict(os.environ)
    prepare(tmp_path_factory.mktemp("prefect"))
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import pyarrow as pa
    import pyarrow.compute as pc
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
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "accounts.parquet", "campaigns.parquet", "evidence.parquet", "manifest.json", "map.parquet", "members.parquet",
        "quarantine.parquet",
    ]  # fmt: skip
    stages = [stage["name"] for stage in first.manifest["stages"]]
    assert stages == ["ingest", "scaffold", "group", "represent", "embed", "index", "cluster", "label", "identify",
                      "link", "layout", "results"]  # fmt: skip

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
