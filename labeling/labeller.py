"""An optional second opinion on how a family reads: what a labeller is given, what it may say, what is taken over.

A labeller reads text written by the very people Shoal looks for, so it has no say that matters: title and summary
are for the eye, and an objective is taken only where the deterministic labels found none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from campaigns.display import plain_text
from campaigns.records import Label, Objective
from labeling.describe import TITLE_CHARACTERS

SUMMARY_CHARACTERS: Final = 400

ADOPTED_CONFIDENCE: Final = 0.5
"""Confidence of an objective that a labeller named where the deterministic verdict was `unclear`."""

_FIELDS: Final = frozenset({"title", "summary", "objective"})
_ACTIVE: Final = ("://", "<", ">", "`", "](", "www.")
"""Marks of links and markup. A label is plain prose; whatever shows it must have nothing to interpret."""


@dataclass(frozen=True, slots=True)
class FamilyDigest:
    """What a labeller may know of a family. No accounts and no sizes: equal wording asks the same question each day.

    `template` is as `describe.display` shows it; `exemplars` are raw prompts, the first ones matter most.
    """

    template: str
    objective: Objective
    keyphrases: tuple[str, ...]
    exemplars: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Polished:
    """A checked answer: plain text, at most `TITLE_CHARACTERS` and `SUMMARY_CHARACTERS` long."""

    title: str
    summary: str
    objective: Objective


@dataclass(frozen=True, slots=True)
class Polish:
    """Answers in the order of the families; None where the deterministic label stays.

    `cached` answers cost nothing; `asked` families went to the service; `failed` counts those that brought no
    usable answer, by reason in `failures`; `skipped` families were left out to keep within the budget.
    """

    labels: tuple[Polished | None, ...]
    cached: int = 0
    asked: int = 0
    skipped: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        return sum(self.failures.values())

    def as_counts(self) -> dict[str, int]:
        """Flat, for a stage record."""
        return {
            "llm_cached": self.cached,
            "llm_asked": self.asked,
            "llm_skipped": self.skipped,
            "llm_failed": self.failed,
        }


class Labeller(Protocol):
    def label(self, families: Sequence[FamilyDigest]) -> Polish:
        """Answers for `families`, the most important first. Never raises because a service fails."""
        ...


def checked(answer: str) -> Polished | None:
    """What a service said, if it is one JSON object with a title, a summary and a known objective; else None.

    Texts are cleaned by `plain_text`. Over-long ones, and those with links or markup, are refused and not repaired:
    an answer that breaks the rules was probably written by a prompt.
    """
    try:
        value = json.loads(answer)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or value.keys() != _FIELDS:
        return None
    if not all(isinstance(text, str) for text in value.values()):
        return None
    if value["objective"] not in {objective.value for objective in Objective}:
        return None
    title = _prose(value["title"], TITLE_CHARACTERS)
    summary = _prose(value["summary"], SUMMARY_CHARACTERS)
    if not title or not summary:
        return None
    return Polished(title, summary, Objective(value["objective"]))


def polish(label: Label, polished: Polished | None) -> Label:
    """`label` with the title and the summary of an answer; its own objective stays unless it is `unclear`.

    The first sentence of the summary, which holds the counted facts, stays too.
    """
    if polished is None:
        return label
    facts, _, _ = label.summary.partition(". ")
    better = replace(label, title=polished.title, summary=f"{facts.rstrip('.')}. {polished.summary}")
    if label.objective is Objective.UNCLEAR and polished.objective is not Objective.UNCLEAR:
        better = replace(better, objective=polished.objective, objective_confidence=ADOPTED_CONFIDENCE)
    return better


def _prose(text: str, limit: int) -> str:
    """`text` cleaned, or "" if it is too long or more than prose."""
    clean = plain_text(text, limit + 1)
    lowered = clean.lower()
    return "" if len(clean) > limit or any(mark in lowered for mark in _ACTIVE) else clean
