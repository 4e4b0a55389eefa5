"""Ready-made small texts that every language's grammar may use: names, numbers, dates, code, errors."""

from __future__ import annotations

from functools import lru_cache, partial

from simulation.draws import Draws
from simulation.grammar import Terminal, Words, parse_topics, phrases

CodeWords = tuple[tuple[str, ...], tuple[str, ...]]
"""Nouns and verbs of identifiers."""

_SYNTAXES = {
    "python": ("def {}({}):", "    ", ""),
    "braces": ("function {}({}) {{", "  ", "}"),
    "sql": ("-- {} ({})", "  ", ";"),
}
"""First line, indent and last line of a program."""

_LOG_LAYOUTS = (
    "{stamp} {level} {source} {text}",
    "{level} {source}: {text}",
    "[{source}] {text}",
    "{stamp} | {source} | {text}",
    "{source}[{level}] {stamp} {text}",
    "at {source} ({text})",
    "{text}",
    "> {source} >> {text}",
)


def terminals(language: str) -> dict[str, Terminal]:
    """Every terminal by name, in one language."""
    words = {**closed_words("en"), **closed_words(language)}
    given, surnames, prices = words["given"], words["surname"], words["price"]

    def person(draws: Draws) -> str:
        if language in ("zh", "ja"):  # family name first, no space
            return draws.pick(surnames) + draws.pick(given)
        return f"{draws.pick(given)} {draws.pick(surnames)}"

    table: dict[str, Terminal] = {
        "number": _number,
        "small": lambda d: str(d.between(2, 60)),
        "year": lambda d: str(d.between(1420, 2031)),
        "price": lambda d: d.pick(prices).format(_number(d)),
        "person": person,
        "percent": lambda d: f"{d.between(1, 99)}%" if d.chance(0.6) else f"{d.between(1, 990) / 10} %",
        "date": lambda d: f"{d.between(2019, 2027)}-{d.between(1, 12):02}-{d.between(1, 28):02}",
        "clock": lambda d: f"{d.between(0, 23)}:{d.between(0, 59):02}",
        "coined": coined,
        "hex": lambda d: f"{d.below(1 << 32):08x}",
        "identifier": identifier,
        "code": code,
        "error": error,
        "log": log,
    }
    for kind in ("given", "surname", "place", "month", "weekday", "language", "programming"):
        table[kind] = partial(_pick, words[kind])
    return table


@lru_cache(maxsize=8)
def closed_words(language: str) -> dict[str, tuple[str, ...]]:
    """Names, months and the like of a language, by kind; those it shares with English may be missing."""
    table = {}
    for line in phrases(f"{language}.words").splitlines():
        if not line.startswith("#"):
            kind, _, words = line.partition(": ")
            table[kind] = tuple(words.split(", "))
    return table


def coined(draws: Draws) -> str:
    """A brand that nobody owns."""
    words = closed_words("en")
    count = draws.between(2, 3)
    return "".join(draws.pick(words["onset"]) + draws.pick(words["rime"]) for _ in range(count)).capitalize()


def identifier(draws: Draws, vocabulary: CodeWords | None = None) -> str:
    nouns, verbs = vocabulary or _any_words()
    words = [draws.pick(verbs if draws.chance(0.4) else nouns), draws.pick(nouns)]
    if draws.chance(0.25):
        words.append(draws.pick(nouns))
    style = draws.below(3)
    if style == 0:
        return "_".join(words)
    camel = "".join(word.capitalize() for word in words)
    return camel if style == 1 else camel[0].lower() + camel[1:]


def code(draws: Draws, vocabulary: CodeWords | None = None) -> str:
    """A few lines that look like a program in one of three syntaxes."""
    syntax = draws.pick(tuple(_SYNTAXES))
    opening, indent, ending = _SYNTAXES[syntax]
    names = [identifier(draws, vocabulary) for _ in range(draws.between(2, 4))]
    lines = [opening.format(identifier(draws, vocabulary), ", ".join(names[: draws.between(1, len(names))]))]
    level = 1
    for _ in range(draws.between(3, 9)):
        lines.append(indent * level + draws.pick(_code_lines()[syntax]).format(
            a=draws.pick(names), b=draws.pick(names), f=identifier(draws, vocabulary), n=_number(draws),
            k=draws.below(20),
        ))  # fmt: skip
        if draws.chance(0.2):
            level = 3 - level
    return "\n".join([*lines, *([ending] if ending else [])])


def error(draws: Draws) -> str:
    return draws.pick(_code_lines()["error"]).format(
        a=identifier(draws), b=identifier(draws), n=_number(draws)
    )


def log(draws: Draws) -> str:
    """Some lines of one program's log; every program has a layout of its own."""
    layout = draws.pick(_LOG_LAYOUTS)
    hour = draws.below(24)
    lines = []
    for second in sorted(draws.below(3600) for _ in range(draws.between(2, 5))):
        stamp = f"{hour:02}:{second // 60:02}:{second % 60:02}.{draws.below(1000):03}"
        level = draws.pick(("INFO", "WARN", "error", "DEBUG", "[notice]", "E", "fatal:"))
        source = f"{identifier(draws)}-{draws.below(64)}"
        text = error(draws) if draws.chance(0.25) else f"{identifier(draws)}={_number(draws)}"
        lines.append(layout.format(stamp=stamp, level=level, source=source, text=text))
    return "\n".join(lines)


def _number(draws: Draws) -> str:
    size = draws.below(4)
    if size == 0:
        return str(draws.between(3, 99))
    if size == 1:
        return str(draws.between(100, 99_999))
    if size == 2:
        return f"{draws.between(1, 9999) / 100:.2f}"
    return f"{draws.between(1_000, 9_999_999):,}"


def _pick(items: tuple[str, ...], draws: Draws) -> str:
    return draws.pick(items)


def code_words(words: Words) -> CodeWords:
    """The single words of an English topic or scene that may stand in identifiers."""
    nouns = (noun.split()[-1].lower() for noun in words["n"])
    verbs = (verb.split()[0].lower() for verb in words["v"])
    return tuple(n for n in nouns if n.isalpha()), tuple(v for v in verbs if v.isalpha())


@lru_cache(maxsize=1)
def _any_words() -> CodeWords:
    parts = [code_words(topic) for topic in parse_topics(phrases("en.topics")).values()]
    nouns, verbs = ({word for part in parts for word in part[column]} for column in (0, 1))
    return tuple(sorted(nouns)), tuple(sorted(verbs))


@lru_cache(maxsize=1)
def _code_lines() -> dict[str, tuple[str, ...]]:
    kinds: dict[str, list[str]] = {}
    kind = ""
    for line in phrases("code.lines").splitlines():
        if line.startswith("= "):
            kind = line[2:]
        elif line and not line.startswith("#"):
            kinds.setdefault(kind, []).append(line)
    return {name: tuple(lines) for name, lines in kinds.items()}
