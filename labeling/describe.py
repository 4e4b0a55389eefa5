"""Title, summary and examples of a family, always the same for the same family."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from campaigns.display import ELLIPSIS, plain_text
from campaigns.records import Label, Objective, Slot, Template
from labeling.taxonomy import Verdict

TITLE_CHARACTERS: Final = 60
TEMPLATE_CHARACTERS: Final = 4_000
_CONSTANT_CHARACTERS: Final = 800
_OUTER_MARKS: Final = " \t\n.,;:!?-–—=*#>|~+/\\()[]\"'`“”«»，。：、；？！「」『』【】"
_REPEATED: Final = 3
"""Times that the words of a title may recur on average; more are filler, and say nothing of the family."""
_SCRIPT_SAMPLE: Final = 2_000
_SCRIPT_SHARE: Final = 0.1

_SHORT: Final = {
    Objective.REASONING_TRACES: "Reasoning",
    Objective.GRADING: "Grading",
    Objective.REWRITING: "Rewriting",
    Objective.CODE: "Code",
    Objective.TOOL_USE: "Tool use",
    Objective.TRANSLATION: "Translation",
    Objective.EXTRACTION: "Extraction",
    Objective.CLASSIFICATION: "Classification",
    Objective.SUMMARIZATION: "Summary",
    Objective.GENERATION: "Generation",
    Objective.ROLEPLAY: "Roleplay",
    Objective.BENCHMARK: "Benchmark",
}

_SCRIPTS: Final = {
    "LATIN": "Latin", "CYRILLIC": "Cyrillic", "GREEK": "Greek", "ARABIC": "Arabic", "HEBREW": "Hebrew",
    "DEVANAGARI": "Devanagari", "BENGALI": "Bengali", "TAMIL": "Tamil", "THAI": "Thai", "HANGUL": "Korean",
    "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "CJK": "Chinese",
    "ARMENIAN": "Armenian", "GEORGIAN": "Georgian",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Size:
    """How large a family is."""

    n_prompts: int
    n_accounts: int


def describe(
    template: Template,
    verdict: Verdict,
    size: Size,
    keyphrases: Sequence[str],
    scripts: Sequence[str],
    *,
    holds: bool = True,
) -> Label:
    """Title (at most 60 characters) and a summary of two sentences, in plain text.

    Prompts and slots never reach a label other than through `plain_text`.

    Args:
        holds: whether the template is one (`labeling.template.is_template`).
    """
    phrases = tuple(p for p in (plain_text(phrase) for phrase in keyphrases) if p)
    return Label(
        title(template, verdict.objective, phrases),
        _summary(template, verdict, size, phrases, scripts, holds),
        verdict.objective,
        verdict.confidence,
        phrases,
    )


def title(template: Template, objective: Objective, keyphrases: Sequence[str] = ()) -> str:
    """The objective in a word if it is clear, then how the template reads: slots as `{kind}`, cut at a word."""
    words = " ".join(_for_title(template).split())
    shown = words.split()[: TITLE_CHARACTERS // 2]
    wordless = sum(character.isalpha() for character in _constants_of(template)) < 3
    if wordless or len(shown) > _REPEATED * len(set(shown)):
        words = ", ".join(keyphrases) or words
    lead = "" if objective is Objective.UNCLEAR else f"{_SHORT[objective]}: "
    return lead + _cut_at_word(words or "no shared wording", TITLE_CHARACTERS - len(lead))


def display(template: Template) -> str:
    """The template on paper: constants in plain text, long ones cut in the middle, slots as `{kind}`."""
    parts = []
    for part in template.parts:
        if isinstance(part, Slot):
            parts.append("{" + part.kind + "}")
        else:
            parts.append(_plain_constant(part))
    return plain_text("".join(parts), TEMPLATE_CHARACTERS, multiline=True)


def scripts_of(texts: Sequence[str]) -> tuple[str, ...]:
    """Scripts with at least a tenth of the letters of (the heads of) some texts, the commonest first."""
    letters = Counter(c for text in texts for c in text[:_SCRIPT_SAMPLE] if c.isalpha())
    counts: Counter[str] = Counter()
    for letter, count in letters.items():
        name = (
            unicodedata.name(letter, "").removeprefix("FULLWIDTH ").removeprefix("HALFWIDTH ").split(" ")[0]
        )
        counts[_SCRIPTS.get(name, "other")] += count
    if counts["Japanese"] > 0.1 * counts["Chinese"]:  # Japanese is written with both
        counts["Japanese"] += counts.pop("Chinese", 0)
    total = counts.total()
    found = [(name, count) for name, count in counts.items() if count >= _SCRIPT_SHARE * total > 0]
    return tuple(name for name, _ in sorted(found, key=lambda item: (-item[1], item[0])))


def exemplars(strengths: NDArray[np.floating], lengths: NDArray[np.integer], count: int) -> NDArray[np.int64]:
    """Rows of the examples to show: the medoid, the most distant member, the shortest, then evenly between.

    Args:
        strengths: (n,), how much of the shared scaffold each verified member holds. The medoid holds most of it;
            of those that hold as much, its length is nearest to the median. The most distant holds least; of those
            it is the longest.
        lengths: (n,), of the texts.

    Returns:
        int64 (min(count, n),), distinct. Among equals the earlier row wins; rows must come in an order that follows
        from content.
    """
    n = len(strengths)
    rows = np.arange(n)
    strengths = np.round(strengths, 2)  # less is rounding, not wording
    atypical = np.abs(lengths - np.median(lengths)) if n else lengths
    by_strength = np.lexsort((rows, atypical, -strengths))
    by_distance = np.lexsort((rows, -lengths, strengths))
    by_length = np.lexsort((rows, -strengths, lengths))
    wanted = [by_strength[:1], by_distance[:2], by_length[:3]]
    picked: list[int] = []
    for choices in wanted:
        picked += [int(row) for row in choices if row not in picked][:1]
    spread = (
        by_strength[np.unique(np.linspace(0, n - 1, min(n, 4 * count)).round().astype(np.int64))]
        if n
        else rows
    )
    picked += [int(row) for row in [*spread, *by_strength] if row not in picked]
    return np.array(list(dict.fromkeys(picked))[: min(count, n)], np.int64)


def _summary(
    template: Template,
    verdict: Verdict,
    size: Size,
    keyphrases: Sequence[str],
    scripts: Sequence[str],
    holds: bool,
) -> str:
    slots = [part for part in template.parts if isinstance(part, Slot)]
    has_constants = len(slots) < len(template.parts)
    held = f"{_percent(template.accepted)} hold it exactly."
    first = f"{_many(size.n_prompts, 'prompt')} from {_many(size.n_accounts, 'account')} "
    if has_constants and not holds:
        first += f"belong together, but what they share is too little for a template; {held}"
    elif has_constants and slots:
        kinds = ", ".join(f"{kind} ({count})" if count > 1 else kind for kind, count in _kinds(slots))
        first += f"share a template with {_many(len(slots), 'slot')} ({kinds}); {held}"
    elif has_constants:
        first += f"send one text without slots; {held}"
    else:
        first += "belong together, but share no wording in one order."
    if verdict.objective is Objective.UNCLEAR:
        second = "What they are after is unclear"
    else:
        second = f"It looks like {verdict.objective.value} (confidence {verdict.confidence:.2f})"
    if scripts:
        second += f", written in {' and '.join(scripts)} script"
    if keyphrases:
        second += f"; typical: {', '.join(keyphrases[:3])}"
    return f"{first} {second}."


def _kinds(slots: Sequence[Slot]) -> list[tuple[str, int]]:
    return sorted(Counter(slot.kind for slot in slots).items(), key=lambda item: (-item[1], item[0]))


def _constants_of(template: Template) -> str:
    return " ".join(part for part in template.parts if isinstance(part, str))


def _for_title(template: Template) -> str:
    """What comes before the first constant with a word is left out: the title begins with words."""
    worded = (i for i, part in enumerate(template.parts) if isinstance(part, str) and _has_word(part))
    parts = template.parts[next(worded, 0) :]
    text = "".join("{" + p.kind + "}" if isinstance(p, Slot) else _constant_head(p) for p in parts)
    return text.strip(_OUTER_MARKS)


def _has_word(constant: str) -> bool:
    return any(character.isalpha() for character in constant[: 8 * TITLE_CHARACTERS])


def _constant_head(constant: str) -> str:
    """Enough of a constant for a title, its outer spaces as one."""
    head = plain_text(constant[: 8 * TITLE_CHARACTERS])
    before = " " if constant[:1].isspace() else ""
    after = " " if constant[-1:].isspace() else ""
    return before + head + after


def _plain_constant(constant: str) -> str:
    if len(constant) <= _CONSTANT_CHARACTERS:
        return constant
    half = _CONSTANT_CHARACTERS // 2
    return constant[:half] + f" {ELLIPSIS} " + constant[-half:]


def _cut_at_word(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    at_word = head.rsplit(" ", 1)[0]
    if len(at_word) >= limit // 2:
        head = at_word
    return head.rstrip(" ,;:.-{") + ELLIPSIS


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _percent(share: float) -> str:
    """Rounded so that neither "all" nor "none" is claimed of nearly all or hardly any."""
    if share >= 1.0:
        return "all"
    if share <= 0.0:
        return "none"
    return f"{min(max(round(100 * share), 1), 99)} %"
