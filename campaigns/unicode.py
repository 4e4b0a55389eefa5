"""Unicode folding as flat tables, so that compiled code can fold text one code point at a time.

Built once per process from the interpreter's `unicodedata`. Folding follows Unicode TR15 (compatibility forms) and
TR36/TR39 (look-alikes); it is for comparing only, the original text is always kept.

Each code point below `TABLE_SIZE` has a class and a folded sequence: compatibility form, case folded, marks
taken off Latin, Greek and Cyrillic letters. Code points above are ideographs (planes 2 and 3), ignorable (plane 14) or
symbols.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

TABLE_SIZE = 0x20000

SPACE, LETTER, DIGIT, IDEOGRAPH, SYMBOL, IGNORABLE, MARK, JOINER = range(8)
LATIN, COUSIN, OTHER = 1, 2, 0
"""Script families: Latin, scripts whose letters can pass for Latin ones (Greek, Cyrillic, Armenian), others."""

_UNSPACED = ("CJK UNIFIED", "CJK COMPATIBILITY IDEOGRAPH", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "THAI", "LAO",
             "KHMER", "MYANMAR", "TIBETAN", "HALFWIDTH KATAKANA", "HALFWIDTH HANGUL", "YI SYLLABLE")  # fmt: skip
_COUSINS = ("GREEK", "CYRILLIC", "ARMENIAN")
_APOSTROPHES = "'\u2019\u02bc\uff07"
_IGNORABLE_LETTERS = "\u115f\u1160\u3164\uffa0\u17b4\u17b5\u180e\u034f\u2800"
"""Code points that show nothing though their category says letter, mark or symbol."""

_LATIN_LOOKALIKES = {
    "a": "ɑᴀ", "b": "ʙᴃƀɓ", "c": "ᴄɔ", "d": "đɖɗᴅ", "e": "ǝəᴇɛ", "g": "ɡɢǥɠ", "h": "ħʜɦ", "i": "ıɪɩ", "j": "ȷᴊ",
    "k": "ᴋƙ", "l": "łʟƚɭ", "m": "ᴍɱ", "n": "ɴŋɲɳ", "o": "øᴏɵ", "p": "ᴘƥ", "r": "ʀɽɾ", "t": "ŧᴛƭ",
    "u": "ᴜʉ", "v": "ᴠʋ", "w": "ᴡɯ", "y": "ʏƴ", "z": "ᴢƶʐ", "s": "ꜱʂ",
}  # fmt: skip
"""Latin letters that no normal form takes to the plain letter they resemble."""

_COUSIN_LOOKALIKES = {
    "a": "аАαΑ", "b": "вВΒβЬь", "c": "сСϲ", "d": "ԁ", "e": "еЕεΕєЄ", "f": "ϝ", "g": "ԍց", "h": "нНһҺΗհ", "i": "іІιΙ",
    "j": "јЈϳ", "k": "кКκΚ", "l": "ӏӀⅼ", "m": "мМΜ", "n": "ηΝпո", "o": "оОοΟօσ", "p": "рРρΡ", "q": "ԛզ",
    "r": "гг", "s": "ѕЅ", "t": "тТτΤ", "u": "υսцμ", "v": "νѵ", "w": "ԝωшѡ", "x": "хХχΧ", "y": "уУγΥү",
    "z": "ΖζԶ",
}  # fmt: skip
"""Letters of cousin scripts and the Latin letter they pass for; used only in words that also hold Latin letters."""


@dataclass(frozen=True, slots=True)
class Tables:
    """classes, scripts: uint8 (TABLE_SIZE,). Folded code points of c: values[starts[c]:starts[c + 1]], uint32.
    lookalike: uint32 (TABLE_SIZE,), the Latin letter a cousin passes for, else 0.
    disguised: bool (TABLE_SIZE,), forms that people do not type in running text (full-width, mathematical, ...)."""

    classes: NDArray[np.uint8]
    scripts: NDArray[np.uint8]
    starts: NDArray[np.int32]
    values: NDArray[np.uint32]
    lookalike: NDArray[np.uint32]
    disguised: NDArray[np.bool_]


@cache
def tables() -> Tables:
    classes = np.full(TABLE_SIZE, SYMBOL, np.uint8)
    scripts = np.zeros(TABLE_SIZE, np.uint8)
    disguised = np.zeros(TABLE_SIZE, np.bool_)
    latin = {ord(form): plain for plain, forms in _LATIN_LOOKALIKES.items() for form in forms}
    starts = np.zeros(TABLE_SIZE + 1, np.int32)
    values: list[int] = []
    for code in range(TABLE_SIZE):
        if 0xD800 <= code < 0xE000:
            starts[code + 1] = len(values)
            continue
        char = chr(code)
        folded = _fold(char, latin)
        classes[code] = _class_of(char)
        scripts[code] = _script_of(folded)
        disguised[code] = scripts[code] == LATIN and _is_disguised(char)
        values.extend(map(ord, folded))
        starts[code + 1] = len(values)
    lookalike = np.zeros(TABLE_SIZE, np.uint32)
    for plain, forms in _COUSIN_LOOKALIKES.items():
        for form in forms:
            lookalike[ord(form)] = ord(plain)
    return Tables(classes, scripts, starts, np.array(values, np.uint32), lookalike, disguised)


def _fold(char: str, latin: dict[int, str]) -> str:
    folded: list[str] = []
    for part in unicodedata.normalize("NFKC", char).casefold():
        letters = (
            unicodedata.normalize("NFKD", part) if _script_of(part) else unicodedata.normalize("NFKC", part)
        )
        if _script_of(part):
            letters = "".join(letter for letter in letters if not unicodedata.combining(letter))
        folded.extend(latin.get(ord(letter), letter) for letter in letters)
    return "".join(folded)


def _class_of(char: str) -> int:
    category = unicodedata.category(char)
    if category in ("Zs", "Zl", "Zp") or char in "\t\n\r\v\f\x1c\x1d\x1e\x1f\x85":
        return SPACE
    if category in ("Cf", "Cc", "Cn") or char in _IGNORABLE_LETTERS or 0xFE00 <= ord(char) <= 0xFE0F:
        return IGNORABLE
    if category == "Nd":
        return DIGIT
    if char in _APOSTROPHES:
        return JOINER
    if category in ("Mn", "Mc", "Me"):
        return MARK
    name = unicodedata.name(char, "")
    if name.startswith(_UNSPACED):
        return IDEOGRAPH
    if category[0] == "L" or (
        category in ("No", "Nl", "So") and unicodedata.normalize("NFKC", char).isalpha()
    ):
        return LETTER
    return SYMBOL


def _script_of(text: str) -> int:
    if not text:
        return OTHER
    name = unicodedata.name(text[0], "")
    if name.startswith("LATIN"):
        return LATIN
    return COUSIN if name.startswith(_COUSINS) else OTHER


def _is_disguised(char: str) -> bool:
    """Compatibility variants of one letter; ligatures and accented letters are ordinary typing."""
    form = unicodedata.normalize("NFKC", char)
    return len(form) == 1 and form != char and unicodedata.normalize("NFC", char) == char
