"""Deciding: the dialog with its dry run, the decision, and taking it back. For the queue and for a campaign's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from campaigns.decisions import take_back
from campaigns.entries import Decision, Verdict
from campaigns.errors import UsageError
from campaigns.proposals import Acted, act
from campaigns.queue import MOST_IDS, QueueRow
from campaigns.records import Tier
from campaigns.sessions import Role
from review.campaign import campaign_row
from review.dry_run import dry_run, intend, look
from review.evidence import Sheet, read_sheet
from review.glance import MOST_SENTENCES, telling
from review.web.access import GuardedRoute, User, allow
from review.web.decided import BY_MISTAKE, n_waiting, with_decided
from review.web.desk import Desk, desk_of
from review.web.presets import presets
from review.web.rendering import page

router = APIRouter(route_class=GuardedRoute)

Ids = Annotated[list[str], Query(max_length=MOST_IDS)]


@router.get("/decisions/new")
@allow(Role.ANALYST)
def dialog(request: Request, verdict: Verdict, on: Ids) -> Response:
    """What a decision would do, in exact counts, and what it may be because of."""
    desk = desk_of(request)
    review = desk.settings.review
    with desk.store.reading() as session:
        looked = look(session, on)
    plan = dry_run(desk.settings.home, looked, verdict, review.second_person_accounts)
    own: list[str] = []
    cautions: list[str] = []
    if verdict == Verdict.CONFIRMED and len(plan.rows) == 1:
        sheet = _sheet(desk, plan.rows[0])
        own = [one.sentence for one in telling(sheet)[:MOST_SENTENCES]]
        cautions = [*sheet.explained, *sheet.missing]
    today = desk.clock().date()
    return page(
        request,
        "decide/dialog.html",
        plan=plan,
        presets=presets(verdict, own),
        cautions=cautions,
        n_short=sum(row.tier != Tier.ACTIONABLE for row in plan.rows),
        limit=review.second_person_accounts,
        today=today,
        until=today + timedelta(days=review.dismiss_days) if verdict == Verdict.DISMISSED else None,
    )


@router.post("/decisions")
@allow(Role.ANALYST)
def decide(
    request: Request,
    user: User,
    verdict: Annotated[Verdict, Form()],
    target: Annotated[list[str], Form(max_length=MOST_IDS)],
    n_accounts: Annotated[int, Form()],
    reason: Annotated[str, Form(max_length=2_000)] = "",
    until: Annotated[date | None, Form()] = None,
) -> Response:
    """Decide, or propose where it takes two.

    Args:
        target: `CAMPAIGN@RUN` as the dialog showed them, `n_accounts` what it told of all of them together.

    Raises:
        ConflictError: it is not as the dialog showed it any longer.
        UsageError: no reason is given, or a dismissal has no last day.
    """
    desk = desk_of(request)
    if verdict == Verdict.DISMISSED and until is None:
        raise UsageError("a dismissal needs a last day", hint="Say until when it keeps the campaign away.")
    runs = dict(one.rpartition("@")[::2] for one in target)
    with desk.store.reading() as session:
        looked = look(session, list(runs))
    intent = intend(
        desk.settings.home,
        looked,
        runs,
        n_accounts,
        verdict=verdict,
        reason=reason,
        author=user.user,
        expires_on=until if verdict == Verdict.DISMISSED else None,
    )
    limit = desk.settings.review.second_person_accounts
    with desk.store.writing() as session:
        acted = act(session, intent, second_person_accounts=limit, clock=desk.clock)
    response = page(
        request,
        "decide/done.html",
        acted=acted,
        verdict=verdict,
        names=list(runs),
        n_accounts=intent.n_accounts,
        until=intent.expires_on,
        next_after=_next_after(request, looked.rows),
    )
    waiting = None if acted.proposal is None else n_waiting(desk.store)
    return with_decided(response, gone=list(runs), undo=_undo_of(acted), waiting=waiting)


@router.post("/decisions/undo")
@allow(Role.ANALYST)
def undo_all(
    request: Request,
    user: User,
    decision: Annotated[list[int], Form(max_length=MOST_IDS)],
    reason: Annotated[str, Form(max_length=2_000)] = BY_MISTAKE,
) -> Response:
    """Take back all of these decisions or none."""
    return _undone(request, user, decision, reason)


@router.post("/decisions/{decision_id}/undo")
@allow(Role.ANALYST)
def undo(
    request: Request,
    user: User,
    decision_id: int,
    reason: Annotated[str, Form(max_length=2_000)] = BY_MISTAKE,
) -> Response:
    return _undone(request, user, [decision_id], reason)


def _undone(request: Request, user: User, decision_ids: Sequence[int], reason: str) -> Response:
    desk = desk_of(request)
    with desk.store.writing() as session:
        undone = [
            take_back(session, one, reason=reason, author=user.user, clock=desk.clock) for one in decision_ids
        ]
    back = [one.campaign_id for one in undone]
    return with_decided(page(request, "decide/undone.html", names=back), back=back)


def _sheet(desk: Desk, row: QueueRow) -> Sheet:
    """What speaks for and against the campaign on its latest day."""
    tables = desk.tables(desk.published(row.last_day))
    return read_sheet(tables, campaign_row(tables, row.campaign_id))


def _next_after(request: Request, rows: Sequence[QueueRow]) -> str:
    """The campaign whose own page asked, so that it can offer the next one; empty if none did."""
    asked_from = urlsplit(request.headers.get("HX-Current-URL", "")).path
    return rows[0].campaign_id if asked_from == f"/campaigns/{rows[0].campaign_id}" else ""


def _undo_of(acted: Acted) -> Mapping[str, Any]:
    """What the page posts to take back what was done."""
    if acted.proposal is not None:
        return {"path": f"/proposals/{acted.proposal.id}/withdraw", "values": {"reason": BY_MISTAKE}}
    return {
        "path": "/decisions/undo",
        "values": {"decision": _numbers(acted.decisions), "reason": BY_MISTAKE},
    }


def _numbers(decisions: Sequence[Decision]) -> list[int]:
    return [one.id for one in decisions]
