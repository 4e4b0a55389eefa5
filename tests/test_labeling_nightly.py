"""Whom known matchers meet on a day, against counting by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from matching_cases import GRADE, LEDGER, TIDE, entry, filled

from campaigns import files
from campaigns.entries import KnownMatcher
from campaigns.records import COLLISIONS, MatcherState, Slot, text_key
from campaigns.runs import Run, open_run
from labeling import slices as module
from labeling.nightly import collide
from labeling.sought import matchers_of, words_of
from labeling.template import template_from_json

TIGHT = (Slot("text", 0, ()), " Balance the ledger above and name every entry that looks wrong in May.")
"""The ledger as a day found it anew, with a word of its slots."""

LOOSE = "Dear reader, before you go on: "
"""What stands before a template where it is only a part of the prompt."""

FAMILIES = {0: "c-grade", 1: "c-ledger", 2: "c-ledger"}
KNOWN = [entry("c-grade", GRADE), entry("c-ledger", LEDGER), entry("c-tide", TIDE)]
TODAY = [entry("c-grade", GRADE), entry("c-ledger", TIGHT)]
NAMED = [("c-grade", "member"), ("c-tide", "elsewhere"), ("c-tide", "elsewhere")]

Row = tuple[str, str, int | None]
"""Account, prompt, and its family."""

ROWS: list[Row] = [
    *((f"g{i % 5}", filled(GRADE, f"an essay on lamp {i}"), 0) for i in range(20)),
    *((f"l{i % 4}", filled(LEDGER, f"{i} in, {i + 1} out."), 1) for i in range(12)),
    ("l0", filled(GRADE, "one that a family of the ledger took in"), 2),
    ("stranger-1", filled(GRADE, "my own essay"), None),
    ("stranger-1", filled(GRADE, "my own essay"), None),
    ("stranger-2", filled(GRADE, "my own essay"), None),
    ("stranger-2", LOOSE + filled(GRADE, "my sister's"), None),
    ("member", filled(GRADE, "one that discovery missed"), None),
    ("member", filled(TIDE, "Cork", "four"), None),
    ("elsewhere", filled(TIDE, "Bristol", "two"), None),
    ("elsewhere", filled(GRADE, "mine too"), None),
    ("stranger-3", filled(TIGHT, "9 in, 8 out."), None),
    ("stranger-3", "Nothing of any kind.", None),
    *((f"o{i % 9}", f"What is the way from {i} Mill Lane to the harbour?", None) for i in range(60)),
]


def a_run(home: Path, rows: Sequence[Row] = ROWS, parts: int = 2, order: int = 0) -> Run:
    run = open_run(home, date(2026, 1, 6), "test")
    places = np.random.default_rng(order).permutation(len(rows))
    for part, chosen in enumerate(np.array_split(places, parts)):
        table = pa.table(
            {
                "text_key": pa.array([text_key(rows[i][1]) for i in chosen], pa.binary(16)),
                "account_id": [rows[i][0] for i in chosen],
                "prompt": [rows[i][1] for i in chosen],
            }
        )
        files.write_parquet(run.path / f"prompts/part-{part:04}.parquet", table)
    of = {text_key(prompt): family for _, prompt, family in rows if family is not None}
    members = {
        "text_key": pa.array(list(of), pa.binary(16)),
        "family": pa.array(list(of.values()), pa.int32()),
    }
    files.write_parquet(run.path / "family_members.parquet", pa.table(members))
    ids = {"family": pa.array(list(FAMILIES), pa.int32()), "campaign_id": list(FAMILIES.values())}
    files.write_parquet(run.path / "identities.parquet", pa.table(ids))
    return run


def tried_on(
    run: Run,
    before: Sequence[KnownMatcher] = KNOWN,
    today: Sequence[KnownMatcher] = TODAY,
    named: Sequence[tuple[str, str]] = NAMED,
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Counts, and the figures by campaign."""
    who = pl.DataFrame(named, {"campaign_id": pl.String, "account_id": pl.String}, orient="row")
    counts = collide(run, before, today, who)
    table = run.table("collisions")
    assert table.schema == COLLISIONS
    return counts, {row["campaign_id"]: row for row in table.to_pylist()}


def by_hand(rows: Sequence[Row], matchers: Sequence[KnownMatcher], named: set[str]) -> dict[str, int]:
    """The figures of one wording, prompt by prompt; `matchers` are its forms."""
    name = matchers[0].campaign_id
    compiled = matchers_of([template_from_json(one.template_json) for one in matchers])
    found = dict.fromkeys(("matches", "loose_matches", "of_members", "own", "of_others", "prompts"), 0)
    accounts: set[str] = set()
    loosely: set[str] = set()
    for account, prompt, family in rows:
        words = words_of([prompt])
        whole = any(one.match_tokens(words)[0] for one in compiled)
        loose = whole or any(one.anywhere().match_tokens(words)[0] for one in compiled)
        found["prompts"] += family is None
        if family is not None:
            found["own"] += whole and FAMILIES[family] == name
            found["of_others"] += whole and FAMILIES[family] != name
        elif account in named:
            found["of_members"] += loose
        else:
            found["matches"] += whole
            found["loose_matches"] += loose
            accounts |= {account} if whole else set()
            loosely |= {account} if loose else set()
    return found | {"accounts": len(accounts), "loose_accounts": len(loosely)}


def test_figures_are_those_of_counting_by_hand(tmp_path: Path) -> None:
    _, found = tried_on(a_run(tmp_path))
    for name, row in found.items():
        forms = [one for one in [*KNOWN, *TODAY] if one.campaign_id == name]
        named = {account for campaign, account in NAMED if campaign == name}
        assert row == {"campaign_id": name, "variant": 0} | by_hand(ROWS, forms, named)
    assert {name: (row["matches"], row["accounts"], row["of_members"]) for name, row in found.items()} == {
        "c-grade": (4, 3, 1),
        "c-ledger": (1, 1, 0),
        "c-tide": (1, 1, 1),
    }
    assert (found["c-grade"]["loose_matches"], found["c-grade"]["of_others"]) == (5, 1)


def test_a_prompt_counts_once_for_all_who_met_it(tmp_path: Path) -> None:
    seed = entry("partner:7", GRADE)
    benign = [one if one.campaign_id != "c-grade" else benign_of(one) for one in KNOWN]
    counts, found = tried_on(a_run(tmp_path), [*benign, seed], [])
    assert counts == {
        "wordings": 4,
        "live": 4,
        "prompts": sum(family is None for *_, family in ROWS),
        "met": 5 + 1 + 1 + 1,  # to the partner's seed the campaign's own member is a stranger
        "met_accounts": 5,
        "met_suspected": 5 + 1 + 1 + 1,
    }
    assert (found["partner:7"]["matches"], found["partner:7"]["own"]) == (5, 0)
    counts, _ = tried_on(a_run(tmp_path), benign, [])
    assert (counts["met"], counts["met_suspected"]) == (7, 2)


def benign_of(known: KnownMatcher) -> KnownMatcher:
    return replace(known, suspected=False)


def test_only_what_was_sought_before_the_day_met_anybody(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    refused = [replace(one, state=MatcherState.COLLIDES) for one in KNOWN]
    counts, found = tried_on(run, refused, TODAY)
    assert (counts["wordings"], counts["live"], counts["met"]) == (3, 0, 0)
    assert found["c-grade"]["matches"] == 4  # tried all the same: it may become live
    strict = [replace(one, anywhere=False) for one in KNOWN]
    assert tried_on(run, strict, TODAY)[0]["met"] == tried_on(run)[0]["met"] - 1


@pytest.mark.parametrize("state", [MatcherState.TOO_SHORT, MatcherState.MEMBERS_LOST])
def test_what_no_count_could_make_live_is_not_tried(tmp_path: Path, state: MatcherState) -> None:
    _, found = tried_on(a_run(tmp_path), [replace(KNOWN[0], state=state)], [])
    assert found == {}


def test_nothing_depends_on_order_parts_or_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = tried_on(a_run(tmp_path / "a"))
    again = a_run(tmp_path / "b", parts=5, order=3)
    assert tried_on(again, KNOWN[::-1], TODAY[::-1], NAMED[::-1]) == expected
    monkeypatch.setattr(module, "SLICE_BYTES", 600)
    assert tried_on(a_run(tmp_path / "c", parts=3, order=1)) == expected
    digests = [
        files.sha256_file(tmp_path / home / "runs/2026-01-06/1/collisions.parquet")
        for home in ("a", "b", "c")
    ]
    assert len(set(digests)) == 1


def test_a_day_without_families_or_known_matchers(tmp_path: Path) -> None:
    run = a_run(tmp_path, [row for row in ROWS if row[2] is None])
    counts, found = tried_on(run, [], [])
    assert (counts["wordings"], counts["met"], found) == (0, 0, {})
    assert counts["prompts"] == len([row for row in ROWS if row[2] is None])
