"""Regular English inflection, with the irregular words that the topics use. Of a phrase the head is
inflected: the first word of a verb ("roll back"), the last word of a noun ("oven stone")."""

from __future__ import annotations

from functools import lru_cache

from simulation.grammar import Inflection

_VOWELS = "aeiou"
_IRREGULAR_PAST = {
    "build": "built", "feed": "fed", "forecast": "forecast", "grind": "ground", "knit": "knitted", "read":
    "read", "sew": "sewed", "shear": "sheared", "shoot": "shot", "sow": "sowed", "withdraw": "withdrew",
    "write": "wrote", "rewrite": "rewrote", "reset": "reset", "cast": "cast", "overthrow": "overthrew",
    "undermine": "undermined", "split": "split", "lend": "lent", "spin": "spun", "resell": "resold",
    "catch": "caught", "typeset": "typeset", "offset": "offset", "light": "lit",
}  # fmt: skip
_IRREGULAR_PLURAL = {
    "person": "people", "child": "children", "loaf": "loaves", "bookshelf": "bookshelves",
    "mitochondrion": "mitochondria",
}  # fmt: skip
_DOUBLING = frozenset(
    (
        "plan", "stop", "trim", "ship", "pin", "log", "tag", "map", "plot", "scrub", "mop", "refer", "rev",
        "dub", "crop", "prop", "pan", "rub", "wrap", "strip", "chop", "skip", "swap", "scan", "hem", "sip",
        "cut", "unclog", "split", "spin", "cap", "rig", "tap", "embed", "typeset", "offset",
    )
)  # fmt: skip


def _ing(verb: str) -> str:
    head, _, rest = verb.partition(" ")
    if head in _DOUBLING:
        head += head[-1]
    elif head.endswith("ie"):
        head = head[:-2] + "y"
    elif head.endswith("e") and not head.endswith(("ee", "oe", "ye")):
        head = head[:-1]
    return f"{head}ing {rest}".rstrip()


def _ed(verb: str) -> str:
    head, _, rest = verb.partition(" ")
    if head in _IRREGULAR_PAST:
        head = _IRREGULAR_PAST[head]
    elif head in _DOUBLING:
        head += head[-1] + "ed"
    elif head.endswith("e"):
        head += "d"
    elif head.endswith("y") and head[-2] not in _VOWELS:
        head = head[:-1] + "ied"
    else:
        head += "ed"
    return f"{head} {rest}".rstrip()


def _s(noun: str) -> str:
    start, _, head = noun.rpartition(" ")
    if head in _IRREGULAR_PLURAL:
        head = _IRREGULAR_PLURAL[head]
    elif head.endswith("y") and head[-2] not in _VOWELS:
        head = head[:-1] + "ies"
    elif head.endswith(("s", "x", "z", "ch", "sh")):
        head += "es"
    else:
        head += "s"
    return f"{start} {head}".lstrip()


def _an(phrase: str) -> str:
    return f"{'an' if phrase[0] in _VOWELS else 'a'} {phrase}"


INFLECTIONS: dict[str, Inflection] = {
    "ing": lru_cache(maxsize=4096)(_ing),
    "ed": lru_cache(maxsize=4096)(_ed),
    "s": lru_cache(maxsize=4096)(_s),
    "an": lru_cache(maxsize=4096)(_an),
}
