from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from erasure_examples import CANARY, DIMENSION, OTHER, OWN, SHARED, SLOT, everything, plant, settings_of
from run_examples import GRADES
from store_examples import MONDAY, TUESDAY
from typer.testing import CliRunner

from campaigns import files, tombstones
from campaigns.audit import Action, select_audit
from campaigns.errors import IntegrityError, LockHeldError, UsageError
from campaigns.failpoints import KILLED
from campaigns.locks import held
from campaigns.records import text_key
from campaigns.runs import Run, attempts, open_run
from campaigns.store import Store
from embeddings.cache import VectorCache
from embeddings.index import CosineIndex
from flows.cli import app
from flows.erase import Erased, erase, forms

POINTS = (
    "erase:noted", "erase:buried", "rewrite:staged", "rewrite:ready", "rewrite:moved", "rewrite:moved:3",
    "rewrite:before_ledger", "rewrite:ledger", "rewrite:staged:2", "rewrite:moved:14", "rewrite:ledger:2", "erase:runs",
    "rewrite:ready:3", "erase:shard", "erase:cache", "erase:handed_off", "erase:handed_off:2", "erase:files",
    "erase:proved",
)  # fmt: skip


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("planted") / "home"
    home.mkdir()
    plant(home)
    return home


@pytest.fixture
def home(planted: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(planted, tmp_path / "home"))


def erased(home: Path, account: str = CANARY, *, dry_run: bool = False) -> Erased:
    settings = settings_of(home)
    with Store.open(settings) as store:
        return erase(settings, store, [account], reason="request 4711", author="ada", dry_run=dry_run)


def traces(home: Path) -> Iterator[str]:
    """Where the account still is. The audit log cannot be changed: what a person's reason quotes there stays."""
    id_ = re.compile(rb"(?<![\w-])" + CANARY.encode() + rb"(?![\w-])")
    for name, data in everything(home).items():
        if name.endswith(("shoal.db", "shoal.db-wal", "shoal.db-shm")):
            continue
        for sought in (OWN.encode(), SLOT.encode(), b"quokka", text_key(OWN), text_key(OWN).hex().encode()):
            if sought in data:
                yield f"{name}: {sought!r}"
        if id_.search(data):
            yield f"{name}: the id"


def verified(home: Path) -> str:
    result = CliRunner().invoke(app, ["--home", str(home), "verify"])
    assert result.exit_code == 0, result.output
    return result.output


def test_nothing_of_the_account_is_left_anywhere(home: Path) -> None:
    assert len(list(traces(home))) > 20
    done = erased(home)
    assert list(traces(home)) == []
    assert done.scan.ours == []
    assert (done.prompts, done.texts) == (4, 3)  # own-1, own-2, p2 and p3; all texts but the shared one
    verified(home)


def test_the_store_holds_it_in_the_audit_log_alone(home: Path) -> None:
    done = erased(home)
    assert {hit.where for hit in done.scan.foreign} == {"store: audit", "shoal.db"}  # where the log lies
    with Store.open(settings_of(home)) as store:
        assert [one.reason for one in store.decisions()] == [f"[erased] and {OTHER} share a card"]
        assert [one.reason for one in store.allow_list()] == ["[erased] asked"]


def test_others_keep_what_is_theirs(home: Path) -> None:
    erased(home)
    for run in attempts(home, MONDAY):
        prompts = run.prompts(["account_id", "prompt"]).to_pylist()
        assert {"account_id": OTHER, "prompt": SHARED} in prompts
        assert run.table("slot_values")["value"].to_pylist() == ["the tide"]
        label = run.table("labels").to_pylist()[0]
        assert json.loads(label["template_json"])["parts"][1]["values"] == ["the tide"]
        assert label["keyphrases"] == ["tide"]
        assert label["exemplars"] == [text_key(SHARED)]
        campaign = run.table("campaigns").to_pylist()[0]
        assert (campaign["n_prompts"], campaign["n_accounts"]) == (3, 2)  # what the day found
        assert campaign["exemplar_prompt_ids"] == ["p1"]


def test_places_of_vectors_stay_and_the_erased_one_is_zero(home: Path) -> None:
    erased(home)
    (run,) = attempts(home, TUESDAY)
    vectors = np.load(run.path / "vectors.npy")
    np.testing.assert_array_equal(vectors, np.eye(3, DIMENSION) * [[0], [1], [1]])
    assert run.table("representatives")["text"].to_pylist()[:2] == ["", SHARED]
    index = CosineIndex.load(run.path / "index.faiss", files.sha256_file(run.path / "index.faiss"))
    ids, cosines = index.search(np.eye(3, DIMENSION, dtype=np.float32)[:1], 3)
    assert cosines.max() == 0
    assert set(ids[0].tolist()) == {0, 1, 2}


def test_the_cache_forgets_what_nobody_else_sent(home: Path) -> None:
    erased(home)
    cache = VectorCache(home / "cache" / "vectors" / "tiny", DIMENSION)
    _, found = cache.get(np.array([text_key(OWN), text_key(SHARED)], dtype="S16"))
    assert found.tolist() == [False, True]


def test_the_manifest_says_what_happened_and_the_ledger_follows(home: Path) -> None:
    (run,) = attempts(home, MONDAY)
    before = run.manifest()["digest"]
    erased(home)
    (told,) = run.manifest()["erasures"]
    assert told["digest_before"] == before
    assert told["digest_after"] == run.manifest()["digest"] != before
    assert told["counts"]["members"] == 2
    with Store.open(settings_of(home)) as store:
        entry = store.current_run(MONDAY)
    assert entry is not None
    assert (entry.digest, entry.manifest_sha256) == (run.manifest()["digest"], run.manifest_sha256())


def test_files_handed_off_are_whole_and_have_their_checksums(home: Path) -> None:
    (path,) = (home / "handoff").glob("*.jsonl")
    files.write_bytes(path.with_name(path.name + ".sha256"), b"old\n")
    erased(home)
    body = json.loads(path.read_text())
    assert body["accounts"] == []
    assert body["campaign_id"] == GRADES
    checksum = path.with_name(path.name + ".sha256").read_text()
    assert checksum == f"{files.sha256_file(path)}  {path.name}\n"


def test_a_dry_run_says_what_is_there_and_changes_nothing(home: Path) -> None:
    before = everything(home / "runs") | everything(home / "cache") | everything(home / "handoff")
    done = erased(home, dry_run=True)
    assert sum(hit.count for hit in done.scan.ours) > 20
    assert everything(home / "runs") | everything(home / "cache") | everything(home / "handoff") == before
    with Store.open(settings_of(home)) as store:
        assert tombstones.recogniser(store) is None


def test_the_log_names_a_digest_and_not_the_account(home: Path) -> None:
    settings = settings_of(home)
    with Store.open(settings) as store:
        erase(settings, store, [CANARY], reason=f"{CANARY} wrote to us", author="ada")
        with store.reading() as session:
            (row,) = select_audit(session, action=Action.ERASED)
        stone = tombstones.find(store, [CANARY])
    assert CANARY not in json.dumps(row.details) + row.subject
    assert stone is not None
    assert (stone.digest, stone.reason) == (row.details["digest"], "[erased] wrote to us")
    assert stone.counts["prompts"] == 4


def test_an_account_that_nobody_knows_is_erased_all_the_same(home: Path) -> None:
    before = everything(home / "runs")
    done = erased(home, "acct-unknown")
    assert (done.prompts, done.changed.total(), done.scan.ours) == (0, 0, [])
    assert everything(home / "runs") == before
    with Store.open(settings_of(home)) as store:
        assert tombstones.find(store, ["acct-unknown"]) is not None


def test_with_a_key_both_forms_of_an_id_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOAL_SECRET_KEY", "k" * 32)
    from campaigns.settings import load

    settings = load({"home": str(tmp_path)}).settings
    raw, made = forms("acct-2", settings)
    assert raw == "acct-2"
    assert made.startswith("acc_")
    assert forms(made, settings) == (made,)


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_point_the_next_erasure_ends_it(home: Path, point: str) -> None:
    killed = _child(home, point)
    assert killed.returncode == KILLED, killed.stderr
    done = erased(home)
    assert list(traces(home)) == []
    assert done.scan.ours == []
    verified(home)
    for day in (MONDAY, TUESDAY):
        assert len(Run(home / "runs" / str(day) / "1", day, 1, "f1").manifest()["erasures"]) == 1
    with Store.open(settings_of(home)) as store, store.reading() as session:
        assert len(select_audit(session, action=Action.ERASED)) == 1
    assert not (home / "erasing.json").exists()


def _child(home: Path, point: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _CHILD, str(home), CANARY],
        env={**os.environ, "SHOAL_FAILPOINT": point, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )


_CHILD = """
import sys
from pathlib import Path
from campaigns.settings import load
from campaigns.store import Store
from flows.erase import erase
settings = load({"home": sys.argv[1], "delivery.sinks": "jsonl,csv"}, environment={}).settings
with Store.open(settings) as store:
    erase(settings, store, [sys.argv[2]], reason="request 4711", author="ada")
"""


def test_a_day_that_is_worked_on_stops_it_and_the_next_one_ends_it(home: Path) -> None:
    with (
        Store.open(settings_of(home)) as store,
        held(store, TUESDAY, lease_seconds=60),
        pytest.raises(LockHeldError),
    ):
        erased(home)
    erased(home)
    assert list(traces(home)) == []


def test_a_damaged_run_is_refused(home: Path) -> None:
    path = home / "runs" / str(MONDAY) / "1" / "members.parquet"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(IntegrityError, match="not what was written"):
        erased(home)


def test_an_unfinished_attempt_goes_whole(home: Path) -> None:
    run = open_run(home, MONDAY, "another fingerprint")
    (run.path / "spill").mkdir()
    (run.path / "spill" / "rows.arrow").write_bytes(CANARY.encode())
    erased(home)
    assert [one.attempt for one in attempts(home, MONDAY)] == [1]


def test_no_account_is_a_mistake_and_so_is_no_reason(home: Path) -> None:
    settings = settings_of(home)
    with Store.open(settings) as store:
        with pytest.raises(UsageError, match="no account"):
            erase(settings, store, [" "], reason="x", author="ada")
        with pytest.raises(UsageError, match="reason"):
            erase(settings, store, [CANARY], reason=" ", author="ada")


def test_the_command_reads_a_file_and_prints_what_it_looked_at(home: Path, tmp_path: Path) -> None:
    listed = tmp_path / "ids.txt"
    listed.write_text(f"{CANARY}\n\n")
    call = ["--home", str(home), "erase", "--account-file", str(listed), "--reason", "request", "--json"]
    result = CliRunner().invoke(app, call)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["scanned"]["files"] > 40
    assert told["scanned"]["tables"] > 20
    assert [hit for hit in told["found"] if hit["ours"]] == []
    assert CANARY not in result.stdout
