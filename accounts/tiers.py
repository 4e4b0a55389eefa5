"""Tiers: what the evidence of a campaign amounts to.

benign      explained: one customer's own tool, a text that people copy, topics that are the accounts' own, an
            allow-list entry; or nothing about its accounts differs from ordinary ones.
review      something is odd and an analyst must look. What the prompts say never goes further than this.
actionable  two independent groups of facts about the accounts speak, chance is ruled out over all campaigns of the day,
            the slots are dealt out, and nothing explains it.

What was not tested never speaks against anybody: it makes `actionable` unreachable, or counts as nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from accounts.combine import benjamini_hochberg, cauchy
from accounts.evidence import Evidence
from accounts.signals.reading import COUNTED, NOT_ACTIONABLE, NOT_TESTED, Group
from accounts.signals.topics import OWN
from campaigns.records import MatcherState, Tier
from campaigns.settings import TierSettings

CERTAIN = 1e-4
"""p-value of the other traffic from which senders without any other fact are a matter for review."""
PAYMENT = "payment cards"


class AllowRule(Protocol):
    """Something known to be benign: `kind` is `campaign`, `template_hash` or `organization`."""

    @property
    def kind(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def reason(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """A tier, what ranks it in the queue (0..1), and the reasons, the weightiest first."""

    tier: Tier
    score: float
    reasons: tuple[str, ...]
    strict: bool
    """Whether any group of facts about the accounts speaks, besides how little else they send."""


def judge(
    evidence: Sequence[Evidence],
    names: Sequence[Mapping[str, Sequence[str]]],
    matchers: Sequence[str],
    settings: TierSettings,
    allowed: Sequence[AllowRule] = (),
) -> list[Verdict]:
    """A verdict for each campaign of the day.

    Args:
        names: what allow-list entries may call each campaign: kind to values.
        matchers: `MatcherState` of each campaign's leading template.
        allowed: the entries in force on the day.
    """
    if not evidence:
        return []
    groups = np.array([[float(cauchy(one.p_values(group))) for group in COUNTED] for one in evidence])
    together = cauchy(groups)
    q_values = benjamini_hochberg(together)
    return [
        _verdict(
            one, groups[i], float(together[i]), float(q_values[i]), names[i], matchers[i], settings, allowed
        )
        for i, one in enumerate(evidence)
    ]


def _verdict(
    evidence: Evidence,
    groups: NDArray[np.float64],
    together: float,
    q_value: float,
    names: Mapping[str, Sequence[str]],
    matcher: str,
    settings: TierSettings,
    allowed: Sequence[AllowRule],
) -> Verdict:
    speaking = [group for group, p in zip(COUNTED, groups, strict=True) if p <= settings.group_p]
    strict = q_value <= settings.q
    devoted = _devoted(evidence, settings)
    explained = _explanations(evidence, names, strict, settings, allowed)
    score = _score(evidence, together)
    untested = _untested(evidence)
    if evidence.left_out:
        untested.insert(
            0, f"{evidence.left_out} accounts of other suspected campaigns were left out of the comparison."
        )
    if explained:
        return Verdict(Tier.BENIGN, round(0.1 * score, 6), (*explained, *untested), strict)
    if not strict and not devoted:
        why = "Nothing about its accounts differs from ordinary ones of the same countries, ages and volumes."
        return Verdict(Tier.BENIGN, round(0.4 * score, 6), (why, *untested), strict)
    said = _said(evidence, settings)
    short = _short_of_action(evidence, speaking, strict, matcher, settings)
    if short:
        return Verdict(Tier.REVIEW, round(0.4 + 0.4 * score, 6), (*said, *short, *untested), strict)
    return Verdict(Tier.ACTIONABLE, round(0.8 + 0.2 * score, 6), (*said, *untested), strict)


def if_named(verdict: Verdict, named: float, settings: TierSettings) -> Verdict:
    """The verdict, or review where too few accounts can be named: the others' company is then what speaks.

    Args:
        named: part of the accounts whose own facts say that they belong to the pool.
    """
    if verdict.tier != Tier.ACTIONABLE or named >= settings.named_share:
        return verdict
    why = f"{NOT_ACTIONABLE}only {named:.0%} of the accounts belong to it by facts of their own."
    score = 0.4 + 2 * (verdict.score - 0.8)
    return replace(verdict, tier=Tier.REVIEW, score=round(score, 6), reasons=(*verdict.reasons, why))


def _explanations(
    evidence: Evidence,
    names: Mapping[str, Sequence[str]],
    strict: bool,
    settings: TierSettings,
    allowed: Sequence[AllowRule],
) -> list[str]:
    """The innocent explanations that fit. Shared payment cards speak against all but an allow-list and one customer."""
    found = [f"Allow-listed: {rule.reason}." for rule in allowed if rule.value in names.get(rule.kind, ())]
    if evidence.tenant >= settings.one_tenant_share:
        found.append(
            f"{evidence.tenant:.0%} of the prompts come from one organization: one customer's own template."
        )
    if evidence.p_value(PAYMENT) <= settings.group_p:
        return found
    if copied(evidence, strict, settings):
        found.append(
            f"{evidence.slots.bare:.0%} of the prompts put nothing into the template, {evidence.slots.copied:.0%} "
            "repeat another account's prompt: a text that people copy."
        )
    if own_topics(evidence):
        found.append(
            f"Each account keeps to topics of its own (superiority {_superiority(evidence):.2f}): a tool that people "
            "use for themselves."
        )
    return found


def copied(evidence: Evidence, strict: bool, settings: TierSettings) -> bool:
    """Whether people copy one text: some prompts put nothing into it and the others hardly more.

    Where the others put much into it, bare prompts may be there to look innocent: then they explain only senders of
    whom nothing else is odd.
    """
    slots = evidence.slots
    hardly_more = slots.bare >= settings.bare_share and slots.words <= settings.bare_words
    return hardly_more or (not strict and slots.bare >= settings.mostly_bare_share)


def own_topics(evidence: Evidence) -> bool:
    """Whether accounts group the slots, surely and by much."""
    topics = evidence.topics
    return (
        topics is not None
        and topics.n_accounts >= 3
        and topics.p_own <= 0.01
        and topics.superiority - 1.645 * topics.error >= 0.55
    )


def dealt_out(evidence: Evidence) -> bool:
    """Whether slots are shown to be no account's own: equivalence at `OWN`, unless labels at random fail outright."""
    topics = evidence.topics
    if topics is None:
        return False
    upper = topics.superiority + 1.645 * topics.error
    return upper < 0.6 or (upper < OWN and topics.p_own > 0.05)


def _devoted(evidence: Evidence, settings: TierSettings) -> bool:
    """Senders that send little else, where few send most of it or organizations stand behind them: people do so too."""
    return (
        evidence.p_value("other traffic") <= CERTAIN
        and not evidence.heavy
        and len(evidence.case.customers) >= settings.review_accounts
        and evidence.organizations < settings.organizations_share
    )


def _short_of_action(
    evidence: Evidence, speaking: Sequence[Group], strict: bool, matcher: str, settings: TierSettings
) -> list[str]:
    """What is missing for `actionable`, in words."""
    found = []
    if not strict or len(speaking) < settings.action_groups:
        named = ", ".join(speaking) or "none"
        found.append(
            f"{NOT_ACTIONABLE}{settings.action_groups} independent groups of facts about the accounts must speak, "
            f"here: {named}."
        )
    if not dealt_out(evidence):
        found.append(
            f"{NOT_ACTIONABLE}it is not shown that the slots are dealt out (superiority {_superiority(evidence):.2f})."
            if evidence.topics
            else f"{NOT_ACTIONABLE}too few accounts sent two prompts to tell dealt-out slots from topics of their own."
        )
    if evidence.slots.words < settings.slot_words:
        found.append(
            f"{NOT_ACTIONABLE}the slots hold {evidence.slots.words:.0f} words, too few to tell whose they are."
        )
    if not evidence.organizations_known:
        found.append(
            f"{NOT_ACTIONABLE}no account of the day has an organization, so a customer's own tool cannot be told."
        )
    if not evidence.placed:
        found.append(
            f"{NOT_ACTIONABLE}neither networks nor countries of the accounts are known, so an office, a campus or an "
            "event cannot be told."
        )
    if evidence.payer >= settings.one_tenant_share:
        found.append(
            f"{NOT_ACTIONABLE}one payment card pays for nearly all accounts: they may be one customer's."
        )
    if evidence.one_place and not evidence.p_value(PAYMENT) <= settings.group_p:
        found.append(
            f"{NOT_ACTIONABLE}nearly all accounts are in one place, as those of an office, a campus or an event are, "
            "and no payment cards are shared."
        )
    if matcher == MatcherState.COLLIDES:
        found.append(f"{NOT_ACTIONABLE}the template matches prompts of others too.")
    return found


def _said(evidence: Evidence, settings: TierSettings) -> list[str]:
    """Sentences of the signals that speak, by falling weight, and what the slots look like."""
    counted = [
        one
        for one in evidence.readings
        if one.group not in (Group.CONTENT, Group.CLIENT) and one.p_value <= settings.group_p
    ]
    counted.sort(key=lambda one: one.p_value)
    topics = [one for one in evidence.readings if one.signal == "slot topics" and not np.isnan(one.value)]
    return [f"{one.sentence[0].upper()}{one.sentence[1:]}." for one in (*counted, *topics)]


def _untested(evidence: Evidence) -> list[str]:
    missing = [one.signal for one in evidence.readings if np.isnan(one.value)]
    return [f"{NOT_TESTED}{', '.join(missing)}."] if missing else []


def _score(evidence: Evidence, together: float) -> float:
    """0..1: how unlikely the accounts are by chance, and how little else they send."""
    accounts = min(-np.log10(max(together, 1e-6)) / 6, 1.0) if not np.isnan(together) else 0.0
    other = evidence.p_value("other traffic")
    devotion = 0.0 if evidence.heavy or np.isnan(other) else min(-np.log10(max(other, 1e-10)) / 10, 1.0)
    return float(1 - (1 - 0.9 * accounts) * (1 - 0.6 * devotion))


def _superiority(evidence: Evidence) -> float:
    return evidence.topics.superiority if evidence.topics else np.nan
