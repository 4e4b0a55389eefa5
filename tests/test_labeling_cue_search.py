"""Cues in texts: words, stems, choices and gaps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.asks import asks
from labeling.cue_search import GAP_WORDS, CueIndex


def finds(cue: str, text: str) -> bool:
    return bool(CueIndex([(0, cue)]).find([text])[0])


@pytest.mark.parametrize(
    ("cue", "text"),
    [
        ("rate", "Please RATE this"),
        ("rate", "\uff32ate"),
        ("translat*", "Translating"),
        ("ubersetz*", "Übersetzen Sie"),
        ("классифицир*", "Классифицируйте"),
        ("step by step", "think step by step."),
        ("write|make .. question*", "Make, please, three hard questions"),
        ("write|make question*", "make questions"),
        ("打分", "请给回答打分"),
        ("给 .. 打分|评分", "给下面的回答评分"),
        ("a , b", "A, B or C"),
        ("write .. code", "wr\u200bite the c\u200bode"),
    ],
)
def test_found(cue: str, text: str) -> None:
    assert finds(cue, text)


@pytest.mark.parametrize(
    ("cue", "text"),
    [
        ("rate", "rates"),
        ("rate", "crate"),
        ("translat*", "retranslate"),
        ("step by step", "step by a step"),
        ("write .. question*", "write this. Any questions?"),
        ("write .. question*", "write this\nquestions"),
        ("write .. question*", "write " + "word " * (GAP_WORDS + 1) + "questions"),
        ("write questions", "questions write"),
        ("打分", "打零分"),
        ("rate", ""),
    ],
)
def test_not_found(cue: str, text: str) -> None:
    assert not finds(cue, text)


def test_a_gap_may_be_empty_and_reaches_just_so_far() -> None:
    assert finds("write .. questions", "write questions")
    assert finds("write .. questions", "write " + "word " * GAP_WORDS + "questions")


def test_where_a_hit_stands() -> None:
    index = CueIndex([(7, "rate .. answer"), (8, "code")])
    rate, code = index.find(["Hello. Please rate this answer, and the code"])[0]
    assert (index.cues[rate.cue].owner, rate.first, rate.last, rate.offset) == (7, 3, 5, 1)
    assert (index.cues[code.cue].owner, code.first, code.last) == (8, 9, 9)
    assert rate.sentence == code.sentence == 1
    assert rate.clause != code.clause


def test_each_cue_counts_once_and_texts_do_not_mix() -> None:
    index = CueIndex([(0, "rate this")])
    assert [len(hits) for hits in index.find(["rate this, rate this", "rate", "this"])] == [1, 0, 0]
    assert index.find([]) == []


def test_hostile_text_costs_no_more_than_its_length() -> None:
    """Gaps multiply with gaps at most a constant number of times per token."""
    index = CueIndex([(0, "a .. a .. a .. b"), (1, "写 .. 写 .. 写 .. 完")])
    assert index.find(["a " * 5_000, "写" * 5_000]) == [[], []]


@given(st.text(max_size=200))
def test_any_text_may_come(text: str) -> None:
    index = CueIndex([(0, "wri*|mak* .. question*"), (0, "打分")])
    for hit in index.find([text])[0]:
        assert 0 <= hit.first <= hit.last


def test_every_cue_of_the_project_is_well_formed() -> None:
    cues = [cue for by in asks().values() for of in by.values() for cue in of]
    index = CueIndex([(0, cue) for cue in cues])
    assert len(index.cues) == len(cues) > 500
    for text, cue in zip(cues, index.cues, strict=True):
        assert cue.places, text
        assert "$" not in text
        assert not text.startswith("..")
        assert not text.endswith("..")
        assert all(choice for place in cue.places for choice in place.choices), text
