"""Templates that would match strangers are refused, with figures; the rest may be used."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from campaigns import files
from campaigns.collisions import upper_bound
from campaigns.records import MATCHERS, MatcherState, Slot, Template, text_key
from campaigns.runs import Run, open_run
from campaigns.settings import LabelSettings
from labeling import slices as module
from labeling.collisions import Collisions, collisions, constant_words, judge
from labeling.sought import matchers_of
from labeling.template import align

SLOT = Slot("text", 0, ())
WORDS = [f"{a}{b}" for a in ("bal", "cor", "dun", "fen", "gar") for b in ("tan", "rix", "ove", "ush", "em")]
DRAWN = np.random.default_rng(11)
NOTES = [" ".join(DRAWN.choice(WORDS, 12)) for _ in range(5_000)]

GRADES = [f"Grade the following essay from one to ten: {note}" for note in NOTES[:40]]
STRICT = [f"Grade the following essay from one to ten: be strict. {note}" for note in NOTES[40:60]]
FREQUENT = [f"Can you help me with {note}" for note in NOTES[60:90]]
FAMILIES = [GRADES, STRICT, FREQUENT]
ORGANIC = NOTES[1_000:4_960] + [f"Can you help me with {note}" for note in NOTES[4_960:5_000]]


def a_run(home: Path, parts: int = 2, order: int = 0, organic: list[str] = ORGANIC) -> Run:
    """Members by three accounts each, organic prompts by one account for ten."""
    rows = [(text, f"f{k}-{i % 3}") for k, family in enumerate(FAMILIES) for i, text in enumerate(family)]
    rows += [(text, f"o{i // 10}") for i, text in enumerate(organic)]
    run = open_run(home, date(2026, 1, 5), "test")
    places = np.random.default_rng(order).permutation(len(rows))
    for part, chosen in enumerate(np.array_split(places, parts)):
        table = pa.table(
            {
                "text_key": pa.array([text_key(rows[i][0]) for i in chosen], pa.binary(16)),
                "account_id": [rows[i][1] for i in chosen],
                "prompt": [rows[i][0] for i in chosen],
            }
        )
        files.write_parquet(run.path / f"prompts/part-{part:04}.parquet", table)
    return run


def members() -> pa.Table:
    pairs = sorted((text_key(text), k) for k, family in enumerate(FAMILIES) for text in family)
    return pa.table(
        {
            "text_key": pa.array([key for key, _ in pairs], pa.binary(16)),
            "family": pa.array([family for _, family in pairs], pa.int32()),
        }
    )


def judged(run: Run, settings: LabelSettings | None = None) -> list[dict[str, object]]:
    templates = [align(family) for family in FAMILIES]
    matchers = matchers_of(templates)
    found = collisions(run, members(), [0, 1, 2], matchers)
    table = judge([0, 1, 2], templates, found, settings or LabelSettings())
    assert table.schema == MATCHERS
    rows: list[dict[str, object]] = table.to_pylist()
    return rows


def test_a_template_that_organic_prompts_share_is_refused(tmp_path: Path) -> None:
    grades, strict, frequent = judged(a_run(tmp_path))
    assert grades["state"] == strict["state"] == MatcherState.USABLE
    assert grades["organic_matches"] == 0
    assert grades["organic_prompts"] == len(ORGANIC)
    assert grades["anywhere"]
    assert grades["is_template"]
    assert frequent["state"] == MatcherState.COLLIDES
    assert (frequent["organic_matches"], frequent["organic_accounts"]) == (40, 4)
    assert frequent["collision_bound"] == pytest.approx(upper_bound(40, 4_000))
    assert frequent["reason"] == (
        "40 of 4000 prompts outside families match (4 accounts), a rate of up to 1.3%; the limit is 0.1%"
    )
    assert not frequent["anywhere"]


def test_members_of_other_families_are_told_apart_from_strangers(tmp_path: Path) -> None:
    grades, strict, frequent = judged(a_run(tmp_path))
    assert grades["other_families"] == [1]
    assert grades["other_matches"] == [20]
    assert strict["other_families"] == frequent["other_families"] == []


def test_counts_do_not_depend_on_order_parts_or_slices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = judged(a_run(tmp_path / "a"))
    assert judged(a_run(tmp_path / "b", parts=5, order=1)) == expected
    monkeypatch.setattr(module, "SLICE_BYTES", 5_000)
    assert judged(a_run(tmp_path / "c", parts=3, order=2)) == expected


def test_copies_count_as_prompts_and_their_accounts(tmp_path: Path) -> None:
    again = [GRADES[0] + " please"] * 10 + [GRADES[1] + " please"] * 3
    grades, _, _ = judged(a_run(tmp_path, organic=NOTES[1_000:4_990] + again))
    assert (grades["organic_matches"], grades["organic_accounts"]) == (13, 2)
    assert grades["state"] == MatcherState.COLLIDES


def test_little_other_traffic_leaves_a_matcher_untested(tmp_path: Path) -> None:
    grades, _, _ = judged(a_run(tmp_path, organic=NOTES[1_000:2_000]))
    assert grades["state"] == MatcherState.UNTESTED
    assert "too few" in str(grades["reason"])
    wider, _, _ = judged(a_run(tmp_path, organic=NOTES[1_000:2_000]), LabelSettings(matcher_collisions=0.005))
    assert wider["state"] == MatcherState.USABLE


def verdict(
    template: Template, *, prompts: int = 0, inside: int = 100, anywhere: int = 0
) -> dict[str, object]:
    found = Collisions(
        np.array([prompts]),
        np.array([prompts]),
        np.array([inside]),
        np.array([anywhere]),
        np.array([anywhere]),
        50_000,
        60_000,
        [[]],
    )
    [row] = judge([7], [template], found, LabelSettings()).to_pylist()
    assert isinstance(row, dict)
    return row


LONG = Template(("Grade the following essay: ", SLOT), 0.5, 40.0, 1.0)


def test_each_state_has_its_reason() -> None:
    assert verdict(LONG)["state"] == MatcherState.USABLE
    short = verdict(Template(("Summarise this: ", SLOT, " 1 2 3 ( ) !"), 0.5, 9.0, 1.0))
    assert short["state"] == MatcherState.TOO_SHORT
    assert short["reason"] == "2 words of constant text; 4 are needed"
    lost = verdict(Template(LONG.parts, 0.5, 40.0, 0.49))
    assert lost["state"] == MatcherState.MEMBERS_LOST
    assert lost["reason"] == "accepts 49% of the family's prompts; 50% are needed"
    assert verdict(LONG, prompts=35)["state"] == MatcherState.COLLIDES
    assert verdict(LONG, prompts=35, inside=1_000)["state"] == MatcherState.USABLE


def test_strangers_must_be_few_beside_the_members() -> None:
    assert verdict(LONG, prompts=2, inside=8)["state"] == MatcherState.USABLE
    refused = verdict(LONG, prompts=3, inside=8)
    assert refused["state"] == MatcherState.COLLIDES
    assert str(refused["reason"]).endswith("27% of all it matches; the limit is 20%")


def test_inside_longer_prompts_is_judged_apart() -> None:
    row = verdict(LONG, anywhere=500)
    assert row["state"] == MatcherState.USABLE
    assert not row["anywhere"]


def test_nothing_saved_is_no_template() -> None:
    # 60,000 prompts: log2 is 15.9 bits.
    assert verdict(Template(LONG.parts, 0.5, 16.0, 1.0))["is_template"]
    assert not verdict(Template(LONG.parts, 0.5, 15.8, 1.0))["is_template"]


def test_constant_words_count_unspaced_characters_by_half() -> None:
    assert constant_words(Template(("Rate it: ", SLOT, "\n请评分 5/10"), 0, 0, 0)) == 3.5
    assert constant_words(Template((SLOT,), 0, 0, 0)) == 0


def test_run_without_families_or_prompts(tmp_path: Path) -> None:
    run = open_run(tmp_path, date(2026, 1, 5), "test")
    found = collisions(run, members().slice(0, 0), [], [])
    assert (found.of_prompts, found.read) == (0, 0)
    assert judge([], [], found, LabelSettings()).equals(MATCHERS.empty_table())
