"""Nothing from a prompt reaches a terminal unseen."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.display import plain_text, safe_text

CONTROLS = [*range(0x20), *range(0x7F, 0xA0)]
BIDI = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
UNSEEN = [
    0x00AD,
    0x034F,
    0x115F,
    0x180E,
    0x200B,
    0x200C,
    0x200D,
    0x2028,
    0x2029,
    0x2060,
    0x3164,
    0xFE00,
    0xFEFF,
]
UNSEEN += [0xFFF9, 0xE0001, 0xE0041, 0xE0100, 0xE000, 0x10FFFF, 0xD800]


@pytest.mark.parametrize("code", CONTROLS)
def test_every_control_character_is_spelled_out_or_left_out(code: int) -> None:
    spelled = {9: "\\t", 10: "\\n", 13: "\\r"}.get(code, f"\\x{code:02x}")
    assert safe_text(f"a{chr(code)}b") == f"a{spelled}b"
    assert plain_text(f"a{chr(code)}b") in {"ab", "a b"}


@pytest.mark.parametrize("code", [*BIDI, *UNSEEN])
def test_bidi_and_invisible_characters_are_spelled_out_or_left_out(code: int) -> None:
    spelled = f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    assert safe_text(f"a{chr(code)}b") == f"a{spelled}b"
    assert plain_text(f"a{chr(code)}b") in {"ab", "a b"}


@pytest.mark.parametrize(
    ("attack", "shown"),
    [
        ("\x1b[2J\x1b[31mred", "\\x1b[2J\\x1b[31mred"),
        (
            "\x1b]8;;https://example.org\x07click\x1b]8;;\x07",
            "\\x1b]8;;https://example.org\\x07click\\x1b]8;;\\x07",
        ),
        ("\x1b]52;c;ZXZpbA==\x1b\\", "\\x1b]52;c;ZXZpbA==\\x1b\\"),
        ("\x9b31m\x9d52;c;eA==\x9c", "\\x9b31m\\x9d52;c;eA==\\x9c"),
        ("ok\rfake", "ok\\rfake"),
        ("a\x08\x08b", "a\\x08\\x08b"),
        ("user\u202etxt.exe", "user\\u202etxt.exe"),
    ],
)
def test_terminal_attacks(attack: str, shown: str) -> None:
    assert safe_text(attack) == shown


def test_ordinary_text_of_any_script_stays() -> None:
    for text in (
        "Plain words.",
        "naïve café",
        "你好，世界",
        "مرحبا بالعالم",
        "наука",
        "หนังสือ",
        "한국어",
        "👍🏽 ok",
        "☎\ufe0f",
    ):
        assert safe_text(text) == text
        assert plain_text(text) == text


def test_spaces_that_look_like_spaces_become_spaces() -> None:
    assert safe_text("a\u00a0b\u3000c\u2003d") == "a b c d"
    assert plain_text("a\u00a0\u3000 b") == "a b"


def test_limit() -> None:
    assert safe_text("abcdef", 4) == "abc…"
    assert safe_text("abcd", 4) == "abcd"
    assert safe_text("\x1b\x1b", 6) == "\\x1b\\…"
    assert safe_text("x" * 10_000_000, 20) == "x" * 19 + "…"
    assert safe_text("abc", 0) == ""
    assert plain_text("one  two", 5) == "one…"


def test_multiline() -> None:
    assert safe_text("a\r\nb\n\tc\rd", multiline=True) == "a\nb\n\tc\\rd"
    assert plain_text("\na \n\n\n\n  b\x1b[0m\r\nc\n", multiline=True) == "a\n\n  b[0m\nc"
    assert plain_text(" a\n b ") == "a b"


@given(st.text(st.characters(codec=None), max_size=40))
def test_whatever_comes_out_can_be_seen(text: str) -> None:
    for shown in (safe_text(text), plain_text(text)):
        assert all(unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for c in shown)
    lines = safe_text(text, multiline=True)
    assert all(c.isprintable() or c in "\n\t" for c in lines)


@given(st.text(max_size=40), st.integers(0, 20))
def test_the_limit_always_holds(text: str, limit: int) -> None:
    assert len(safe_text(text, limit)) <= limit
    assert len(plain_text(text, limit)) <= limit
    assert len(plain_text(text, limit, multiline=True)) <= limit
