"""The optional labelling service as the label stage meets it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from campaigns.records import LABELS, Objective
from campaigns.settings import LabelSettings, Settings
from labeling.labeller import ADOPTED_CONFIDENCE, FamilyDigest, Polish, Polished
from labeling.second_opinion import polished, second_opinion

SMALL, LARGE = 3, 8


class Dictionary:
    """Answers by template, and remembers what it was asked."""

    def __init__(self, answers: dict[str, Polished]) -> None:
        self.answers = answers
        self.asked: list[FamilyDigest] = []

    def label(self, families: Sequence[FamilyDigest]) -> Polish:
        self.asked += families
        return Polish(tuple(self.answers.get(family.template) for family in families), asked=len(families))


def labels() -> pa.Table:
    rows = [
        {
            "family": family,
            "template": template,
            "template_json": "{}",
            "title": template,
            "summary": "2 prompts from 2 accounts share it. More.",
            "objective": objective.value,
            "objective_confidence": 0.75,
            "keyphrases": ["a phrase"],
            "exemplars": [bytes([family]) * 16],
        }
        for family, template, objective in (
            (SMALL, "Rate {text}", Objective.GRADING),
            (LARGE, "Thoughts on {text}", Objective.UNCLEAR),
        )
    ]
    return pa.Table.from_pylist(rows, LABELS)


def members() -> pa.Table:
    return pa.table(
        {
            "family": pa.array([SMALL, LARGE, LARGE], pa.int32()),
            "text_key": pa.array([bytes([SMALL]) * 16, bytes([LARGE]) * 16, bytes([9]) * 16], pa.binary(16)),
            "prompt": ["Rate a lamp", "Thoughts on rain", "Thoughts on hail"],
            "n_prompts": [2, 2, 1],
        }
    )


def test_the_largest_family_is_asked_about_first_with_its_examples() -> None:
    service = Dictionary({})
    same, counts = polished(labels(), members(), service)
    assert same.equals(labels())
    assert [family.template for family in service.asked] == ["Thoughts on {text}", "Rate {text}"]
    assert service.asked[0].exemplars == ("Thoughts on rain",)
    assert service.asked[1].keyphrases == ("a phrase",)
    assert counts == {"llm_cached": 0, "llm_asked": 2, "llm_skipped": 0, "llm_failed": 0}


def test_answers_reword_and_fill_in_but_do_not_overrule() -> None:
    answer = Polished("A better title", "What it is.", Objective.TRANSLATION)
    table, _ = polished(
        labels(), members(), Dictionary(dict.fromkeys(("Rate {text}", "Thoughts on {text}"), answer))
    )
    assert table.schema == LABELS
    small, large = table.to_pylist()
    assert (small["objective"], small["objective_confidence"]) == (Objective.GRADING.value, 0.75)
    assert (large["objective"], large["objective_confidence"]) == ("translation", ADOPTED_CONFIDENCE)
    for row in (small, large):
        assert row["title"] == "A better title"
        assert row["summary"] == "2 prompts from 2 accounts share it. What it is."


def test_without_a_service_nothing_is_asked_nor_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "labeling.openai_labeller", None)
    assert second_opinion(labels(), members(), Settings(home=tmp_path)) == (labels(), {})


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"llm_url": "http://example.invalid/v1", "llm_model": "m"}, "label.llm_url"),
        ({"llm_url": "https://example.invalid/v1"}, "label.llm_model"),
    ],
)
def test_wrong_settings_leave_the_labels_and_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, settings: dict[str, str], problem: str
) -> None:
    wrong = Settings(home=tmp_path, label=LabelSettings(**settings))  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING):
        table, counts = second_opinion(labels(), members(), wrong)
    assert table.equals(labels())
    assert problem in str(counts["llm_problem"])
    assert problem in caplog.text


def test_a_service_that_nobody_runs_leaves_the_labels(tmp_path: Path) -> None:
    nobody = LabelSettings(llm_url="http://127.0.0.1:9/v1", llm_model="m", llm_retries=0)
    table, counts = second_opinion(labels(), members(), Settings(home=tmp_path, label=nobody))
    assert table.equals(labels())
    assert counts == {"llm_cached": 0, "llm_asked": 2, "llm_skipped": 0, "llm_failed": 2}
