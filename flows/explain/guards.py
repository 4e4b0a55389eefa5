"""Why a lexical group is no family: its core measured again, and the first test that it fails."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from campaigns.settings import FamilySettings
from clustering.cores import find_cores
from clustering.senders import evidence
from clustering.stage import TextTable
from flows.explain.records import GroupView, Guard

Weights = dict[int, float]
"""Features of a core and the weight of each, in nats."""

_HISTORY_MAY_DECIDE = (Guard.WEAK_CORE, Guard.ORDINARY_SENDERS, Guard.LOW_EVIDENCE)

READINGS = ("pairs", "edges", "wide_pairs")
"""The readings that propose groups, in their order (`clustering.lexical`)."""


def judge_group(
    texts: TextTable, group: int, members: NDArray[np.int64], settings: FamilySettings
) -> tuple[GroupView, Weights]:
    """The group under the reading that comes nearest to making it a family, and its core there.

    Args:
        members: rows of the group's texts.
    """
    judged = [_judge(texts, group, members, settings, reading) for reading in READINGS]
    return max(judged, key=lambda one: _nearness(one[0]))


def _judge(
    texts: TextTable, group: int, members: NDArray[np.int64], settings: FamilySettings, reading: str
) -> tuple[GroupView, Weights]:
    labels = np.full(len(texts), -1, np.int32)
    labels[members] = 0
    pairs = texts.pairs
    inside = labels[pairs.texts] == 0
    n_prompts = int(pairs.prompts[inside].sum())
    n_accounts = len(np.unique(pairs.accounts[inside]))
    needed = settings.edge_strength if reading == "edges" else settings.family_strength
    sets = getattr(texts.readings, reading)
    cores = find_cores(sets, labels, pairs, settings)
    weights = dict(
        zip(sets.features[cores.weights.indices].tolist(), cores.weights.data.tolist(), strict=True)
    )
    strength = told = dedicated = None
    if len(cores.groups):
        strength, told = float(cores.strengths[0]), float(cores.evidence[0])
        nobody = np.zeros(1)
        dedicated = float(evidence(cores.strengths, cores.n_accounts, nobody, pairs.n_prompts)[0])
    fewest_texts = 1 if reading == "pairs" else settings.edge_texts
    if n_prompts < settings.min_prompts:
        guard = Guard.TOO_FEW_PROMPTS
    elif n_accounts < settings.min_accounts:
        guard = Guard.TOO_FEW_ACCOUNTS
    elif strength is None or strength < settings.core_strength:
        guard = Guard.WEAK_CORE
    elif told is not None and told < needed:
        guard = Guard.ORDINARY_SENDERS if dedicated and dedicated >= needed else Guard.LOW_EVIDENCE
    elif len(members) < fewest_texts:
        guard = Guard.TOO_FEW_TEXTS
    else:
        guard = Guard.REGROUPED
    if guard in _HISTORY_MAY_DECIDE and sets.usual is not None:
        today = find_cores(replace(sets, usual=None), labels, pairs, settings)
        if (today.strong(settings) & (today.evidence >= needed)).any():
            guard = Guard.USUAL
    view = GroupView(
        group=group,
        guard=guard,
        reading=reading,
        n_texts=len(members),
        n_prompts=n_prompts,
        n_accounts=n_accounts,
        strength=strength,
        strength_needed=settings.core_strength,
        evidence=told,
        evidence_needed=needed,
        evidence_if_dedicated=dedicated,
    )
    return view, weights


def _nearness(view: GroupView) -> float:
    if view.strength is None or view.evidence is None:
        return 0.0
    return min(
        view.strength / max(view.strength_needed, 1e-9), view.evidence / max(view.evidence_needed, 1e-9)
    )


def group_sentence(view: GroupView, settings: FamilySettings) -> str:
    """The guard in words, with the figures that it compared."""
    size = f"Its group has {view.n_prompts:,} prompts of {view.n_accounts:,} accounts"
    figures = f"measured by {_READING_WORDS[view.reading]}, its core has {view.strength or 0:.0f} nats"
    match view.guard:
        case Guard.TOO_FEW_PROMPTS:
            return f"{size}; a family has {settings.min_prompts} prompts or more."
        case Guard.TOO_FEW_ACCOUNTS:
            return f"{size}; a family has {settings.min_accounts} accounts or more."
        case Guard.TOO_FEW_TEXTS:
            return f"{size}, but {view.n_texts} distinct texts; this reading asks for {settings.edge_texts}."
        case Guard.WEAK_CORE:
            return f"{size}, but they share too little: {figures} of the {view.strength_needed:.0f} needed."
        case Guard.ORDINARY_SENDERS:
            return (
                f"{size}, but these accounts send as much else as anybody, as with an idiom: {figures}, the evidence "
                f"is {view.evidence:.0f} of the {view.evidence_needed:.0f} needed. Of accounts that send little "
                f"else it would be {view.evidence_if_dedicated:.0f}."
            )
        case Guard.LOW_EVIDENCE:
            return (
                f"{size}, too few for so short a core: {figures}, the evidence is {view.evidence:.0f} of the "
                f"{view.evidence_needed:.0f} needed."
            )
        case Guard.USUAL:
            return (
                f"{size}, and by today alone it would pass, but many accounts sent these words in prompts of no family "
                f"on the days before, as with an idiom: {figures}, the evidence is {view.evidence or 0:.0f} of the "
                f"{view.evidence_needed:.0f} needed."
            )
        case _:
            return (
                f"{size}. Measured as it stands it would pass ({figures}), but it was left over after other texts "
                "had gone to other families."
            )


_READING_WORDS = {
    "pairs": "word pairs",
    "edges": "beginnings and ends",
    "wide_pairs": "word pairs, read widely",
}
