"""Reworded families get a cover, and only where it is sound: planted ones, with what strangers send beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from store_examples import MONDAY

from campaigns import files
from campaigns.covers import TABLE, covers_of
from campaigns.records import COVERS, LABELS, MATCHERS, MatcherState, text_key
from campaigns.runs import Run, open_run
from campaigns.settings import LabelSettings, Settings
from labeling.collisions import collisions, judge
from labeling.cover_screen import CoverScreen
from labeling.cover_stage import cover
from labeling.sought import matchers_of, words_of
from labeling.template import align, template_to_json
from simulation.draws import stream
from simulation.evasion import reworded

TASK = (
    "You are a careful teacher of cooking. Please read the following recipe and write a short review of it. "
    "Name every step that is hard to understand, and give a better way to say it. Describe what the reader should "
    "buy first, and explain which answer you would give to a beginner who wants to change the dish. "
)
EXACT = "Translate the delivery note below into plain words and list each weight in grams: "
FUNCTION = [
    "the",
    "of",
    "a",
    "to",
    "and",
    "in",
    "that",
    "is",
    "it",
    "for",
    "you",
    "with",
    "on",
    "this",
    "be",
    "are",
    "as",
    "have",
    "not",
    "at",
    "from",
    "or",
    "what",
    "which",
    "can",
]
TOPICS = [
    f"{a}{b}{c}"
    for a in ("bal", "cor", "dun", "fen")
    for b in ("ta", "ri", "ov", "us")
    for c in ("n", "x", "mp", "k")
]


def rambling(seed: int, n: int) -> str:
    rng = np.random.default_rng([17, seed])
    return " ".join(rng.choice([*FUNCTION, *TOPICS], n))


def family(seed: int, n: int) -> list[str]:
    """Every request of the task reworded, round a dish of its own."""
    draws = stream(seed, "cover")
    return [reworded(TASK, 0.5, draws) + rambling(1_000 * seed + k, 15) for k in range(n)]


REWORDED = family(1, 60)
TEMPLATED = [EXACT + rambling(90_000 + k, 15) for k in range(40)]
FEW = [f"{rambling(80_000 + k, 3)} soup lantern {rambling(70_000 + k, 3)}" for k in range(6)]
PLAIN = [rambling(60_000 + k, 20) for k in range(40)]
"""Put together by mistake: nothing marks them."""
FAMILIES = [REWORDED, TEMPLATED, FEW, PLAIN]
ORGANIC = [rambling(k, 30) for k in range(4_000)]


def a_run(home: Path, *, parts: int = 2, order: int = 0, organic: list[str] = ORGANIC) -> Run:
    """Labelled and joined, each family a campaign; members by ten accounts each, organic prompts by one for four."""
    rows = [(text, f"f{k}-{i % 10}") for k, own in enumerate(FAMILIES) for i, text in enumerate(own)]
    rows += [(text, f"o{i // 4}") for i, text in enumerate(organic)]
    run = open_run(home, MONDAY, "test")
    dealt = np.random.default_rng(order).permutation(len(rows))
    part_of = {account: k % parts for k, account in enumerate(sorted({account for _, account in rows}))}
    for part in range(parts):
        chosen = [rows[i] for i in dealt if part_of[rows[i][1]] == part]
        table = pa.table(
            {
                "text_key": pa.array([text_key(text) for text, _ in chosen], pa.binary(16)),
                "account_id": [account for _, account in chosen],
                "prompt": [text for text, _ in chosen],
            }
        )
        files.write_parquet(run.path / f"prompts/part-{part:04}.parquet", table)
    pairs = sorted((text_key(text), k) for k, own in enumerate(FAMILIES) for text in own)
    members = pa.table(
        {
            "text_key": pa.array([key for key, _ in pairs], pa.binary(16)),
            "family": pa.array([k for _, k in pairs], pa.int32()),
        }
    )
    numbers = list(range(len(FAMILIES)))
    templates = [align(own) for own in FAMILIES]
    found = collisions(run, members, numbers, matchers_of(templates))
    labels = [
        {name: [] if pa.types.is_list(LABELS.field(name).type) else "" for name in LABELS.names}
        | {"family": k, "template_json": template_to_json(one), "objective_confidence": 0.0}
        for k, one in enumerate(templates)
    ]
    leads = pa.table({"family": pa.array(numbers, pa.int32()), "lead": pa.array(numbers, pa.int32())})
    files.write_parquet(run.path / "family_members.parquet", members)
    files.write_parquet(run.path / "labels.parquet", pa.Table.from_pylist(labels, LABELS))
    files.write_parquet(run.path / "matchers.parquet", judge(numbers, templates, found, LabelSettings()))
    files.write_parquet(run.path / "wordings.parquet", leads)
    assert run.table("matchers").schema == MATCHERS
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    made = a_run(tmp_path_factory.mktemp("home"))
    assert cover(made, Settings()) == {"n_reworded": 3, "n_usable_covers": 1}
    return made


def test_the_reworded_family_gets_a_cover_and_the_templated_one_needs_none(run: Run) -> None:
    table = run.table(TABLE)
    assert table.schema.equals(COVERS)
    rows = {row["family"]: row for row in table.to_pylist()}
    assert sorted(rows) == [0, 2, 3]
    usable = rows[0]
    assert usable["state"] == MatcherState.USABLE, usable["reason"]
    assert usable["by_template"] < 0.95
    assert usable["held_out"] >= 0.95
    assert (usable["organic_matches"], usable["organic_prompts"]) == (0, len(ORGANIC))
    assert usable["organic_most"] < usable["least"] < usable["typical"]
    assert "prompts outside families do" in usable["reason"]


def test_what_is_not_sound_is_refused_with_the_reason(run: Run) -> None:
    rows = {row["family"]: row for row in run.table(TABLE).to_pylist()}
    assert rows[2]["state"] == MatcherState.UNTESTED
    assert rows[2]["reason"] == "6 different prompts; 15 are needed to hold half of them out"
    assert rows[3]["state"] == MatcherState.MEMBERS_LOST
    assert "are needed" in rows[3]["reason"]


def test_requests_of_another_day_are_found_and_strangers_are_not(run: Run) -> None:
    one = covers_of(run.path)[0]
    screen = CoverScreen.of([one])
    assert len(screen.hits(words_of(family(2, 200))).texts) >= 196
    assert len(screen.hits(words_of([rambling(500_000 + k, 30) for k in range(4_000)])).texts) == 0
    assert len(screen.hits(words_of(TEMPLATED)).texts) == 0


def test_rows_parts_and_runs_do_not_matter(run: Run, tmp_path: Path) -> None:
    other = a_run(tmp_path, parts=3, order=4)
    cover(other, Settings())
    assert other.table(TABLE).equals(run.table(TABLE))


def test_strangers_that_say_the_same_refuse_the_cover(tmp_path: Path) -> None:
    """The task is all over the traffic: what is sent by anybody names nobody."""
    popular = [*ORGANIC[:3_600], *family(5, 400)]
    made = a_run(tmp_path, organic=popular)
    cover(made, Settings())
    [found] = [row for row in made.table(TABLE).to_pylist() if row["family"] == 0]
    assert found["state"] != MatcherState.USABLE


def test_too_little_other_traffic_is_no_test(tmp_path: Path) -> None:
    made = a_run(tmp_path, organic=ORGANIC[:300])
    cover(made, Settings())
    states = {row["family"]: row["state"] for row in made.table(TABLE).to_pylist()}
    assert states[0] == MatcherState.UNTESTED


def test_a_run_without_families_has_an_empty_table(tmp_path: Path) -> None:
    made = a_run(tmp_path)
    for name in ("family_members", "labels", "matchers", "wordings"):
        files.write_parquet(made.path / f"{name}.parquet", made.table(name).slice(0, 0))
    assert cover(made, Settings()) == {"n_reworded": 0, "n_usable_covers": 0}
    assert made.table(TABLE).schema.equals(COVERS)
    assert covers_of(made.path) == {}


def test_a_run_of_an_older_version_has_no_covers(tmp_path: Path) -> None:
    assert covers_of(tmp_path) == {}
