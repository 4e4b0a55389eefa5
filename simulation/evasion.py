"""How operators write one request: a template, its slots, and what is done to hide the template.

`simulation.parts.Evasion` names the levels e0 to e9. Most change one thing. The hardest, e9, changes two: the
request rotates over many wordings of the task, and each one is reworded on top, so that two requests with
equal words are rare even within a wording.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from simulation.draws import Draws, stream
from simulation.grammar import phrases
from simulation.organic import voice
from simulation.parts import REWORDED, ROTATING, CampaignPlan
from simulation.prose import language
from simulation.templates import LONG, MEDIUM, SHORT, Wording, Written, slot_text, template
from simulation.turns import WHOLE, Part

RECURRING_PASSAGES = 40
"""e1: so many passages of a campaign come back again and again."""
RECURRING_SHARE = 0.3
NOISE = (0.012, 0.045)
"""e2: least and most part of the characters of a request that are noise."""
REWORDING = 0.65
"""e6, e9: part of the replaceable words that are replaced."""

_INVISIBLE = ("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad")
_OVERLAYS = ("\u034f", "\u0335", "\u0336", "\u0337")
HOMOGLYPHS: Mapping[str, str] = {
    "a": "а", "c": "с", "e": "е", "i": "і", "j": "ј", "o": "о", "p": "р", "s": "ѕ", "v": "ν", "x": "х",
    "y": "у", "A": "А", "B": "В", "C": "С", "E": "Е", "H": "Н", "K": "К", "M": "М", "O": "О", "P": "Р",
    "T": "Т", "X": "Х",
}  # fmt: skip
"""Latin letters and the Cyrillic or Greek ones that look the same."""
_FILLERS = (
    "please", "kindly", "now", "simply", "really", "here", "just", "again", "of course", "as always",
    "if possible", "in fact", "very much", "right away", "by all means", "honestly", "for me", "once more",
    "at last", "indeed", "today", "surely",
)  # fmt: skip
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
_SENTENCE = re.compile(r"(?<=[.?!]) ")


def write(plan: CampaignPlan, seed: int, day_index: int, draws: Draws, part: Part = WHOLE) -> Written:
    """One request of a campaign, as that part of its pool sends it."""
    if plan.evasion == "e8":
        person = voice(draws)
        return Written(person.prompt(draws), None, person.language.code)
    wording, family = worded(plan, seed, day_index, draws, part)
    text = wording.fill(lambda slot: _slot(plan, seed, wording.language, slot, draws))
    if plan.evasion == "e2":
        text = noised(text, draws)
    elif plan.evasion == "e3":
        text = padded(text, wording.language, draws)
    return Written(text, family, wording.language)


def wordings(plan: CampaignPlan, day_index: int, part: Part = WHOLE) -> tuple[tuple[str, Wording], ...]:
    """The texts that part of a pool sends on a day, by number or language.

    An operator who rewrites takes the next wording; one who rotates anyway, the other half of all.
    """
    chosen = template(plan.template)
    numbered = tuple((str(number), one) for number, one in enumerate(chosen.wordings))
    if plan.evasion == "e5":
        numbered = tuple((one.language, one) for one in chosen.multilingual)
    several = plan.evasion == "e5" or plan.evasion in ROTATING
    changes, rewritings = plan.turning.course.changes, plan.turning.rewritings(day_index)
    if "halves" in changes:
        return (numbered if several else numbered[:2])[part.number :: part.of]
    if not several:
        return (numbered[rewritings % len(numbered)],)
    return numbered[rewritings % 2 :: 2] if "wording" in changes else numbered


def worded(
    plan: CampaignPlan, seed: int, day_index: int, draws: Draws, part: Part = WHOLE
) -> tuple[Wording, str]:
    """The wording of one request, its slots still open, and which one of the template it is."""
    sent = wordings(plan, day_index, part)
    number, wording = sent[0]
    if plan.evasion == "e5" or plan.evasion in ROTATING or len(sent) > 1:
        number, wording = draws.pick(sent)
    if plan.appended:
        wording = wording.followed_by(template(plan.appended).in_language(wording.language))
    if plan.life == "drifts":
        # One stream for the whole day, so that all requests of a day drift alike.
        name = int(number) if number.isdecimal() else 0
        wording = _drifted(wording, plan.drift, day_index, seed, plan.name, name)
    if plan.evasion in REWORDED:
        wording = wording.with_constants(
            tuple(reworded(text, REWORDING, draws) for text in wording.constants)
        )
    return wording, f"{plan.template}/{number}"


@lru_cache(maxsize=256)
def _drifted(wording: Wording, share: float, days: int, seed: int, campaign: str, number: int) -> Wording:
    """The wording after so many days, each of which starts from the one before."""
    drift = stream(seed, "drift", campaign, number)
    for _ in range(days):
        wording = wording.with_constants(tuple(reworded(text, share, drift) for text in wording.constants))
    return wording


def _slot(plan: CampaignPlan, seed: int, code: str, slot: str, draws: Draws) -> str:
    """A pool deals its slots out: whatever topic comes next, whoever asks."""
    spoken = language(code)
    lengths = {"e0": SHORT, "e1": LONG}.get(plan.evasion, MEDIUM)
    if plan.evasion == "e1" and slot == "passage" and draws.chance(RECURRING_SHARE):
        return _recurring(seed, plan.name, code, draws.below(RECURRING_PASSAGES))
    scene = spoken.scene(draws.pick(spoken.topic_names), draws)
    return slot_text(slot, spoken, draws, scene, lengths)


@lru_cache(maxsize=1024)
def _recurring(seed: int, campaign: str, code: str, number: int) -> str:
    draws = stream(seed, "passage", campaign, code, number)
    spoken = language(code)
    return slot_text("passage", spoken, draws, spoken.scene(draws.pick(spoken.topic_names), draws), LONG)


def noised(text: str, draws: Draws) -> str:
    """Put noise on 1-5 % of the characters: invisible ones between, overlays upon, look-alikes and
    full-width instead."""
    low, high = NOISE
    count = max(1, round((low + (high - low) * draws.uniform()) * len(text)))
    characters = list(text)
    for at in draws.sample(range(len(text)), count):
        character = characters[at]
        kind = draws.below(4)
        if kind == 0 and character in HOMOGLYPHS:
            characters[at] = HOMOGLYPHS[character]
        elif kind == 1 and "!" <= character <= "~":
            characters[at] = chr(ord(character) + 0xFEE0)  # the full-width form
        elif kind == 2 and unicodedata.category(character)[0] == "L":
            characters[at] = character + draws.pick(_OVERLAYS)
        else:
            characters[at] = character + draws.pick(_INVISIBLE)
    return "".join(characters)


def padded(text: str, code: str, draws: Draws) -> str:
    """Put one to four sentences about something else before the request, after it, or both."""
    spoken = language(code)

    def sentences() -> str:
        return spoken.sentences(
            draws.between(1, 4), draws, spoken.scene(draws.pick(spoken.topic_names), draws)
        )

    where = draws.below(3)
    before = f"{sentences()}\n" if where != 1 else ""
    after = f"\n{sentences()}" if where != 0 else ""
    return f"{before}{text}{after}"


def reworded(text: str, share: float, draws: Draws) -> str:
    """Replace words by synonyms, slip in fillers and swap neighbouring sentences of an English text."""
    lines = []
    for line in text.split("\n"):
        sentences = _SENTENCE.split(line)
        if len(sentences) > 2 and draws.chance(share):
            at = draws.below(len(sentences) - 1)
            sentences[at], sentences[at + 1] = sentences[at + 1], sentences[at]
        lines.append(" ".join(sentences))
    return _WORD.sub(lambda match: _replaced(match.group(), share, draws), "\n".join(lines))


def _replaced(word: str, share: float, draws: Draws) -> str:
    others = _synonyms().get(word.lower())
    if others and draws.chance(share):
        other = draws.pick(others)
        word = other[0].upper() + other[1:] if word[0].isupper() else other
    if draws.chance(share * 0.12):
        word = f"{word} {draws.pick(_FILLERS)}"
    return word


def replaceable(text: str) -> float:
    """Part of the words of an English text that have a synonym; 0 for a text without words."""
    words = _WORD.findall(text.lower())
    return sum(word in _synonyms() for word in words) / max(len(words), 1)


@lru_cache(maxsize=1)
def _synonyms() -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for line in phrases("synonyms.txt").splitlines():
        if not line.startswith("#"):
            group = [word.strip() for word in line.split(",")]
            for word in group:
                table[word] = tuple(sorted({*table.get(word, ()), *group} - {word}))
    return table
