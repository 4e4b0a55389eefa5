"""The scaffold stage and skeletons on texts made by hand."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from examples import run_with_prompts

from campaigns.settings import Settings, load
from embeddings.stage import PASSES, build_scaffold

FRUIT = [
    "mango",
    "papaya",
    "cherry",
    "quince",
    "banana",
    "apricot",
    "lychee",
    "guava",
    "raspberry",
    "tangerine",
]
PLACES = [
    "harbour",
    "orchard",
    "kitchen",
    "railway",
    "library",
    "stadium",
    "garden",
    "airport",
    "village",
    "quarry",
]


def rows(n: int = 10) -> list[tuple[str, str, str | None, str]]:
    """n accounts send two templates, each with words of their own in the slots."""
    template = "Summarize this report about {} near the {} for the board of directors"
    sent = [(f"p{i}", f"a{i}", None, template.format(FRUIT[i], PLACES[i])) for i in range(n)]
    return sent + [
        (f"q{i}", f"a{i}", None, f"{PLACES[-1 - i]} stories told by {FRUIT[-1 - i]} growers")
        for i in range(n)
    ]


def build(
    home: Path, sent: list[tuple[str, str, str | None, str]], partitions: int, workers: int = 1
) -> pa.Table:
    settings = load({"flow.workers": workers}, environment={}).settings
    run = run_with_prompts(home, sent, partitions)
    build_scaffold(run, settings)
    return run.table("texts")


def test_slots_are_blanked_and_the_template_stays(tmp_path: Path) -> None:
    table = build(tmp_path, rows(), 2)
    assert sorted(set(table["skeleton"].to_pylist())) == [
        "Summarize this report [SLOT] near [SLOT] board of directors",
        "[SLOT] stories told [SLOT] growers",
    ]


def test_words_of_one_account_alone_are_no_scaffold(tmp_path: Path) -> None:
    alone = [
        (f"p{i}", "busy", None, f"Summarize this report about {fruit} at once")
        for i, fruit in enumerate(FRUIT)
    ]
    table = build(tmp_path, alone, 2)
    assert set(table["skeleton"].to_pylist()) == {""}
    assert all(features == [] for features in table["pairs"].to_pylist())


def test_copies_collapse_and_keep_weight_and_accounts(tmp_path: Path) -> None:
    sent = [
        ("p1", "a1", None, "hi"),
        ("p2", "a1", None, "hi"),
        ("p3", "a2", None, "hi"),
        ("p4", "a3", None, "yo"),
    ]
    table = build(tmp_path, sent, 3)
    found = {row["skeleton"] + str(row["n_prompts"]): row["n_accounts"] for row in table.to_pylist()}
    assert found == {"3": 2, "1": 1}
    assert sorted(table["n_tokens"].to_pylist()) == [1, 1]


@pytest.mark.parametrize(("partitions", "workers"), [(1, 1), (3, 2), (7, 1)])
def test_partitions_and_workers_do_not_matter(tmp_path: Path, partitions: int, workers: int) -> None:
    reference = build(tmp_path / "reference", rows(), 2)
    other = build(tmp_path / "other", rows()[::-1], partitions, workers)
    assert other.equals(reference)


def test_the_slices_that_bound_memory_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = build(tmp_path / "reference", rows(), 2)
    monkeypatch.setattr("embeddings.stage.SLICE_BYTES", 100)
    assert build(tmp_path / "sliced", rows(), 2).equals(reference)


def test_evasion_marks_are_summed_per_text(tmp_path: Path) -> None:
    table = build(tmp_path, [("p1", "a1", None, "sum\u200bmarize thｉs")], 1)
    assert table["evasion_marks"].to_pylist() == [2]


@pytest.mark.parametrize("sent", [[], [("p", "a", None, "one")], [("p", "a", None, "\x00")]])
def test_next_to_nothing_is_fine(tmp_path: Path, sent: list[tuple[str, str, str | None, str]]) -> None:
    assert build(tmp_path, sent, 2).num_rows == len(sent)


def test_progress_is_told_of_every_pass(tmp_path: Path) -> None:
    told: list[int] = []
    run = run_with_prompts(tmp_path, rows(), 4)
    build_scaffold(run, Settings(), progress=told.append)
    assert sum(told) == PASSES * 4
    assert not (run.path / "scratch").exists()
