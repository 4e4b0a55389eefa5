"""Templates and how their slots are filled.

The files `phrases/campaigns.templates`, `phrases/innocents.templates` and `phrases/idioms.templates` hold our own
texts: a template has an objective, a language, several wordings of one task, and for some tasks one translation per
language.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from campaigns.errors import UsageError
from simulation.draws import Draws
from simulation.grammar import Words, phrases
from simulation.prose import Language
from simulation.terminals import code, code_words

_SLOT = re.compile(r"\{(\w+)\}")
_HEADER = re.compile(r"^= (?P<name>[^|]+) \| (?P<objective>[^|]+) \| (?P<language>\w+)$")
_WORDING = re.compile(r"^--(?: (?P<language>\w+))?$")


@dataclass(frozen=True, slots=True)
class Wording:
    """One text of a template. `parts` alternate: constant, slot, constant, ...; constants may be empty."""

    language: str
    parts: tuple[str, ...]

    @property
    def constants(self) -> tuple[str, ...]:
        return self.parts[::2]

    @property
    def slots(self) -> tuple[str, ...]:
        return self.parts[1::2]

    def with_constants(self, constants: tuple[str, ...]) -> Wording:
        parts = list(self.parts)
        parts[::2] = constants
        return Wording(self.language, tuple(parts))

    def followed_by(self, other: Wording) -> Wording:
        """Both requests in one, a blank line between them."""
        seam = f"{self.parts[-1]}\n\n{other.parts[0]}"
        return Wording(self.language, (*self.parts[:-1], seam, *other.parts[1:]))

    def fill(self, value: Callable[[str], str]) -> str:
        return "".join(value(part) if index % 2 else part for index, part in enumerate(self.parts))


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """`objective` is a value of `campaigns.records.Objective`, or the kind of innocents that send it."""

    name: str
    objective: str
    language: str
    wordings: tuple[Wording, ...]
    translations: Mapping[str, Wording]

    @property
    def multilingual(self) -> tuple[Wording, ...]:
        """The first wording and its translations."""
        return (self.wordings[0], *self.translations.values())

    def in_language(self, code: str) -> Wording:
        """The first wording, or its translation.

        Raises:
            KeyError: there is no text in that language.
        """
        return self.wordings[0] if code == self.language else self.translations[code]


@lru_cache(maxsize=3)
def templates(file: str = "campaigns") -> Mapping[str, PromptTemplate]:
    """Every template of a file (`campaigns`, `innocents` or `idioms`) by name."""
    found: dict[str, PromptTemplate] = {}
    for block in re.split(r"\n(?=\= )", phrases(f"{file}.templates")):
        header, _, body = block.partition("\n")
        match = _HEADER.match(header)
        if match is None:
            continue  # the comment above the first template
        base = match["language"]
        wordings: list[Wording] = []
        translations: dict[str, Wording] = {}
        code, lines = base, list[str]()
        for line in [*body.splitlines(), "--"]:
            mark = _WORDING.match(line)
            if mark is None:
                lines.append(line)
                continue
            wording = Wording(code, tuple(_SLOT.split("\n".join(lines).strip())))
            if code == base:
                wordings.append(wording)
            else:
                translations[code] = wording
            code, lines = mark["language"] or base, []
        found[match["name"]] = PromptTemplate(
            match["name"], match["objective"], base, tuple(wordings), translations
        )
    return found


def template(name: str) -> PromptTemplate:
    """A campaign's or innocents' template.

    Raises:
        UsageError: nobody has a template of that name.
    """
    for file in ("campaigns", "innocents"):
        if name in templates(file):
            return templates(file)[name]
    known = ", ".join(sorted(templates("campaigns")))
    raise UsageError(f"unknown template {name!r}", hint=f"Known are: {known}.")


@dataclass(frozen=True, slots=True)
class Written:
    """A request and its truth: `family` names template and wording (None: there is no template)."""

    text: str
    family: str | None
    language: str


@dataclass(frozen=True, slots=True)
class SlotLengths:
    """Fewest and most sentences of a `{passage}`."""

    low: int
    high: int


SHORT = SlotLengths(1, 2)
MEDIUM = SlotLengths(2, 5)
LONG = SlotLengths(5, 14)


def slot_text(kind: str, spoken: Language, draws: Draws, scene: Words, lengths: SlotLengths) -> str:
    """One value of a slot. Passages and questions come from the language's prose, the rest from its
    terminals."""
    if kind == "passage":
        return spoken.sentences(draws.between(lengths.low, lengths.high), draws, scene)
    if kind == "sentence":
        return spoken.sentences(1, draws, scene)
    if kind == "question":
        return spoken.question(draws, scene)
    if kind == "code" and spoken.code == "en":
        return code(draws, code_words(scene))
    return spoken.grammar.expand(kind, draws, scene)
