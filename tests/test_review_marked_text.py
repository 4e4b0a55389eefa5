"""What cannot be seen is shown as chips; nothing of the text is lost, and nobody makes a page of chips."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_examples import HOSTILE

from campaigns.display import is_seen
from campaigns.records import Slot, Template
from review.marked_text import Kind, marked, template_parts

UNSEEN = "\u200b\u200d\u202e\u2066\x00\x1b\x7f\x85\r\ufeff\u00ad\u3164\u2028\U000e0041"
TEXT = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from(UNSEEN + " \n\tab")))


@given(text=TEXT)
def test_the_originals_put_together_are_the_text(text: str) -> None:
    segments = list(marked(text))
    assert "".join(segment.text for segment in segments) == text
    assert all(segment.text for segment in segments)


@given(text=TEXT)
def test_plain_segments_show_what_they_are_and_the_others_say_what_they_hold(text: str) -> None:
    segments = list(marked(text))
    for segment in segments:
        if segment.unseen:
            assert segment.label.isprintable()
            assert segment.name.startswith("U+")
            assert not any(is_seen(character) for character in segment.text)
        else:
            unusual = [c for c in segment.text if not is_seen(c) and not c.isspace()]
            assert (segment.label, segment.name, unusual) == ("", "", [])
    kinds = [segment.unseen for segment in segments]
    assert all(before != after for before, after in pairwise(kinds))


@pytest.mark.parametrize(
    ("text", "kind", "label", "name"),
    [
        ("\u200b", Kind.INVISIBLE, "ZWSP", "U+200B ZERO WIDTH SPACE"),
        ("\u202e", Kind.BIDI, "RLO", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("\x1b", Kind.CONTROL, "ESC", "U+001B ESCAPE"),
        ("\x9b", Kind.CONTROL, "U+009B", "U+009B CONTROL"),
        ("\ue000", Kind.INVISIBLE, "U+E000", "U+E000 PRIVATE USE"),
        ("\u3164", Kind.INVISIBLE, "U+3164", "U+3164 HANGUL FILLER"),
        ("\u200b" * 5_000, Kind.INVISIBLE, "ZWSP ×5,000", "U+200B ZERO WIDTH SPACE"),
        ("\u200b\u2066", Kind.BIDI, "ZWSP LRI", "U+200B ZERO WIDTH SPACE, U+2066 LEFT-TO-RIGHT ISOLATE"),
    ],
)
def test_a_run_is_one_chip_that_says_what_it_is(text: str, kind: Kind, label: str, name: str) -> None:
    before, chip, after = marked(f"a{text}b")
    assert (chip.kind, chip.label, chip.name, chip.text) == (kind, label, name, text)
    assert (before.text, after.text) == ("a", "b")


def test_a_run_of_many_different_ones_is_one_short_chip_too() -> None:
    (chip,) = marked("".join(map(chr, range(0xE0000, 0xE0080))) * 10)
    assert chip.label == "U+E0000 U+E0001 U+E0002 … ×1,280"
    assert len(chip.name) < 200


@pytest.mark.parametrize("text", ["a b\u00a0c\u3000d", "line\r\nline\n\ttab", "漢字 e\u0301 ✌️", ""])
def test_spaces_and_line_breaks_are_plain(text: str) -> None:
    assert [segment.kind for segment in marked(text)] == [Kind.PLAIN] * bool(text)


def test_a_lone_carriage_return_is_not() -> None:
    assert [segment.label for segment in marked("over\rwritten\r\n")] == ["", "CR", ""]


def test_the_work_grows_with_the_length_only() -> None:
    seconds = []
    for length in (20_000, 200_000):
        text = "a\u200b" * (length // 2)
        started = time.perf_counter()
        assert sum(1 for _ in marked(text)) == length
        seconds.append(time.perf_counter() - started)
    assert seconds[1] < 40 * seconds[0]


def test_slots_are_numbered_and_nothing_of_a_template_is_lost() -> None:
    slots = [Slot(kind, 3, ("x",)) for kind in ("text", "name")]
    template = Template(("Grade {text}: ", slots[0], slots[1], HOSTILE), 0.5, 40.0, 1.0)
    parts = list(template_parts(template))
    assert [(part.slot, part.kind) for part in parts] == [(0, ""), (1, "text"), (2, "name"), (0, "")]
    assert "".join(part.text for part in parts) == template.display()
