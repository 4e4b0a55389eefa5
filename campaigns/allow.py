"""The allow-list: what people said is benign, and until when. Dismissals that stand are entries of it."""

from __future__ import annotations

from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from campaigns.audit import Action, append
from campaigns.decisions import dismissals, said
from campaigns.entries import AllowEntry, AllowKind, Clock, utc_now
from campaigns.errors import UsageError
from campaigns.tables import AllowRow


def allow(
    session: Session,
    kind: AllowKind,
    value: str,
    *,
    reason: str,
    author: str,
    expires_on: date | None = None,
    clock: Clock = utc_now,
) -> AllowEntry:
    """
    Raises:
        UsageError: value, reason or author is blank.
    """
    what = "an allow-list entry"
    row = AllowRow(
        kind=kind,
        value=said("value", value, what),
        reason=said("reason", reason, what),
        author=said("author", author, what),
        created_at=clock(),
        expires_on=expires_on,
    )
    session.add(row)
    session.flush()
    session.refresh(row)
    until = {"until": expires_on.isoformat()} if expires_on else {}
    append(
        session,
        actor=row.author,
        action=Action.ALLOWED,
        subject=f"{kind} {row.value}" if kind != AllowKind.CAMPAIGN else row.value,
        details={"entry": row.id, "reason": row.reason, **until},
        at=row.created_at,
    )
    return row.entry()


def disallow(session: Session, entry_id: int, *, author: str, clock: Clock = utc_now) -> None:
    """
    Raises:
        UsageError: there is no such entry, or the author is blank.
    """
    row = session.get(AllowRow, entry_id)
    if row is None:
        raise UsageError(
            f"no allow-list entry {entry_id}", hint="To end one that is a dismissal, undo the decision."
        )
    append(
        session,
        actor=said("author", author, "who removes an entry"),
        action=Action.DISALLOWED,
        subject=f"{row.kind} {row.value}" if row.kind != AllowKind.CAMPAIGN else row.value,
        details={"entry": row.id, "reason": row.reason},
        at=clock(),
    )
    session.delete(row)


def select_allowed(session: Session, day: date | None = None) -> list[AllowEntry]:
    """Entries in the order they were made, then dismissals that stand; with a `day` only those that hold on it."""
    query = select(AllowRow).order_by(AllowRow.id)
    if day is not None:
        query = query.where(or_(AllowRow.expires_on.is_(None), AllowRow.expires_on >= day))
    return [row.entry() for row in session.scalars(query)] + dismissals(session, day)
