"""Two campaigns side by side: templates word by word, accounts in common, evidence by signal."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_examples import GRADES, HOSTILE, LEDGER, publish_example

from campaigns import files
from campaigns.errors import UsageError
from campaigns.records import ACCOUNTS, Slot, Template
from review.compare import MOST_ACCOUNTS, Piece, Side, compare, difference
from review.run_tables import RunTables


def template(*parts: str | Slot) -> Template:
    return Template(parts, 0.5, 40.0, 1.0)


def slot(kind: str = "text") -> Slot:
    return Slot(kind, 2, ("x",))


PARTS = st.lists(
    st.one_of(
        st.text(st.sampled_from("ab漢字 .\n\u200b"), min_size=1, max_size=8),
        st.sampled_from([slot(), slot("name")]),
    ),
    max_size=8,
).map(lambda parts: template(*parts))


def side_of(pieces: list[Piece], other: Side) -> str:
    return "".join(piece.text for piece in pieces if piece.side != other)


def common_length(a: list[object], b: list[object]) -> int:
    """Of a longest common subsequence, by the textbook."""
    row = [0] * (len(b) + 1)
    for x in a:
        before = row
        row = [0]
        for j, y in enumerate(b):
            row.append(before[j] + 1 if x == y else max(before[j + 1], row[j]))
    return row[-1]


@given(left=PARTS, right=PARTS)
def test_either_template_can_be_read_from_the_difference(left: Template, right: Template) -> None:
    pieces = list(difference(left, right))
    assert side_of(pieces, Side.RIGHT) == left.display()
    assert side_of(pieces, Side.LEFT) == right.display()


@given(a=st.lists(st.sampled_from("abc"), max_size=30), b=st.lists(st.sampled_from("abc"), max_size=30))
def test_as_much_as_can_be_is_the_same(a: list[str], b: list[str]) -> None:
    """Unspaced letters, so that each is a word."""
    letters = dict(zip("abc", "漢字文", strict=True))
    texts = ["".join(letters[one] for one in side) for side in (a, b)]
    pieces = difference(template(texts[0]), template(texts[1]))
    same = sum(len(piece.text) for piece in pieces if piece.side == Side.BOTH)
    assert same == common_length(list(a), list(b))


def test_words_slots_and_marks_are_told_apart() -> None:
    left = template("Grade this essay: ", slot(), " from one to ten.")
    right = template("Grade that essay: ", slot(), " from one to ", slot("number"), ".")
    assert list(difference(left, right)) == [
        Piece(Side.BOTH, "Grade"),
        Piece(Side.LEFT, " this"),
        Piece(Side.RIGHT, " that"),
        Piece(Side.BOTH, " essay: "),
        Piece(Side.BOTH, "{text}", is_slot=True),
        Piece(Side.BOTH, " from one to"),
        Piece(Side.LEFT, " ten"),
        Piece(Side.RIGHT, " "),
        Piece(Side.RIGHT, "{number}", is_slot=True),
        Piece(Side.BOTH, "."),
    ]


def test_a_constant_that_looks_like_a_slot_is_none() -> None:
    pieces = list(difference(template("{text}"), template(slot())))
    assert [(piece.side, piece.is_slot) for piece in pieces] == [(Side.LEFT, False), (Side.RIGHT, True)]


@pytest.mark.parametrize("letters", ["!?.", "漢字", "".join(map(chr, range(0x4E00, 0x9000)))])
def test_the_longest_templates_take_no_time(letters: str) -> None:
    rng = np.random.default_rng(3)
    left, right = (template("".join(rng.choice(list(letters), 10_000))) for _ in range(2))
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        list(difference(left, right))
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 0.25  # 0.05 s on an idle core


def test_what_is_too_long_to_align_is_shown_as_replaced() -> None:
    left, right = ("begin " + word * 30_000 + " end" for word in ("漢", "字漢"))
    pieces = list(difference(template(left), template(right)))
    assert [piece.side for piece in pieces] == [Side.BOTH, Side.LEFT, Side.RIGHT, Side.BOTH]
    assert side_of(pieces, Side.RIGHT) == left


# -- campaigns -----------------------------------------------------------------------------------------


def test_two_campaigns_of_a_day_are_laid_side_by_side(tmp_path: Path) -> None:
    tables = RunTables(publish_example(tmp_path))
    found = compare(tables, GRADES, tables, LEDGER)
    assert (found.left.campaign_id, found.right.title) == (GRADES, "Balance the ledger")
    assert side_of(list(found.template), Side.RIGHT) == "Grade this essay: {text}"
    assert (found.n_shared, found.accounts) == (0, ())
    told = {pair.name: (pair.left is not None, pair.right is not None) for pair in found.signals}
    assert told == {
        "made together": (True, False),
        "shared clock": (True, False),
        "synchrony": (True, False),
        "slot uniqueness": (True, False),
        "evenness": (False, True),
    }
    assert found.signals[0].name == "made together"


def test_shared_accounts_come_with_both_strengths_the_surest_first(tmp_path: Path) -> None:
    run = publish_example(tmp_path)
    rows = [
        {
            "account_id": f"a{n:03}{HOSTILE}",
            "campaign_id": name,
            "n_prompts": 1,
            "share": 1.0,
            "strength": (n if name == GRADES else 60) / 100,
            "is_core": True,
            "reasons": [],
        }
        for name in (GRADES, LEDGER)
        for n in range(60 if name == GRADES else 70)
    ]
    files.write_parquet(run.path / "accounts.parquet", pa.Table.from_pylist(rows, ACCOUNTS))
    tables = RunTables(run)
    found = compare(tables, GRADES, tables, LEDGER)
    assert (found.n_shared, len(found.accounts)) == (60, MOST_ACCOUNTS)
    assert found.accounts[0].account_id == f"a059{HOSTILE}"
    assert (found.accounts[0].left, found.accounts[0].right) == (0.59, 0.6)
    same = compare(tables, GRADES, tables, GRADES)
    assert same.n_shared == 60
    assert {piece.side for piece in same.template} == {Side.BOTH}
    assert all(pair.left == pair.right for pair in same.signals)


def test_a_campaign_that_was_not_seen_is_refused(tmp_path: Path) -> None:
    tables = RunTables(publish_example(tmp_path))
    with pytest.raises(UsageError, match="not seen"):
        compare(tables, GRADES, tables, "c-none")
