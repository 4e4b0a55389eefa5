"""Two campaigns side by side: what their templates share, whom they share, and what speaks in each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Final

from accounts.signals.reading import Group
from campaigns.records import Template
from review.campaign import campaign_row, read_template
from review.evidence import ORDER, Sheet, Signal, read_sheet
from review.heads import Head, head_of
from review.run_tables import RunTables

MOST_TOKENS: Final = 10_000
"""Of what is left of a template after equal beginnings and ends. More is not aligned, but shown as replaced."""
MOST_ACCOUNTS: Final = 50

_UNSPACED: Final = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_TOKEN: Final = re.compile(rf"[ ]?(?:[{_UNSPACED}]|[^\W{_UNSPACED}]+|[^\w\s])|\s+")
"""A word or a mark with the space before it, or one character of a script without spaces; else white space."""


_Token = tuple[str, bool]
"""A text, and whether it is a slot."""


class Side(StrEnum):
    BOTH = "both"
    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Piece:
    """Of both templates or of one alone. All that are not of the right, put together, are the left as displayed."""

    side: Side
    text: str
    is_slot: bool = False


@dataclass(frozen=True, slots=True)
class SharedAccount:
    """Strengths are those of the account in each campaign, 0 to 1."""

    account_id: str
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class SignalPair:
    """A signal of both campaigns; None where a run did not know it."""

    name: str
    group: Group
    left: Signal | None
    right: Signal | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    Attributes:
        n_shared: accounts in common; `accounts` the `MOST_ACCOUNTS` of them that belong most surely to both.
        signals: of either, in the order of the evidence page.
    """

    left: Head
    right: Head
    template: tuple[Piece, ...]
    n_shared: int
    accounts: tuple[SharedAccount, ...]
    signals: tuple[SignalPair, ...]


def compare(left: RunTables, left_id: str, right: RunTables, right_id: str) -> Comparison:
    """The runs may be of different days.

    Raises:
        UsageError: one of the campaigns is not in its run.
    """
    strengths = [_strengths(tables, name) for tables, name in ((left, left_id), (right, right_id))]
    shared = [
        SharedAccount(account, strengths[0][account], strengths[1][account])
        for account in strengths[0].keys() & strengths[1].keys()
    ]
    shared.sort(key=lambda one: (-min(one.left, one.right), -max(one.left, one.right), one.account_id))
    return Comparison(
        head_of(left, left_id),
        head_of(right, right_id),
        tuple(difference(read_template(left, left_id), read_template(right, right_id))),
        len(shared),
        tuple(shared[:MOST_ACCOUNTS]),
        tuple(_pairs(_sheet(left, left_id), _sheet(right, right_id))),
    )


def _strengths(tables: RunTables, campaign_id: str) -> dict[str, float]:
    rows = tables.rows("accounts", "campaign_id", campaign_id)
    return dict(zip(rows["account_id"].to_pylist(), rows["strength"].to_pylist(), strict=True))


def _sheet(tables: RunTables, campaign_id: str) -> Sheet:
    return read_sheet(tables, campaign_row(tables, campaign_id))


def _pairs(left: Sheet, right: Sheet) -> Iterator[SignalPair]:
    sides = [{(one.group, one.name): one for one in sheet.signals} for sheet in (left, right)]
    for group, name in sorted({*sides[0], *sides[1]}, key=lambda key: (ORDER.index(key[0]), key[1])):
        yield SignalPair(name, group, sides[0].get((group, name)), sides[1].get((group, name)))


# -- templates -----------------------------------------------------------------------------------------


def difference(left: Template, right: Template) -> Iterator[Piece]:
    """Both templates in one row of pieces: word by word what is the same, and what only one of them has.

    As much as can be is the same. Slots are the same where their kinds are; they are pieces of their own.
    """
    a, b = _tokens(left), _tokens(right)
    for (side, is_slot), run in groupby(_sides(a, b), key=lambda one: (one[0], one[1][1])):
        texts = [text for _, (text, _) in run]
        yield from (Piece(side, text, is_slot) for text in (texts if is_slot else ["".join(texts)]))


def _sides(a: Sequence[_Token], b: Sequence[_Token]) -> Iterator[tuple[Side, _Token]]:
    """Each token once; between two that both have, first those of the left."""
    i = j = 0
    for x, y in [*_pairs_of_tokens(a, b), (len(a), len(b))]:
        yield from ((Side.LEFT, token) for token in a[i:x])
        yield from ((Side.RIGHT, token) for token in b[j:y])
        yield from ((Side.BOTH, token) for token in a[x : x + 1])
        i, j = x + 1, y + 1


def _pairs_of_tokens(a: Sequence[_Token], b: Sequence[_Token]) -> list[tuple[int, int]]:
    """Places of what both have, ascending."""
    head = _equal(a, b)
    tail = _equal(a[head:][::-1], b[head:][::-1])
    ends = len(a) - tail, len(b) - tail
    inner = _aligned(a[head : ends[0]], b[head : ends[1]]) if max(ends) - head <= MOST_TOKENS else []
    return [
        *((n, n) for n in range(head)),
        *((head + x, head + y) for x, y in inner),
        *((ends[0] + n, ends[1] + n) for n in range(tail)),
    ]


def _tokens(template: Template) -> list[_Token]:
    made: list[_Token] = []
    for part in template.parts:
        if isinstance(part, str):
            made += [(token, False) for token in _TOKEN.findall(part)]
        else:
            made.append(("{" + part.kind + "}", True))
    return made


def _equal(a: Sequence[_Token], b: Sequence[_Token]) -> int:
    """How many are the same from the start."""
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _aligned(a: Sequence[_Token], b: Sequence[_Token]) -> list[tuple[int, int]]:
    """Places of a longest common subsequence, ascending.

    By Hyyrö's bit-parallel recurrence (2004): a row of the dynamic program is one integer of len(b) bits, 0 where the
    length of the common subsequence grows by one. So the quadratic work is done a machine word at a time.
    """
    places: dict[_Token, int] = {}
    for at, token in enumerate(b):
        places[token] = places.get(token, 0) | 1 << at
    full = (1 << len(b)) - 1
    rows = [full]
    for token in a:
        matching = rows[-1] & places.get(token, 0)
        rows.append((rows[-1] + matching | rows[-1] - matching) & full)
    return _traced(rows, len(b))


def _traced(rows: Sequence[int], width: int) -> list[tuple[int, int]]:
    """From the last corner back. Where neither side can be left out without loss, the two are a pair."""
    found = []
    i, j = len(rows) - 1, width
    while i and j:
        if rows[i] >> j - 1 & 1:
            j -= 1
        elif not rows[i - 1] >> j - 1 & 1:
            i -= 1
        else:
            i, j = i - 1, j - 1
            found.append((i, j))
    return found[::-1]
