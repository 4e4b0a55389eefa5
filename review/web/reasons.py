"""The evidence of a campaign in the order in which a page tells it: what the tier rests on, then the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from accounts.signals.reading import NOT_ACTIONABLE, NOT_TESTED
from campaigns.records import Tier
from review.evidence import FOR_PEOPLE, PHRASES, Sheet, Signal, Standing, Weight, chance
from review.web.plots import Strip, strip


@dataclass(frozen=True, slots=True)
class SignalRow:
    """
    Attributes:
        plot: None where there are no controls to draw.
        note: what a small chance means, where it speaks for an innocent reason.
    """

    signal: Signal
    plot: Strip | None
    chance: str
    note: str

    @classmethod
    def of(cls, signal: Signal) -> SignalRow:
        return cls(signal, strip(signal), chance(signal.p_value), FOR_PEOPLE.get(signal.name, ""))


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group of facts that counts once; `phrase` says what it is about, `signals` name what was tested of it."""

    weight: Weight
    phrase: str
    chance: str
    signals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reasons:
    """
    Attributes:
        headline: what the tier comes to, in a sentence or two.
        missing: what `actionable` lacks, a sentence each.
        said: reasons that are no signal's.
        rests_on: signals that are reasons or that speak, in the order of the reasons.
        silent, texts: the other signals that were tested: about the accounts, about the texts.
        untested: why, and the signals that were not tested because of it.
        groups: what counts, and `together` what it comes to, a sentence each.
    """

    headline: str
    missing: tuple[str, ...]
    said: tuple[str, ...]
    rests_on: tuple[SignalRow, ...]
    silent: tuple[SignalRow, ...]
    texts: tuple[SignalRow, ...]
    untested: tuple[tuple[str, tuple[str, ...]], ...]
    groups: tuple[GroupRow, ...]
    together: tuple[str, ...]


def read_reasons(sheet: Sheet) -> Reasons:
    by_sentence = {one.sentence: one for one in sheet.signals}
    named = [by_sentence[text] for text in sheet.reasons if text in by_sentence]
    rests_on = [*named, *(one for one in sheet.of(Standing.SPEAKS) if one not in named)]
    said = [
        text
        for text in sheet.reasons
        if text not in by_sentence and not text.startswith((NOT_ACTIONABLE, NOT_TESTED))
    ]
    return Reasons(
        headline=_headline(sheet),
        missing=tuple(text[:1].upper() + text[1:] for text in sheet.missing),
        said=tuple(said),
        rests_on=_rows(rests_on),
        silent=_rows([one for one in sheet.of(Standing.SILENT) if one not in rests_on]),
        texts=_rows([one for one in sheet.of(Standing.TEXTS) if one not in rests_on]),
        untested=_untested(sheet.of(Standing.UNTESTED)),
        groups=tuple(
            GroupRow(
                weight,
                PHRASES[weight.group],
                chance(weight.p_value),
                tuple(
                    one.name for one in sheet.signals if one.group == weight.group and one.p_value is not None
                ),
            )
            for weight in sheet.weights
        ),
        together=tuple(_together(sheet)),
    )


def _headline(sheet: Sheet) -> str:
    spoken = sum(one.speaks for one in sheet.weights)
    groups = f"{spoken} independent {'group' if spoken == 1 else 'groups'} of facts about its accounts"
    speak = "speaks" if spoken == 1 else "speak"
    if sheet.tier == Tier.ACTIONABLE:
        return f"{groups} {speak}; it takes {sheet.needed}. Nothing explains them away."
    if sheet.tier == Tier.BENIGN:
        return "It has an innocent explanation." if sheet.explained else "Nothing about its accounts speaks."
    if not spoken:
        return f"No group of facts about its accounts speaks by itself; actionable takes {sheet.needed}."
    return f"{groups} {speak}; actionable takes {sheet.needed}, and nothing that explains them away."


def _rows(signals: Sequence[Signal]) -> tuple[SignalRow, ...]:
    return tuple(map(SignalRow.of, signals))


def _untested(signals: Sequence[Signal]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    by_reason: dict[str, list[str]] = {}
    for one in signals:
        by_reason.setdefault(one.why_untested, []).append(one.name)
    return tuple((why, tuple(names)) for why, names in by_reason.items())


def _together(sheet: Sheet) -> list[str]:
    made = [
        f"A group counts once, whatever the number of its signals; it speaks from {chance(sheet.speaks_at)}."
    ]
    if sheet.together is not None and sheet.q_value is not None:
        day = f"{sheet.n_campaigns:,} campaign{'' if sheet.n_campaigns == 1 else 's'}"
        made += [
            f"All groups together: {chance(sheet.together)}.",
            f"Corrected for the {day} of the day: {chance(sheet.q_value)}; actionable takes {chance(sheet.q_at)}.",
        ]
    return made
