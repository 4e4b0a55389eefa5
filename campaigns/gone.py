"""What has to go with an account, and how to take it out of a table.

Its rows go. So does every text that nobody else sent, with what was made of it: skeletons, windows, samples of slots.
What counts people stays: how many prompts and accounts a campaign had is what the day found, and names nobody.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from campaigns.records import TEXT_KEY

ERASED: Final = "[erased]"
"""Stands where a sentence named the account."""
LEAST_CHARACTERS: Final = 24
"""Of a text that is sought inside others. Shorter ones are what anybody may write; they are sought as a whole."""
SENTENCES: Final = frozenset(
    {
        "reason", "reasons", "sentence", "detail", "how", "source", "title", "label", "summary", "template",
        "settled_reason", "removed_reason", "note", "error",
    }
)  # fmt: skip
"""Columns, of runs and of the store, that hold words of Shoal or of people who work with it. What others sent is theirs
and stays as it is, whomever it names."""
PROMPTS: Final = ("prompts/", "canaries/", "extras")
"""Begin the names of tables that hold what came in, row by row."""
_NO_KEY: Final = bytes(TEXT_KEY.byte_width)


@dataclass(slots=True)
class Gone:
    """
    Attributes:
        ids: the accounts, in every form that their ids may have.
        prompts: ids of their prompts.
        keys: text keys of what nobody else sent, and `texts` these texts.
        cached: keys of what the encoder read of these texts, by which the cache knows it.
    """

    ids: set[str] = field(default_factory=set)
    prompts: set[str] = field(default_factory=set)
    keys: set[bytes] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    cached: set[bytes] = field(default_factory=set)

    def to_json(self) -> dict[str, Any]:
        return {
            "ids": sorted(self.ids),
            "prompts": sorted(self.prompts),
            "keys": sorted(key.hex() for key in self.keys),
            "texts": sorted(self.texts),
            "cached": sorted(key.hex() for key in self.cached),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Gone:
        return cls(
            set(value["ids"]),
            set(value["prompts"]),
            {bytes.fromhex(key) for key in value["keys"]},
            set(value["texts"]),
            {bytes.fromhex(key) for key in value["cached"]},
        )

    def add(self, other: Gone) -> None:
        self.ids |= other.ids
        self.prompts |= other.prompts
        self.keys |= other.keys
        self.texts |= other.texts
        self.cached |= other.cached

    @property
    def long_texts(self) -> list[str]:
        return sorted((text for text in self.texts if len(text) >= LEAST_CHARACTERS), key=len, reverse=True)

    def redacted(self, text: str) -> str:
        """`text` without the ids as words of it, and without the texts."""
        for name in sorted(self.ids, key=len, reverse=True):
            if name in text:
                text = re.sub(whole_word(name), ERASED, text)
        for sent in self.long_texts:
            text = text.replace(sent, ERASED)
        return text


def whole_word(name: str) -> str:
    """A regular expression for an id that is not part of a longer one; Python's and RE2's."""
    return rf"(?:\b|^){re.escape(name)}(?:\b|$)" if _wordlike(name) else re.escape(name)


def _wordlike(name: str) -> bool:
    return bool(re.match(r"\w", name)) and bool(re.search(r"\w\Z", name))


def without(name: str, table: pa.Table, gone: Gone, pieces: frozenset[str] = frozenset()) -> pa.Table | None:
    """A table of a run without all that has to go; None if nothing of it is there.

    Args:
        name: of the file, without its ending.
        pieces: what only the accounts put into slots, and words that only they used.
    """
    made = _without_rows(name, table, gone, pieces)
    for column in () if name.startswith(PROMPTS) else made.schema:
        clean = _cleaner(column.name, gone, pieces)
        new = None if clean is None else _mapped(made[column.name], clean)
        if new is not None:
            made = made.set_column(made.schema.get_field_index(column.name), column, new)
    return None if made.equals(table) else made


def _without_rows(name: str, table: pa.Table, gone: Gone, pieces: frozenset[str]) -> pa.Table:
    names = set(table.schema.names)
    if "account_id" in names:
        table = table.filter(_outside(table["account_id"], gone.ids))
    elif "prompt_id" in names:
        table = table.filter(_outside(table["prompt_id"], gone.prompts))
    if name == "representatives":
        return _blanked(table, gone)
    if "text_key" in names and not name.startswith("canaries/"):
        table = table.filter(_outside(table["text_key"], gone.keys))
    if name == "slot_values":
        table = table.filter(_outside(table["value"], set(pieces)))
    return table


def _blanked(table: pa.Table, gone: Gone) -> pa.Table:
    """Representatives keep their places, which are those of their vectors."""
    theirs = pc.is_in(table["text_key"], value_set=pa.array(sorted(gone.keys), TEXT_KEY))
    for column, blank in (("text", pa.scalar("")), ("text_key", pa.scalar(_NO_KEY, TEXT_KEY))):
        at = table.schema.get_field_index(column)
        new = pc.if_else(theirs, blank, table[column]).cast(table.schema.field(column).type)
        table = table.set_column(at, table.schema.field(column), new)
    return table


def _outside(values: pa.ChunkedArray, going: Iterable[Any]) -> pa.ChunkedArray:
    return pc.invert(pc.is_in(values, value_set=pa.array(sorted(going), values.type)))


def _cleaner(column: str, gone: Gone, pieces: frozenset[str]) -> Callable[[Any], Any] | None:
    """What becomes of a value of a column; None: it stays. A list gets its items one by
    one, and loses those that are None."""
    if column in ("exemplar_prompt_ids", "exemplar_prompt_id"):
        return lambda value: None if value in gone.prompts else value
    if column == "exemplars":
        return lambda value: None if value in gone.keys else value
    if column == "account_ids":
        return lambda value: None if value in gone.ids else value
    if column == "keyphrases":
        return lambda value: None if value in pieces else value
    if column == "template_json":
        return lambda value: _template_without(value, pieces)
    if column in SENTENCES:
        return gone.redacted
    return None


def _template_without(text: str, pieces: frozenset[str]) -> str:
    """A template of `labels`, its slots without the samples that are pieces."""
    template = json.loads(text)
    for part in template["parts"]:
        if isinstance(part, dict):
            part["values"] = [value for value in part["values"] if value not in pieces]
    made = json.dumps(template, ensure_ascii=False)
    return text if json.loads(text) == template else made


def _mapped(values: pa.ChunkedArray, clean: Callable[[Any], Any]) -> pa.Array | None:
    """Each distinct value is looked at once; None if none changes."""
    rows = values.to_pylist()
    known: dict[Any, Any] = {None: None}

    def one(value: Any) -> Any:
        if value not in known:
            known[value] = clean(value)
        return known[value]

    if pa.types.is_list(values.type):
        new = [
            None if row is None else [kept for value in row if (kept := one(value)) is not None]
            for row in rows
        ]
    else:
        new = [one(value) for value in rows]
    return None if new == rows else pa.array(new, values.type)


# -- what only they wrote ------------------------------------------------------------------------------


def only_theirs(
    pieces: Iterable[str], texts: Iterable[str], others: Iterable[Sequence[str]]
) -> frozenset[str]:
    """The pieces that a text of theirs holds and none of the others', however spaced, cut or in capitals.

    Args:
        others: what everybody else sent, part by part.
    """
    theirs = _flat(texts)
    left = {
        piece: flat
        for piece in pieces
        if (flat := _flat([piece]).removesuffix("…").strip()) and flat in theirs
    }
    for part in others:
        if not left:
            break
        written = _flat(part)
        left = {piece: flat for piece, flat in left.items() if flat not in written}
    return frozenset(left)


def _flat(texts: Iterable[str]) -> str:
    return "\n".join(" ".join(text.casefold().split()) for text in texts)
