"""Deciding about several campaigns at once, and decisions that wait for a second person.

What a person looked at is named campaign by campaign with its run: if anything else is published by the time they
decide, nothing is written. A confirmation that names more accounts than the settings let one person decide about
becomes a proposal; somebody else approves or declines it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.audit import Action, append
from campaigns.decisions import add, check_end, said, seen_on
from campaigns.entries import Clock, Decision, Verdict, utc_now
from campaigns.errors import ConflictError, UsageError
from campaigns.review_tables import ProposalRow
from campaigns.tables import CampaignDayRow, CampaignRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A campaign as it was looked at: the run of its latest day, and how many accounts that run names."""

    campaign_id: str
    day: date
    run_id: str
    n_accounts: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"day": self.day.isoformat()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Target:
        return cls(**value | {"day": date.fromisoformat(value["day"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What somebody wants to decide.

    Attributes:
        n_accounts: distinct accounts that all targets together name.
        expires_on: as for `campaigns.decisions.record`.
    """

    verdict: Verdict
    targets: tuple[Target, ...]
    n_accounts: int
    reason: str
    author: str
    expires_on: date | None = None


class Outcome(StrEnum):
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal(Intent):
    """An intent that waits for a second person, or waited: then `outcome` and the rest are set."""

    id: int
    created_at: datetime
    outcome: Outcome | None = None
    settled_by: str | None = None
    settled_at: datetime | None = None
    settled_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Acted:
    """What came of an intent: decisions, or a proposal."""

    decisions: tuple[Decision, ...] = ()
    proposal: Proposal | None = field(default=None)


def needs_second(intent: Intent, second_person_accounts: int) -> bool:
    """Whether one person may not decide this alone; 0 accounts: anybody may decide anything."""
    return (
        intent.verdict == Verdict.CONFIRMED
        and second_person_accounts > 0
        and intent.n_accounts > second_person_accounts
    )


def act(
    session: Session,
    intent: Intent,
    *,
    second_person_accounts: int,
    day: date | None = None,
    clock: Clock = utc_now,
) -> Acted:
    """Decide about every target, or about none; or propose it, where it needs a second person.

    Args:
        day: the decisions are about the targets as they were then. A second person is asked about the latest day only.

    Raises:
        ConflictError: another run is published of a target than the one that was looked at.
        UsageError: there is no target, one is named twice, one was not seen on `day`, what is decided about an earlier
            day needs a second person, its end does not fit, or reason or author is blank.
    """
    at = clock()
    _check(session, intent.targets)
    check_end(intent.verdict, intent.expires_on, at)
    earlier = day is not None and any(target.day != day for target in intent.targets)
    if needs_second(intent, second_person_accounts):
        if earlier:
            raise UsageError(
                f"a confirmation of {intent.n_accounts:,} accounts needs a second person",
                hint="They are asked about the latest day: leave out the earlier one.",
            )
        return Acted(proposal=_propose(session, intent, at))
    if earlier:
        intent = replace(intent, targets=tuple(_as_of(session, target, day) for target in intent.targets))
    return Acted(_decide(session, intent, at))


def approve(session: Session, proposal_id: int, *, reason: str, author: str, clock: Clock = utc_now) -> Acted:
    """Decide what was proposed.

    Raises:
        ConflictError: another run is published of a target than the one that the proposal is about.
        UsageError: it is settled, there is none, the proposer is the author, or the author is blank.
    """
    row, proposal = _open(session, proposal_id)
    author = said("author", author, "an approval")
    if same_person(author, proposal.author):
        raise UsageError(
            f"proposal {proposal_id} is {proposal.author}'s own", hint="Somebody else has to approve it."
        )
    _check(session, proposal.targets)
    at = clock()
    made = _decide(session, proposal, at, proposal_id=proposal_id, approved_by=author)
    settled = _settle(session, row, Outcome.APPROVED, Action.APPROVED, reason, author, at)
    return Acted(made, settled)


def decline(
    session: Session, proposal_id: int, *, reason: str, author: str, clock: Clock = utc_now
) -> Proposal:
    """Let a proposal fall: withdrawn where its own author does it, declined by anybody else.

    Raises:
        UsageError: it is settled, there is none, or reason or author is blank.
    """
    row, proposal = _open(session, proposal_id)
    author = said("author", author, "an answer to a proposal")
    own = same_person(author, proposal.author)
    outcome, action = (Outcome.WITHDRAWN, Action.WITHDREW) if own else (Outcome.DECLINED, Action.DECLINED)
    return _settle(
        session, row, outcome, action, said("reason", reason, "an answer to a proposal"), author, clock()
    )


def select_proposals(session: Session, *, waiting: bool = False) -> list[Proposal]:
    """Proposals, the latest first; with `waiting` those that nobody has settled."""
    query = select(ProposalRow).order_by(ProposalRow.id.desc())
    if waiting:
        query = query.where(ProposalRow.outcome.is_(None))
    return [_proposal(row) for row in session.scalars(query)]


def count_waiting(session: Session) -> int:
    """Proposals that nobody has settled."""
    waiting = select(func.count()).select_from(ProposalRow).where(ProposalRow.outcome.is_(None))
    return session.scalar(waiting) or 0


def select_proposal(session: Session, proposal_id: int) -> Proposal:
    """
    Raises:
        UsageError: there is none.
    """
    row = session.get(ProposalRow, proposal_id)
    if row is None:
        raise UsageError(f"no proposal {proposal_id}", hint="`shoal proposals` lists them.")
    return _proposal(row)


def same_person(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _check(session: Session, targets: Sequence[Target]) -> None:
    names = [target.campaign_id for target in targets]
    if not names:
        raise UsageError("no campaign is named", hint="Choose at least one.")
    if len(set(names)) < len(names):
        raise UsageError("a campaign is named twice", hint="Name each once.")
    current = dict(
        session.execute(
            select(CampaignRow.campaign_id, CampaignDayRow.run_id)
            .join(
                CampaignDayRow,
                (CampaignDayRow.campaign_id == CampaignRow.campaign_id)
                & (CampaignDayRow.day == CampaignRow.last_day),
            )
            .where(CampaignRow.campaign_id.in_(names))
        )
        .tuples()
        .all()
    )
    changed = [target.campaign_id for target in targets if current.get(target.campaign_id) != target.run_id]
    if changed:
        raise changed_since(changed)


def changed_since(campaign_ids: Sequence[str]) -> ConflictError:
    """Of another run than the one that somebody looked at."""
    more = f" and {len(campaign_ids) - 1} more" if len(campaign_ids) > 1 else ""
    return ConflictError(
        f"{campaign_ids[0]}{more} changed since you looked: another run was published",
        hint="Look again, then decide.",
    )


def _as_of(session: Session, target: Target, day: date | None) -> Target:
    seen = seen_on(session, target.campaign_id, day)
    return replace(target, day=seen.day, run_id=seen.run_id)


def _decide(
    session: Session, intent: Intent, at: datetime, *, proposal_id: int | None = None, approved_by: str = ""
) -> tuple[Decision, ...]:
    return tuple(
        add(
            session,
            campaign_id=target.campaign_id,
            day=target.day,
            run_id=target.run_id,
            verdict=intent.verdict,
            reason=intent.reason,
            author=intent.author,
            created_at=at,
            expires_on=intent.expires_on,
            proposal_id=proposal_id,
            approved_by=approved_by,
        )
        for target in intent.targets
    )


def _propose(session: Session, intent: Intent, at: datetime) -> Proposal:
    row = ProposalRow(
        verdict=intent.verdict,
        targets={"campaigns": [target.as_json() for target in intent.targets]},
        n_accounts=intent.n_accounts,
        reason=said("reason", intent.reason),
        expires_on=intent.expires_on,
        author=said("author", intent.author),
        created_at=at,
    )
    session.add(row)
    session.flush()
    session.refresh(row)
    proposal = _proposal(row)
    _note(session, proposal, Action.PROPOSED, proposal.author, proposal.reason, at)
    return proposal


def _settle(
    session: Session,
    row: ProposalRow,
    outcome: Outcome,
    action: Action,
    reason: str,
    author: str,
    at: datetime,
) -> Proposal:
    row.outcome, row.settled_by, row.settled_at, row.settled_reason = outcome, author, at, reason.strip()
    session.flush()
    proposal = _proposal(row)
    _note(session, proposal, action, author, reason.strip(), at)
    return proposal


def _note(
    session: Session, proposal: Proposal, action: Action, actor: str, reason: str, at: datetime
) -> None:
    """A row of the audit log for each campaign, so that each tells its own story."""
    for target in proposal.targets:
        details = {
            "proposal": proposal.id,
            "verdict": str(proposal.verdict),
            "accounts": target.n_accounts,
            "accounts together": proposal.n_accounts,
            "reason": reason,
        }
        append(session, actor=actor, action=action, subject=target.campaign_id, details=details, at=at)


def _open(session: Session, proposal_id: int) -> tuple[ProposalRow, Proposal]:
    proposal = select_proposal(session, proposal_id)
    if proposal.outcome is not None:
        raise UsageError(
            f"proposal {proposal_id} was {proposal.outcome} by {proposal.settled_by}",
            hint="Decide again, if you want to.",
        )
    return session.get_one(ProposalRow, proposal_id), proposal


def _proposal(row: ProposalRow) -> Proposal:
    return Proposal(
        id=row.id,
        verdict=Verdict(row.verdict),
        targets=tuple(Target.from_json(one) for one in row.targets["campaigns"]),
        n_accounts=row.n_accounts,
        reason=row.reason,
        author=row.author,
        expires_on=row.expires_on,
        created_at=row.created_at,
        outcome=None if row.outcome is None else Outcome(row.outcome),
        settled_by=row.settled_by,
        settled_at=row.settled_at,
        settled_reason=row.settled_reason,
    )
