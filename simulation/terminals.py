"""Ready-made small texts that every language's grammar may use: names, numbers, dates, code, errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial

from simulation.draws import Draws
from simulation.grammar import Terminal, parse_topics, phrases

_ONSETS = ("b", "br", "c", "d", "dr", "f", "g", "gl", "h", "j", "k", "l", "m", "n", "p", "qu", "r", "s", "st", "t", "v", "z")
_RIMES = ("a", "ara", "e", "el", "en", "io", "ix", "o", "olo", "on", "or", "u", "um", "y", "yra", "andi", "ex", "is")
_PROGRAMMING = ("python", "rust", "go", "java", "typescript", "c++", "kotlin", "ruby", "php", "swift", "haskell", "lua", "R")
_CALENDAR = {
    "en": (
        ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"),
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    ),
    "de": (
        ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"),
        ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    ),
    "es": (
        ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre"),
        ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
    ),
    "fr": (
        ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre"),
        ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    ),
    "zh": (
        ("一月", "二月", "三月", "四月", "五月", "六月", "七月", "八月", "九月", "十月", "十一月", "十二月"),
        ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
    ),
    "ru": (
        ("январь", "февраль", "март", "апрель", "май", "июнь", "июль", "август", "сентябрь", "октябрь", "ноябрь"),
        ("понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье"),
    ),
}  # fmt: skip
_NAMES = {
    "zh": (
        ("小雨", "建国", "美玲", "子涵", "晓东", "思远", "雅婷", "志强", "梦洁", "浩然", "佳怡", "文博", "静怡", "俊杰", "若兰"),
        ("林", "陈", "周", "吴", "赵", "孙", "何", "郭", "罗", "梁", "宋", "唐", "韩", "冯", "曹"),
        ("杭州", "青岛", "成都", "厦门", "西安", "长沙", "昆明", "大理", "苏州", "桂林", "哈尔滨", "洛阳", "珠海", "兰州"),
    ),
    "ru": (
        ("Аня", "Борис", "Вера", "Глеб", "Дарья", "Егор", "Жанна", "Захар", "Инна", "Кирилл", "Лида", "Марк", "Нина", "Олег"),
        ("Абрамов", "Белов", "Громов", "Дорохов", "Ежов", "Зимин", "Ковалёв", "Лапин", "Орлов", "Рябов", "Титов", "Фомин"),
        ("Твери", "Казани", "Омске", "Туле", "Пскове", "Рязани", "Томске", "Калуге", "Вологде", "Самаре", "Уфе", "Минске"),
    ),
}  # fmt: skip
_LANGUAGES = {
    "en": ("French", "Hungarian", "Swahili", "Korean", "Portuguese", "Turkish", "Polish", "Hindi", "Latin", "Greek", "Thai", "Danish"),
    "de": ("Englisch", "Polnisch", "Spanisch", "Latein", "Türkisch", "Finnisch"),
    "es": ("inglés", "catalán", "alemán", "japonés", "portugués", "árabe"),
    "fr": ("anglais", "italien", "breton", "coréen", "arabe", "allemand"),
    "zh": ("英语", "日语", "法语", "德语", "泰语", "西班牙语"),
    "ru": ("английском", "немецком", "грузинском", "китайском", "польском"),
}  # fmt: skip
_CURRENCIES = {
    "en": ("${}", "€{}", "£{}", "{} dollars"),
    "de": ("{} Euro", "{} €"),
    "es": ("{} euros", "{} pesos"),
    "fr": ("{} euros", "{} €"),
    "zh": ("{}元", "{}块"),
    "ru": ("{} рублей", "{} ₽"),
}  # fmt: skip


def terminals(language: str) -> dict[str, Terminal]:
    """Every terminal by name, in one language."""
    given, surnames, places = _NAMES.get(language) or _latin_names()
    months, weekdays = _CALENDAR[language]
    joined = (lambda d: d.pick(surnames) + d.pick(given)) if language == "zh" else (lambda d: f"{d.pick(given)} {d.pick(surnames)}")
    currencies = _CURRENCIES[language]
    table: dict[str, Terminal] = {
        "number": _number,
        "small": lambda d: str(d.between(2, 60)),
        "year": lambda d: str(d.between(1420, 2031)),
        "price": lambda d: d.pick(currencies).format(_number(d)),
        "percent": lambda d: f"{d.between(1, 99)}%" if d.chance(0.6) else f"{d.between(1, 990) / 10} %",
        "date": lambda d: f"{d.between(2019, 2027)}-{d.between(1, 12):02}-{d.between(1, 28):02}",
        "clock": lambda d: f"{d.between(0, 23)}:{d.between(0, 59):02}",
        "month": partial(_pick, months),
        "weekday": partial(_pick, weekdays),
        "given": partial(_pick, given),
        "surname": partial(_pick, surnames),
        "person": joined,
        "place": partial(_pick, places),
        "language": partial(_pick, _LANGUAGES[language]),
        "programming": partial(_pick, _PROGRAMMING),
        "coined": coined,
        "hex": lambda d: f"{d.below(1 << 32):08x}",
        "identifier": identifier,
        "code": code,
        "error": error,
        "log": log,
    }
    return table


def coined(draws: Draws) -> str:
    """A brand that nobody owns."""
    syllables = "".join(draws.pick(_ONSETS) + draws.pick(_RIMES) for _ in range(draws.between(2, 3)))
    return syllables.capitalize()


def identifier(draws: Draws) -> str:
    nouns, verbs = _code_words()
    words = [draws.pick(verbs if draws.chance(0.4) else nouns), draws.pick(nouns)]
    if draws.chance(0.25):
        words.append(draws.pick(nouns))
    style = draws.below(3)
    if style == 0:
        return "_".join(words)
    camel = "".join(word.capitalize() for word in words)
    return camel if style == 1 else camel[0].lower() + camel[1:]


def code(draws: Draws) -> str:
    """A few lines that look like a program in one of three syntaxes."""
    syntax = draws.pick(tuple(_SYNTAXES))
    opening, indent, ending = _SYNTAXES[syntax]
    names = [identifier(draws) for _ in range(draws.between(2, 4))]
    lines = [opening.format(identifier(draws), ", ".join(names[: draws.between(1, len(names))]))]
    level = 1
    for _ in range(draws.between(3, 9)):
        lines.append(indent * level + draws.pick(_STATEMENTS[syntax]).format(
            a=draws.pick(names), b=draws.pick(names), f=identifier(draws), n=_number(draws), k=draws.below(20)
        ))  # fmt: skip
        if draws.chance(0.2):
            level = 3 - level
    return "\n".join([*lines, *([ending] if ending else [])])


def error(draws: Draws) -> str:
    return draws.pick(_ERRORS).format(a=identifier(draws), b=identifier(draws), n=_number(draws))


def log(draws: Draws) -> str:
    lines = []
    for _ in range(draws.between(2, 5)):
        stamp = f"{draws.between(0, 23):02}:{draws.between(0, 59):02}:{draws.between(0, 59):02}.{draws.below(1000):03}"
        level = draws.pick(("INFO", "WARN", "error", "DEBUG", "[notice]", "E", "fatal:"))
        lines.append(f"{stamp} {level} {identifier(draws)}-{draws.below(64)} {error(draws)}")
    return "\n".join(lines)


_SYNTAXES = {
    "python": ("def {}({}):", "    ", ""),
    "braces": ("function {}({}) {{", "  ", "}"),
    "sql": ("-- {} ({})", "  ", ";"),
}
_STATEMENTS: Mapping[str, tuple[str, ...]] = {
    "python": (
        "{a} = {f}({b}, {n})", "for {a} in {f}({b}):", "if {a} is None: return {k}", "return {b}[{k}:] + {a}",
        "{a}.append({b} * {n})", "assert {a} != {b}, '{f}'", "with {f}({a}) as {b}:", "{a}, {b} = {b}, {a}",
        "raise ValueError({a})", "{a} = [{b}.{f}() for _ in range({k})]", "print({a} // {n})", "yield {f}({a})",
    ),
    "braces": (
        "let {a} = {f}({b});", "const {a} = await {f}({n});", "if ({a} === {b}) return {k};", "{a}.{f}({b} => {b} + {n});",
        "while ({a}-- > {k}) {f}();", "console.log({a}, {b});", "throw new Error(`{f} ${{{a}}}`);", "{a} ??= {b}?.{f};",
        "return {{ {a}, {f}: {n} }};", "switch ({a}) {{ case {k}: {f}({b}); }}",
    ),
    "sql": (
        "SELECT {a}, COUNT(*) FROM {f}", "LEFT JOIN {f} USING ({a})", "WHERE {a} > {n} AND {b} IS NOT NULL",
        "GROUP BY {a}, {b}", "ORDER BY {f} DESC LIMIT {k}", "UPDATE {f} SET {a} = {n}", "HAVING SUM({b}) < {n}",
        "UNION ALL SELECT {b} FROM {f}",
    ),
}  # fmt: skip
_ERRORS = (
    "KeyError: '{a}'", "{a} is not a function", "segfault in {a}", "undefined reference to {a}", "{a}: timeout after {n} ms",
    "cannot borrow {a} as mutable", "null pointer at {b}.{a}", "E{n}: {a} has no field {b}", "exit code {n} from {a}",
    "duplicate column {a}", "CORS blocked {a}", "{a} expected {b}, got nothing", "stack overflow ({a} -> {b})", "403 on /{a}/{n}",
    "out of memory while {a}", "unresolved import {b}", "{a} deprecated, use {b}", "connection to {a} reset", "NaN in {b}",
)  # fmt: skip


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


@lru_cache(maxsize=1)
def _latin_names() -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    lines = [line for line in phrases("en.names").splitlines() if not line.startswith("#")]
    given, surnames, places = (tuple(line.split()) for line in lines)
    return given, surnames, tuple(place.replace("-", " ") for place in places)


@lru_cache(maxsize=1)
def _code_words() -> tuple[tuple[str, ...], tuple[str, ...]]:
    topics = parse_topics(phrases("en.topics")).values()

    def single(key: str, part: Callable[[str], str]) -> tuple[str, ...]:
        return tuple(sorted({part(word) for topic in topics for word in topic[key] if part(word).isalpha()}))

    return single("n", lambda noun: noun.split()[-1].lower()), single("v", lambda verb: verb.split()[0].lower())
