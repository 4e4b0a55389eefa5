"""One prompt explained. Nothing is decided anew.

Where a stage kept its verdict and not the figures, as for a group that is no family, they are measured again with the
stage's own functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from campaigns.runs import Run
from campaigns.settings import Settings
from campaigns.tokens import tokenize
from flows.explain import families
from flows.explain.day import Day
from flows.explain.guards import Weights, group_sentence, judge_group
from flows.explain.highlight import highlighted
from flows.explain.lookup import Row, first_senders
from flows.explain.records import (
    Explanation,
    FamilyView,
    Feature,
    GroupView,
    Guard,
    Neighbour,
    Reason,
)
from flows.explain.sharing import Sharing, accounts_of

_NEAREST = 5
_OWN = 15
"""Features of the prompt's own scaffold that are shown."""

Alike = list[tuple[int, float]]
"""Rows of texts and the cosine of each."""


def explain(run: Run, sent: Row, settings: Settings) -> Explanation:
    """Everything about one prompt of a run.

    Args:
        sent: the prompt, from `flows.explain.lookup.find_prompt`.
        settings: used where the run's manifest does not say which it was made with.

    Raises:
        UsageError: another version of Shoal made the run, and this one cannot read it.
    """
    day = Day.read(run, settings)
    row = int(day.texts.rows_of(pa.chunked_array([pa.array([sent["text_key"]], pa.binary(16))]))[0])
    own = int(day.families[row])
    sharing = Sharing.of(day.texts, row)
    cores = families.cores_beside(day, sharing, own)
    outside = _sent_by_others(day, row) & ((day.families != own) | (own < 0))
    strangers = sharing.nearest(outside, _NEAREST).tolist()
    members = families.nearest_members(day, sharing, row, _NEAREST).tolist() if own >= 0 else []
    examples = families.exemplars(day, row) if own >= 0 else []
    embedded, alike = _embedded(day, row) if own < 0 else (False, [])

    shown = [*strangers, *members, *examples, *(near for near, _ in alike)]
    witnesses = sorted({witness for core in cores for witness in core.witnesses})
    senders = first_senders(run, day.keys_of([*shown, *witnesses]), not_by=sent["account_id"])

    texts = [sent["prompt"], *(senders[key]["prompt"] for key in day.keys_of(witnesses))]
    tokens = tokenize(pa.array(texts, pa.large_string()))
    core_features = [feature for core in cores for feature in core.features]
    phrases = [feature for reading in families.PHRASES for feature in day.features(reading, row).tolist()]
    words = families.spell(texts, tokens, [*core_features, *phrases], day.scaffold)
    accounts = accounts_of(day.texts, np.array(core_features, np.uint64))
    views = [families.family_view(day, row, core, words, accounts) for core in cores]
    family, near = (views[0], views[1:]) if own >= 0 else (None, views)
    group, weights = _group(day, row) if own < 0 else (None, families.core_weights(day, own))

    def neighbours(rows: Sequence[int], cosines: Sequence[float] = ()) -> tuple[Neighbour, ...]:
        return tuple(_neighbours(day, sharing, senders, rows, cosines))

    return Explanation(
        run_id=run.run_id,
        day=run.day,
        prompt_id=sent["prompt_id"],
        account_id=sent["account_id"],
        parts=tuple(highlighted(sent["prompt"], day, row)),
        **day.facts(row),
        minimum_accounts=day.minimum_accounts,
        features=tuple(_scaffold(sharing, words, weights)[:_OWN]),
        n_features=sum(len(day.features(reading, row)) for reading in families.PHRASES),
        family=family,
        reasons=tuple(_reasons(day, row, group, near, embedded)) if own < 0 else (),
        group=group,
        near=tuple(near),
        templates=tuple(families.templates_beside(day, sent["prompt"], own)),
        members=neighbours(members),
        exemplars=neighbours(examples),
        neighbours=neighbours(strangers),
        alike=neighbours([one for one, _ in alike], [cosine for _, cosine in alike]),
    )


def _sent_by_others(day: Day, row: int) -> NDArray[np.bool_]:
    """bool (n_texts,): texts that somebody sent who did not send this one."""
    pairs = day.texts.pairs
    senders = pairs.accounts[pairs.texts == row]
    result = np.zeros(len(day.texts), np.bool_)
    result[pairs.texts[~np.isin(pairs.accounts, senders)]] = True
    result[row] = False
    return result


def _neighbours(
    day: Day, sharing: Sharing, senders: dict[bytes, Row], rows: Sequence[int], cosines: Sequence[float]
) -> Iterator[Neighbour]:
    pairs = day.texts.pairs
    for number, (row, key) in enumerate(zip(rows, day.keys_of(rows), strict=True)):
        mine = pairs.texts == row
        yield Neighbour(
            prompt_id=senders[key]["prompt_id"],
            account_id=senders[key]["account_id"],
            text=senders[key]["prompt"],
            n_prompts=int(pairs.prompts[mine].sum()),
            n_accounts=int(mine.sum()),
            campaign_id=day.campaign_of(row),
            shared=int(sharing.shared[row]),
            nats=float(sharing.nats[row]),
            cosine=cosines[number] if cosines else None,
        )


def _scaffold(sharing: Sharing, words: families.Words, weights: Weights) -> list[Feature]:
    """The phrases among the text's features: what marks its family or group comes first, then the widest shared."""
    found = [
        Feature(*words[feature], count, weights.get(feature), True)
        for feature, count in zip(sharing.features.tolist(), sharing.accounts.tolist(), strict=True)
        if feature in words
    ]
    return sorted(found, key=lambda one: (-(one.weight or 0.0), -one.accounts, one.kind, one.words))


# -- what kept it out ----------------------------------------------------------------------------------


def _group(day: Day, row: int) -> tuple[GroupView | None, Weights]:
    group = int(day.groups[row])
    if group < 0 or day.in_family_group[row]:
        return None, {}
    return judge_group(day.texts, group, np.flatnonzero(day.groups == group), day.family)


def _embedded(day: Day, row: int) -> tuple[bool, Alike]:
    """Whether the text or its group was embedded, and which others of those embedded are nearest."""
    table = day.run.table("representatives", ["group", "text_key"])
    of = day.texts.rows_of(table["text_key"])
    groups = table["group"].to_numpy()
    group = int(day.groups[row])
    mine = np.flatnonzero((groups == group) if group >= 0 else (of == row) & (groups < 0))
    if not len(mine):
        return False, []
    vectors = np.load(day.run.path / "vectors.npy", mmap_mode="r")
    cosines = np.asarray(vectors @ vectors[mine[0]], np.float64).round(6)
    cosines[(of == row) | (np.arange(len(of)) == mine[0]) | ~day.real[of]] = -1.0
    order = np.lexsort((np.arange(len(of)), -cosines))
    return True, [(int(of[one]), float(cosines[one])) for one in order[:3].tolist() if cosines[one] > 0]


def _reasons(
    day: Day, row: int, group: GroupView | None, near: Sequence[FamilyView], embedded: bool
) -> Iterator[Reason]:
    """In the order of the stages; the first is what kept the prompt out."""
    sizes = {name: len(day.features(name, row)) for name in families.PHRASES}
    if not sum(sizes.values()):
        yield Reason(
            Guard.NO_SCAFFOLD,
            f"None of its word pairs, and no way it begins or ends, is shared by {day.minimum_accounts} accounts, "
            "the fewest that count on a day of this volume.",
        )
        return
    if day.in_family_group[row]:
        yield Reason(
            Guard.TOO_FEW_PROMPTS,
            "Its family was left with too few prompts or accounts when every member had been checked: "
            f"{day.family.min_prompts} prompts of {day.family.min_accounts} accounts are the fewest.",
        )
    elif group is not None:
        yield Reason(group.guard, group_sentence(group, day.family))
    else:
        yield Reason(
            Guard.NO_GROUP,
            f"It shares scaffold with others, but no {day.family.min_prompts} prompts of "
            f"{day.family.min_accounts} accounts have enough in common with it to be a group.",
        )
    if near and near[0].carried < day.family.member_share:
        yield Reason(
            Guard.LITTLE_OF_A_FAMILY,
            f"The nearest family is {near[0].campaign_id}: it carries {near[0].carried:.0%} of its core, and a "
            f"member carries {day.family.member_share:.0%}.",
        )
    elif near:
        yield Reason(
            Guard.OTHER_READING,
            f"It carries {near[0].carried:.0%} of what {near[0].campaign_id} is known again by, but the reading that "
            "found that family measured less, or found more of another group in it.",
        )
    if not embedded:
        yield Reason(
            Guard.NOT_EMBEDDED,
            f"It was not compared by meaning: at most {day.embedding.budget:,} pieces of a day are, of texts whose "
            "senders, and those of texts near it, send least besides.",
        )
    else:
        yield Reason(
            Guard.NO_CLUSTER,
            "It was compared by meaning, but no cluster of texts like it shares a core as strong as a family's.",
        )
