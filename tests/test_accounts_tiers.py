"""Tiers: what each combination of evidence amounts to, and that no single thing makes anybody actionable."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from accounts_cases import dealt, members_of, only_case, population

from accounts.case import Case
from accounts.evidence import Evidence
from accounts.pooled import SlotSample
from accounts.signals.content import Slots
from accounts.signals.reading import Group, Reading
from accounts.signals.topics import Topics
from accounts.tiers import Verdict, if_named, judge
from campaigns.records import MatcherState, Tier
from campaigns.settings import TierSettings

SETTINGS = TierSettings()
GROUPS = {
    "payment cards": Group.INFRASTRUCTURE,
    "made together": Group.REGISTRATION,
    "shared clock": Group.TIMING,
    "evenness": Group.EVENNESS,
    "shared accounts": Group.GRAPH,
    "client software": Group.CLIENT,
    "other traffic": Group.VOLUME,
    "slot topics": Group.CONTENT,
}
DEALT = Topics(30, 0.5, 0.02, 1.0, np.linspace(0.9, 1.1, 99))
OWN = Topics(30, 0.8, 0.03, 1.5, np.linspace(0.9, 1.1, 99))
HARVEST = Slots(uniqueness=1.0, copied=0.02, bare=0.0, words=20.0, novelty=0.6, most=2, p_dealt=0.9)
COPIED = replace(HARVEST, copied=0.7, bare=0.6, words=0.0, p_dealt=1e-9)
POOL = {"payment cards": 1e-4, "made together": 1e-4, "other traffic": 1e-6}


@dataclass(frozen=True)
class Rule:
    kind: str
    value: str
    reason: str = "agreed with the customer"


@pytest.fixture(scope="module")
def case() -> Case:
    rng = np.random.default_rng(1)
    return only_case(members_of(population(400, 1), [dealt(np.arange(30), 3, rng)]))


def evidence(case: Case, p_values: dict[str, float], **changed: object) -> Evidence:
    """Evidence of a harvest with these p-values; what is not named was tested and found nothing."""
    readings = tuple(
        Reading(name, group, 1.0, np.empty(0), p_values.get(name, 0.6), f"{name} was read")
        for name, group in GROUPS.items()
    )
    base = Evidence(
        case=case,
        readings=readings,
        slots=HARVEST,
        topics=DEALT,
        sampled=SlotSample(np.arange(3), []),
        heavy=False,
        tenant=0.1,
        tenant_row=0,
        payer=0.1,
        organizations=0.1,
        organizations_known=True,
        one_place=False,
        placed=True,
    )
    return replace(base, **changed)  # type: ignore[arg-type]


def one(found: Evidence, *, matcher: str = MatcherState.USABLE, allowed: tuple[Rule, ...] = ()) -> Verdict:
    names = {"campaign": ["c-1"], "template_hash": ["h", "h2"], "organization": ["org-1"]}
    (verdict,) = judge([found], [names], [matcher], SETTINGS, allowed)
    return verdict


def test_two_groups_of_facts_about_the_accounts_and_dealt_out_slots_are_actionable(case: Case) -> None:
    verdict = one(evidence(case, POOL))
    assert verdict.tier == Tier.ACTIONABLE
    assert verdict.strict
    assert verdict.reasons[:3] == (
        "Other traffic was read.",
        "Payment cards was read.",
        "Made together was read.",
    )


@pytest.mark.parametrize(
    ("p_values", "tier"),
    [
        ({}, Tier.BENIGN),
        ({"slot topics": 1e-9, "client software": 1e-9}, Tier.BENIGN),  # neither speaks of the accounts
        ({"other traffic": 1e-9}, Tier.REVIEW),
        ({"other traffic": 1e-3}, Tier.BENIGN),
        ({"payment cards": 1e-5}, Tier.REVIEW),
        (
            {"payment cards": 1e-5, "other traffic": 1e-9},
            Tier.REVIEW,
        ),  # one group, and how little else they send
        ({"shared accounts": 1e-9, "shared clock": 1e-4}, Tier.ACTIONABLE),
    ],
)
def test_what_speaks_decides_how_far_it_goes(case: Case, p_values: dict[str, float], tier: Tier) -> None:
    assert one(evidence(case, p_values)).tier == tier


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"topics": None}, "too few accounts sent two prompts"),
        (
            {"topics": replace(DEALT, superiority=0.62, pseudo_f=1.3)},
            "not shown that the slots are dealt out",
        ),
        ({"topics": replace(DEALT, error=0.2)}, "not shown that the slots are dealt out"),
        ({"slots": replace(HARVEST, words=2.0)}, "the slots hold 2 words"),
        ({"organizations_known": False}, "no account of the day has an organization"),
        ({"payer": 0.95}, "one payment card pays"),
        ({"placed": False}, "neither networks nor countries"),
    ],
)
def test_what_was_not_shown_stops_before_action_and_says_so(
    case: Case, changed: dict[str, object], words: str
) -> None:
    verdict = one(evidence(case, POOL, **changed))
    assert verdict.tier == Tier.REVIEW
    assert any(words in reason for reason in verdict.reasons)


def test_an_office_a_campus_or_an_event_is_not_acted_on_unless_it_shares_cards(case: Case) -> None:
    speaking = {"made together": 1e-4, "shared clock": 1e-4, "evenness": 1e-4, "other traffic": 1e-9}
    assert one(evidence(case, speaking)).tier == Tier.ACTIONABLE
    assert one(evidence(case, speaking, one_place=True)).tier == Tier.REVIEW
    assert one(evidence(case, POOL, one_place=True)).tier == Tier.ACTIONABLE


@pytest.mark.parametrize(
    ("bare", "words", "tier"),
    [
        (0.6, 0.0, Tier.BENIGN),
        (0.06, 3.0, Tier.BENIGN),
        (0.06, 20.0, Tier.REVIEW),
        (0.3, 20.0, Tier.REVIEW),
        (0.02, 3.0, Tier.REVIEW),
    ],
)
def test_a_few_bare_prompts_do_not_excuse_a_harvest(
    case: Case, bare: float, words: float, tier: Tier
) -> None:
    slots = replace(HARVEST, bare=bare, words=words)
    assert one(evidence(case, {"made together": 1e-4}, slots=slots)).tier == tier


def test_a_fifth_of_bare_prompts_explains_senders_of_whom_nothing_else_is_odd(case: Case) -> None:
    slots = replace(HARVEST, bare=0.3)
    assert one(evidence(case, {"other traffic": 1e-9}, slots=slots)).tier == Tier.BENIGN
    assert one(evidence(case, {"other traffic": 1e-9})).tier == Tier.REVIEW


def test_a_template_that_matches_others_prompts_is_not_acted_on(case: Case) -> None:
    assert one(evidence(case, POOL), matcher=MatcherState.COLLIDES).tier == Tier.REVIEW


@pytest.mark.parametrize(
    "explained",
    [{"tenant": 0.95}, {"slots": COPIED}, {"topics": OWN}],
    ids=["one customer", "copied text", "own topics"],
)
def test_an_innocent_explanation_is_benign_whatever_clocks_and_ages_say(
    case: Case, explained: dict[str, object]
) -> None:
    speaking = {
        "made together": 1e-4,
        "shared clock": 1e-4,
        "evenness": 1e-4,
        "shared accounts": 1e-9,
        "other traffic": 1e-9,
    }
    assert one(evidence(case, speaking, **explained)).tier == Tier.BENIGN


@pytest.mark.parametrize("explained", [{"slots": COPIED}, {"topics": OWN}], ids=["copied text", "own topics"])
def test_shared_payment_cards_are_not_explained_by_what_the_prompts_say(
    case: Case, explained: dict[str, object]
) -> None:
    assert one(evidence(case, POOL, **explained)).tier == Tier.REVIEW


@pytest.mark.parametrize(
    "changed",
    [{"heavy": True}, {"organizations": 0.7}],
    ids=["a few send most of it", "organizations stand behind them"],
)
def test_little_other_traffic_alone_is_nothing_where_people_do_so_too(
    case: Case, changed: dict[str, object]
) -> None:
    assert one(evidence(case, {"other traffic": 1e-9}, **changed)).tier == Tier.BENIGN


@pytest.mark.parametrize(
    ("rule", "tier"),
    [
        (Rule("campaign", "c-1"), Tier.BENIGN),
        (Rule("campaign", "c-2"), Tier.ACTIONABLE),
        (Rule("template_hash", "h2"), Tier.BENIGN),  # of any wording
        (Rule("organization", "org-1"), Tier.BENIGN),
        (Rule("organization", "org-9"), Tier.ACTIONABLE),
    ],
)
def test_allow_list_entries_explain_what_they_name(case: Case, rule: Rule, tier: Tier) -> None:
    verdict = one(evidence(case, POOL), allowed=(rule,))
    assert verdict.tier == tier
    assert ("Allow-listed: agreed with the customer." in verdict.reasons) == (tier == Tier.BENIGN)


def test_what_was_not_tested_is_named_and_counts_as_nothing(case: Case) -> None:
    untested = dict.fromkeys(GROUPS, np.nan)
    found = evidence(case, {}, topics=None)
    found = replace(
        found, readings=tuple(replace(r, value=np.nan, p_value=untested[r.signal]) for r in found.readings)
    )
    verdict = one(found)
    assert verdict.tier == Tier.BENIGN
    assert verdict.score == 0.0
    assert "payment cards" in verdict.reasons[-1]


def test_chance_is_ruled_out_over_all_campaigns_of_the_day(case: Case) -> None:
    """One of two hundred families with p = 0.001 in a group is what chance gives."""
    quiet = evidence(case, {})
    odd = evidence(case, {"made together": 0.001})
    names = [{} for _ in range(200)]
    verdicts = judge([odd, *[quiet] * 199], names, [MatcherState.USABLE] * 200, SETTINGS)
    assert {verdict.tier for verdict in verdicts} == {Tier.BENIGN}
    assert one(odd).tier == Tier.REVIEW


def test_scores_rank_the_tiers_and_within_them_the_evidence(case: Case) -> None:
    ranked = [
        evidence(case, POOL),
        evidence(case, {"payment cards": 1e-5, "other traffic": 1e-9}),
        evidence(case, {"payment cards": 1e-4}),
        evidence(case, {"made together": 0.05}),
    ]
    scores = [one(found).score for found in ranked]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert one(evidence(case, POOL, tenant=1.0)).score <= 0.1


def test_no_campaign_no_verdict() -> None:
    assert judge([], [], [], SETTINGS) == []


def test_a_campaign_whose_accounts_cannot_be_named_is_not_acted_on(case: Case) -> None:
    verdict = one(evidence(case, POOL))
    assert if_named(verdict, 0.5, SETTINGS) == verdict
    held = if_named(verdict, 0.2, SETTINGS)
    assert held.tier == Tier.REVIEW
    assert 0.4 <= held.score <= 0.8
    assert "only 20% of the accounts belong to it" in held.reasons[-1]
    quiet = one(evidence(case, {}))
    assert if_named(quiet, 0.0, SETTINGS) == quiet
