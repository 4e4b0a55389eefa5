"""Run folders: stages done once, resumed, verified."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from campaigns import files, records
from campaigns.errors import IntegrityError, UsageError
from campaigns.runs import Counts, Run, attempts, days, digest_tables, open_run

DAY = date(2026, 1, 5)


def writing(run: Run, name: str, text: str, calls: list[str]) -> Callable[[], Counts]:
    def work() -> Counts:
        calls.append(name)
        files.write_bytes(run.path / name, text.encode())
        return {"bytes": len(text)}

    return work


def finished(home: Path, fingerprint: str = "f", *, force: bool = False) -> Run:
    run = open_run(home, DAY, fingerprint, force=force)
    tables = {
        "members": records.MEMBERS,
        "campaigns": records.CAMPAIGNS,
        "accounts": records.ACCOUNTS,
        "evidence": records.EVIDENCE,
        "variants": records.VARIANTS,
        "operators": records.OPERATORS,
        "bridges": records.BRIDGES,
        "map": records.MAP,
        "quarantine": records.QUARANTINE,
        "prevalence": records.PREVALENCE,
        "prevalence_accounts": records.PREVALENCE_ACCOUNTS,
    }
    for name, schema in tables.items():
        files.write_parquet(run.path / f"{name}.parquet", schema.empty_table())
    run.finish({"extra": 1})
    return run


def test_a_stage_is_done_once(tmp_path: Path) -> None:
    run, calls = open_run(tmp_path, DAY, "f"), []
    first = run.stage("one", writing(run, "a", "text", calls), ["a"])
    again = run.stage("one", writing(run, "a", "text", calls), ["a"])
    assert calls == ["a"]
    assert again == first
    assert first.counts == {"bytes": 4}


@pytest.mark.parametrize("damage", ["changed", "deleted", "marker"])
def test_a_damaged_stage_is_done_again(tmp_path: Path, damage: str) -> None:
    run, calls = open_run(tmp_path, DAY, "f"), []
    run.stage("one", writing(run, "a", "text", calls), ["a"])
    if damage == "changed":
        (run.path / "a").write_text("tExt")
    elif damage == "deleted":
        (run.path / "a").unlink()
    else:
        (run.path / "stages" / "one.json").write_text("{")
    run.stage("one", writing(run, "a", "text", calls), ["a"])
    assert calls == ["a", "a"]
    assert (run.path / "a").read_text() == "text"


def test_a_stage_must_write_what_it_promised(tmp_path: Path) -> None:
    run = open_run(tmp_path, DAY, "f")
    with pytest.raises(IntegrityError, match="wrote nothing for b"):
        run.stage("one", writing(run, "a", "text", []), ["a", "b"])
    assert run.completed("one") is None
    assert run.stage("two", writing(run, "c", "", []), ["c"], optional=["d*"]).files.keys() == {"c"}


def test_an_unfinished_run_is_resumed_only_by_its_own_fingerprint(tmp_path: Path) -> None:
    first = open_run(tmp_path, DAY, "f")
    assert open_run(tmp_path, DAY, "f") == first
    assert open_run(tmp_path, DAY, "f", force=True) == first
    other = open_run(tmp_path, DAY, "g")
    assert [run.fingerprint for run in attempts(tmp_path, DAY)] == ["g"]
    assert not other.complete


@pytest.mark.parametrize("moment", ["renamed", "header gone"])
def test_what_is_left_of_a_discarded_attempt_is_never_taken_for_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    first, calls = open_run(tmp_path, DAY, "f"), []
    first.stage("one", writing(first, "a", "of f", calls), ["a"])

    def die(path: Path) -> None:
        if moment == "header gone":
            (path / "run.json").unlink()
        raise InterruptedError

    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", die)
        with pytest.raises(InterruptedError):
            open_run(tmp_path, DAY, "g")
    assert attempts(tmp_path, DAY) == []

    second = open_run(tmp_path, DAY, "h")
    assert second.completed("one") is None
    second.stage("one", writing(second, "a", "of h", calls), ["a"])
    assert (second.path / "a").read_text() == "of h"
    assert [path.name for path in second.path.parent.iterdir()] == ["1"]


def test_a_folder_without_a_header_is_not_built_upon(tmp_path: Path) -> None:
    first = open_run(tmp_path, DAY, "f")
    first.stage("one", writing(first, "a", "of f", []), ["a"])
    (first.path / "run.json").unlink()
    assert open_run(tmp_path, DAY, "g").completed("one") is None


def test_a_finished_run_without_a_header_is_kept_and_told(tmp_path: Path) -> None:
    run = finished(tmp_path)
    (run.path / "run.json").unlink()
    with pytest.raises(IntegrityError, match="header of a finished run is missing"):
        open_run(tmp_path, DAY, "g")
    assert run.complete


def test_a_stage_that_rests_on_other_inputs_is_done_again(tmp_path: Path) -> None:
    run, calls = open_run(tmp_path, DAY, "f"), []
    for inputs in ("x", "x", "y", "y"):
        run.stage("one", writing(run, "a", inputs, calls), ["a"], inputs=inputs)
    assert calls == ["a", "a"]
    assert (run.path / "a").read_text() == "y"
    assert [record.inputs for record in run.records()] == ["y"]


def test_what_stages_wrote_has_a_digest(tmp_path: Path) -> None:
    run = open_run(tmp_path, DAY, "f")
    run.stage("one", writing(run, "a", "1", []), ["a"], inputs="x")
    run.stage("two", writing(run, "b", "2", []), ["b"])
    before = run.written_by("one"), run.written_by("two"), run.written_by("one", "two")
    assert len(set(before)) == 3
    run.stage("one", writing(run, "a", "1", []), ["a"], inputs="y")
    assert run.written_by("one") == before[0]
    run.stage("one", writing(run, "a", "3", []), ["a"], inputs="z")
    assert run.written_by("one") != before[0]
    with pytest.raises(UsageError, match="stage three has not been done"):
        run.written_by("two", "three")


def test_a_run_that_was_not_published_can_be_reopened(tmp_path: Path) -> None:
    run = finished(tmp_path)
    run.reopen()
    run.reopen()
    assert not run.complete
    assert open_run(tmp_path, DAY, "f") == run


def test_a_finished_run_is_taken_up_again_unless_forced(tmp_path: Path) -> None:
    run = finished(tmp_path)
    assert open_run(tmp_path, DAY, "f") == run
    forced = open_run(tmp_path, DAY, "f", force=True)
    assert forced.attempt == 2
    assert open_run(tmp_path, DAY, "h").attempt == 2
    assert [r.attempt for r in attempts(tmp_path, DAY)] == [1, 2]


def test_the_manifest_tells_what_is_there(tmp_path: Path) -> None:
    run = finished(tmp_path)
    manifest = run.manifest()
    assert manifest["run_id"] == "2026-01-05.1"
    assert manifest["extra"] == 1
    assert manifest["files"]["members.parquet"]["rows"] == 0
    assert run.verify() == []
    (run.path / "map.parquet").write_bytes(b"x")
    (run.path / "members.parquet").unlink()
    assert run.verify() == [
        "2026-01-05.1: map.parquet is not what was written",
        "2026-01-05.1: members.parquet is missing",
    ]


def test_errors_of_an_unfinished_or_damaged_manifest(tmp_path: Path) -> None:
    run = open_run(tmp_path, DAY, "f")
    with pytest.raises(UsageError, match="not complete"):
        run.manifest()
    (run.path / "manifest.json").write_text("{")
    with pytest.raises(IntegrityError, match="damaged"):
        run.manifest()


def test_damaged_headers_and_stray_folders(tmp_path: Path) -> None:
    run = open_run(tmp_path, DAY, "f")
    (tmp_path / "runs" / "notes").mkdir()
    assert days(tmp_path) == [DAY]
    (run.path / "run.json").write_text("{")
    with pytest.raises(IntegrityError, match="header of a run is damaged"):
        attempts(tmp_path, DAY)


def test_the_digest_forgets_row_order_and_nothing_else() -> None:
    table = pa.table({"a": ["x", "y"], "b": [1, 2]})
    digest = digest_tables({"t": table})
    assert digest == digest_tables({"t": table.take([1, 0])})
    assert digest == "3977f713feee0cb438e85ee1906d5234a952c68c79d71bd5d814d25814b1e120"
    for other in (pa.table({"a": ["x", "y"], "b": [2, 1]}), table.slice(1), table.rename_columns(["a", "c"])):
        assert digest_tables({"t": other}) != digest
    assert digest_tables({"u": table}) != digest


def test_texts_of_reads_each_text_once(tmp_path: Path) -> None:
    run = open_run(tmp_path, DAY, "f")
    rows = [("p1", "hello"), ("p2", "world"), ("p3", "hello")]
    for i, chosen in enumerate((rows[:2], rows[2:])):
        table = pa.table(
            {
                "prompt_id": [row[0] for row in chosen],
                "prompt": [row[1] for row in chosen],
                "text_key": pa.array([records.text_key(row[1]) for row in chosen], records.TEXT_KEY),
            }
        )
        files.write_parquet(run.path / "prompts" / f"part-{i:04}.parquet", table)
    keys = pa.array([records.text_key("hello")], records.TEXT_KEY)
    assert run.texts_of(keys)["prompt"].to_pylist() == ["hello"]
    assert run.texts_of(pa.array([], records.TEXT_KEY)).num_rows == 0
