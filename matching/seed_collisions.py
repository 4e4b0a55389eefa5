"""Whether seeds may be sought: how often their templates meet prompts of no family, on days that were published.

The rule is that of our own templates (`labeling.collisions`), with one difference. Of ours, strangers may be a small
part of all that matches, for their family is known. A seed may tell of a campaign that is too small to be seen here:
then all that matches is of no family, and only the rate can speak.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from campaigns.entries import KnownMatcher
from campaigns.records import MatcherState, Template
from campaigns.runs import Run
from campaigns.settings import LabelSettings
from labeling.collisions import collisions, constant_words, upper_bound
from labeling.sought import matchers_of
from labeling.template import template_from_json


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
    sought = [k for k, template in enumerate(templates) if constant_words(template) >= settings.matcher_words]
    met = _meet([templates[k] for k in sought], runs)
    day = max((run.day for run in runs), default=None)
    made = list(seeds)
    for k, template in enumerate(templates):
        words = constant_words(template)
        made[k] = replace(
            seeds[k],
            state=MatcherState.TOO_SHORT,
            reason=f"{words:g} words of constant text; {settings.matcher_words} are needed",
            anywhere=False,
            organic_matches=0,
            organic_prompts=0,
            collision_bound=1.0,
        )
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


def _meet(templates: Sequence[Template], runs: Sequence[Run]) -> _Met:
    matchers = matchers_of(templates)
    prompts, anywhere = np.zeros((2, len(templates)), np.int64)
    of_prompts = 0
    for run in runs if templates else ():
        members = run.table("family_members", ["text_key", "family"])
        found = collisions(run, members, [-1] * len(templates), matchers)
        prompts += found.prompts
        anywhere += found.anywhere
        of_prompts += found.of_prompts
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
    return f"{100 * share:.2g}%"
