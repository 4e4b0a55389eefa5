"""Known campaigns over traffic in every form, with all that may be wrong with it, and after a crash."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from matching_cases import (
    GRADE,
    KNOWN,
    NOON,
    entry,
    filled,
    json_lines,
    planted,
    row,
    write_json,
    write_parquet,
)

from campaigns import files
from campaigns.errors import InputError, UsageError
from campaigns.failpoints import KILLED
from campaigns.records import Reason
from campaigns.settings import IngestSettings, MatchSettings, Settings
from ingest.pseudonyms import KINDS, pseudonym
from matching.counts import MatchCounts
from matching.folder import COUNTS, MATCHES, Folder
from matching.stream import MatchRun, match_traffic

HERE = Path(__file__).parent
SMALL = Settings(ingest=IngestSettings(batch_rows=20), match=MatchSettings(part_rows=60))


def matched(source: Path | str, out: Path, settings: Settings = SMALL, **options: Any) -> MatchRun:
    return match_traffic(str(source), KNOWN, out, settings, **options)


def matches_of(out: Path) -> pl.DataFrame:
    parts = sorted((out / "matches").glob("part-*.parquet"))
    assert all(pq.read_schema(part).equals(MATCHES) for part in parts)
    return pl.concat([pl.read_parquet(part) for part in parts])


def truth_of(out: Path) -> dict[str, str]:
    return dict(matches_of(out).select("prompt_id", "campaign_id").iter_rows())


def balanced(counts: MatchCounts) -> bool:
    return counts.rows_in == counts.matched + counts.unmatched + counts.quarantined


def written(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }


def csv(rows: list[dict[str, Any]]) -> str:
    return pl.DataFrame(rows).with_columns(pl.col("created_at").dt.to_string("iso:strict")).write_csv()


@pytest.mark.parametrize("form", ["parquet", "jsonl", "csv", "stdin"])
def test_planted_prompts_are_found_in_every_form(form: str, tmp_path: Path) -> None:
    rows, truth = planted()
    out, stdin = tmp_path / "out", None
    source: Path | str = tmp_path / f"traffic.{form}"
    if form == "parquet":
        write_parquet(Path(source), rows)
    elif form == "jsonl":
        write_json(Path(source), rows)
    elif form == "csv":
        Path(source).write_text(csv(rows))
    else:
        source, stdin = "-", io.BytesIO(json_lines(rows))
    run = matched(source, out, stdin=stdin)
    assert truth_of(out) == truth
    assert run.counts == MatchCounts(240, 120, 120, 0, 120)
    assert run.manifest["counts"]["rows_in"] == 240
    assert len(list((out / "matches").iterdir())) == 4
    assert not (out / "unfinished").exists()
    assert all(
        files.sha256_file(out / name) == told["sha256"] for name, told in run.manifest["files"].items()
    )


def test_counts_are_account_complete(tmp_path: Path) -> None:
    rows, truth = planted()
    matched(write_parquet(tmp_path / "traffic.parquet", rows), tmp_path / "out")
    counts = pl.read_parquet(tmp_path / "out/counts.parquet")
    assert pq.read_schema(tmp_path / "out/counts.parquet").equals(COUNTS)
    sent = pl.DataFrame(rows).with_columns(
        campaign_id=pl.col("prompt_id").replace_strict(truth, default=None)
    )
    everything = sent.group_by("account_id").agg(of_prompts=pl.len().cast(pl.Int64))
    expected = (
        sent.drop_nulls("campaign_id")
        .group_by("campaign_id", "account_id")
        .agg(n_prompts=pl.len().cast(pl.Int64), by_words=pl.lit(0, pl.Int64))
        .join(everything, on="account_id")
        .sort("campaign_id", "account_id")
    )
    assert counts.equals(expected)


def test_order_of_rows_files_and_batches_does_not_matter(tmp_path: Path) -> None:
    rows, truth = planted()
    write_parquet(tmp_path / "a/1.parquet", rows[::-1][:100])
    write_json(tmp_path / "a/deep/2.jsonl", rows[::-1][100:])
    matched(write_parquet(tmp_path / "b.parquet", rows), tmp_path / "one")
    wide = Settings(ingest=IngestSettings(batch_rows=7), match=MatchSettings(part_rows=1_000))
    matched(tmp_path / "a", tmp_path / "two", wide)
    assert truth_of(tmp_path / "one") == truth_of(tmp_path / "two") == truth
    by_id = [matches_of(tmp_path / name).sort("prompt_id") for name in ("one", "two")]
    assert by_id[0].equals(by_id[1])
    assert (tmp_path / "one/counts.parquet").read_bytes() == (tmp_path / "two/counts.parquet").read_bytes()


def test_bad_rows_are_set_aside_with_a_reason_and_the_stream_goes_on(tmp_path: Path) -> None:
    good = filled(GRADE, "a lamp")
    lines = [
        json_lines([row(0, good)]),
        b"{broken\n",
        b"[1, 2]\n",
        json_lines([row(3, None), row(4, " \u200b"), row(5, 7)]),
        json_lines([row(6, "x" * 3_000), row(7, good, created_at="2026-01-05T10:00:00")]),
        json_lines([row(8, good, created_at="soon"), row(9, good, created_at="2999-01-01T00:00:00Z")]),
        b'{"prompt_id": "p10", "account_id": "a", "created_at": 1767600000, "prompt": "\\ud800"}\n',
        json_lines([row(11, good, account_id=None), row(12, good, asn="none of a number")]),
    ]
    settings = Settings(ingest=IngestSettings(batch_rows=4, max_prompt_bytes=1_000))
    run = matched("-", tmp_path / "out", settings, stdin=io.BytesIO(b"".join(lines)))
    assert truth_of(tmp_path / "out") == {"p00000": "c-grade", "p00012": "c-grade"}
    assert run.counts.by_reason == {
        Reason.BAD_VALUE: 5,
        Reason.EMPTY: 1,
        Reason.FUTURE: 1,
        Reason.INVALID_UTF8: 1,
        Reason.NULL: 2,
        Reason.TOO_LONG: 1,
    }
    assert balanced(run.counts)
    assert run.counts.rows_in == 13
    quarantine = pl.read_parquet(tmp_path / "out/quarantine.parquet")
    assert quarantine.height == run.counts.quarantined == 11
    assert not any("lamp" in detail for detail in quarantine["detail"])


def test_a_damaged_file_among_good_ones_costs_itself_only(tmp_path: Path) -> None:
    rows, truth = planted(60)
    write_parquet(tmp_path / "in/a.parquet", rows)
    (tmp_path / "in/b.parquet").write_bytes(b"PAR1 not really PAR1")
    write_parquet(tmp_path / "in/c.parquet", [{"prompt_id": "p", "text": "x"}])
    (tmp_path / "in/d.jsonl").write_bytes(b"")
    run = matched(tmp_path / "in", tmp_path / "out")
    assert truth_of(tmp_path / "out") == truth
    assert run.counts.by_reason == {Reason.UNREADABLE_FILE: 2}
    assert run.counts.rows_in == 62


@pytest.mark.parametrize("columns", [["prompt_id", "prompt"], []])
def test_if_no_file_can_be_read_that_is_an_error(columns: list[str], tmp_path: Path) -> None:
    rows = [dict.fromkeys(columns or ["other"], "x")]
    with pytest.raises(InputError, match="required column"):
        matched(write_parquet(tmp_path / "traffic.parquet", rows), tmp_path / "out")
    assert not (tmp_path / "out/manifest.json").exists()


def test_accounts_get_the_pseudonyms_of_ingest(tmp_path: Path) -> None:
    rows, _ = planted(12)
    settings = Settings(secret_key="key of a test")
    matched(write_parquet(tmp_path / "traffic.parquet", [*rows, row(12, None)]), tmp_path / "out", settings)
    ids = pl.Series([r["account_id"] for r in [*rows, row(12, None)]]).to_arrow().cast("string")
    named = set(pseudonym(ids, b"key of a test", KINDS["account_id"]).to_pylist())
    for name in ("counts", "quarantine"):
        assert set(pl.read_parquet(tmp_path / f"out/{name}.parquet")["account_id"]) <= named
    assert set(matches_of(tmp_path / "out")["account_id"]) <= named


def test_the_same_call_again_does_nothing_and_another_one_is_refused(tmp_path: Path) -> None:
    rows, _ = planted()
    source = write_parquet(tmp_path / "traffic.parquet", rows)
    assert not matched(source, tmp_path / "out").already
    before = written(tmp_path / "out")
    assert matched(source, tmp_path / "out").already
    assert written(tmp_path / "out") == before
    with pytest.raises(UsageError, match="other matches"):
        match_traffic(str(source), KNOWN[:1], tmp_path / "out", SMALL)
    again = match_traffic(str(source), KNOWN[:1], tmp_path / "out", SMALL, force=True)
    assert (again.counts.matched, again.already) == (40, False)


def test_nothing_is_lost_on_the_way_to_an_empty_result(tmp_path: Path) -> None:
    run = match_traffic(
        str(write_parquet(tmp_path / "t.parquet", planted(10)[0])), [], tmp_path / "out", SMALL
    )
    assert run.counts == MatchCounts(10, 0, 10, 0, 0)
    assert matches_of(tmp_path / "out").height == 0
    assert pl.read_parquet(tmp_path / "out/counts.parquet").height == 0


def test_progress_tells_the_figures_so_far(tmp_path: Path) -> None:
    told: list[int] = []
    matched(
        write_parquet(tmp_path / "t.parquet", planted(50)[0]),
        tmp_path / "out",
        progress=lambda counts: told.append(counts.rows_in),
    )
    assert told == [20, 40, 50]


def killed(source: Path, out: Path, failpoint: str) -> int:
    """The exit code of the same call in a process of its own."""
    code = "import pathlib, sys, test_matching_stream as t; t.matched(*map(pathlib.Path, sys.argv[1:]))"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path]),
        "SHOAL_FAILPOINT": failpoint,
    }
    return subprocess.run(
        [sys.executable, "-c", code, str(source), str(out)], env=environment, check=False
    ).returncode


@pytest.mark.slow
def test_killed_at_every_point_in_turn_it_still_ends_as_the_clean_one(tmp_path: Path) -> None:
    rows, _ = planted()
    write_parquet(tmp_path / "in/a.parquet", rows[:110])
    (tmp_path / "in/b.parquet").write_bytes(b"PAR1 not really PAR1")
    write_json(tmp_path / "in/c.jsonl", [*rows[110:], row(999, None)])
    clean = matched(tmp_path / "in", tmp_path / "clean")
    points = ["match:part", "match:written", "match:recorded", "match:part:2", "match:recorded:2"]
    points += ["match:summed", "match:finished"]
    for point in points:
        assert killed(tmp_path / "in", tmp_path / "out", point) == KILLED, point
        assert (tmp_path / "out/manifest.json").exists() == (point == "match:finished")
    resumed = matched(tmp_path / "in", tmp_path / "out")
    assert resumed.already
    assert resumed.counts == clean.counts
    assert written(tmp_path / "out") == written(tmp_path / "clean")


def test_an_unfinished_pass_over_something_else_is_not_gone_on_with(tmp_path: Path) -> None:
    source = write_parquet(tmp_path / "traffic.parquet", planted()[0])

    def stop(counts: MatchCounts) -> None:
        if counts.rows_in > 60:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        matched(source, tmp_path / "out", progress=stop)
    with pytest.raises(UsageError, match="unfinished"):
        match_traffic(str(source), [entry("c-9", GRADE)], tmp_path / "out", SMALL)
    first: list[int] = []
    run = matched(source, tmp_path / "out", progress=lambda counts: first.append(counts.rows_in))
    assert first[0] == 80  # the part of 60 rows was finished
    assert run.counts.rows_in == 240
    matched(source, tmp_path / "clean")
    assert written(tmp_path / "out") == written(tmp_path / "clean")


def test_times_of_a_row_come_through(tmp_path: Path) -> None:
    matched(write_parquet(tmp_path / "t.parquet", [row(0, filled(GRADE, "x"))]), tmp_path / "out")
    [found] = matches_of(tmp_path / "out").to_dicts()
    assert found == {
        "prompt_id": "p00000",
        "account_id": "account-0",
        "created_at": NOON,
        "campaign_id": "c-grade",
        "variant": 0,
        "strength": 1.0,
        "whole": True,
        "slots": ["x"],
        "how": "template",
    }
    assert json.loads((tmp_path / "out/manifest.json").read_bytes())["known"]["wordings"] == 3


def test_two_passes_never_write_into_one_folder(tmp_path: Path) -> None:
    rows, _ = planted()
    source, out = write_parquet(tmp_path / "traffic.parquet", rows), tmp_path / "out"
    with Folder(out).alone():
        for force in (False, True):
            with pytest.raises(UsageError, match="another pass is at work"):
                matched(source, out, force=force)
    assert matched(source, out).counts.matched == 120
