"""The stage as a whole: a small run with planted families in, labels out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from campaigns import files
from campaigns.records import (
    FAMILY_MEMBERS,
    LABELS,
    MATCHERS,
    PROMPTS,
    SLOT_VALUES,
    TEXTS,
    MatcherState,
    text_key,
)
from campaigns.runs import Run, open_run
from campaigns.settings import LabelSettings, Settings
from labeling.background import background
from labeling.stage import label, label_families
from labeling.template import template_from_json

WORDS = ["badger", "heron", "otter", "lynx", "falcon", "crosses", "guards", "follows", "watches", "leaves"]
DRAWN = np.random.default_rng(5)
SENTENCES = [" ".join(DRAWN.choice(WORDS, 6)) for _ in range(120)]

GRADING = [f"Rate the following answer on a scale from 1 to 5.\n\nAnswer: {s}" for s in SENTENCES[:40]]
CHINESE = [f"请把下面的句子翻译成英文：{s}" for s in SENTENCES[40:70]]
LOOSE = [f"{s} {t}" for s, t in zip(SENTENCES[70:90], SENTENCES[100:120], strict=True)]
FAMILIES = [GRADING, CHINESE, LOOSE]


def no_meaning(texts: Sequence[str]) -> NDArray[np.float64]:
    return np.ones((len(texts), 3))


def a_run(home: Path, families: list[list[str]], order: int = 0) -> Run:
    """Three accounts take turns; each text is sent twice by its account."""
    run = open_run(home, date(2026, 1, 5), "test")
    rows = [(text, f"a{i % 3}") for family in families for i, text in enumerate(family) for _ in range(2)]
    rows += [("hello", "a9"), ("what is the time", "a9")]
    places = np.random.default_rng(order).permutation(len(rows))
    for part, chosen in enumerate(np.array_split(places, 2)):
        table: dict[str, Sequence[object]] = {name: [None] * len(chosen) for name in PROMPTS.names}
        table |= {
            "prompt_id": [f"p{i:04}" for i in chosen],
            "account_id": [rows[i][1] for i in chosen],
            "created_at": [datetime(2026, 1, 5, tzinfo=UTC)] * len(chosen),
            "prompt": [rows[i][0] for i in chosen],
            "text_key": [text_key(rows[i][0]) for i in chosen],
        }
        files.write_parquet(run.path / f"prompts/part-{part:04}.parquet", pa.table(table, schema=PROMPTS))
    keys = sorted({text_key(text) for text, _ in rows})
    read = pa.schema([TEXTS.field("text_key"), TEXTS.field("n_prompts")])
    texts = pa.table({"text_key": keys, "n_prompts": [2] * len(keys)}, schema=read)
    files.write_parquet(run.path / "texts.parquet", texts)
    members = sorted((text_key(text), f) for f, family in enumerate(families) for text in family)
    columns = [
        [key for key, _ in members],
        [f for _, f in members],
        [1.0] * len(members),
        [True] * len(members),
    ]
    files.write_parquet(
        run.path / "family_members.parquet",
        pa.table(dict(zip(FAMILY_MEMBERS.names, columns, strict=True)), schema=FAMILY_MEMBERS),
    )
    return run


def test_planted_families_are_labelled(tmp_path: Path) -> None:
    run = a_run(tmp_path, FAMILIES)
    counts = label(run, Settings(), no_meaning)
    table = run.table("labels")
    assert table.schema == LABELS
    grading, chinese, loose = table.to_pylist()
    assert counts == {"n_families": 3, "n_unclear": 1, "n_usable_matchers": 0, "n_slot_values": 40}
    assert grading["template"] == "Rate the following answer on a scale from 1 to 5.\n\nAnswer: {text}"
    assert grading["title"] == "Grading: Rate the following answer on a scale from 1 to 5…"
    assert grading["objective"] == "grading and reward data"
    assert grading["summary"].startswith(
        "80 prompts from 3 accounts share a template with 1 slot (text); all hold it"
    )
    assert "in Latin script" in grading["summary"]
    assert any("scale" in phrase for phrase in grading["keyphrases"])
    assert chinese["template"] == "请把下面的句子翻译成英文：{text}"
    assert chinese["objective"] == "translation"
    assert "in Chinese script" in chinese["summary"]
    assert loose["objective"] == "unclear"
    assert not loose["title"].startswith(("Unclear", "Translation", "Grading"))
    for row, family in zip((grading, chinese, loose), FAMILIES, strict=True):
        assert len(set(row["exemplars"])) == 3
        assert set(row["exemplars"]) <= {text_key(text) for text in family}
        assert template_from_json(row["template_json"]).display()


def test_row_order_does_not_matter(tmp_path: Path) -> None:
    tables = []
    for order in range(2):
        run = a_run(tmp_path / str(order), FAMILIES, order)
        label(run, Settings(), no_meaning)
        tables.append([run.table(name) for name in ("labels", "matchers", "slot_values")])
    assert all(one.equals(other) for one, other in zip(*tables, strict=True))


def test_matchers_and_slot_values_stand_beside_the_labels(tmp_path: Path) -> None:
    run = a_run(tmp_path, FAMILIES)
    label(run, Settings(), no_meaning)
    grading, chinese, loose = run.table("matchers").to_pylist()
    for row in (grading, chinese):  # two organic prompts show nothing about a rate
        assert row["state"] == MatcherState.UNTESTED
        assert (row["organic_matches"], row["organic_prompts"], row["accepted"]) == (0, 2, 1.0)
        assert row["is_template"]
    assert loose["state"] == MatcherState.MEMBERS_LOST
    assert not loose["is_template"]
    values = run.table("slot_values").to_pylist()
    assert {(row["family"], row["slot"], row["n_values"]) for row in values} == {(0, 0, 40), (1, 0, 30)}
    assert {row["value"] for row in values} <= set(SENTENCES)
    assert {(row["n_prompts"], row["n_accounts"]) for row in values} == {(2, 1)}


def test_background_is_a_fair_draw_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labeling.background.MOST_TEXTS", 7)
    monkeypatch.setattr("labeling.background.MOST_CHARACTERS", 9)
    drawn = []
    for order in range(2):
        run = a_run(tmp_path / str(order), FAMILIES, order)
        keys = run.table("texts")["text_key"].combine_chunks()
        members = pa.array([text_key(text) for text in GRADING], pa.binary(16))
        drawn.append(background(run, members, keys))
    others = sorted((text_key(text), text) for text in (*CHINESE, *LOOSE, "hello", "what is the time"))
    assert drawn[0] == drawn[1] == [text[:9] for _, text in others[:7]]


def test_constants_of_function_words_leave_the_word_to_the_members() -> None:
    verbs = ("Translate", "Please translate", "Kindly translate", "Now translate")
    rows = sorted(
        (text_key(text), text)
        for i, sentence in enumerate(SENTENCES[:60])
        for text in [f"{verbs[i % 4]} {sentence.split()[0]} the {sentence} into French of the {i}"]
    )
    members = pa.table(
        {
            "family": pa.array([0] * len(rows), pa.int32()),
            "text_key": pa.array([key for key, _ in rows], pa.binary(16)),
            "prompt": [text for _, text in rows],
            "strength": pa.array(np.ones(len(rows)), pa.float32()),
            "n_prompts": [1] * len(rows),
        }
    )
    found, _ = label_families(members, {0: 2}, LabelSettings(), no_meaning, of_prompts=1_000)
    assert found["objective"].to_pylist() == ["translation"]


def test_run_without_families(tmp_path: Path) -> None:
    run = a_run(tmp_path, [])
    assert set(label(run, Settings(), no_meaning).values()) == {0}
    for name, schema in (("labels", LABELS), ("matchers", MATCHERS), ("slot_values", SLOT_VALUES)):
        assert run.table(name).equals(schema.empty_table())


def test_hostile_family_keeps_labels_plain(tmp_path: Path) -> None:
    hostile = [f"\x1b]0;pwned\x07Rate\u202e this\x00 answer on a scale: {s}\x9b31m" for s in SENTENCES[:20]]
    run = a_run(tmp_path, [hostile])
    label(run, Settings(), no_meaning)
    [row] = run.table("labels").to_pylist()
    for text in (row["title"], row["summary"], row["template"], *row["keyphrases"]):
        assert text.isprintable()
    assert template_from_json(row["template_json"]).accepted == 1.0


def test_encoder_is_called_once_with_prototypes_and_one_text_per_family() -> None:
    calls: list[Sequence[str]] = []

    def encode(texts: Sequence[str]) -> NDArray[np.float64]:
        calls.append(texts)
        return np.column_stack([np.arange(len(texts)) - len(texts) + 1, np.ones(len(texts))])

    rows = sorted((f, text_key(text), text) for f, family in enumerate(FAMILIES) for text in family)
    members = pa.table(
        {
            "family": pa.array([row[0] for row in rows], pa.int32()),
            "text_key": pa.array([row[1] for row in rows], pa.binary(16)),
            "prompt": [row[2] for row in rows],
            "strength": pa.array(np.linspace(0, 1, len(rows)), pa.float32()),
            "n_prompts": [1] * len(rows),
        }
    )
    labels, directions = label_families(
        members, {0: 4, 1: 5, 2: 6}, LabelSettings(exemplars=1, keyphrases=2), encode, of_prompts=200
    )
    [texts] = calls
    assert directions == pytest.approx(np.array([[-2, 1], [-1, 1], [0, 1]]) / np.sqrt([[5], [2], [1]]))
    assert texts[-3].startswith("Rate the following answer")
    assert "badger" not in texts[-3]
    assert labels["exemplars"].to_pylist()[0] == [rows[len(GRADING) - 1][1]]
    assert all(len(phrases) <= 2 for phrases in labels["keyphrases"].to_pylist())


@pytest.mark.slow
def test_hundred_families_of_five_hundred_within_seconds() -> None:
    import time

    draw = np.random.default_rng(1)
    words = np.array([f"w{n}" for n in range(4_000)])
    rows = []
    for f in range(100):
        constant = " ".join(draw.choice(words, 20))
        for slot in draw.choice(words, (500, 60)):
            text = f"{constant}: {' '.join(slot)}"
            rows.append((f, text_key(text), text))
    rows.sort()
    members = pa.table(
        {
            "family": pa.array([row[0] for row in rows], pa.int32()),
            "text_key": pa.array([row[1] for row in rows], pa.binary(16)),
            "prompt": [row[2] for row in rows],
            "strength": pa.array(np.ones(len(rows)), pa.float32()),
            "n_prompts": [1] * len(rows),
        }
    )
    started = time.perf_counter()
    labels, _ = label_families(
        members, dict.fromkeys(range(100), 9), LabelSettings(), no_meaning, of_prompts=50_000
    )
    assert time.perf_counter() - started < 60  # a tenth of it where nothing else runs
    accepted = [template_from_json(one).accepted for one in labels["template_json"].to_pylist()]
    assert min(accepted) == 1.0
