"""When a matcher is sought: whom it met on other people's prompts, and the rule that judges that.

A matcher names accounts, so it is tried, every night, on the prompts of no family. What it accepts there comes from
*strangers*, unless the account is one that its campaign names already: then it is a member's that discovery missed.
Figures add up over the days.

The rule, for a template that is long enough and accepts its own members:

* **untested** while the prompts read are too few to bound any rate by `matcher_collisions`;
* **refused** when the upper bound of the rate of strangers' prompts is above `matcher_collisions`, or when strangers
  are more than `matcher_strangers` of all that it accepts;
* **refused** also once strangers are *surely* more frequent than `collision_target`: the lower bound of their rate is
  above it. Here an account counts once a day, however often it sends. Its prompts are one event and not many, and it
  may be the operator's own that discovery missed. This is asked again every night, so it takes the certainty `SURELY`.
  At a target of one in 100,000 an account of one day never refuses a matcher that is tested; two do among fewer than
  14,856 prompts, three among fewer than 43,606;
* **live** otherwise, and *shown* once the upper bound is within `collision_target`: without any match, from 299,572
  prompts on. Until then a matcher is live on the word of `matcher_collisions`.

A matcher that passes so for whole prompts is sought inside longer ones too, and by most of its words, if it also passes
with the figures of that looser form. Bounds are one-sided and exact for prompts that are independent of each other
(Clopper and Pearson, 1934).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from campaigns.records import MatcherState
from campaigns.settings import LabelSettings, Settings

CONFIDENCE: Final = 0.95
"""Of the upper bound of a collision rate."""

SURELY: Final = 0.99
"""Confidence of the lower bound. Of matchers just at the target, some would be refused by chance each night at 95 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """What a matcher accepted.

    Attributes:
        prompts: those of no family that it was tried on, on so many `days`.
        matches: of these, prompts of strangers that are the template from end to end.
        accounts: who sent those; one that sent some on two days counts twice.
        loose_matches, loose_accounts: likewise if other text may stand before and after, and a few words be changed.
        of_members: prompts of no family that match in either form, by accounts that the campaign names already.
        own: prompts of the campaign's own families that are the template from end to end.
    """

    prompts: int
    matches: int
    accounts: int
    loose_matches: int
    loose_accounts: int
    own: int
    of_members: int = 0
    days: int = 1

    def bound(self, *, loose: bool = False) -> float:
        """Upper bound of the rate at which strangers' prompts match."""
        return upper_bound(self.loose_matches if loose else self.matches, self.prompts)


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings `label.matcher_collisions`, `label.matcher_strangers` and `match.collision_target`."""

    collisions: float = 0.001
    strangers: float = 0.2
    target: float = 0.00001

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls.of_a_day(settings.label, settings.match.collision_target)

    @classmethod
    def of_a_day(cls, label: LabelSettings, target: float = 1.0) -> Self:
        """Without a target: it is for what was found on one day and has not been sought yet."""
        return cls(label.matcher_collisions, label.matcher_strangers, target)


def verdict(met: Met, limits: Limits, *, loose: bool = False) -> tuple[MatcherState, str]:
    """Whether the matcher may be sought, in this form, by the rule above; and why, in words."""
    matches, accounts = met.matches, met.accounts
    if loose:
        matches, accounts = met.loose_matches, met.loose_accounts
    bound = upper_bound(matches, met.prompts)
    on_days = f" on {met.days} days" if met.days > 1 else ""
    told = f"{matches} of {met.prompts} prompts outside families match{on_days} ({accounts} accounts)"
    limit = f"the limit is {_percent(limits.collisions)}"
    if upper_bound(0, met.prompts) > limits.collisions:
        return MatcherState.UNTESTED, f"{told}, too few to bound the rate; {limit}"
    if bound > limits.collisions:
        return MatcherState.COLLIDES, f"{told}, a rate of up to {_percent(bound)}; {limit}"
    share = matches / max(matches + met.of_members + met.own, 1)
    if share > limits.strangers:
        told += f", {share:.0%} of all it matches"
        return MatcherState.COLLIDES, f"{told}; the limit is {limits.strangers:.0%}"
    least = lower_bound(accounts, met.prompts)
    if least > limits.target:
        target = f"the target is one in {1 / limits.target:,.0f}"
        return MatcherState.COLLIDES, f"{told}, at least one in {1 / least:,.0f} prompts; {target}"
    return MatcherState.USABLE, f"{told}, a rate of at most {_percent(bound)}"


def upper_bound(count: int, of: int) -> float:
    """Upper bound of a rate from `count` events in `of`, at `CONFIDENCE`.

    Without an event it is 1 - 0.05^(1/n), about 3 / n: fewer than 3,000 prompts cannot show a rate below one in a
    thousand.
    """
    from scipy.special import betaincinv

    if count >= of:
        return 1.0
    return float(betaincinv(count + 1, of - count, CONFIDENCE))


def lower_bound(count: int, of: int) -> float:
    """Lower bound of a rate from `count` events in `of`, at `SURELY`; 0 without an event."""
    from scipy.special import betaincinv

    if count == 0:
        return 0.0
    return float(betaincinv(count, of - count + 1, 1 - SURELY))


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%"
