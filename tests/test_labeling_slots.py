from __future__ import annotations

import pytest

from labeling.slots import SAMPLE_CHARACTERS, SAMPLES, kind_of, slot


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("17", "number"),
        ("-3.5 %", "number"),
        ("$1,200", "number"),
        ("٣٧", "number"),
        ("https://example.org/a?b=1", "url"),
        ("www.example.org", "url"),
        ("```python\nprint(1)\n```", "code"),
        ("def area(r):\n    return 3 * r ** 2", "code"),
        ("SELECT name FROM users WHERE id = 3;", "code"),
        ("for (int i = 0; i < n; i++) { s += a[i]; }", "code"),
        ("Who wrote it?", "question"),
        ("这本书是谁写的？", "question"),
        ("من كتب هذا؟", "question"),
        ('He asked: "why?"', "question"),
        ("- one\n- two\n- three", "list"),
        ("1. one\n2. two", "list"),
        ("red, green, blue", "list"),
        ("苹果、香蕉、梨", "list"),
        ("Ada Lovelace", "name"),
        ("O'Brien", "name"),
        ("王小明", "name"),
        ("The committee met on Tuesday and agreed.", "text"),
        ("just some words", "text"),
        ("", "text"),
        ("\x00\x1b[31m", "text"),
        ("(" * 5_000, "code"),
    ],
)
def test_kind_of_one_value(value: str, kind: str) -> None:
    assert kind_of(value) == kind


def test_slot_takes_the_kind_of_most_values_and_the_shortest_samples() -> None:
    values = [str(n) for n in range(100, 190)] + ["about ten"] * 5 + ["", ""]
    found = slot(values)
    assert found.kind == "number"
    assert found.n_values == 91
    assert found.values == ("100", "101", "102", "103", "104")
    assert len(found.values) == SAMPLES


def test_slot_without_agreement_is_text() -> None:
    assert slot(["1", "2", "Ada Byron", "Max Born"]).kind == "text"
    assert slot([]).kind == "text"
    assert slot(["", ""]).n_values == 0


def test_samples_are_cut() -> None:
    [sample] = slot(["x" * 1_000]).values
    assert len(sample) == SAMPLE_CHARACTERS
    assert sample.endswith("…")


def test_order_of_values_does_not_matter() -> None:
    values = [f"{n} apples" for n in range(300)]
    assert slot(values) == slot(values[::-1])
