"""A small generative grammar: rules in text files, expanded at random.

A file holds rules: `= name`, then one alternative per line. In an alternative `{rule}` expands another rule,
`{Rule}` does so with a capital letter, `{rule:s}` inflects the result, `[a|b]` chooses inline, and a
written \\n is a line break. Rules may recur; past a depth the first alternative is taken, so put the
plainest one first.

Names that no rule defines are looked up in the *scene*: the words of a topic, and ready-made terminals such
as `{number}` or `{person}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from simulation.draws import Draws

DEEP = 14
"""Depth of expansion from which only first alternatives are taken."""

Terminal = Callable[[Draws], str]
Inflection = Callable[[str], str]

_TOKEN = re.compile(
    r"\{(?P<ref>\w+)(?::(?P<form>\w+))?\}|\[(?P<open>)|(?P<bar>\|)|(?P<close>\])|(?P<text>[^{}\[\]|]+)"
)


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference to a rule, a topic word or a terminal."""

    name: str
    form: str
    capital: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """An inline choice."""

    options: tuple[Alternative, ...]


Alternative = tuple[str | Ref | Choice, ...]
Words = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Grammar:
    rules: Mapping[str, tuple[Alternative, ...]]
    terminals: Mapping[str, Terminal]
    inflections: Mapping[str, Inflection]

    def expand(self, rule: str, draws: Draws, words: Words) -> str:
        """One random text of `rule`; `words` are the current topic's, by the name of their rule."""
        out: list[str] = []
        self._ref(Ref(rule, "", capital=False), draws, words, out, 0)
        return "".join(out)

    def _alternative(
        self, parts: Alternative, draws: Draws, words: Words, out: list[str], depth: int
    ) -> None:
        for part in parts:
            if isinstance(part, str):
                out.append(part)
            elif isinstance(part, Ref):
                self._ref(part, draws, words, out, depth + 1)
            else:
                self._alternative(draws.pick(part.options), draws, words, out, depth)

    def _ref(self, ref: Ref, draws: Draws, words: Words, out: list[str], depth: int) -> None:
        start = len(out)
        if ref.name in self.rules:
            alternatives = self.rules[ref.name]
            chosen = alternatives[0] if depth > DEEP else draws.pick(alternatives)
            self._alternative(chosen, draws, words, out, depth)
        elif ref.name in words:
            out.append(draws.pick(words[ref.name]))
        else:
            out.append(self.terminals[ref.name](draws))
        if ref.form or ref.capital:
            text = "".join(out[start:])
            text = self.inflections[ref.form](text) if ref.form else text
            out[start:] = [text[:1].upper() + text[1:] if ref.capital else text]


def parse(line: str) -> Alternative:
    """Parse one alternative.

    Raises:
        ValueError: brackets that do not match.
    """
    stack: list[list[list[str | Ref | Choice]]] = [[[]]]
    position = 0
    while position < len(line):
        token = _TOKEN.match(line, position)
        if token is None:
            raise ValueError(f"cannot read {line[position:]!r}")
        position = token.end()
        current = stack[-1][-1]
        if token["ref"] is not None:
            name = token["ref"]
            capital = name[0].isupper()
            current.append(Ref(name[0].lower() + name[1:] if capital else name, token["form"] or "", capital))
        elif token["open"] is not None:
            stack.append([[]])
        elif token["bar"] is not None and len(stack) > 1:
            stack[-1].append([])
        elif token["close"] is not None and len(stack) > 1:
            options = tuple(tuple(option) for option in stack.pop())
            stack[-1][-1].append(Choice(options))
        elif token["text"] is not None:
            current.append(token["text"].replace("\\n", "\n"))
        else:
            raise ValueError(f"unexpected {token.group()!r} in {line!r}")
    if len(stack) > 1:
        raise ValueError(f"a bracket stays open in {line!r}")
    return tuple(stack[0][0])


def parse_rules(text: str) -> dict[str, tuple[Alternative, ...]]:
    rules: dict[str, list[Alternative]] = {}
    current: list[Alternative] = []
    for line in text.splitlines():
        if line.startswith("= "):
            # A dot only helps the reader to find rules; names in braces are plain words.
            current = rules.setdefault(line[2:].strip(), [])
        elif line.strip() and not line.startswith("#"):
            current.append(parse(line))
    return {name: tuple(alternatives) for name, alternatives in rules.items()}


def parse_topics(text: str) -> dict[str, dict[str, tuple[str, ...]]]:
    """Lines of `name | nouns | verbs | adjectives`, words parted by commas, to `{name: {"n", "v", "a"}}`."""
    topics = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            name, *columns = (column.strip() for column in line.split("|"))
            topics[name] = {
                key: tuple(word.strip() for word in column.split(","))
                for key, column in zip(("n", "v", "a"), columns, strict=True)
            }
    return topics


@lru_cache(maxsize=32)
def phrases(name: str) -> str:
    """The text of a packaged file of phrases."""
    return resources.files("simulation").joinpath("phrases", name).read_text(encoding="utf-8")
