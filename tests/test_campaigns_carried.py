"""What a second pass takes over from the first: stories of ids, successors, prevalence; and what it then knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from run_examples import GRADES, LEDGER, publish_example, write_tables
from store_examples import MONDAY, TUESDAY

from campaigns import files
from campaigns.carried import carry_lineage, carry_prevalence, successors
from campaigns.entries import Event, KnownCampaign, KnownWording
from campaigns.errors import IntegrityError
from campaigns.known import gone_on
from campaigns.records import IDENTITIES, MATCHERS, MEMBERS, UNSEEN, MatcherState
from campaigns.runs import Run, open_run
from campaigns.settings import Settings
from campaigns.store import Store

WEEK_BEFORE = MONDAY - timedelta(days=7)


def lineage(event: str, other: str | None = None, reason: str = "") -> dict[str, Any]:
    return {
        "event": event,
        "reason": reason or event,
        "other_id": other,
        "overlap": 0.5,
        "shared": 1,
        "expected": 0.5,
    }


def run_of(folder: Path, seen: dict[str, dict[str, Any]], unseen: dict[str, dict[str, Any]]) -> Run:
    rows = [
        {"family": number, "campaign_id": name, "lead": number, "variant": 0, **told}
        for number, (name, told) in enumerate(sorted(seen.items()))
    ]
    files.write_parquet(folder / "identities.parquet", pa.Table.from_pylist(rows, IDENTITIES))
    gone = [{"campaign_id": name, "days": 8, **told} for name, told in sorted(unseen.items())]
    files.write_parquet(folder / "unseen.parquet", pa.Table.from_pylist(gone, UNSEEN))
    return Run(folder, MONDAY, 1, "")


def told(run: Run, name: str) -> dict[str, tuple[str, str | None, str]]:
    return {
        row["campaign_id"]: (row["event"], row["other_id"], row["reason"])
        for row in run.table(name).to_pylist()
    }


def test_a_campaign_of_the_first_pass_keeps_its_story(tmp_path: Path) -> None:
    first = run_of(
        tmp_path / "1",
        {
            "c-kept": lineage("kept", reason="kept then"),
            "c-lost": lineage("minted"),
            "c-minted": lineage("minted", reason="new then"),
            "c-split": lineage("split", "c-kept"),
        },
        {
            "c-asleep": lineage("dormant"),
            "c-awake": lineage("dormant"),
            "c-taken": lineage("merged", "c-kept"),
            "c-taken-by-lost": lineage("merged", "c-lost"),
        },
    )
    second = run_of(
        tmp_path / "2",
        {
            "c-awake": lineage("reawakened"),
            "c-kept": lineage("kept", reason="kept now"),
            "c-minted": lineage("kept", reason="kept now"),
            "c-more": lineage("minted"),
            "c-split": lineage("kept"),
        },
        {"c-before": lineage("merged", "c-more"), "c-lost": lineage("merged", "c-kept")},
    )
    events = carry_lineage(second, first)
    assert told(second, "identities") == {
        "c-awake": ("reawakened", None, "reawakened"),
        "c-kept": ("kept", None, "kept then"),
        "c-minted": ("minted", None, "new then"),
        "c-more": ("minted", None, "minted"),
        "c-split": ("split", "c-kept", "split"),
    }
    assert told(second, "unseen") == {
        "c-asleep": ("dormant", None, "dormant"),
        "c-before": ("merged", "c-more", "merged"),
        "c-taken": ("merged", "c-kept", "merged"),
    }
    assert {name: n for name, n in events.items() if n} == {
        Event.MINTED: 2, Event.KEPT: 1, Event.SPLIT: 1, Event.REAWAKENED: 1, Event.MERGED: 2, Event.DORMANT: 1,
    }  # fmt: skip
    for name, schema in (("identities", IDENTITIES), ("unseen", UNSEEN)):
        assert second.table(name).schema.equals(schema)


def with_members(run: Run, of_prompt: dict[str, str]) -> Run:
    rows = [
        {"prompt_id": prompt, "account_id": "a", "campaign_id": name, "strength": 1.0, "is_core": True}
        for prompt, name in sorted(of_prompt.items())
    ]
    files.write_parquet(run.path / "members.parquet", pa.Table.from_pylist(rows, MEMBERS))
    return run


def test_a_campaign_that_is_gone_is_now_the_one_that_most_of_it_is_in(tmp_path: Path) -> None:
    then = {"p1": "c-a", "p2": "c-b", "p3": "c-b", "p4": "c-b", "p5": "c-c", "p6": "c-d", "p7": "c-d"}
    now = {"p1": "c-x", "p2": "c-a", "p3": "c-x", "p4": "c-x", "p6": "c-x", "p7": "c-a"}
    first = with_members(Run(tmp_path / "1", MONDAY, 1, ""), then)
    second = with_members(Run(tmp_path / "2", MONDAY, 2, ""), now)
    assert successors(second, first).rows() == [("c-a", "c-a"), ("c-b", "c-x"), ("c-d", "c-a")]


def test_prevalence_is_counted_in_the_first_pass_under_the_tiers_of_the_second(tmp_path: Path) -> None:
    first = publish_example(tmp_path)
    second = open_run(tmp_path, MONDAY, "f2", force=True)
    write_tables(second)
    (second.path / "prompts/part-0001.parquet").unlink()  # what it looked at is not what came in
    campaigns = pl.DataFrame(second.table("campaigns")).with_columns(tier=pl.lit("review"))
    carry_prevalence(second, first, campaigns, Settings())
    assert second.table("prevalence").equals(first.table("prevalence"))
    reached = pl.DataFrame(second.table("prevalence_accounts"))
    seen = reached.filter(by="suspected").select(pl.sum_horizontal("^accounts_.*$")).to_series().to_list()
    assert seen == [4]
    assert reached.filter(by="tier")["value"].unique().to_list() == ["review"]
    assert reached.filter(by="campaign")["value"].to_list() == [GRADES, LEDGER]


# -- what it knows -------------------------------------------------------------------------------------


def wording(variant: int, day: date) -> KnownWording:
    return KnownWording(
        campaign_id="c-1",
        day=day,
        variant=variant,
        features=np.array([variant], np.uint64),
        weights=np.ones(1, np.float32),
    )


def test_a_known_campaign_is_as_the_first_pass_left_it() -> None:
    before = KnownCampaign(
        campaign_id="c-1",
        last_day=WEEK_BEFORE,
        runs=("runs/b/1", "runs/a/1"),
        merged_into="c-2",
        wordings=(wording(0, WEEK_BEFORE), wording(2, WEEK_BEFORE)),
        first_free=3,
    )
    then = replace(
        before,
        last_day=MONDAY,
        runs=("runs/c/1",),
        merged_into=None,
        wordings=(wording(2, MONDAY),),
        first_free=3,
    )
    known = gone_on(before, then, 2)
    assert (known.last_day, known.merged_into, known.first_free) == (MONDAY, None, 3)
    assert known.runs == ("runs/c/1", "runs/b/1")
    assert [(one.variant, one.day) for one in known.wordings] == [(0, WEEK_BEFORE), (2, MONDAY)]
    assert gone_on(None, then, 2) is then


def test_the_first_pass_of_a_day_is_found_behind_its_second(tmp_path: Path) -> None:
    first = publish_example(tmp_path)
    with Store.open_url(f"sqlite:///{tmp_path / 'shoal.db'}") as store:
        assert store.first_pass(TUESDAY) is None
        assert store.first_pass(MONDAY) == store.current_run(MONDAY)
        second = publish_example(tmp_path, force=True, counts={"first_pass.run_id": first.run_id})
        current = store.current_run(MONDAY)
        assert current is not None
        assert (current.run_id, current.first_pass) == (second.run_id, first.run_id)
        found = store.first_pass(MONDAY)
        assert found is not None
        assert (found.run_id, found.first_pass) == (first.run_id, None)
        publish_example(tmp_path, force=True, counts={"first_pass.run_id": "2026-01-05.9"})
        with pytest.raises(IntegrityError, match="lacks the first pass"):
            store.first_pass(MONDAY)


def test_matchers_of_the_first_pass_stand_whatever_the_second_published(tmp_path: Path) -> None:
    first = publish_example(tmp_path)
    row = {
        "state": MatcherState.USABLE.value, "reason": "", "anywhere": True, "is_template": True, "saved_bits": 1.0,
        "accepted": 1.0, "words": 5.0, "organic_matches": 0, "organic_accounts": 0, "organic_prompts": 9_000,
        "collision_bound": 0.0005, "other_families": [], "other_matches": [],
    }  # fmt: skip
    measured = pa.Table.from_pylist([{"family": family, **row} for family in (0, 1)], MATCHERS)
    files.write_parquet(first.path / "matchers.parquet", measured)
    with Store.open_url(f"sqlite:///{tmp_path / 'shoal.db'}", tmp_path) as store:
        entry = store.current_run(MONDAY)
        assert store.known_matchers(MONDAY) == []
        known = store.known_matchers(MONDAY, first_pass=entry)
        assert [(one.campaign_id, one.variant, one.day) for one in known] == [
            (GRADES, 0, MONDAY),
            (LEDGER, 0, MONDAY),
        ]
        publish_example(tmp_path, force=True, counts={"first_pass.run_id": first.run_id})
        assert store.known_matchers(MONDAY, first_pass=store.first_pass(MONDAY)) == known
