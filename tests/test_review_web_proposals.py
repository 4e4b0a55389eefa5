"""Proposals on the page: two people decide, one of them alone does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from queue_examples import examples, named_together, publish_queue
from starlette.testclient import TestClient
from web_examples import Opened, opened, signed_in, words

from campaigns.entries import Verdict
from campaigns.proposals import Outcome, Proposal, select_proposals
from campaigns.records import Tier
from campaigns.sessions import Role
from campaigns.settings import ReviewSettings, Settings
from campaigns.store import Store
from review.dry_run import intend, look

FRAGMENT = {"HX-Request": "true"}
ALL = examples(8, tiers=(Tier.ACTIONABLE,))
TOGETHER = named_together(ALL)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Opened]:
    """Ada, an analyst, has proposed to confirm all campaigns."""
    with Store.open(Settings(home=tmp_path)) as store:
        publish_queue(tmp_path, store, ALL)
    with opened(tmp_path, Role.ANALYST, review=ReviewSettings(second_person_accounts=10)) as desk:
        data = {
            "verdict": "confirmed",
            "target": [f"{one.campaign_id}@2026-01-05.1" for one in ALL],
            "n_accounts": str(TOGETHER),
            "reason": "one pool of accounts",
        }
        assert desk.client.post("/decisions", data=data, headers=FRAGMENT).status_code == 200
        yield desk


@pytest.fixture
def bob(desk: Opened) -> TestClient:
    """An approver who is somebody else."""
    return signed_in(desk.app, desk.store, Role.APPROVER, user="bob")


def proposals(desk: Opened) -> list[Proposal]:
    with desk.store.reading() as session:
        return select_proposals(session)


def settle(client: TestClient, how: str, reason: str = "agreed") -> int:
    answer = client.post(f"/proposals/1/{how}", data={"reason": reason}, headers=FRAGMENT)
    return answer.status_code


def test_a_proposal_says_who_what_how_many_and_why(desk: Opened, bob: TestClient) -> None:
    page = bob.get("/proposals").text
    shown = words(page)
    for text in (f"Confirm 8 campaigns: {TOGETHER} accounts", "ada proposes", "one pool of accounts"):
        assert text in shown
    for one in ALL:
        assert one.title in shown
        assert f'href="/campaigns/{one.campaign_id}?day=2026-01-05"' in page
    assert "Approve" in shown


def test_a_second_person_approves_and_all_are_decided(desk: Opened, bob: TestClient) -> None:
    assert settle(bob, "approve") == 200
    standing = desk.store.standing()
    assert {name: one.verdict for name, one in standing.items()} == {
        one.campaign_id: Verdict.CONFIRMED for one in ALL
    }
    assert {(one.author, one.proposal_id) for one in standing.values()} == {("ada", 1)}
    shown = words(bob.get("/proposals").text)
    assert "No proposal waits" in shown
    assert "approved by bob" in shown


def test_a_second_person_declines_and_nothing_is_decided(desk: Opened, bob: TestClient) -> None:
    assert settle(bob, "decline", " ") == 400
    assert settle(bob, "decline", "two pools") == 200
    assert desk.store.decisions() == []
    assert "declined by bob" in words(bob.get("/proposals").text)
    assert [one.outcome for one in proposals(desk)] == [Outcome.DECLINED]


def test_its_author_does_not_approve_it_whatever_their_role(desk: Opened) -> None:
    ada = signed_in(desk.app, desk.store, Role.ADMIN, user="Ada ")
    assert "Approve" not in words(ada.get("/proposals").text)
    assert settle(ada, "approve") == 400
    assert desk.store.decisions() == []


def test_its_author_withdraws_it_and_nobody_else(desk: Opened, bob: TestClient) -> None:
    assert "Withdraw" in words(desk.text("/proposals"))
    assert "Withdraw" not in words(bob.get("/proposals").text)
    assert settle(bob, "withdraw") == 400
    assert settle(desk.client, "withdraw", "too early") == 200
    assert [(one.outcome, one.settled_by) for one in proposals(desk)] == [(Outcome.WITHDRAWN, "ada")]


def test_a_settled_proposal_is_not_settled_again(desk: Opened, bob: TestClient) -> None:
    assert settle(bob, "approve") == 200
    assert settle(bob, "approve") == 400
    assert settle(bob, "decline") == 400
    assert settle(desk.client, "withdraw") == 400
    assert len(desk.store.standing()) == len(ALL)


def test_what_was_published_again_since_cannot_be_approved(desk: Opened, bob: TestClient) -> None:
    publish_queue(desk.desk.settings.home, desk.store, ALL[:3], force=True)
    page = bob.get("/proposals").text
    assert "8 campaigns changed since: another run was published" in words(page)
    assert "/proposals/1/approve" not in page
    answer = bob.post("/proposals/1/approve", data={"reason": "agreed"}, headers=FRAGMENT)
    assert answer.status_code == 409
    assert "changed since you looked" in words(answer.text)
    assert desk.store.decisions() == []
    assert settle(bob, "decline", "look again") == 200


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST])
def test_who_may_not_settle_is_offered_nothing_and_refused(desk: Opened, role: Role) -> None:
    eve = signed_in(desk.app, desk.store, role, user="eve")
    page = eve.get("/proposals").text
    assert "one pool of accounts" in words(page)
    assert "<form" not in page.partition("<main")[2].partition("</main>")[0]
    assert settle(eve, "approve") == 403
    assert settle(eve, "decline") == 403
    assert [one.outcome for one in proposals(desk)] == [None]


def test_the_frame_counts_what_waits(desk: Opened, bob: TestClient) -> None:
    assert '<span class="badge" id="waiting">1</span>' in desk.text("/proposals")
    settle(bob, "approve")
    assert '<span class="badge" id="waiting" hidden>0</span>' in desk.text("/proposals")


def test_a_proposal_keeps_the_counts_that_its_author_was_told(desk: Opened) -> None:
    with desk.store.reading() as session:
        looked = look(session, [one.campaign_id for one in ALL])
    runs = {one.campaign_id: "2026-01-05.1" for one in ALL}
    again = intend(
        desk.desk.settings.home,
        looked,
        runs,
        TOGETHER,
        verdict=Verdict.CONFIRMED,
        reason="again",
        author="bob",
        expires_on=None,
    )
    (kept,) = proposals(desk)
    assert kept.targets == again.targets
    assert {target.n_accounts for target in kept.targets} == {6}
