"""Seeds in the store: what partners told us of, whether it may be sought, and who did what to it.

A seed that is removed keeps its row, and everything that people do is a row of `seed_events` that nobody changes. The
functions work inside a transaction of the caller; `Store` wraps each in one of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.audit import Action, append
from campaigns.entries import Clock, KnownMatcher, Seed, SeedEvent, SeedRecord, SeedsAdded, Tlp, utc_now
from campaigns.errors import UsageError
from campaigns.records import MatcherState
from campaigns.tables import SeedEventRow, SeedRow


def add_seeds(session: Session, seeds: Sequence[Seed], *, again: bool = False) -> SeedsAdded:
    """Add what is not known. Of what is known the row stays, but for a stricter marking, and for its first figures.

    Args:
        again: bring removed seeds back, with the figures of `seeds`.

    Raises:
        UsageError: partner or author is blank.
    """
    found: dict[str, list[str]] = {"imported": [], "known": [], "brought_back": [], "removed": []}
    for seed in seeds:
        _said("a partner", seed.partner)
        row = session.get(SeedRow, seed.seed_id)
        if row is None:
            session.add(SeedRow.of(seed))
            session.flush()
            _log(session, seed, SeedEvent.IMPORTED, f"from {seed.source}")
            found["imported"].append(seed.seed_id)
            continue
        if row.removed_at is not None and not again:
            found["removed"].append(seed.seed_id)
            continue
        strictest = Tlp(row.tlp).stricter(seed.tlp)
        if strictest != row.tlp:
            _log(
                session, seed, SeedEvent.MARKED, f"TLP:{row.tlp.upper()} before, TLP:{strictest.upper()} now"
            )
            row.tlp = strictest
        if seed.matcher is not None and (row.removed_at is not None or row.state == MatcherState.UNTESTED):
            _measure(row, seed.matcher)
        if row.removed_at is None:
            found["known"].append(seed.seed_id)
            continue
        row.removed_at = row.removed_by = row.removed_reason = None
        _log(session, seed, SeedEvent.BROUGHT_BACK, f"from {seed.source}")
        found["brought_back"].append(seed.seed_id)
    return SeedsAdded(**{name: tuple(ids) for name, ids in found.items()})


def remove(session: Session, seed_id: str, *, reason: str, author: str, clock: Clock = utc_now) -> Seed:
    """Seek it no longer.

    Raises:
        UsageError: there is no such seed, it was removed before, or reason or author is blank.
    """
    row = _row(session, seed_id)
    if row.removed_at is not None:
        raise UsageError(
            f"{seed_id} was removed already, by {row.removed_by}",
            hint=f"`shoal seed show {seed_id}` says why.",
        )
    at = clock()
    row.removed_at, row.removed_by, row.removed_reason = (
        at,
        _said("an author", author),
        _said("a reason", reason),
    )
    _note(session, seed_id, SeedEvent.REMOVED, row.removed_reason, row.removed_by, at)
    session.flush()
    session.refresh(row)
    return row.entry()


def record_collisions(session: Session, measured: Iterable[KnownMatcher]) -> None:
    """Put new figures, and what follows from them, in the place of those of before.

    Args:
        measured: the seed's id stands in `campaign_id`; ids that nobody knows, of fingerprints too, are an error.

    Raises:
        UsageError: there is no such seed, or it has no template.
    """
    for matcher in measured:
        row = _row(session, matcher.campaign_id)
        if row.state is None:
            raise UsageError(f"{row.seed_id} is a fingerprint", hint="Only templates can be measured.")
        _measure(row, matcher)


def select_seeds(session: Session, *, removed: bool = True) -> list[Seed]:
    """By id; with or without those that are removed."""
    query = select(SeedRow).order_by(SeedRow.seed_id)
    if not removed:
        query = query.where(SeedRow.removed_at.is_(None))
    return [row.entry() for row in session.scalars(query)]


def select_seed(session: Session, seed_id: str) -> Seed:
    """
    Raises:
        UsageError: there is no such seed.
    """
    return _row(session, seed_id).entry()


def select_events(session: Session, seed_id: str) -> list[SeedRecord]:
    """What was done to a seed, oldest first."""
    query = select(SeedEventRow).where(SeedEventRow.seed_id == seed_id).order_by(SeedEventRow.id)
    return [row.entry() for row in session.scalars(query)]


def state_of_seeds(session: Session) -> str:
    """Changes whenever other seeds are sought, and costs one small query."""
    sought = select(SeedRow.seed_id, SeedRow.state, SeedRow.anywhere).where(
        SeedRow.removed_at.is_(None), SeedRow.state.is_not(None)
    )
    rows = session.execute(sought.order_by(SeedRow.seed_id))
    return hashlib.sha256(repr([tuple(row) for row in rows]).encode()).hexdigest()


def _row(session: Session, seed_id: str) -> SeedRow:
    row = session.get(SeedRow, seed_id)
    if row is None:
        raise UsageError(f"no seed {seed_id!r}", hint="`shoal seed list --removed` lists them all.")
    return row


def _measure(row: SeedRow, matcher: KnownMatcher) -> None:
    row.state, row.reason, row.anywhere = matcher.state, matcher.reason, matcher.anywhere
    row.organic_matches, row.organic_prompts = matcher.organic_matches, matcher.organic_prompts
    row.collision_bound = matcher.collision_bound
    row.measured_on = matcher.day if matcher.organic_prompts else None


def _log(session: Session, seed: Seed, event: SeedEvent, reason: str) -> None:
    _note(session, seed.seed_id, event, reason, _said("an author", seed.imported_by), seed.imported_at)


def _note(session: Session, seed_id: str, event: SeedEvent, reason: str, author: str, at: datetime) -> None:
    session.add(SeedEventRow(seed_id=seed_id, event=event, reason=reason, author=author, at=at))
    details = {"event": str(event), "reason": reason}
    append(session, actor=author, action=Action.SEED, subject=seed_id, details=details, at=at)


def _said(name: str, text: str) -> str:
    text = text.strip()
    if not text:
        raise UsageError(f"a seed needs {name}", hint="Say who told us, who brings it in, and why it goes.")
    return text
