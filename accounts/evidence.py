"""The evidence of a campaign: every signal, read against its null model and put into words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accounts.case import Case
from accounts.controls import DRAWS, p_upper
from accounts.history import History
from accounts.ordinary import FEWEST, Ordinary
from accounts.pooled import SlotSample, sample, topics_over_days
from accounts.signals import lifetimes, registration, timing
from accounts.signals.content import Slots, own_words, read_content, slots
from accounts.signals.graph import Meeting, read_before, read_graph
from accounts.signals.infrastructure import PLACED, SIGNALS, known_part, most_shared, read_infrastructure
from accounts.signals.lifetimes import read_lifetimes
from accounts.signals.reading import Group, Reading, quantiles
from accounts.signals.registration import read_registration
from accounts.signals.timing import read_timing
from accounts.signals.topics import Topics, read_topics
from accounts.signals.volume import read_volume

NETWORK, PAYMENT = 0, 2
"""Columns of `Population.networks`."""
ONE_NETWORK, ONE_COUNTRY, RARE_COUNTRY = 0.8, 0.9, 0.3
"""Parts of the accounts in one network, and in one country that at most so many of all accounts are in."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one case.

    Attributes:
        topics: None where hardly any account sent two prompts, these days together.
        sampled: the prompts of today that topics rest on.
        heavy: few accounts send most of it, beyond any dealing.
        tenant: part of the prompts that come from one organization.
        tenant_row: row of the population of an account of that organization, -1 for none.
        payer: part of the accounts that pay with one and the same card.
        organizations: part of the accounts that belong to an organization.
        organizations_known: whether any account of the day does.
        one_place: whether nearly all accounts are in one network, or in one country where few others are.
        placed: whether it is known where most of the accounts are.
        left_out: accounts of other suspected campaigns that were left out.
    """

    case: Case
    readings: tuple[Reading, ...]
    slots: Slots
    topics: Topics | None
    sampled: SlotSample
    heavy: bool
    tenant: float
    tenant_row: int
    payer: float
    organizations: float
    organizations_known: bool
    one_place: bool
    placed: bool
    left_out: int = 0

    def p_value(self, signal: str) -> float:
        """NaN where it was not tested."""
        return next((one.p_value for one in self.readings if one.signal == signal), np.nan)

    def p_values(self, group: Group) -> NDArray[np.float64]:
        """Of the group's signals, NaN where not tested."""
        return np.array([one.p_value for one in self.readings if one.group == group])


def read_evidence(
    case: Case,
    campaign_id: str,
    ordinary: Ordinary,
    history: History,
    meetings: Sequence[Meeting],
    tried: int,
    seed: int,
) -> Evidence:
    """All signals of a case.

    Args:
        meetings, tried: see `graph.read_graph`.
        seed: of every draw, with the case's lead family.
    """
    rng = np.random.default_rng([seed, case.lead])
    members = case.members
    population = members.population
    texts = members.texts[case.rows]
    own = own_words(members.words[texts], case.strata)
    all_words = np.diff(members.words.indptr)[texts]
    found = slots(members.accounts[case.rows], texts, np.diff(own.indptr), all_words)
    sampled = sample(case, own)
    topics, n_days = topics_over_days(case, sampled, history.slots_of(campaign_id), rng)
    volume, heavy = read_volume(case, rng)
    tenant, tenant_row = _tenant(case)
    sharing, _ = most_shared(population.networks[:, PAYMENT], case.accounts)
    readings = [*read_content(found), read_topics(topics, n_days), _marks(case, ordinary, rng), *volume]
    compared = ordinary.compare(case, rng)
    if compared is None:
        why = (
            f"a comparison takes the accounts of {FEWEST} customers and twice as many others, its accounts belong to "
            f"{len(case.customers)}"
        )
        names = [(name, group) for name, group, _ in SIGNALS]
        names += [(name, Group.REGISTRATION) for name in registration.SIGNALS]
        names += [(name, Group.TIMING) for name in (*timing.SIGNALS, *lifetimes.SIGNALS)]
        names.append(("met before", Group.GRAPH))
        readings += [Reading.untested(name, group, why) for name, group in names]
    else:
        readings += read_infrastructure(population, compared, ordinary.rarities)
        readings += read_registration(population.created, compared, ordinary.making)
        readings += read_timing(case, population.hours, compared, rng)
        readings += read_lifetimes(case, campaign_id, compared, history)
        readings.append(read_before(history.worked_elsewhere(campaign_id, population), compared))
    readings.append(read_graph(meetings, tried))
    return Evidence(
        case=case,
        readings=tuple(readings),
        slots=found,
        topics=topics,
        sampled=sampled,
        heavy=heavy,
        tenant=tenant,
        tenant_row=tenant_row,
        payer=sharing / len(case.accounts),
        organizations=float((population.organization[case.accounts] >= 0).mean()),
        organizations_known=bool((population.organization >= 0).any()),
        one_place=_one_place(case),
        placed=max(
            known_part(population.country, case.customers),
            known_part(population.networks[:, NETWORK], case.customers),
        )
        >= PLACED,
    )


def _tenant(case: Case) -> tuple[float, int]:
    senders = case.members.accounts[case.rows]
    organization = case.members.population.organization[senders]
    known = organization[organization >= 0]
    if not len(known):
        return 0.0, -1
    counts = np.bincount(known)
    return float(counts.max() / len(senders)), int(senders[organization == counts.argmax()][0])


def _one_place(case: Case) -> bool:
    """An office, a campus, an event: innocents who share a network, made their accounts together and keep one clock."""
    population = case.members.population
    in_network, known = most_shared(population.networks[:, NETWORK], case.customers)
    in_country, located = most_shared(population.country, case.customers)
    country = population.country[case.customers]
    common = np.bincount(country[country >= 0], minlength=1).argmax()
    usual = float((population.country == common).mean())
    return in_network >= ONE_NETWORK * max(known, 1) or (
        in_country >= ONE_COUNTRY * max(located, 1) and usual <= RARE_COUNTRY
    )


def _marks(case: Case, ordinary: Ordinary, rng: np.random.Generator) -> Reading:
    """Evasion marks per 1,000 tokens beside those of as many ordinary texts of the same languages."""
    texts = np.unique(case.members.texts[case.rows])
    value = float(case.members.marks[texts].mean())
    languages, counts = np.unique(case.members.languages[texts], return_counts=True)
    drawn = np.zeros(DRAWS)
    for language, count in zip(languages.tolist(), counts.tolist(), strict=True):
        usual = ordinary.marks_of(language)
        if len(usual) < 20:
            return Reading.untested("evasion marks", Group.CONTENT, "too few other prompts of its language")
        # The sum of many draws from a skewed list: each draw is its own, with replacement.
        drawn += usual[rng.integers(0, len(usual), (DRAWS, min(count, 200)))].mean(axis=1) * count
    drawn /= counts.sum()
    sentence = (
        f"{value:.2f} disguised or invisible characters per 1,000 words; ordinary prompts of its languages have "
        f"{np.median(drawn):.2f}"
    )
    return Reading("evasion marks", Group.CONTENT, value, quantiles(drawn), p_upper(value, drawn), sentence)
