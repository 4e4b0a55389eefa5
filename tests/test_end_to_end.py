"""One day from traffic to published campaigns, through every room."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pipeline import DAY, counts, discover

from campaigns.errors import InputError, QuarantineLimitError, ShoalError
from campaigns.records import (
    ACCOUNTS,
    BRIDGES,
    CAMPAIGNS,
    EVIDENCE,
    MAP,
    MEMBERS,
    OPERATORS,
    PREVALENCE,
    PREVALENCE_ACCOUNTS,
    QUARANTINE,
    TRAFFIC,
    VARIANTS,
    Reason,
)
from campaigns.runs import Run
from campaigns.settings import load
from campaigns.store import Store
from simulation.plan import small_plan
from simulation.traffic import write_day
from simulation.truth import score

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    write_day(small_plan(3), DAY, folder)
    return folder


@pytest.fixture(scope="session")
def traffic(simulated: Path) -> Path:
    return simulated / f"day={DAY}" / "traffic.parquet"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def published(home: Path, traffic: Path) -> Run:
    return discover(home, traffic)


def test_planted_families_are_found_and_innocents_never_accused(published: Run, simulated: Path) -> None:
    truth = pq.read_table(simulated / "truth" / f"day={DAY}" / "prompts.parquet")
    result = score(published.table("members"), published.table("campaigns"), truth)
    # The wordings of `judges` are one campaign: their accounts join them.
    assert {c.campaign: c.recovered for c in result.campaigns} == dict.fromkeys(
        ("judges", "korrektur", "ledger"), True
    )
    assert all(c.covered >= 0.95 for c in result.campaigns)
    assert result.accused() == ()


def test_result_files_have_their_schemas_and_hold_together(published: Run) -> None:
    schemas = {"members": MEMBERS, "campaigns": CAMPAIGNS, "accounts": ACCOUNTS, "evidence": EVIDENCE, "map": MAP,
               "quarantine": QUARANTINE, "variants": VARIANTS, "operators": OPERATORS, "bridges": BRIDGES,
               "prevalence": PREVALENCE, "prevalence_accounts": PREVALENCE_ACCOUNTS}  # fmt: skip
    tables = {name: published.table(name) for name in schemas}
    for name, schema in schemas.items():
        assert tables[name].schema == schema, name
    members, campaigns = pl.DataFrame(tables["members"]), pl.DataFrame(tables["campaigns"])
    assert members["prompt_id"].is_unique().all()
    per_campaign = members.group_by("campaign_id").agg(
        pl.len().cast(pl.Int64).alias("n_prompts"),
        pl.col("account_id").n_unique().cast(pl.Int64).alias("n_accounts"),
    )
    same = ["campaign_id", "n_prompts", "n_accounts"]
    assert per_campaign.select(same).sort("campaign_id").equals(campaigns.select(same).sort("campaign_id"))
    accounts = pl.DataFrame(tables["accounts"])
    assert accounts["n_prompts"].sum() == members.height
    assert accounts["strength"].is_between(0, 1).all()
    assert accounts["share"].is_between(0, 1).all()
    assert members["strength"].is_between(0.5, 1).all()
    exemplars = campaigns["exemplar_prompt_ids"].explode()
    assert exemplars.is_in(members["prompt_id"].implode()).all()


def test_prevalence_counts_what_campaigns_and_prompts_say(published: Run) -> None:
    cells, reached = (pl.DataFrame(published.table(f"prevalence{name}")) for name in ("", "_accounts"))
    prompts = pl.DataFrame(published.prompts(["account_id", "input_tokens"]))
    assert cells["n_prompts"].sum() == prompts.height
    assert cells["input_tokens"].sum() == prompts["input_tokens"].sum()
    sizes = {
        row["campaign_id"]: (row["n_prompts"], row["n_accounts"])
        for row in published.table("campaigns").to_pylist()
    }
    seen = pl.sum_horizontal("accounts_once", "accounts_twice", "accounts_more")
    accounts = dict(reached.filter(pl.col("by") == "campaign").select("value", seen).iter_rows())
    counted = cells.drop_nulls("campaign_id").group_by("campaign_id").agg(pl.sum("n_prompts"))
    assert {name: (n, accounts[name]) for name, n in counted.iter_rows()} == sizes
    everybody = reached.filter((pl.col("by") == "all") & ~pl.col("in_campaigns")).select(seen).item()
    assert everybody == prompts["account_id"].n_unique()


def test_the_store_says_what_the_run_found(published: Run, home: Path) -> None:
    with Store.open(load({"home": str(home)}, environment={}).settings) as store:
        current = store.current_run(DAY)
        listed = {(c.campaign_id, c.n_prompts) for c in store.campaigns(DAY)}
    assert current is not None
    assert current.digest == published.manifest()["digest"]
    rows = published.table("campaigns").to_pylist()
    assert listed == {(row["campaign_id"], row["n_prompts"]) for row in rows}


def test_a_second_run_embeds_nothing_and_changes_nothing(published: Run, home: Path, traffic: Path) -> None:
    written = {path: path.stat().st_mtime_ns for path in published.path.rglob("*")}
    assert discover(home, traffic).path == published.path
    assert {path: path.stat().st_mtime_ns for path in published.path.rglob("*")} == written

    forced = discover(home, traffic, force=True)
    assert forced.path != published.path
    assert forced.manifest()["digest"] == published.manifest()["digest"]
    assert counts(forced, "embed")["encoded"] == 0


@pytest.mark.parametrize("variant", ["shuffled", "one worker", "other partitions", "other batches"])
def test_the_digest_depends_on_content_only(
    published: Run, home: Path, traffic: Path, tmp_path: Path, variant: str
) -> None:
    source, flags = traffic, {}
    if variant == "shuffled":
        table = pq.read_table(traffic)
        source = tmp_path / "shuffled.parquet"
        pq.write_table(
            table.take(np.random.default_rng(5).permutation(table.num_rows)), source, row_group_size=97
        )
    elif variant == "one worker":
        flags = {"flow.workers": 1, "flow.threads": 1}
    elif variant == "other partitions":
        flags = {"ingest.partitions": 3}
    else:
        flags = {"ingest.batch_rows": 71, "embedding.batch_size": 7}
    other = tmp_path / "home"
    # A cache of its own where the batch size matters, else that of the reference run: vectors are the slow part.
    if variant != "other batches":
        (other / "cache").parent.mkdir()
        (other / "cache").symlink_to(home / "cache")
    assert discover(other, source, flags=flags).manifest()["digest"] == published.manifest()["digest"]


# -- bad input ------------------------------------------------------------------------------------------

Rows = list[tuple[str, str, object, object]]
"""(prompt_id, account_id, created_at, prompt)"""


def write(path: Path, rows: Rows) -> Path:
    names = ["prompt_id", "account_id", "created_at", "prompt"]
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    pq.write_table(pa.table(columns, schema=pa.schema([TRAFFIC.field(name) for name in names])), path)
    return path


def numbered(prompts: list[str], accounts: int = 50) -> Rows:
    return [(f"p{i}", f"a{i % accounts}", NOON, prompt) for i, prompt in enumerate(prompts)]


@pytest.mark.parametrize(
    ("prompts", "accounts", "accepted", "copies", "campaigns"),
    [
        ([], 1, 0, 0, 0),
        (["only one"], 1, 1, 0, 0),
        (["the very same prompt about nothing much"] * 60, 50, 1, 59, 0),
        ([f"w{i}x v{i}y u{i}z t{i}q" for i in range(60)], 50, 60, 0, 0),
        (
            [f"please rate this answer about topic{i} from one to ten and say why" for i in range(60)],
            1,
            60,
            0,
            0,
        ),
        (["a\x00b", "\u202eright to left", "zero\u200bwidth", "\ufeffmark", "مرحبا بالعالم"], 5, 5, 0, 0),
    ],
    ids=["no rows", "one prompt", "all identical", "all unique", "one account", "strange characters"],
)
def test_odd_traffic_gives_a_valid_run(
    tmp_path: Path, prompts: list[str], accounts: int, accepted: int, copies: int, campaigns: int
) -> None:
    run = discover(tmp_path / "home", write(tmp_path / "t.parquet", numbered(prompts, accounts)))
    found = counts(run, "ingest")
    assert (found["accepted"], found["copies"], found["quarantined"]) == (accepted, copies, 0)
    assert run.table("campaigns").num_rows == campaigns
    assert run.verify() == []


@pytest.mark.slow
def test_a_hundred_thousand_copies_of_hi(tmp_path: Path) -> None:
    rows = numbered(["hi"] * 100_000, accounts=20_000)
    run = discover(tmp_path / "home", write(tmp_path / "t.parquet", rows))
    assert counts(run, "ingest")["copies"] == 99_999
    assert run.table("campaigns").num_rows == 0


def test_a_ten_megabyte_prompt_is_set_aside_alone(tmp_path: Path) -> None:
    rows = numbered([f"ordinary prompt number {i}" for i in range(20)])
    rows.append(("big", "a1", NOON, "x" * 10_000_000))
    run = discover(tmp_path / "home", write(tmp_path / "t.parquet", rows))
    assert [row["reason"] for row in run.table("quarantine").to_pylist()] == [Reason.TOO_LONG]
    assert counts(run, "ingest")["accepted"] == 20


def test_bad_rows_are_quarantined_each_with_its_reason(tmp_path: Path) -> None:
    good = [
        {
            "prompt_id": f"p{i}",
            "account_id": f"a{i}",
            "created_at": "2026-01-05T12:00:00Z",
            "prompt": f"text {i}",
        }
        for i in range(40)
    ]
    bad = [
        {**good[0], "prompt": "another text under the same id"},
        {**good[1], "prompt_id": "n", "prompt": None},
        {**good[2], "prompt_id": "e", "prompt": " \u200b "},
        {**good[3], "prompt_id": "f", "created_at": "2999-01-01T00:00:00Z"},
        {**good[4], "prompt_id": "t", "asn": "not a number"},
    ]
    lines = [json.dumps(row).encode() for row in [*good, *bad]]
    lines += [
        b'{"prompt_id": "u", "account_id": "a", "created_at": "2026-01-05T12:00:00Z", "prompt": "\xff\xfe"}',
        b"{",
    ]
    path = tmp_path / "t.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n".join(lines)))
    run = discover(tmp_path / "home", path)
    reasons = sorted(row["reason"] for row in run.table("quarantine").to_pylist())
    assert reasons == sorted(
        [
            Reason.DUPLICATE_ID,
            Reason.NULL,
            Reason.EMPTY,
            Reason.FUTURE,
            Reason.BAD_VALUE,
            Reason.BAD_VALUE,
            Reason.INVALID_UTF8,
        ]
    )
    found = counts(run, "ingest")
    assert found["rows_in"] == 47 == found["accepted"] + found["copies"] + found["quarantined"]  # type: ignore[operator]


def test_a_broken_file_in_the_middle_of_a_folder_loses_only_itself(tmp_path: Path) -> None:
    folder = tmp_path / "day"
    folder.mkdir()
    write(folder / "a.parquet", numbered([f"first {i}" for i in range(10)]))
    (folder / "b.parquet").write_bytes(b"PAR1 this is no parquet file PAR1")
    write(folder / "c.parquet", [(f"c{i}", "a", NOON, f"third {i}") for i in range(10)])
    run = discover(tmp_path / "home", folder)
    quarantine = run.table("quarantine").to_pylist()
    assert [(row["source"], row["row"], row["reason"]) for row in quarantine] == [
        ("b.parquet", -1, Reason.UNREADABLE_FILE)
    ]
    assert counts(run, "ingest")["accepted"] == 20


def wrong_type(path: Path) -> None:
    pq.write_table(
        pa.table({"prompt_id": ["p"], "account_id": ["a"], "created_at": [NOON], "prompt": [7]}), path
    )


def missing_column(path: Path) -> None:
    pq.write_table(pa.table({"prompt_id": ["p"], "created_at": [NOON], "prompt": ["x"]}), path)


def naive_time(path: Path) -> None:
    naive = pa.array([NOON.replace(tzinfo=None)], pa.timestamp("us"))
    pq.write_table(
        pa.table({"prompt_id": ["p"], "account_id": ["a"], "created_at": naive, "prompt": ["x"]}), path
    )


def mostly_bad(path: Path) -> None:
    write(path, [("same", "a", NOON, f"text {i}") for i in range(10)])


def no_file(path: Path) -> None:
    assert not path.exists()


@pytest.mark.parametrize(
    ("make", "error", "message", "exit_code"),
    [
        (wrong_type, InputError, "prompt", 3),
        (missing_column, InputError, "account_id", 3),
        (naive_time, InputError, "time zone", 3),
        (mostly_bad, QuarantineLimitError, "set aside", 4),
        (no_file, InputError, "", 3),
    ],
    ids=["wrong type", "missing column", "naive time", "mostly bad", "no file"],
)
def test_unusable_input_is_refused(
    tmp_path: Path, make: Callable[[Path], None], error: type[ShoalError], message: str, exit_code: int
) -> None:
    path = tmp_path / "t.parquet"
    make(path)
    with pytest.raises(error) as caught:
        discover(tmp_path / "home", path)
    assert caught.value.exit_code == exit_code
    assert message in str(caught.value)
    assert caught.value.hint
    with Store.open(load({"home": str(tmp_path / "home")}, environment={}).settings) as store:
        assert store.current_run(DAY) is None
