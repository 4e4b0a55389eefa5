"""Whether seeds may be sought: how often their templates meet prompts of no family, on days that were published.

The rule is that of our own templates (`labeling.collisions`), with one difference. Of ours, strangers may be a small
part of all that matches, for their family is known. A seed may tell of a campaign that is too small to be seen here:
then all that matches is of no family, and only the rate can speak. And a seed need not come from traffic at all. Small
words between slots can be made up by the thousand, each rare enough in its order and all together met everywhere: some
words must stand in a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from campaigns import files
from campaigns.collisions import upper_bound
from campaigns.entries import KnownMatcher
from campaigns.records import MatcherState, Template
from campaigns.runs import Run
from campaigns.settings import LabelSettings
from labeling.collisions import constant_words
from labeling.matcher import Matcher
from labeling.sought import matchers_of, screen_of, words_of
from labeling.template import template_from_json
from matching.match import SLICE_BYTES, cuts, large_strings

LEAST_RUN: Final = 3
"""Words in a row that a seed must have."""


@dataclass(frozen=True, slots=True)
class _Met:
    """Prompts of no family that match each template: from end to end, and anywhere; of how many, on how many days."""

    prompts: NDArray[np.int64]
    anywhere: NDArray[np.int64]
    of_prompts: int
    days: int


def measured(
    seeds: Sequence[KnownMatcher], runs: Sequence[Run], settings: LabelSettings
) -> list[KnownMatcher]:
    """The seeds with the figures of these runs, and what follows from them; in the order given.

    Prompts are read part by part and slice by slice. Templates of too few words are not sought at all.

    Raises:
        IntegrityError: a template is damaged.
    """
    templates = [template_from_json(seed.template_json) for seed in seeds]
    matchers = matchers_of(templates)
    lacking = [_lacking(*pair, settings) for pair in zip(templates, matchers, strict=True)]
    sought = [k for k, reason in enumerate(lacking) if not reason]
    met = _meet([matchers[k] for k in sought], runs)
    day = max((run.day for run in runs), default=None)
    made = [
        replace(
            seed,
            state=MatcherState.TOO_SHORT,
            reason=reason,
            anywhere=False,
            organic_matches=0,
            organic_prompts=0,
            collision_bound=1.0,
        )
        for seed, reason in zip(seeds, lacking, strict=True)
    ]
    for place, k in enumerate(sought):
        bound = upper_bound(int(met.prompts[place]), met.of_prompts)
        state, reason = _verdict(templates[k], int(met.prompts[place]), bound, met, settings)
        loose = upper_bound(int(met.anywhere[place]), met.of_prompts)
        made[k] = replace(
            seeds[k],
            day=day or seeds[k].day,
            state=state,
            reason=reason,
            anywhere=state is MatcherState.USABLE and loose <= settings.matcher_collisions,
            organic_matches=int(met.prompts[place]),
            organic_prompts=met.of_prompts,
            collision_bound=bound,
        )
    return made


def _lacking(template: Template, matcher: Matcher, settings: LabelSettings) -> str:
    """What the template has too little of to be sought; empty: nothing."""
    words = constant_words(template)
    if words < settings.matcher_words:
        return f"{words:g} words of constant text; {settings.matcher_words} are needed"
    return "" if np.diff(matcher.indptr).max() >= LEAST_RUN else f"never {LEAST_RUN} words in a row"


def _meet(matchers: Sequence[Matcher], runs: Sequence[Run]) -> _Met:
    """Slice by slice, and only counts are kept: however many seeds match however much, memory is bounded."""
    screen = screen_of(matchers)
    prompts, anywhere = np.zeros((2, len(matchers)), np.int64)
    of_prompts = 0
    for run in runs if matchers else ():
        members = pl.DataFrame(run.table("family_members", ["text_key"]))
        for part in run.prompt_parts():
            sent = pl.DataFrame(files.read_parquet(part, ["text_key", "prompt"]))
            texts = (
                sent.join(members, on="text_key", how="anti")
                .group_by("text_key")
                .agg(pl.len(), pl.first("prompt"))
            )
            counts = texts["len"].to_numpy().astype(np.int64)
            of_prompts += int(counts.sum())
            array = large_strings(texts["prompt"].to_arrow())
            for start, end in cuts(array, SLICE_BYTES):
                hits = screen.hits(words_of(array.slice(start, end - start)))
                sizes = counts[start + hits.texts]
                np.add.at(anywhere, hits.matchers, sizes)
                np.add.at(prompts, hits.matchers[hits.whole], sizes[hits.whole])
    return _Met(prompts, anywhere, of_prompts, len(runs))


def _verdict(
    template: Template, matches: int, bound: float, met: _Met, settings: LabelSettings
) -> tuple[MatcherState, str]:
    days = f"{met.days} day{'' if met.days == 1 else 's'}"
    told = f"{matches:,} of {met.of_prompts:,} prompts of no family match, on {days}"
    limit = f"the limit is {_percent(settings.matcher_collisions)}"
    if template.accepted < settings.matcher_accepted:
        needed = f"{settings.matcher_accepted:.0%} are needed"
        return (
            MatcherState.MEMBERS_LOST,
            f"accepts {template.accepted:.0%} of the texts it was made from; {needed}",
        )
    if not met.days:
        return MatcherState.UNTESTED, "no published day tells whom it would match"
    if upper_bound(0, met.of_prompts) > settings.matcher_collisions:
        return MatcherState.UNTESTED, f"{told}: too few to bound the rate; {limit}"
    if bound > settings.matcher_collisions:
        return MatcherState.COLLIDES, f"{told}, a rate of up to {_percent(bound)}; {limit}"
    return MatcherState.USABLE, f"{told}, a rate of at most {_percent(bound)}"


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%" if share < 0.995 else "100%"  # not 1e+02
