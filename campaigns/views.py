"""Saved views of the queue: filters and order under a name. They change nothing and may be removed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from campaigns.audit import Action, append
from campaigns.decisions import said
from campaigns.entries import Clock, utc_now
from campaigns.errors import UsageError
from campaigns.review_tables import ViewRow

MOST_CHARACTERS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """`query` is what `campaigns.queue.Filter.as_json` gives. Others see it if it is `shared`."""

    id: int
    owner: str
    name: str
    shared: bool
    query: dict[str, Any]
    created_at: datetime


def save_view(
    session: Session,
    *,
    owner: str,
    name: str,
    query: dict[str, Any],
    shared: bool = False,
    clock: Clock = utc_now,
) -> View:
    """Save a view; one of the same owner and name is replaced.

    Raises:
        UsageError: owner or name is blank, or the name is longer than `MOST_CHARACTERS`.
    """
    owner, name = said("an owner", owner, "a view"), said("a name", " ".join(name.split()), "a view")
    if len(name) > MOST_CHARACTERS:
        raise UsageError(f"the name is longer than {MOST_CHARACTERS} characters", hint="Say it shorter.")
    row = session.scalar(select(ViewRow).where(ViewRow.owner == owner, ViewRow.name == name))
    if row is None:
        row = ViewRow(owner=owner, name=name)
        session.add(row)
    row.shared, row.query, row.created_at = shared, query, clock()
    session.flush()
    session.refresh(row)
    _note(session, row, Action.VIEW_SAVED, owner, row.created_at)
    return _view(row)


def remove_view(session: Session, view_id: int, *, owner: str, clock: Clock = utc_now) -> None:
    """
    Raises:
        UsageError: there is none, or it is somebody else's.
    """
    row = session.get(ViewRow, view_id)
    if row is None or row.owner != owner:
        raise UsageError(f"you have no view {view_id}", hint="Only its owner removes a view.")
    _note(session, row, Action.VIEW_REMOVED, owner, clock())
    session.delete(row)


def select_views(session: Session, user: str) -> list[View]:
    """Those of the user and those that others share, by name."""
    query = (
        select(ViewRow).where(or_(ViewRow.owner == user, ViewRow.shared)).order_by(ViewRow.name, ViewRow.id)
    )
    return [_view(row) for row in session.scalars(query)]


def _note(session: Session, row: ViewRow, action: Action, actor: str, at: datetime) -> None:
    details = {"name": row.name, "shared": row.shared}
    append(session, actor=actor, action=action, subject=f"view {row.id}", details=details, at=at)


def _view(row: ViewRow) -> View:
    return View(
        id=row.id,
        owner=row.owner,
        name=row.name,
        shared=row.shared,
        query=row.query,
        created_at=row.created_at,
    )
