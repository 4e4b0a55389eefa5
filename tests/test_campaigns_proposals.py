"""Deciding about several campaigns at once, and what waits for a second person."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import pytest
from people_examples import a_target, clock, intent, looked_at
from store_examples import MONDAY, NOON, TUESDAY, a_campaign, a_run, publish_now

from campaigns.entries import Verdict
from campaigns.errors import ConflictError, ShoalError, UsageError
from campaigns.proposals import (
    Acted,
    Intent,
    Outcome,
    Proposal,
    Target,
    act,
    approve,
    decline,
    needs_second,
    same_person,
    select_proposal,
    select_proposals,
)
from campaigns.queue import waiting_by_campaign
from campaigns.store import Store

NAMES = ("c1", "c2", "c3")


@pytest.fixture
def known(store: Store) -> Store:
    publish_now(store, a_run(), [a_campaign(name, feature=number) for number, name in enumerate(NAMES)])
    return store


def acting(store: Store, wanted: Intent, limit: int = 200, day: date | None = None) -> Acted:
    with store.writing() as session:
        return act(session, wanted, second_person_accounts=limit, day=day, clock=clock)


def targets(store: Store, *names: str) -> tuple[Target, ...]:
    with store.reading() as session:
        return looked_at(session, *names)


def proposed(store: Store, *names: str, author: str = "ada") -> Proposal:
    made = acting(store, intent(*targets(store, *names), n_accounts=201, author=author)).proposal
    assert made is not None
    return made


def approving(store: Store, number: int, author: str = "bob", reason: str = "seen") -> Acted:
    with store.writing() as session:
        return approve(session, number, reason=reason, author=author, clock=clock)


def declining(store: Store, number: int, author: str = "bob", reason: str = "one customer") -> Proposal:
    with store.writing() as session:
        return decline(session, number, reason=reason, author=author, clock=clock)


def waiting(store: Store) -> dict[str, int]:
    with store.reading() as session:
        return waiting_by_campaign(session)


# -- several at once -----------------------------------------------------------------------------------


def test_one_decision_is_made_for_each_target(known: Store) -> None:
    last = date(2027, 1, 6)
    made = acting(known, intent(*targets(known, *NAMES), verdict=Verdict.DISMISSED, expires_on=last))
    assert made.proposal is None
    assert [(one.campaign_id, one.verdict, one.expires_on) for one in made.decisions] == [
        (name, Verdict.DISMISSED, last) for name in NAMES
    ]
    assert known.decisions() == list(made.decisions)
    assert {one.campaign_id: one.verdict for one in known.campaigns()} == dict.fromkeys(NAMES, "dismissed")


def test_all_of_them_or_none(known: Store) -> None:
    looked = targets(known, *NAMES)
    publish_now(known, a_run(TUESDAY), [a_campaign("c2")])
    with pytest.raises(ConflictError, match="c2 changed since you looked: another run was published") as one:
        acting(known, intent(*looked))
    assert one.value.exit_code == 10
    publish_now(known, a_run(TUESDAY, 2), [a_campaign("c2"), a_campaign("c3")])
    with pytest.raises(ConflictError, match="c2 and 1 more changed"):
        acting(known, intent(*looked))
    with pytest.raises(ConflictError, match="c9 changed"):
        acting(known, intent(*targets(known, "c1"), a_target("c9")))
    assert known.decisions() == []
    acting(known, intent(*targets(known, *NAMES)))
    assert [one.run_id for one in known.decisions()] == ["2026-01-05.1", "2026-01-06.2", "2026-01-06.2"]


@pytest.mark.parametrize("limit", [0, 1])
def test_what_cannot_be_acted_on(known: Store, limit: int) -> None:
    """Neither decided nor proposed."""
    one = targets(known, "c1")[0]
    for wanted, what in (
        (intent(), "no campaign is named"),
        (intent(one, one), "a campaign is named twice"),
        (intent(one, reason=" \n"), "needs reason"),
        (intent(one, author="\t"), "needs author"),
        (intent(one, expires_on=date(2027, 1, 1)), "only a dismissal expires"),
        (intent(one, verdict=Verdict.DISMISSED, expires_on=date(2025, 1, 1)), "2025-01-01 has passed"),
    ):
        with pytest.raises(UsageError, match=what):
            acting(known, wanted, limit)
    with known.reading() as session:
        assert select_proposals(session) == []
    assert known.decisions() == []
    assert known.audit_head().sequence == 0


# -- a second person -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "n_accounts", "limit", "second"),
    [
        (Verdict.CONFIRMED, 200, 200, False),
        (Verdict.CONFIRMED, 201, 200, True),
        (Verdict.CONFIRMED, 10**6, 0, False),
        (Verdict.CONFIRMED, 1, 1, False),
        (Verdict.DISMISSED, 10**6, 200, False),
        (Verdict.WATCH, 10**6, 200, False),
    ],
)
def test_who_needs_a_second_person(verdict: Verdict, n_accounts: int, limit: int, second: bool) -> None:
    assert needs_second(intent(a_target(), verdict=verdict, n_accounts=n_accounts), limit) is second


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("ada", " ADA\n", True), ("straße", "STRASSE", True), ("ada", "adam", False), ("ada", "аda", False)],
)
def test_who_is_one_person(one: str, other: str, same: bool) -> None:
    assert same_person(one, other) is same


def test_a_proposal_is_read_back_and_decides_nothing(known: Store) -> None:
    looked = targets(known, "c1", "c3")
    made = acting(known, intent(*looked, n_accounts=250, reason=" cards\n", author=" ada")).proposal
    assert made == Proposal(
        id=1,
        verdict=Verdict.CONFIRMED,
        targets=looked,
        n_accounts=250,
        reason="cards",
        author="ada",
        created_at=NOON,
    )
    with known.reading() as session:
        assert select_proposals(session, waiting=True) == [made]
        assert select_proposal(session, 1) == made
    assert waiting(known) == {"c1": 1, "c3": 1}
    assert known.decisions() == []


def test_an_approval_decides_in_the_name_of_both(known: Store) -> None:
    first, second = proposed(known, "c1"), proposed(known, "c2", "c3")
    made = approving(known, second.id, reason=" looked \n")
    assert made.proposal == replace(
        second, outcome=Outcome.APPROVED, settled_by="bob", settled_at=NOON, settled_reason="looked"
    )
    assert [(one.campaign_id, one.author, one.proposal_id) for one in made.decisions] == [
        ("c2", "ada", second.id),
        ("c3", "ada", second.id),
    ]
    assert set(known.standing()) == {"c2", "c3"}
    assert waiting(known) == {"c1": first.id}
    with known.reading() as session:
        assert [one.id for one in select_proposals(session)] == [second.id, first.id]
        assert [one.id for one in select_proposals(session, waiting=True)] == [first.id]


@pytest.mark.parametrize(
    ("author", "what"),
    [
        ("ada", "proposal 1 is ada's own"),
        (" Ada ", "proposal 1 is ada's own"),
        (" ", "an approval needs author"),
    ],
)
def test_nobody_approves_alone(known: Store, author: str, what: str) -> None:
    number = proposed(known, "c1").id
    with pytest.raises(UsageError, match=what):
        approving(known, number, author)
    assert known.decisions() == []
    assert waiting(known) == {"c1": number}


def test_what_changed_since_is_not_approved(known: Store) -> None:
    number = proposed(known, "c1", "c2").id
    publish_now(known, a_run(TUESDAY), [a_campaign("c2")])
    with pytest.raises(ConflictError, match="c2 changed"):
        approving(known, number)
    publish_now(known, a_run(TUESDAY, 2), [])  # and is now again as it was looked at
    assert len(approving(known, number).decisions) == 2


@pytest.mark.parametrize(("author", "outcome"), [("bob", Outcome.DECLINED), (" ADA", Outcome.WITHDRAWN)])
def test_a_proposal_falls(known: Store, author: str, outcome: Outcome) -> None:
    number = proposed(known, "c1").id
    settled = declining(known, number, author)
    assert (settled.outcome, settled.settled_by, settled.settled_reason) == (
        outcome,
        author.strip(),
        "one customer",
    )
    assert known.decisions() == []
    assert waiting(known) == {}
    with pytest.raises(UsageError, match=f"proposal {number} was {outcome} by"):
        approving(known, number)


def test_a_declined_proposal_says_why(known: Store) -> None:
    number = proposed(known, "c1").id
    with pytest.raises(UsageError, match="needs reason"):
        declining(known, number, reason=" ")
    with pytest.raises(UsageError, match="needs author"):
        declining(known, number, author=" ")
    with pytest.raises(UsageError, match="no proposal 9"):
        declining(known, 9)
    assert waiting(known) == {"c1": number}


def test_a_proposal_is_settled_once_however_many_settle_it_at_once(known: Store) -> None:
    number = proposed(known, "c1").id

    def settle(person: int) -> str:
        try:
            if person % 2:
                approving(known, number, f"user {person}")
            else:
                declining(known, number, f"user {person}")
        except ShoalError as error:
            return error.what
        return ""

    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(settle, range(6)))
    assert told.count("") == 1
    with known.reading() as session:
        outcome = select_proposal(session, number).outcome
    assert len(known.decisions()) == (outcome == Outcome.APPROVED)
    assert all(f"proposal {number} was {outcome} by" in one for one in told if one)
    assert known.verify() == []


# -- another day ---------------------------------------------------------------------------------------


def test_a_decision_may_be_about_an_earlier_day(known: Store) -> None:
    publish_now(known, a_run(TUESDAY), [a_campaign("c1"), a_campaign("c2")])
    both = targets(known, "c1", "c2")
    (first, second) = acting(known, intent(*both, verdict=Verdict.WATCH), day=MONDAY).decisions
    assert (first.day, first.run_id, second.run_id) == (MONDAY, "2026-01-05.1", "2026-01-05.1")
    with pytest.raises(UsageError, match="c3 was not seen on 2026-01-06"):
        acting(known, intent(*targets(known, "c3")), day=TUESDAY)
    with pytest.raises(UsageError, match="a confirmation of 201 accounts needs a second person"):
        acting(known, intent(*both, n_accounts=201), day=MONDAY)
    assert acting(known, intent(*both, n_accounts=201), day=TUESDAY).proposal is not None
    assert len(known.decisions()) == 2
