"""Values that recur in slots, with the accounts that share them."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.records import SLOT_VALUES, Slot, Template
from labeling.matcher import compile_template
from labeling.slot_values import Sent, slot_values
from labeling.slots import SAMPLE_CHARACTERS

RATE = Template(("Rate: ", Slot("text", 0, ()), " Why? ", Slot("name", 0, ())), 0, 0, 0)


def sent(rows: list[tuple[int, int, int]]) -> Sent:
    """From (member, account, prompts)."""
    table = np.array(rows, np.int64).reshape(-1, 3)
    return Sent(table[:, 0], table[:, 1], table[:, 2])


def table_of(texts: list[str], rows: list[tuple[int, int, int]], most: int = 20) -> list[dict[str, object]]:
    table = slot_values(4, RATE, pa.array(texts, pa.string()), sent(rows), most)
    assert table.schema == SLOT_VALUES
    found: list[dict[str, object]] = table.to_pylist()
    return found


def test_shared_values_come_first_with_prompts_and_accounts() -> None:
    texts = ["Rate: the fox Why? Ann", "Rate: the fox Why? Bob", "Rate: a hen Why? Ann", "Rated: the fox"]
    rows = table_of(texts, [(0, 0, 5), (1, 1, 1), (1, 2, 1), (2, 0, 1), (3, 7, 9)])
    shown = [(r["slot"], r["kind"], r["n_values"], r["value"], r["n_prompts"], r["n_accounts"]) for r in rows]
    assert shown == [
        (0, "text", 2, "the fox", 7, 3),
        (0, "text", 2, "a hen", 1, 1),
        (1, "name", 2, "Bob", 2, 2),
        (1, "name", 2, "Ann", 6, 1),
    ]
    assert {row["family"] for row in rows} == {4}


def test_case_disguise_and_spacing_do_not_set_values_apart() -> None:
    texts = ["Rate: The  Fox Why? Ann", "Rate: the f\u200box Why? ann", "Rate: the fоx Why? ANN"]
    rows = table_of(texts, [(0, 0, 1), (1, 1, 1), (2, 2, 1)])
    assert [(row["value"], row["n_accounts"]) for row in rows] == [("The  Fox", 3), ("Ann", 3)]


def test_equal_words_have_equal_keys_in_every_slot_and_family() -> None:
    [first, second] = table_of(["Rate: red fox Why? Red Fox"], [(0, 0, 1)])
    assert first["value_key"] == second["value_key"] != 0


def test_values_are_cut_and_bounded_but_counted() -> None:
    texts = [f"Rate: {n} {'x' * 500} Why? \x1b[31m\u202e" for n in range(30)]
    rows = table_of(texts, [(n, n, 1) for n in range(30)], most=7)
    first = [row for row in rows if row["slot"] == 0]
    assert len(first) == 7
    assert {row["n_values"] for row in first} == {30}
    assert all(len(str(row["value"])) == SAMPLE_CHARACTERS for row in first)
    assert [row["n_accounts"] for row in rows if row["slot"] == 1] == [30]


def test_empty_slots_and_families_without_slots_have_no_values() -> None:
    assert table_of(["Rate: Why?"], [(0, 0, 3)]) == []
    whole = Template(("Rate it.",), 0, 0, 0)
    assert slot_values(0, whole, pa.array(["Rate it."]), sent([(0, 0, 1)]), 5).num_rows == 0
    loose = Template((Slot("text", 1, ()),), 0, 0, 0)
    assert slot_values(0, loose, pa.array(["x"]), sent([(0, 0, 1)]), 5).num_rows == 0


words = st.sampled_from(["ab", "ba", "a", "中", "7", ""])


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(words, words, words), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 3), st.integers(1, 4)), max_size=20),
)
def test_counts_agree_with_counting_one_by_one(
    filled: list[tuple[str, str, str]], senders: list[tuple[int, int, int]]
) -> None:
    texts = [f"Rate: {a} {b} Why? {c}" for a, b, c in filled]
    once = {(member, account): n for member, account, n in senders if member < len(texts)}
    prompts: Counter[tuple[int, str]] = Counter()
    accounts: defaultdict[tuple[int, str], set[int]] = defaultdict(set)
    values = compile_template(RATE).slot_values(texts)
    for (member, account), n in once.items():
        for slot, value in enumerate(values[member] or ()):
            if value:
                prompts[slot, plain(value)] += n
                accounts[slot, plain(value)].add(account)
    rows = table_of(texts, [(member, account, n) for (member, account), n in once.items()])
    counted = {
        (row["slot"], plain(str(row["value"]))): (row["n_prompts"], row["n_accounts"])
        for row in rows
        if row["n_accounts"]
    }
    assert counted == {key: (prompts[key], len(accounts[key])) for key in prompts}


def plain(value: str) -> str:
    return " ".join(value.split())
