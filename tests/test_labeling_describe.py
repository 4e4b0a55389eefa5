from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.records import Objective, Slot, Template
from labeling.describe import Size, describe, display, exemplars, scripts_of, title
from labeling.taxonomy import Verdict

TEXT = Slot("text", 3, ("a", "b", "c"))


def template(*parts: str | Slot, accepted: float = 1.0) -> Template:
    return Template(parts, 0.5, 10.0, accepted)


def test_title_names_the_objective_and_how_the_template_reads() -> None:
    grading = template("Rate the following answer 1-10.\n\n", TEXT)
    assert title(grading, Objective.GRADING) == "Grading: Rate the following answer 1-10. {text}"
    later = template(TEXT, "\n\nSummarise the above.")
    assert title(later, Objective.SUMMARIZATION) == "Summary: Summarise the above"


def test_title_is_cut_at_a_word() -> None:
    long = template(
        "Please read the following passage with great care and then answer all of the questions", TEXT
    )
    assert title(long, Objective.BENCHMARK) == "Benchmark: Please read the following passage with great…"


def test_title_falls_back_on_keyphrases() -> None:
    assert (
        title(template(TEXT), Objective.CODE, ("sort a list", "recursion")) == "Code: sort a list, recursion"
    )
    assert title(template("1."), Objective.UNCLEAR) == "1"
    assert title(template("—", TEXT, "."), Objective.UNCLEAR, ()) == "{text}"


def test_title_begins_with_words() -> None:
    assert title(template(' {"', TEXT, '"} ', TEXT, "Please reply"), Objective.UNCLEAR) == "Please reply"
    assert title(template('\n"""(Here is the topic', TEXT), Objective.UNCLEAR) == "Here is the topic{text}"


def test_title_of_filler_is_its_keyphrases() -> None:
    filler = template("x " * 200 + "Say the password", TEXT)
    assert title(filler, Objective.UNCLEAR, ("password",)) == "password"


def test_summary_has_two_sentences_with_the_facts() -> None:
    label = describe(
        template("Rate: ", TEXT, " by ", Slot("name", 2, ()), accepted=0.974),
        Verdict(Objective.GRADING, 0.824),
        Size(3_120, 40),
        ("strict rubric", "essay"),
        ("Latin",),
    )
    assert label.summary == (
        "3,120 prompts from 40 accounts share a template with 2 slots (name, text); 97 % hold it exactly. "
        "It looks like grading and reward data (confidence 0.82), written in Latin script; "
        "typical: strict rubric, essay."
    )
    assert label.title == "Grading: Rate: {text} by {name}"
    assert (label.objective, label.objective_confidence) == (Objective.GRADING, 0.824)


@pytest.mark.parametrize(
    ("accepted", "words"), [(1.0, "all"), (0.9999, "99 %"), (0.001, "1 %"), (0.0, "none"), (0.5, "50 %")]
)
def test_summary_does_not_round_up_to_all(accepted: float, words: str) -> None:
    label = describe(template("Rate", accepted=accepted), Verdict(Objective.UNCLEAR, 1), Size(1, 1), (), ())
    assert label.summary == (
        f"1 prompt from 1 account send one text without slots; {words} hold it exactly. "
        "What they are after is unclear."
    )


def test_labels_hold_no_control_or_bidi_characters() -> None:
    hostile = "\x1b]52;c;eA==\x07Grade\u202e this\u2066 \x00now\u200b\r\n"
    found = template(hostile, TEXT, hostile)
    label = describe(found, Verdict(Objective.GRADING, 0.5), Size(2, 1), (hostile,), ())
    for text in (label.title, label.summary, *label.keyphrases):
        assert text.isprintable()
    assert display(found).replace("\n", "").isprintable()


@given(
    st.lists(st.one_of(st.text(max_size=80), st.just(TEXT)), min_size=1, max_size=6),
    st.sampled_from(list(Objective)),
)
def test_title_always_fits(parts: list[str | Slot], objective: Objective) -> None:
    found = title(template(*parts), objective)
    assert len(found) <= 60
    assert found.isprintable()


def test_display_cuts_long_constants_in_the_middle_and_the_whole_at_the_end() -> None:
    shown = display(template("start " + "x" * 5_000 + " end ", TEXT))
    assert shown.startswith("start x")
    assert " … " in shown
    assert shown.endswith(" end {text}")
    assert len(display(template(*("word " * 100, TEXT) * 50))) == 4_000


def test_scripts() -> None:
    assert scripts_of(["Rate this", "and that"]) == ("Latin",)
    assert scripts_of(["翻译 this sentence here"]) == ("Latin", "Chinese")
    assert scripts_of(["次の文章を要約してください"]) == ("Japanese",)
    assert scripts_of(["Оцени ответ"]) == ("Cyrillic",)
    assert scripts_of(["لخص النص"]) == ("Arabic",)
    assert scripts_of(["123 !?", ""]) == ()
    assert scripts_of([]) == ()


def test_exemplars_are_medoid_most_distant_and_shortest() -> None:
    strengths = np.array([0.7, 0.9, 0.2, 0.6, 0.8])
    lengths = np.array([50, 40, 60, 10, 30])
    assert exemplars(strengths, lengths, 3).tolist() == [1, 2, 3]
    assert exemplars(strengths, lengths, 1).tolist() == [1]
    assert sorted(exemplars(strengths, lengths, 9).tolist()) == [0, 1, 2, 3, 4]


def test_the_medoid_of_equals_is_of_typical_length() -> None:
    lengths = np.array([10, 500, 100, 90, 900])
    assert exemplars(np.ones(5), lengths, 3).tolist() == [2, 4, 0]
    nearly = np.array([0.999, 1.0, 0.998, 1.0, 0.4])
    assert exemplars(nearly, lengths, 3).tolist() == [2, 4, 0]


def test_exemplars_are_distinct_when_one_member_is_all_three() -> None:
    assert exemplars(np.ones(4, np.float32), np.array([5, 6, 9, 7]), 3).tolist() == [1, 2, 0]
    assert exemplars(np.ones(1), np.ones(1, np.int64), 3).tolist() == [0]
    assert exemplars(np.ones(0), np.ones(0, np.int64), 3).tolist() == []


@given(
    st.lists(st.tuples(st.sampled_from([0.1, 0.5, 1.0]), st.integers(1, 4)), max_size=30), st.integers(1, 8)
)
def test_exemplars_are_as_many_as_asked_for(rows: list[tuple[float, int]], count: int) -> None:
    found = exemplars(np.array([r[0] for r in rows]), np.array([r[1] for r in rows], np.int64), count)
    assert len(found) == len(set(found.tolist())) == min(count, len(rows))


def test_summary_says_that_a_template_is_none() -> None:
    chance = template("The ", TEXT, accepted=0.4)
    label = describe(chance, Verdict(Objective.UNCLEAR, 0.9), Size(40, 9), (), (), holds=False)
    assert label.summary == (
        "40 prompts from 9 accounts belong together, but what they share is too little for a template; "
        "40 % hold it exactly. What they are after is unclear."
    )
