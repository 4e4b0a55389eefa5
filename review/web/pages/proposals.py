"""What waits for a second person, and what became of the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from campaigns.errors import UsageError
from campaigns.proposals import (
    Outcome,
    Proposal,
    approve,
    decline,
    same_person,
    select_proposal,
    select_proposals,
)
from campaigns.queue import EVERYTHING, MOST_IDS, QueueRow, select_queue
from campaigns.sessions import Role, SignedIn
from review.web.access import GuardedRoute, User, allow
from review.web.decided import BY_MISTAKE, n_waiting, with_decided
from review.web.desk import desk_of
from review.web.rendering import is_fragment, page

router = APIRouter(route_class=GuardedRoute)

MOST_SETTLED: Final = 100
Reason = Annotated[str, Form(max_length=2_000)]


@dataclass(frozen=True, slots=True)
class Shown:
    """A proposal for somebody's eyes.

    Attributes:
        rows: its campaigns as they are now; empty for settled ones.
        changed: campaigns of which another run is published than the one it is about.
        own: the reader made it.
        may_settle: the reader may approve or decline it.
    """

    proposal: Proposal
    rows: dict[str, QueueRow]
    changed: tuple[str, ...]
    own: bool
    may_settle: bool


@router.get("/proposals")
@allow(Role.VIEWER)
def proposals(request: Request, user: User) -> Response:
    with desk_of(request).store.reading() as session:
        found = select_proposals(session)
        waiting = [_shown(session, one, user) for one in found if one.outcome is None]
    settled = [one for one in found if one.outcome is not None]
    return page(
        request,
        "proposals/list.html" if is_fragment(request) else "proposals.html",
        here="/proposals",
        waiting=waiting,
        settled=settled[:MOST_SETTLED],
        n_settled=len(settled),
    )


@router.post("/proposals/{proposal_id}/approve")
@allow(Role.APPROVER)
def approve_one(request: Request, user: User, proposal_id: int, reason: Reason = "") -> Response:
    """
    Raises:
        ConflictError: another run is published of one of its campaigns.
        UsageError: it is the reader's own, or settled.
    """
    desk = desk_of(request)
    with desk.store.writing() as session:
        acted = approve(session, proposal_id, reason=reason, author=user.user, clock=desk.clock)
    if acted.proposal is None:
        raise RuntimeError(f"proposal {proposal_id} was approved and is not settled")
    return _settled(request, acted.proposal)


@router.post("/proposals/{proposal_id}/decline")
@allow(Role.APPROVER)
def decline_one(request: Request, user: User, proposal_id: int, reason: Reason = "") -> Response:
    """
    Raises:
        UsageError: it is settled, or no reason is given.
    """
    return _fall(request, user, proposal_id, reason)


@router.post("/proposals/{proposal_id}/withdraw")
@allow(Role.ANALYST)
def withdraw(request: Request, user: User, proposal_id: int, reason: Reason = BY_MISTAKE) -> Response:
    """
    Raises:
        UsageError: somebody else made it, or it is settled.
    """
    with desk_of(request).store.reading() as session:
        author = select_proposal(session, proposal_id).author
    if not same_person(author, user.user):
        raise UsageError(f"proposal {proposal_id} is {author}'s", hint="Only its author withdraws it.")
    return _fall(request, user, proposal_id, reason)


def _fall(request: Request, user: SignedIn, proposal_id: int, reason: str) -> Response:
    desk = desk_of(request)
    with desk.store.writing() as session:
        settled = decline(session, proposal_id, reason=reason, author=user.user, clock=desk.clock)
    return _settled(request, settled)


def _settled(request: Request, proposal: Proposal) -> Response:
    names = [one.campaign_id for one in proposal.targets]
    approved = proposal.outcome == Outcome.APPROVED
    return with_decided(
        page(request, "proposals/settled.html", proposal=proposal),
        gone=names if approved else (),
        back=() if approved else names,
        waiting=n_waiting(desk_of(request).store),
    )


def _shown(session: Session, proposal: Proposal, user: SignedIn) -> Shown:
    names = tuple(target.campaign_id for target in proposal.targets)
    rows = {
        row.campaign_id: row
        for row in select_queue(session, replace(EVERYTHING, only=names), limit=MOST_IDS).rows
    }
    own = same_person(proposal.author, user.user)
    return Shown(
        proposal,
        rows,
        tuple(
            target.campaign_id
            for target in proposal.targets
            if target.campaign_id not in rows or rows[target.campaign_id].run_id != target.run_id
        ),
        own,
        user.role.includes(Role.APPROVER) and not own,
    )
