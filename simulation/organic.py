"""What ordinary people type: each account has its own language, topics, favourite intents and typing
habits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simulation.draws import Draws, stream
from simulation.grammar import Words
from simulation.prose import LANGUAGES, UNSPACED, Language, language

ENGLISH_SHARE = 0.72
_LOCAL_SHARE = 0.85
"""Part of those who meet round a text in another language than English who speak it."""
_GREETING_SHARE = 0.02
_NEIGHBOURS = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo",
    "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "r": "et", "s": "ad", "t": "ry", "u": "yi",
    "v": "cb", "w": "qe", "y": "tu",
}  # fmt: skip


@dataclass(frozen=True)
class Voice:
    """How one person writes. `scenes` are word lists of the person's own topics, one per entry of
    `topics`."""

    language: Language
    topics: Sequence[str]
    scenes: Sequence[Words]
    intents: Sequence[str]
    case: str
    typos: float
    wordy: float
    opener: float
    closing: float
    end: str
    salt: int

    def scene_in(self, spoken: Language, draws: Draws) -> Words:
        """Words in a language that need not be the person's own: the same interests each time."""
        if spoken is self.language:
            return draws.pick(self.scenes)
        return spoken.scene(draws.pick(self.topics), stream(self.salt, "foreign", spoken.code))

    def prompt(self, draws: Draws) -> str:
        """One request in this voice."""
        grammar = self.language.grammar
        scene = draws.pick(self.scenes)
        if draws.chance(_GREETING_SHARE):
            return grammar.expand("greeting", draws, scene)
        text = grammar.expand(draws.pick(self.intents), draws, scene)
        if draws.chance(self.wordy):
            text = self._with_paste(text, draws, scene)
        if "opener" in grammar.rules:
            if draws.chance(self.opener):
                text = f"{grammar.expand('opener', draws, scene)} {text}"
            if draws.chance(self.closing):
                text = f"{text} {grammar.expand('closing', draws, scene)}"
        return self.typed(text, draws)

    def _with_paste(self, text: str, draws: Draws, scene: Words) -> str:
        """The request with something long pasted before or after it."""
        paste = self.language.sentences(int(4 / (1.05 - draws.uniform())), draws, scene)
        gap = draws.pick((" ", "\n", "\n\n", ": ", "\n---\n"))
        return f"{paste}{gap}{text}" if draws.chance(0.5) else f"{text}{gap}{paste}"

    def typed(self, text: str, draws: Draws) -> str:
        """The text as this person types it."""
        if self.case == "lower":
            text = text.lower()
        elif self.case == "upper" and len(text) < 120 and draws.chance(0.3):
            text = text.upper()
        elif self.case == "sentence":
            text = text[:1].upper() + text[1:]
        if self.end and text[-1:] in ".?。？":
            text = text[:-1] + self.end
        if self.typos and self.language.code not in UNSPACED:
            text = _mistyped(text, self.typos, draws)
        return text


def tongue(draws: Draws, mostly: str = "en") -> str:
    """The language of somebody new: mostly English, as everywhere, or mostly that of a place or text."""
    code = "en" if draws.chance(ENGLISH_SHARE) else draws.pick(LANGUAGES[1:])
    return mostly if mostly != "en" and draws.chance(_LOCAL_SHARE) else code


def voice(draws: Draws, mostly: str = "en") -> Voice:
    """Somebody new; see `tongue` for `mostly`."""
    spoken = language(tongue(draws, mostly))
    topics = draws.sample(spoken.topic_names, draws.between(1, 3))
    return Voice(
        language=spoken,
        topics=topics,
        scenes=[spoken.scene(topic, draws) for topic in topics],
        intents=draws.sample(spoken.intents, draws.between(3, 7)),
        case=draws.pick(("as is", "as is", "lower", "lower", "sentence", "sentence", "sentence", "upper")),
        typos=draws.uniform() * 0.04 if draws.chance(0.4) else 0.0,
        wordy=draws.uniform() * 0.4 if draws.chance(0.4) else 0.0,
        opener=draws.uniform() * 0.4 if draws.chance(0.35) else 0.0,
        closing=draws.uniform() * 0.4 if draws.chance(0.35) else 0.0,
        end=draws.pick(("", "", "", "", "...", "!", " ", "??", "!!")),
        salt=draws.below(1 << 32),
    )


def _mistyped(text: str, rate: float, draws: Draws) -> str:
    """Swap, drop, double or miss keys in about `rate` of the words."""
    words = text.split(" ")
    for index, word in enumerate(words):
        if len(word) < 4 or not draws.chance(rate):
            continue
        at = draws.between(1, len(word) - 2)
        kind = draws.below(4)
        if kind == 0:
            word = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        elif kind == 1:
            word = word[:at] + word[at + 1 :]
        elif kind == 2:
            word = word[:at] + word[at] + word[at:]
        elif word[at] in _NEIGHBOURS:
            word = word[:at] + draws.pick(_NEIGHBOURS[word[at]]) + word[at + 1 :]
        words[index] = word
    return " ".join(words)
